"""SSH servers that run in containers."""

from __future__ import annotations

from msgspec import Struct, structs

from detectors.commands import Command, options, read
from detectors.contract import Match, Quiet, rule
from detectors.runtime.conditions import on_host, place_unknown
from detectors.runtime.entities import actor, entity
from detectors.selection import executes
from events import RuntimeEvent


class Server(Struct, frozen=True):
    """An SSH server's command line (its manual page)."""

    names: tuple[str, ...]
    with_value: frozenset[str] = frozenset()
    """Options that take a value."""
    checks: frozenset[str] = frozenset({"--help", "--version"})
    """Options with which it prints something and ends."""
    session: str = ""
    """Option of the process that an already running server starts for a connection."""
    services: tuple[str, ...] = ()
    """What service managers call it."""


def _short(letters: str) -> frozenset[str]:
    return frozenset(f"-{letter}" for letter in letters)


SERVERS = {
    "sshd": Server(
        names=("sshd", "sshd.pam", "sshd.krb5", "gsisshd"),
        with_value=_short("CEbcfghkopu"),
        checks=_short("GQTVt?") | {"--help", "--version"},
        session="-R",
        services=("ssh", "sshd", "openssh-server"),
    ),
    "dropbear": Server(
        names=("dropbear",),
        with_value=_short("bcrDGTpPlIKW"),
        checks=_short("Vh") | {"--help", "--version"},
        services=("dropbear",),
    ),
    "tinysshd": Server(names=("tinysshd",), with_value=_short("lx"), services=("tinysshd",)),
    "sshesame": Server(names=("sshesame",), services=("sshesame",)),
    "lshd": Server(names=("lshd",), with_value=_short("ph"), services=("lshd",)),
    "wolfsshd": Server(names=("wolfsshd",), with_value=_short("fph"), services=("wolfsshd",)),
}
_BY_NAME = {name: (program, server) for program, server in SERVERS.items() for name in server.names}
_BY_SERVICE = {service: program for program, server in SERVERS.items() for service in server.services}
_MANAGERS = frozenset(
    {
        "service",
        "systemctl",
        "rc-service",
        "invoke-rc.d",
        "initctl",
        "start",
        "restart",
        "sv",
        "supervisorctl",
        "s6-svc",
    }
)
_STARTS = frozenset(
    {*("start", "restart", "try-restart", "force-reload", "reload-or-restart", "condrestart", "onestart", "up", "once")}
    | {"--now", "--full-restart", "-u"}
)
_SESSIONS = frozenset({"sshd-session", "sshd-auth"})
"""What OpenSSH 9.8 and later start for a connection."""
_NEW_SERVER = "it is a new server, not the session of one that already runs"


@rule(
    "K8S.NODE_ContainerSSH",
    on=executes(
        *_BY_NAME,
        "dropbearmulti",
        matching=(r"(?s)sshd|dropbear|sshesame|(?:service|ctl|sv|svc|rc\.d|init\.d|start)\b.*\b(?:open)?ssh\b",),
    ),
    unless=(on_host, place_unknown),
    misses="A server under another name or built into another program (Gitea, a Go library), one that had started "
    "before the sensor did, and events of which the sensor does not say whether they were in a container.",
    noise="Images whose purpose is SSH: SFTP servers, bastions, development containers. Except them by image.",
)
def ssh_server_in_container(event: RuntimeEvent) -> Match | Quiet:
    """An SSH server was started in a container.

    A server of one container is one alert, however often it restarts and for however many sessions it
    runs itself again: the occurrence is the program, within the container.

    >>> fired(ssh_server_in_container, execution("/usr/sbin/sshd", "-D"), execution("/usr/sbin/service", "ssh start"))
    ['shop/0123456789ab']
    >>> fired(ssh_server_in_container, execution("/usr/sbin/sshd", "-t"), execution("/usr/bin/ssh", "host"))
    []
    >>> fired(ssh_server_in_container, execution("/usr/sbin/sshd", "-D", container=None))
    []
    """
    quiet = Quiet("an SSH server, or its service, is started", event.process.name)
    for command in read(event.process):
        verdict = _started(command)
        if isinstance(verdict, str):
            return _match(event, verdict)
        quiet = verdict or quiet
    return quiet


def _match(event: RuntimeEvent, program: str) -> Match:
    return Match(
        entity=entity(event),
        occurrence=program,
        because=f"{program} was started in a container by {event.process.command_line[:200]}",
        fields={"server": program, "program": event.process.binary, "arguments": event.process.arguments[:200]},
        actor=actor(event),
    )


def _started(command: Command) -> str | Quiet | None:
    """The server that a command starts, or why it starts none; None if it has nothing to do with one."""
    if command.name == "dropbearmulti" and command.arguments:
        applet, *words = command.arguments
        command = structs.replace(command, name=applet.rpartition("/")[2], arguments=tuple(words))
    if command.name in _BY_NAME:
        program, server = _BY_NAME[command.name]
        return _without_server(server, command) or program
    if command.name in _SESSIONS:
        return Quiet(_NEW_SERVER, command.name)
    return _service(command)


def _without_server(server: Server, command: Command) -> Quiet | None:
    """Why this run of a server's program is not a new server."""
    given, _ = options(command, server.with_value)
    if found := server.checks & given.keys():
        return Quiet("it serves, and does not only check or print something", sorted(found))
    if server.session in given:
        return Quiet(_NEW_SERVER, server.session)
    return None


def _service(command: Command) -> str | Quiet | None:
    """The server whose service a command starts: `service ssh start`, `/etc/init.d/ssh restart`."""
    words = [command.path, *command.arguments]
    scripts = [word for word in words if "/init.d/" in word or "/rc.d/" in word]
    if not scripts and command.name not in _MANAGERS:
        return None
    named = scripts or command.arguments
    program = next((_BY_SERVICE[name] for name in map(_service_name, named) if name in _BY_SERVICE), None)
    if program is None:
        return None
    if _STARTS.isdisjoint(words) and command.name not in _STARTS:
        return Quiet("the service is started or restarted", " ".join(words)[:200])
    return program


def _service_name(word: str) -> str:
    return word.rstrip("/").rpartition("/")[2].removesuffix(".service").removesuffix(".socket")
