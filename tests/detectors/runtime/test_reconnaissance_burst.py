"""Looking around on a system, and what healthy clusters do that resembles it."""

from typing import Any

import msgspec
import pytest

from detectors.commands import read
from detectors.contract import Match, Quiet
from detectors.examples import SHOP, START, fired
from detectors.runtime.discovery import asked
from detectors.runtime.reconnaissance_burst import entry_point_starts, reconnaissance_burst
from events import Container, Process, RuntimeEvent
from tests.detectors.runtime.lines import run, selects, shell

LOOKING = ("/usr/bin/id", "/usr/bin/uname -a", "/usr/bin/cat /etc/passwd", "/usr/bin/ps aux", "/usr/bin/netstat -an")
ASKED = (
    ("/usr/bin/id -u", "id"),
    ("/usr/bin/whoami", "whoami"),
    ("/usr/bin/sudo -l", "sudo -l"),
    ("/usr/bin/sudo -n id", "id"),
    ("/usr/bin/uname -r", "uname"),
    ("/usr/bin/hostname", "hostname"),
    ("/usr/bin/hostname -I", "interfaces"),
    ("/usr/bin/cat /etc/os-release", "OS release"),
    ("/usr/bin/cat /proc/version", "/proc/version"),
    ("/usr/bin/lscpu", "hardware"),
    ("/usr/bin/dpkg -l", "installed packages"),
    ("/usr/bin/rpm -qa", "installed packages"),
    ("/usr/bin/ps -ef", "processes"),
    ("/usr/bin/crontab -l", "scheduled jobs"),
    ("/usr/bin/ss -tlnp", "sockets"),
    ("/usr/bin/cat /proc/net/tcp", "sockets"),
    ("/usr/sbin/ip a", "interfaces"),
    ("/usr/sbin/ip -4 -o addr show", "interfaces"),
    ("/usr/sbin/ip route", "routes"),
    ("/usr/sbin/arp -a", "neighbours"),
    ("/usr/sbin/iptables -t nat -nvL", "firewall"),
    ("/usr/bin/nslookup kubernetes.default", "names of the cluster"),
    ("/usr/bin/dig +short SRV any.any.svc.cluster.local", "names of the cluster"),
    ("/usr/bin/head -5 /etc//passwd", "/etc/passwd"),
    ("/usr/bin/awk -F: {print$1} /etc/passwd", "/etc/passwd"),
    ("/usr/bin/grep root /host/etc/passwd", "/etc/passwd"),
    ("/usr/bin/cat /proc/1/root/etc/shadow", "/etc/shadow"),
    ("/usr/bin/cat ../../etc/passwd", "/etc/passwd"),
    ("/usr/bin/getent passwd", "/etc/passwd"),
    ("/usr/bin/lastlog", "logins"),
    ("/usr/bin/w", "logged-in users"),
    ("/usr/bin/find / -perm -4000 -type f", "SUID search"),
    ("/usr/bin/find / -perm -u=s", "SUID search"),
    ("/usr/bin/find / -perm /6000", "SUID search"),
    ("/usr/bin/find / -name id_rsa", "search for secrets"),
    ("/usr/bin/grep -ri password /app", "search for secrets"),
    ("/usr/bin/mount", "mounts"),
    ("/usr/bin/lsblk", "mounts"),
    ("/usr/bin/ls -la /root", "home folders"),
    ("/usr/bin/ls /home", "home folders"),
    ("/usr/bin/ls -la /", "system folders"),
    ("/usr/bin/env", "env"),
    ("/usr/bin/printenv", "env"),
    ("/usr/bin/cat /proc/1/environ", "/proc/*/environ"),
    ("/usr/local/bin/aws sts get-caller-identity", "aws"),
    ("/usr/bin/az account show", "az"),
    ("/usr/bin/curl http://169.254.169.254/latest/meta-data/iam", "metadata service"),
    ("/usr/bin/cat /proc/1/cgroup", "cgroups"),
    ("/usr/sbin/capsh --print", "capabilities"),
    ("/usr/bin/cat /var/run/secrets/kubernetes.io/serviceaccount/token", "service account"),
    ("/usr/bin/ls /var/run/secrets/kubernetes.io", "service account"),
    ("/usr/bin/ls /.dockerenv", "/.dockerenv"),
    ("/usr/bin/kubectl auth can-i --list", "kubectl auth"),
    ("/usr/bin/kubectl -n shop get pods", "kubectl get"),
    ("/usr/bin/curl -k https://10.0.0.1:10250/pods", "Kubernetes API"),
    ("/bin/busybox id", "id"),
    ("/tmp/bb id", "id"),
    ("/dev/shm/.x cat /etc/passwd", "/etc/passwd"),
    ("/usr/bin/systemd-detect-virt", "virtualisation"),
    ("/usr/bin/fold /etc/passwd", "/etc/passwd"),
    ("/usr/bin/diff /etc/shadow /dev/null", "/etc/shadow"),
    ("/usr/bin/cat /proc/1/task/1/environ", "/proc/*/environ"),
    ("/usr/bin/cat /proc/thread-self/cgroup", "cgroups"),
    ("/usr/bin/cat /etc/mtab", "mounts"),
    ("/usr/bin/cat /usr/lib/os-release", "OS release"),
    ("/usr/bin/cat /root/.docker/config.json", "cloud credentials"),
    ("/usr/bin/cat /var/lib/kubelet/kubeconfig", "kubectl config"),
    ("/usr/bin/curl -s ident.me", "public address"),
    ("/usr/bin/dig +short myip.opendns.com @resolver1.opendns.com", "public address"),
    ("/usr/bin/curl --unix-socket /var/run/docker.sock http://x/containers/json", "container runtime"),
    ("/usr/bin/curl http://127.0.0.1:2375/info -s", "container runtime"),
    ("/usr/bin/ctr -n k8s.io containers ls", "container runtime"),
    ("/usr/bin/rg password /", "search for secrets"),
)
NOT_ASKED = (
    "/usr/bin/ls /app",
    "/usr/bin/ls",
    "/usr/bin/cat /app/config.yaml",
    "/usr/bin/cat /etc/nginx/nginx.conf",
    "/usr/bin/date",
    "/usr/bin/df -h",
    "/usr/bin/curl http://localhost:8080/healthz",
    "/usr/bin/env FOO=bar /app/server",
    "/usr/bin/printenv HOME",
    "/usr/bin/getent passwd app",
    "/usr/bin/grep -q ready /tmp/status",
    "/usr/bin/find /var/cache -mtime +7 -delete",
    "/usr/bin/mount /dev/sda1 /mnt",
    "/usr/sbin/ip link set eth0 up",
    "/usr/sbin/ip route add default via 10.0.0.1",
    "/usr/sbin/iptables -A INPUT -j DROP",
    "/usr/sbin/sysctl -w kernel.pid_max=1",
    "/usr/bin/nslookup shop.example",
    "/usr/bin/kubectl apply -f x.yaml",
    "/usr/bin/sed -i s/a/b/ /etc/hosts",
    "/usr/bin/echo id whoami /etc/passwd",
    "/usr/bin/man id",
    "/usr/bin/pgrep nginx",
    "/usr/bin/rg --files src",
    "/usr/bin/curl http://shop:23755/",
    "/tmp/tool --id whoami",
    "/usr/bin/vi /etc/passwd",
)


