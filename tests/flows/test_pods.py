"""One process of the job in each of several pods; here they are processes with folders of their own."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from flows.checkpoints.manifest import read_manifest
from flows.checkpoints.parts import part_path
from flows.checkpoints.soundness import read_parts
from flows.checkpoints.verify import verify
from flows.configuration import configure
from flows.pods import Pods
from tests.flows.pod_process import MODULE

ROOT = Path(__file__).parents[2]
LISTED = ["a-0.workers:9300", "a-1.workers:9300"]


def test_the_ordinal_is_the_process() -> None:
    assert Pods(addresses=LISTED, name="a-1").ordinal == 1
    assert Pods(addresses="a-0.workers:9300, a-1.workers:9300", name="a-0") == Pods(addresses=LISTED, name="a-0")
    assert Pods(addresses=["[::1]:9300"]).alone


@pytest.mark.parametrize(
    ("addresses", "name", "reason"),
    [
        (LISTED, None, "say which pod this is"),
        (LISTED, "a", "has no ordinal at its end"),
        (LISTED, "a-2", "is pod 2, and there are 2 addresses"),
        (LISTED[::-1], "a-0", "is not in the place of its ordinal"),
        (LISTED[:1] * 2, "a-0", "is there twice"),
        (["a-0.workers"], None, "not host:port"),
        (["a-0.workers:99999"], None, "not host:port"),
        (["a-0/../b:1"], None, "not host:port"),
        ([], None, "at least 1 item"),
        ("[1", None, "not host:port"),
    ],
)
def test_wrong_settings(addresses: list[str] | str, name: str | None, reason: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(reason)):
        Pods.model_validate({"addresses": addresses, "name": name})


@pytest.mark.parametrize("written", [",".join(LISTED), json.dumps(LISTED)])
def test_from_the_environment(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDDLEWATCH_PODS__ADDRESSES", written)
    monkeypatch.setenv("MIDDLEWATCH_PODS__NAME", "a-1")
    pods = configure().settings.pods
    assert pods is not None
    assert (pods.addresses, pods.ordinal) == (tuple(LISTED), 1)


def test_files_and_processes_are_refused(tmp_path: Path, small: Path) -> None:
    given = {**os.environ, "MIDDLEWATCH_PODS__ADDRESSES": ",".join(LISTED), "MIDDLEWATCH_PODS__NAME": "a-1"}
    for more, reason in (([], "pods share no files"), (["--processes", "2"], "each of the pods")):
        command = [sys.executable, "-m", "flows.cli", "detect", str(small), *more]
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert reason in done.stderr


class Pod(NamedTuple):
    """A process that runs as a pod, and where it says how it is."""

    process: "subprocess.Popen[str]"
    health: int

    def page(self, name: str) -> str:
        """The text of a page; empty before there is one."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/{name}", timeout=5) as page:
                return str(page.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError:
            return ""

    def ended(self, within: float = 30) -> tuple[int, str]:
        """Exit code, and what it said."""
        _, said = self.process.communicate(timeout=within)
        return self.process.returncode, said


class Place:
    """A job of some pods, which may be started and ended."""

    def __init__(self, folder: Path, inputs: Path, pods: int) -> None:
        self.folder, self.inputs = folder, inputs
        self.addresses = [f"localhost:{port}" for port in free_ports(pods)]
        self.started: list[Pod] = []

    def share(self, pod: int) -> Path:
        return self.folder / f"state-{pod}"

    def start(self, pod: int, share: Path | None = None, **settings: str) -> Pod:
        (health,) = free_ports(1)
        given = {
            "PODS__ADDRESSES": ",".join(self.addresses),
            "PODS__NAME": f"middlewatch-{pod}",
            "HEALTH__PORT": str(health),
            "CHECKPOINT__EVERY": "1s",
            "PODS__WAIT": "30s",
            **settings,
        }
        environment = {**os.environ, **{f"MIDDLEWATCH_{name}": value for name, value in given.items()}}
        output = self.folder / f"alerts-{pod}.jsonl"
        command = [sys.executable, "-m", MODULE, str(share or self.share(pod)), str(output), str(self.inputs)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        self.started.append(Pod(process, health))
        return self.started[-1]

    def alerts(self) -> set[str]:
        return {
            json.loads(line)["id"]
            for path in self.folder.glob("alerts-*.jsonl")
            for line in path.read_text().splitlines()
        }

    def kill(self) -> None:
        for pod in self.started:
            pod.process.kill()
        for pod in self.started:
            pod.process.communicate()
        self.started.clear()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in taken]


def until(holds: Callable[[], bool], within: float = 40) -> None:
    limit = time.monotonic() + within
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture in which something is raised."""
    folder = tmp_path_factory.mktemp("capture") / "capture"
    command = [sys.executable, "-m", "flows.cli", "demo", "--keep", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return folder


@pytest.fixture(scope="module")
def expected(small: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Ids of the alerts that one process raises."""
    output = tmp_path_factory.mktemp("expected") / "alerts.jsonl"
    command = [sys.executable, "-m", "flows.cli", "detect", str(small), "-o", str(output)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return {json.loads(line)["id"] for line in output.read_text().splitlines()}


@pytest.fixture
def job(tmp_path: Path, small: Path) -> Iterator[Callable[[int], Place]]:
    made: list[Place] = []

    def make(pods: int) -> Place:
        made.append(Place(tmp_path, small, pods))
        return made[-1]

    yield make
    for place in made:
        place.kill()


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (2, 0, 1)])
def test_any_order_kill_and_resume(order: tuple[int, ...], job: Callable[[int], Place], expected: set[str]) -> None:
    place = job(len(order))
    first = place.start(order[0])
    until(lambda: first.page("readyz").startswith("waiting for "))
    assert first.page("livez") == "live\n"
    for pod in order[1:]:
        place.start(pod)
    until(lambda: all(pod.page("readyz") == "ready\n" for pod in place.started))
    until(lambda: bool(place.alerts()))
    place.kill()
    assert all(verify(place.share(pod)) == [] for pod in order)
    for pod in reversed(order):
        place.start(pod)
    until(lambda: place.alerts() >= expected)
    for one in place.started:
        one.process.send_signal(signal.SIGTERM)
    assert {one.ended()[0] for one in place.started} <= {143, 1}
    assert place.alerts() == expected
    whole = place.folder / "whole"
    called("gather", whole, *map(place.share, order))
    assert verify(whole) == []
    assert read_manifest(whole).whole


