"""SSH servers in containers, and what only resembles one."""

import msgspec
import pytest

from detectors.contract import Match, Quiet
from detectors.examples import fired
from detectors.runtime.ssh_server_in_container import ssh_server_in_container
from events import RuntimeEvent
from tests.detectors.runtime.lines import run, selects, shell

FIRES = (
    "/usr/sbin/sshd",
    "/usr/sbin/sshd -D -e",
    "/usr/sbin/sshd -De -p 2222 -o PermitRootLogin=yes",
    "/usr/sbin/sshd -o Tunnel=yes -f /tmp/t -E /tmp/V",
    "/usr/sbin/sshd -i",
    "/usr/sbin/sshd.pam -D",
    "/usr/sbin/dropbear -R -F -E -p 0.0.0.0:2222",
    "/usr/sbin/dropbear -T 3 -p 22",
    "/usr/bin/dropbearmulti dropbear -F",
    "/bin/busybox dropbear -F",
    "/usr/sbin/tinysshd -v /etc/tinyssh",
    "/app/sshesame -config sshesame.yaml",
    "/usr/bin/sudo /usr/sbin/sshd -D",
    "/usr/bin/nohup /usr/sbin/sshd -D",
    "/usr/sbin/service ssh start",
    "/usr/sbin/service ssh restart",
    "/etc/init.d/ssh start",
    "/bin/sh /etc/init.d/ssh restart",
    "/usr/sbin/invoke-rc.d ssh start",
    "/sbin/rc-service sshd start",
    "/usr/bin/systemctl start ssh",
    "/usr/bin/systemctl enable --now ssh.socket",
    "/usr/bin/systemctl restart sshd.service",
    "/usr/sbin/service dropbear start",
)
QUIET = (
    "/usr/sbin/sshd -t",
    "/usr/sbin/sshd -tf /etc/ssh/sshd_config",
    "/usr/sbin/sshd -T -C user=root",
    "/usr/sbin/sshd -V",
    "/usr/sbin/sshd -D -R",
    "/usr/lib/openssh/sshd-session -D -R",
    "/usr/lib/openssh/sshd-auth -R",
    "/usr/sbin/dropbear -V",
    "/usr/bin/dropbearkey -t rsa -f k",
    "/usr/bin/dbclient host",
    "/usr/bin/ssh sshd.example",
    "/usr/bin/ssh host service ssh start",
    "/usr/bin/ssh-keygen -A",
    "/usr/bin/apt-get install openssh-server dropbear",
    "/usr/bin/pgrep sshd",
    "/usr/bin/grep sshd /etc/passwd",
    "/usr/bin/cat /etc/ssh/sshd_config",
    "/usr/sbin/service ssh status",
    "/usr/sbin/service ssh stop",
    "/usr/sbin/service nginx start",
    "/usr/bin/systemctl disable ssh",
    "/usr/bin/systemctl status sshd",
    "/usr/sbin/useradd sshd",
)


@pytest.mark.parametrize("line", FIRES)
def test_a_server_that_starts_fires(line: str) -> None:
    assert selects(ssh_server_in_container, run(line))
    assert fired(ssh_server_in_container, run(line)) == ["shop/0123456789ab"]


@pytest.mark.parametrize(
    "text", ["mkdir -p /run/sshd && /usr/sbin/sshd -D", "service ssh start; sleep 1", "exec sshd -D"]
)
def test_a_server_in_a_shells_text_fires(text: str) -> None:
    assert selects(ssh_server_in_container, shell(text))
    assert fired(ssh_server_in_container, shell(text)) == ["shop/0123456789ab"]


@pytest.mark.parametrize("line", QUIET)
def test_clients_checks_sessions_and_text_are_quiet(line: str) -> None:
    assert isinstance(ssh_server_in_container(run(line)), Quiet)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/usr/sbin/sshd -t", "it serves, and does not only check or print something"),
        ("/usr/sbin/sshd -R", "it is a new server, not the session of one that already runs"),
        ("/usr/lib/openssh/sshd-session -R", "it is a new server, not the session of one that already runs"),
        ("/usr/sbin/service ssh status", "the service is started or restarted"),
        ("/usr/bin/pgrep sshd", "an SSH server, or its service, is started"),
    ],
)
def test_the_reason_is_told(line: str, reason: str) -> None:
    verdict = ssh_server_in_container(run(line))
    assert isinstance(verdict, Quiet)
    assert verdict.condition == reason


def test_on_the_host_and_where_the_place_is_unknown_it_is_quiet() -> None:
    on_host = run("/usr/sbin/sshd -D", container=None)
    unknown = msgspec.structs.replace(on_host, on_host=None)
    assert ssh_server_in_container(on_host) == Quiet("not: it happened on the host, outside of any container", "node-1")
    assert isinstance(ssh_server_in_container(unknown), Quiet)


def _occurrences(*events: RuntimeEvent) -> set[str]:
    verdicts = [ssh_server_in_container(event) for event in events]
    return {verdict.occurrence for verdict in verdicts if isinstance(verdict, Match)}


def test_restarts_and_the_service_that_starts_it_are_one_alert() -> None:
    lines = ("/usr/sbin/service ssh start", "/usr/sbin/sshd", "/usr/sbin/sshd -D", "/etc/init.d/ssh restart")
    assert _occurrences(*map(run, lines)) == {"sshd"}
    assert _occurrences(*map(run, (*lines, "/usr/sbin/dropbear -F"))) == {"sshd", "dropbear"}