def labels(event: RuntimeEvent) -> list[str]:
    return sorted({question.label for command in read(event.process) for question in asked(command, event.process.cwd)})


@pytest.mark.parametrize(("line", "label"), ASKED, ids=[line for line, _ in ASKED])
def test_each_command_asks_its_question(line: str, label: str) -> None:
    event = run(line, cwd="/tmp")
    assert label in labels(event)
    assert selects(reconnaissance_burst, event)


@pytest.mark.parametrize(("line", "label"), ASKED, ids=[line for line, _ in ASKED])
def test_a_shell_with_the_command_in_its_text_is_selected(line: str, label: str) -> None:
    for text in (f"cd /; {line.rpartition('bin/')[2]}\ntrue", f"{line[:-1]}''{line[-1]}"):
        event = shell(text)
        assert label in labels(event)
        assert selects(reconnaissance_burst, event)


@pytest.mark.parametrize("line", NOT_ASKED)
def test_ordinary_commands_ask_nothing(line: str) -> None:
    verdict = reconnaissance_burst(run(line))
    assert isinstance(verdict, Quiet)
    assert verdict.condition == "a command that gathers details of the system"


def test_a_name_that_a_sensor_cut_is_known() -> None:
    event = run("systemd-detect-")
    assert labels(event) == ["virtualisation"]
    assert selects(reconnaissance_burst, event)


