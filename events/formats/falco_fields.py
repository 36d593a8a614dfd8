"""The output fields of a Falco record: which there are depends on the rule, and absent is written in three ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.names import UNSET_UID, container_id, unmapped
from events.runtime import Connection, Container, File, Kind, Process
from events.times import micros_of_nanos

LONGEST_NUMBER = 19
"""Digits: what 64 bits hold."""
ANCESTORS = 10
"""How far up a rule may name ancestors."""
EXECUTIONS = frozenset({"execve", "execveat"})
CONNECTIONS = {
    "connect": "out",
    "sendto": "out",
    "sendmsg": "out",
    "accept": "in",
    "accept4": "in",
    "recvfrom": "in",
    "recvmsg": "in",
    "bind": "listen",
    "listen": "listen",
}
"""Direction by system call."""
FILES = {
    "open": "open",
    "openat": "open",
    "openat2": "open",
    "open_by_handle_at": "open",
    "creat": "write",
    "read": "read",
    "pread": "read",
    "readv": "read",
    "write": "write",
    "pwrite": "write",
    "writev": "write",
    "unlink": "unlink",
    "unlinkat": "unlink",
    "rmdir": "rmdir",
    "rename": "rename",
    "renameat": "rename",
    "renameat2": "rename",
    "mkdir": "mkdir",
    "mkdirat": "mkdir",
    "chmod": "chmod",
    "fchmod": "chmod",
    "fchmodat": "chmod",
    "chown": "chown",
    "fchown": "chown",
    "fchownat": "chown",
    "link": "link",
    "linkat": "link",
    "symlink": "link",
    "symlinkat": "link",
    "truncate": "truncate",
    "ftruncate": "truncate",
    "mount": "mount",
}
"""What a system call does to a file."""
EXITS = frozenset({"procexit", "exit", "exit_group"})
_NETWORKS = frozenset({"ipv4", "ipv6", "4", "6"})
_OTHER_DESCRIPTORS = frozenset({"unix", "pipe", "event", "signalfd", "eventpoll", "inotify", "netlink"})


class Fields:
    """Output fields by name.

    Parameters
    ----------
    values
        The `output_fields` of a record.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def text(self, *names: str) -> str:
        """The first of these that is present, as text; empty if none is.

        >>> Fields({"proc.exepath": "<NA>", "proc.name": "curl"}).text("proc.exepath", "proc.name")
        'curl'
        """
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str) and value not in ("", "<NA>"):
                return value
            if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
                return str(value)
        return ""

    def number(self, *names: str) -> int | None:
        """The first of these that is a number, or text that is one."""
        for name in names:
            text = self.text(name)
            digits = text.removeprefix("-")
            if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER:
                return int(text)
        return None

    def port(self, *names: str) -> int | None:
        """The first of these that can be a port."""
        found = (self.number(name) for name in names)
        return next((port for port in found if port is not None and 0 < port <= 65_535), None)

    def flag(self, name: str) -> bool:
        """Whether a field is true, in JSON or as text."""
        return self.values.get(name) in (True, "true")


def process_of(fields: Fields, node: str, time: int) -> Process:
    """The process; its exec id is built from node, pid and start, or from the event's time if no start is known."""
    pid = fields.number("proc.pid")
    command, name = fields.text("proc.cmdline"), fields.text("proc.name")
    start = fields.number("proc.pid.ts")
    auid = fields.number("user.loginuid")
    return Process(
        exec_id=_exec_id(node, pid, start or time * 1_000),
        binary=fields.text("proc.exepath", "proc.name", "proc.exe") or command.partition(" ")[0],
        arguments=fields.text("proc.args") or _arguments(command, name),
        pid=pid,
        uid=fields.number("user.uid"),
        cwd=fields.text("proc.cwd"),
        started=micros_of_nanos(start),
        auid=None if auid in (-1, UNSET_UID) else auid,
        session=fields.number("proc.sid"),
        parent_exec_id=_exec_id(node, fields.number("proc.ppid"), fields.number("proc.ppid.ts")),
        container_pid=fields.number("proc.vpid"),
    )


def parent_of(fields: Fields, node: str) -> Process | None:
    """The parent, by whatever the rule says of it."""
    command, name = fields.text("proc.pcmdline"), fields.text("proc.pname", "proc.aname[1]")
    binary = fields.text("proc.pexepath", "proc.aexepath[1]") or name or command.partition(" ")[0]
    pid, start = fields.number("proc.ppid", "proc.apid[1]"), fields.number("proc.ppid.ts")
    if not binary and pid is None:
        return None
    return Process(
        exec_id=_exec_id(node, pid, start),
        binary=binary,
        arguments=_arguments(command, name),
        pid=pid,
        started=micros_of_nanos(start),
    )