def called(*arguments: str | Path, code: int = 0) -> str:
    command = [sys.executable, "-m", "flows.cli", "checkpoint", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_a_pod_that_dies_takes_the_others_along(job: Callable[[int], Place]) -> None:
    place = job(3)
    pods = [place.start(pod) for pod in range(3)]
    until(lambda: all(pod.page("readyz") == "ready\n" for pod in pods))
    pods[1].process.kill()
    for survivor in (pods[0], pods[2]):
        code, said = survivor.ended(within=10)
        assert code == 1
        assert said.startswith("middlewatch: another pod has ended or cannot be reached")
        assert said.count("\n") == 1


def test_one_that_waits_ends_at_once_when_asked(job: Callable[[int], Place]) -> None:
    place = job(2)
    for pod in (0, 1):
        waits = place.start(pod)
        until(lambda: waits.page("readyz").startswith("waiting for"))  # noqa: B023  called before the next
        waits.process.send_signal(signal.SIGTERM)
        assert waits.ended(within=5) == (143, "")


def test_pods_that_do_not_come(job: Callable[[int], Place]) -> None:
    code, said = job(2).start(0, PODS__WAIT="1s").ended()
    assert (code, said) == (1, "middlewatch: gave up after 1 s: waiting for the other pods: 1\n")
    code, said = job(2).start(0, PODS__WAIT="1s", PODS__ADDRESSES="a.invalid:9300,b.invalid:9300").ended()
    assert code == 1
    assert "a.invalid:9300, the address of this pod, cannot be used" in said


def test_strangers_at_the_port(job: Callable[[int], Place]) -> None:
    place = job(2)
    host = place.start(0)
    until(lambda: host.page("readyz").startswith("waiting for"))
    port = int(place.addresses[0].rpartition(":")[2])
    sent = (b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff\n", b'{"pod": 1}\n', b'{"pod": -5, "pods": 2, "runs": ""}\n')
    for text in sent:
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(text)
    silent = socket.create_connection(("127.0.0.1", port))
    place.start(1)
    until(lambda: all(pod.page("readyz") == "ready\n" for pod in place.started))
    silent.close()


def test_shares_that_do_not_fit(job: Callable[[int], Place], tmp_path: Path) -> None:
    place = job(2)
    pods = [place.start(pod) for pod in range(2)]
    until(lambda: all(pod.page("readyz") == "ready\n" for pod in pods))
    until(lambda: all(part.mark for part in read_parts(place.share(0), read_manifest(place.share(0)))[0]))
    place.kill()
    code, said = place.start(0, place.share(1)).ended()
    assert (code, said.count("the share of pod 1, and this is pod 0")) == (1, 1)
    three = job(3).start(0, place.share(0))
    assert "made for 2 pods, and this job has 3 pods" in three.ended()[1]
    pods = [place.start(0), place.start(1, tmp_path / "fresh")]
    for pod in pods:
        code, said = pod.ended()
        assert code == 1
        assert "the checkpoint of pod 1 is empty and that of pod 0 is not" in said
    assert part_path(place.share(0), 0).exists()


def test_other_settings_in_one_pod(job: Callable[[int], Place]) -> None:
    place = job(2)
    place.start(0)
    code, said = place.start(1, LATENESS__AUDIT="3m").ended()
    assert code == 1
    assert "pod 1 runs another release or other settings than pod 0" in said