def test_a_relative_path_is_read_from_the_working_folder() -> None:
    assert labels(run("/usr/bin/cat passwd", cwd="/etc")) == ["/etc/passwd"]
    assert selects(reconnaissance_burst, run("/usr/bin/cat passwd", cwd="/etc"))


def events(lines: tuple[str, ...], step: float = 1, **fields: Any) -> list[RuntimeEvent]:
    return [run(line, at=at * step, **fields) for at, line in enumerate(lines)]


def test_in_one_shell_they_count_singly_and_not_again_as_its_children() -> None:
    texts = [line.rpartition("/bin/")[2] if line.startswith("/usr") else line for line in LOOKING]
    assert fired(reconnaissance_burst, shell("; ".join(texts))) == ["shop/0123456789ab"]
    assert fired(reconnaissance_burst, shell(" && ".join(f"{text} | tee -a /tmp/o" for text in texts)))
    four = shell("; ".join(texts[:4]))
    assert fired(reconnaissance_burst, four, *events(LOOKING[:4])) == []


@pytest.mark.parametrize(
    "quiet",
    [
        events(("/usr/bin/id", "/usr/bin/id -u", "/usr/bin/id -g") * 5),
        events(LOOKING[:4]),
        events(LOOKING, step=76),
        events(
            ("/usr/bin/uname", "/usr/bin/hostname", "/usr/bin/lscpu", "/usr/bin/lsmod", "/usr/bin/dmesg", *LOOKING[:1])
        ),
        events(LOOKING, probe=True),
        events(
            ("/usr/bin/ps", "/usr/bin/env", "/usr/bin/df -h", "/usr/bin/top", "/usr/bin/curl http://localhost/healthz")
        ),
        [shell("ps aux | grep x", at=at * 10) for at in range(30)],
    ],
    ids=["repeated", "four", "spread", "two categories", "probe", "debugging", "health check"],
)
def test_less_than_a_burst_is_quiet(quiet: list[RuntimeEvent]) -> None:
    assert fired(reconnaissance_burst, *quiet) == []


def test_a_probe_is_known_by_its_ancestors() -> None:
    probes = [msgspec.structs.replace(event, ancestors=(Process(probe=True),)) for event in events(LOOKING)]
    assert fired(reconnaissance_burst, *probes) == []


STARTED = msgspec.structs.replace(SHOP, started=START)
ENTRY = Process("entry", "/docker-entrypoint.sh", "/docker-entrypoint.sh nginx", container_pid=1)
SHELL_ENTRY = Process("entry", "/bin/sh", "/app/start.sh -x", container_pid=1)
STEP = Process("step", "/bin/sh", "/docker-entrypoint.d/30-tune.sh", container_pid=9)


BROUGHT_IN = Process("exec", "/bin/sh", "/tmp/look.sh", started=START + 20_000_000)


def started_by(*above: Process, at: float = 30, container: Container = STARTED) -> RuntimeEvent:
    event = run("/usr/bin/id", at=at, container=container)
    return msgspec.structs.replace(event, parent=above[0], ancestors=above[1:])