def ancestors_of(fields: Fields) -> tuple[Process, ...]:
    """From the grandparent upwards; one that the rule does not name, below one that it names, is an empty Process."""
    found = [_ancestor(fields, level) for level in range(2, ANCESTORS + 1)]
    while found and found[-1] == Process():
        found.pop()
    return tuple(found)


def container_of(fields: Fields) -> tuple[Container | None, bool | None]:
    """The container, and whether it was certainly none; both None if the record does not say."""
    identifier, name = fields.text("container.id"), fields.text("container.name")
    if "host" in (identifier, name):
        return None, True
    pod, namespace = fields.text("k8s.pod.name"), fields.text("k8s.ns.name")
    if not identifier and not name and not pod:
        return None, None
    repository, tag = fields.text("container.image.repository"), fields.text("container.image.tag")
    image = f"{repository}:{tag}" if repository and tag else repository or fields.text("container.image")
    started = micros_of_nanos(fields.number("container.start_ts"))
    return Container(container_id(identifier), name, image, namespace, pod, started=started), False


def reported(fields: Fields) -> tuple[Kind, File | None, Connection | None]:
    """What the record is about, as its fields tell: an execution, a connection, a file, an exit."""
    call = fields.text("evt.type", "syscall.type")
    if call in EXECUTIONS:
        return Kind.EXEC, None, None
    if call in EXITS:
        return Kind.EXIT, None, None
    kind = fields.text("fd.type", "fd.typechar")
    if call in CONNECTIONS or (call not in FILES and _is_network(fields, kind)):
        connection = None if kind in _OTHER_DESCRIPTORS else _connection(fields, CONNECTIONS.get(call, "out"))
        return (Kind.OTHER if connection is None else Kind.CONNECTION), None, connection
    path = fields.text("fs.path.name", "fd.name", "evt.arg.path", "evt.arg.name")
    if path and kind not in _OTHER_DESCRIPTORS and (call in FILES or not call):
        return Kind.FILE, File(path, _access(fields, call)), None
    return (Kind.EXEC if not call and _is_command(fields) else Kind.OTHER), None, None


def _is_network(fields: Fields, kind: str) -> bool:
    return kind in _NETWORKS or bool(fields.text("fd.rip", "fd.sip"))


def _is_command(fields: Fields) -> bool:
    return bool(fields.text("proc.cmdline", "proc.exepath", "proc.name"))


def _connection(fields: Fields, direction: str) -> Connection | None:
    local, _, remote = fields.text("fd.name").rpartition("->")
    end = local or remote if direction == "listen" else remote
    ips, ports = _ends(direction)
    address, port = fields.text(*ips), fields.port(*ports)
    host, _, number = end.rpartition(":")
    address = address or host
    if port is None and number.isascii() and number.isdigit() and len(number) < 6 and int(number) < 65_536:
        port = int(number)
    return Connection(unmapped(address), port, fields.text("fd.l4proto").lower(), direction) if address else None


def _ends(direction: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if direction == "in":
        return ("fd.rip", "fd.cip"), ("fd.rport", "fd.cport")
    if direction == "listen":
        return ("fd.lip", "fd.sip"), ("fd.lport", "fd.sport")
    return ("fd.rip", "fd.sip"), ("fd.rport", "fd.sport")


def _access(fields: Fields, call: str) -> str:
    access = FILES.get(call, "")
    if access not in ("", "open"):
        return access
    flags = fields.text("evt.arg.flags")
    if fields.flag("evt.is_open_write") or any(flag in flags for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")):
        return "write"
    return "read" if fields.flag("evt.is_open_read") or "O_RDONLY" in flags else access


def _ancestor(fields: Fields, level: int) -> Process:
    command, name = fields.text(f"proc.acmdline[{level}]"), fields.text(f"proc.aname[{level}]")
    binary = fields.text(f"proc.aexepath[{level}]") or name or command.partition(" ")[0]
    return Process(binary=binary, arguments=_arguments(command, name), pid=fields.number(f"proc.apid[{level}]"))


def _arguments(command: str, name: str) -> str:
    """The command line without the name before it; a name may have spaces in it."""
    if name and command.startswith(f"{name} "):
        return command[len(name) + 1 :]
    return command.partition(" ")[2]


def _exec_id(node: str, pid: int | None, start: int | None) -> str:
    return f"{node}:{pid}:{start}" if pid is not None and start is not None else ""
