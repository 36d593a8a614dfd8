"""Bursts of commands that look around, and looking around that is none."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.attacks.bystanders import bystander
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell, Started, Step
from simulation.attacks.tables import encoded
from simulation.clock import MILLISECOND, SECOND
from simulation.schedule import Life

BURST = "K8S.NODE_ReconnaissanceArtifactsBurst"
WEB_SHELL = "K8S.NODE_Webshell"
SITES = ("storefront", "api-node", "nginx")
LOOK = ("id", "uname -a", "cat /etc/os-release", "ps aux", "ip addr", "cat /etc/passwd")


def _typed(scene: Scene, shell: Shell, commands: Sequence[str], *raises: str, low: float = 4, high: float = 30) -> Life:
    """One command after the other, by hand."""
    for command in commands:
        shell.run(command, *raises)
        yield scene.pause(low, high)


@straight(BURST, WEB_SHELL)
def burst_in_one_line(scene: Scene) -> Life:
    """A web server that was broken into runs `id; uname -a; ...` in one line."""
    shell = scene.web_shell(scene.victim(*SITES))
    shell.line("; ".join(LOOK), BURST, WEB_SHELL, seconds=1)
    yield 0


@straight(BURST)
def burst_by_hand(scene: Scene) -> Life:
    """Somebody in a container types one command after the other, within two minutes."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    yield from _typed(scene, shell, (*LOOK, "env", "find / -perm -4000 -type f", "netstat -tlnp"), BURST, high=16)


@straight(BURST)
def burst_on_a_host(scene: Scene) -> Life:
    """Somebody who came to a node by ssh looks at who else is there, what runs and where it is connected."""
    shell = scene.host_shell()
    yield scene.pause()
    yield from _typed(scene, shell, ("whoami", "hostname", "w", "ss -tanp", "crictl ps", "lastlog", "df -h"), BURST)


@straight(BURST, WEB_SHELL)
def burst_through_a_web_shell(scene: Scene) -> Life:
    """A web shell is asked for one thing after the other."""
    shell = scene.web_shell(scene.victim(*SITES))
    for command in ("whoami", "uname -r", "cat /proc/1/cgroup", "ps -ef", "ifconfig -a", "env"):
        shell.line(command, BURST, WEB_SHELL)
        yield scene.pause(5, 35)


@careful(BURST)
def burst_by_an_interpreter(scene: Scene) -> Life:
    """A one-liner of Python starts the commands, each under a shell of its own."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim("api-python"))
    yield scene.pause()
    words = ("id", "uname -a", "ps -e", "ip route", "getent passwd", "mount")
    source = f"import os;[os.system(c) for c in {list(words)!r}]"
    main = shell.run(("python3", "-c", source), BURST, seconds=1)
    for place, command in enumerate(words):
        after = (place + 1) * 90 * MILLISECOND
        started = shell.run(("sh", "-c", command), BURST, under=main, after=after, seconds=0.07)
        shell.run(command, BURST, under=started, after=after + 10 * MILLISECOND, seconds=0.05)


@careful(BURST)
def burst_of_busybox(scene: Scene) -> Life:
    """The commands are applets of busybox, minutes apart but for the window."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    words = ("busybox id", "busybox uname -m", "busybox ps", "busybox netstat -an", "busybox mount", "busybox env")
    yield from _typed(scene, shell, words, BURST, low=30, high=45)


@careful(BURST)
def burst_of_reads(scene: Scene) -> Life:
    """Instead of the usual tools, the files are read that these read."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    files = ("/etc/passwd", "/proc/version", "/proc/net/tcp", "/proc/self/cgroup", "/etc/resolv.conf", "/proc/mounts")
    yield from _typed(scene, shell, [f"head -n 40 {path}" for path in files], BURST)


@careful(BURST, WEB_SHELL)
def burst_from_standard_input(scene: Scene) -> Life:
    """The commands are piped to a shell in base64, so that its own command line says nothing."""
    shell = scene.web_shell(scene.victim(*SITES))
    steps: list[Step] = ["base64 -d", Started("sh", LOOK)]
    shell.line(f"echo {encoded('; '.join(LOOK))} | base64 -d | sh", BURST, WEB_SHELL, runs=steps, seconds=1)
    yield 0


@near_miss(BURST)
def same_command_again(scene: Scene) -> Life:
    """Somebody looks eight times whether a process is gone."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    yield from _typed(scene, shell, ["ps aux"] * 8, high=12)


@near_miss(BURST)
def four_commands(scene: Scene) -> Life:
    """Somebody who debugs runs four different commands, one fewer than a burst."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim())
    yield scene.pause()
    yield from _typed(scene, shell, ("ps aux", "env", "df -h", "ss -tlnp"))


@near_miss(BURST)
def commands_over_an_hour(scene: Scene) -> Life:
    """Somebody who debugs runs six different commands, one every ten minutes."""
    shell = scene.exec_shell(scene.person(admin=True), scene.victim(), seconds=4000)
    yield scene.pause()
    yield from _typed(scene, shell, ("id", "uname -a", "ps aux", "ip addr", "env", "df -h"), low=600, high=700)


@near_miss(BURST)
def entry_point_looks_around(scene: Scene) -> Life:
    """The start script of a database's image looks at what it runs on before it starts."""
    entry = ("/bin/bash", "/usr/local/bin/docker-entrypoint.sh", "cassandra", "-f")
    shell = bystander(scene, "shop", "cassandra", "cassandra:5.0.4", entry, starts=True)
    for place, command in enumerate(
        ("id -u", "hostname --ip-address", "uname -s", "nproc", "free -m", "cat /proc/meminfo")
    ):
        shell.run(command, after=(place + 1) * 60 * MILLISECOND)
    yield SECOND


@near_miss(BURST)
def health_check_looks_around(scene: Scene) -> Life:
    """A health check of three commands runs every half minute."""
    entry = scene.entry_point(scene.victim("api-go", "api-java"))
    container = entry.program.container
    assert container is not None
    shell = Shell(scene, entry.machine.shim(container))
    for _ in range(5):
        text = "pgrep -f /app && df -P /data && ss -tln"
        shell.line(text, container=container, probe=True)
        yield 30 * SECOND


@near_miss(BURST)
def commands_in_different_containers(scene: Scene) -> Life:
    """Somebody looks for two things in each of some containers."""
    client = scene.person(admin=True)
    teams = scene.cluster.teams_workloads("Deployment")
    for workload in scene.chance.picks(teams, 3):
        for command in scene.chance.picks(("id", "env", "ps aux", "df -h", "uname -a"), 2):
            scene.exec_shell(client, workload, command=command.split(), seconds=1)
            yield scene.pause(4, 20)