@pytest.mark.parametrize(
    ("event", "exempt"),
    [
        (started_by(ENTRY), True),
        (started_by(SHELL_ENTRY), True),
        (started_by(STEP, ENTRY), True),
        (started_by(ENTRY, at=60), True),
        (started_by(ENTRY, at=61), False),
        (started_by(ENTRY, container=SHOP), False),
        (started_by(STEP), False),
        (started_by(msgspec.structs.replace(ENTRY, container_pid=None, started=START + 900_000)), True),
        (started_by(msgspec.structs.replace(ENTRY, container_pid=None, started=START + 2_100_000)), False),
        (
            started_by(msgspec.structs.replace(ENTRY, container_pid=None), Process(binary="/usr/bin/containerd-shim")),
            True,
        ),
        (started_by(msgspec.structs.replace(ENTRY, container_pid=None), Process(binary="/usr/bin/nginx")), False),
        (started_by(BROUGHT_IN, Process(binary="/usr/bin/containerd-shim-runc-v2")), False),
        (started_by(Process("e", "/bin/sh", '-c "id"', container_pid=1)), False),
        (started_by(Process("e", "/bin/sh", '-c "python app.py"', container_pid=1)), False),
        (started_by(Process("e", "/usr/bin/python3", "app.py", container_pid=1)), False),
        (started_by(Process("e", "/bin/bash", "", container_pid=7), ENTRY), False),
    ],
)
def test_the_entry_point_has_a_minute(event: RuntimeEvent, exempt: bool) -> None:
    assert entry_point_starts(event) is exempt
    assert isinstance(reconnaissance_burst(event), Quiet)


def test_without_a_login_the_starter_is_the_session_and_shells_with_a_text_are_looked_through() -> None:
    server = Process("nginx", "/usr/sbin/nginx")
    carried = [
        msgspec.structs.replace(shell(line, at=at, container=None, parent_exec_id="nginx"), parent=server)
        for at, line in enumerate(LOOKING)
    ]
    assert fired(reconnaissance_burst, *carried) == ["node-1"]
    text = msgspec.structs.replace(
        shell("; ".join(LOOKING), container=None, parent_exec_id="nginx", exec_id="sh"), parent=server
    )
    children = [
        msgspec.structs.replace(event, parent=text.process)
        for event in events(LOOKING, container=None, parent_exec_id="sh")
    ]
    assert fired(reconnaissance_burst, text, *children) == ["node-1"]
    apart = [run(line, at=at, container=None, parent_exec_id=f"p{at}") for at, line in enumerate(LOOKING)]
    assert fired(reconnaissance_burst, *apart) == []


def test_root_owned_agents_of_a_host_are_exempt_there_only() -> None:
    motd = Process("m", "/bin/sh", "/etc/update-motd.d/00-header")
    agent = Process("c", "/usr/bin/python3", "/usr/bin/cloud-init init")
    collector = Process("a", "/bin/bash", "/opt/azure/containers/aks-log-collector.sh")
    package = Process("p", "/bin/sh", "/var/lib/dpkg/info/grafana.postinst configure")
    for starter in (motd, agent, collector, package):
        on_host = [msgspec.structs.replace(event, parent=starter) for event in events(LOOKING, container=None)]
        inside = [msgspec.structs.replace(event, parent=starter) for event in events(LOOKING)]
        assert fired(reconnaissance_burst, *on_host) == []
        assert fired(reconnaissance_burst, *inside) == ["shop/0123456789ab"]


@pytest.mark.parametrize(
    "path", ["/etc/update-motd.d/../../tmp/look.sh", "/tmp/up/../../etc/update-motd.d/look.sh", "/etc/update-motd.d"]
)
def test_a_path_that_only_begins_like_an_exempt_folder_is_not_exempt(path: str) -> None:
    starter = Process("m", "/bin/sh", path)
    on_host = [msgspec.structs.replace(event, parent=starter) for event in events(LOOKING, container=None)]
    assert fired(reconnaissance_burst, *on_host) == ["node-1"]


def test_settings_change_what_is_enough() -> None:
    strict = reconnaissance_burst.with_parameters({"commands": 3, "categories": 2, "within": "10s"})
    assert fired(strict, *events(LOOKING[:3])) == ["shop/0123456789ab"]
    assert fired(strict, *events(LOOKING[:3], step=6)) == []


def test_the_alert_lists_commands_and_categories() -> None:
    verdict = reconnaissance_burst(shell("; ".join(LOOKING)))
    assert isinstance(verdict, Match)
    assert verdict.fields == {
        "commands": ["/etc/passwd", "id", "processes", "sockets", "uname"],
        "categories": ["host and kernel", "identity", "network", "processes", "users and groups"],
    }


def test_one_event_alone_says_what_is_missing() -> None:
    found = reconnaissance_burst(run("/usr/bin/id"))
    assert found == Quiet("5 different commands of 3 categories within 5m", ["id"])
