"""What the output fields of a Falco record say of processes, of a container, and of what was done."""

from __future__ import annotations

from events.formats.falco_records import TOLD_OF_EACH, OutputFields, Told, told_of_ancestors
from events.names import UNSET_UID, container_id, unmapped
from events.runtime import Connection, Container, File, Kind, Process
from events.times import micros_of_nanos

HIGHEST_PORT = 65_535
LONGEST_NUMBER = 19
"""Digits: what 64 bits hold."""
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
WRITE_FLAGS = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")
EXITS = frozenset({"procexit", "exit", "exit_group"})
_NETWORKS = frozenset({"ipv4", "ipv6", "4", "6"})
_OTHER_DESCRIPTORS = frozenset({"unix", "pipe", "event", "signalfd", "eventpoll", "inotify", "netlink"})
TRUE = (True, "true")
NOBODY = Process()


def text(told: Told) -> str:
    """What a field says, as text; empty if it says nothing.

    >>> text("curl"), text(42), text("<NA>"), text(None)
    ('curl', '42', '', '')
    """
    if isinstance(told, str):
        return "" if told == "<NA>" else told
    return "" if told is None else str(told)


def number(told: Told) -> int | None:
    """What a field says if that is a number, or text that is one.

    >>> number(42), number("-1"), number("<NA>"), number(None)
    (42, -1, None, None)
    """
    if not isinstance(told, str):
        return told
    digits = told.removeprefix("-")
    return int(told) if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER else None


MULTI_CALL = frozenset(
    {
        "busybox",
        "busybox.static",
        "coreutils",
        "dropbearmulti",
        "kmod",
        "toybox",
        "xtables-legacy-multi",
        "xtables-nft-multi",
    }
)
"""Programs that are many: which one is meant is decided by the name of the link that was called."""


def process_of(fields: OutputFields, node: str, time: int) -> Process:
    """The process; its exec id is built from node, pid and start, or from the event's time if no start is known."""
    pid, start, auid = number(fields.pid), number(fields.started), number(fields.login_uid)
    command, name = text(fields.command), text(fields.name)
    return Process(
        _exec_id(node, pid, start or time * 1_000),
        _called(text(fields.exe_path), name) or text(fields.exe) or command.partition(" ")[0],
        text(fields.arguments) or _arguments(command, name),
        None,
        pid,
        number(fields.uid),
        text(fields.cwd),
        micros_of_nanos(start),
        None if auid in (-1, UNSET_UID) else auid,
        number(fields.session),
        _exec_id(node, number(fields.parent_pid), number(fields.parent_started)),
        number(fields.container_pid),
        any(
            said in (True, "true")
            for said in (fields.is_health_check, fields.is_liveness_probe, fields.is_readiness_probe)
        ),
    )


def _called(path: str, name: str) -> str:
    """The path of a program. Falco resolves links: what runs as `wget` by a link to busybox keeps its name so."""
    folder, slash, base = path.rpartition("/")
    return f"{folder}{slash}{name}" if name and base in MULTI_CALL else path or name


def parent_of(fields: OutputFields, node: str) -> Process | None:
    """The parent, by whatever the rule says of it."""
    command, name = text(fields.parent_command), text(fields.parent_name) or text(fields.parent_aname)
    path = text(fields.parent_exe_path) or text(fields.parent_path)
    binary = _called(path, name) or command.partition(" ")[0]
    pid, start = number(fields.parent_pid), number(fields.parent_started)
    if pid is None:
        pid = number(fields.parent_apid)
    if not binary and pid is None:
        return None
    arguments = _arguments(command, name)
    return Process(
        _exec_id(node, pid, start),
        binary,
        arguments,
        pid=pid,
        started=micros_of_nanos(start),
        container_pid=number(fields.parent_container_pid),
    )


def ancestors_of(fields: OutputFields) -> tuple[Process, ...]:
    """From the grandparent upwards; one that the rule does not name, below one that it names, is an empty Process."""
    told, found = told_of_ancestors(fields), []
    while told.count(None) < len(told):
        found.append(_ancestor(*told[:TOLD_OF_EACH]))
        told = told[TOLD_OF_EACH:]
    while found and found[-1] == NOBODY:
        found.pop()
    return tuple(found)


def container_of(fields: OutputFields) -> tuple[Container | None, bool | None]:
    """The container, and whether it was certainly none; both None if the record does not say."""
    identifier, name = text(fields.container_id), text(fields.container_name)
    if identifier == "host" or name == "host":
        return None, True
    pod, namespace = text(fields.pod) or text(fields.meta_pod), text(fields.namespace) or text(fields.meta_namespace)
    if not identifier and not name and not pod:
        return None, None
    repository, tag = text(fields.container_repository), text(fields.container_tag)
    image = f"{repository}:{tag}" if repository and tag else repository or text(fields.container_image)
    started = micros_of_nanos(number(fields.container_started))
    return Container(container_id(identifier), name, image, namespace, pod, started=started), False


def reported(fields: OutputFields) -> tuple[Kind, File | None, Connection | None]:
    """What the record is about, as its fields tell: an execution, a connection, a file, an exit."""
    call = text(fields.call) or text(fields.early_call)
    if call in EXECUTIONS:
        return Kind.EXEC, None, None
    if call in EXITS:
        return Kind.EXIT, None, None
    kind = text(fields.descriptor_type) or text(fields.descriptor_letter)
    if call in CONNECTIONS or (call not in FILES and _is_network(fields, kind)):
        connection = None if kind in _OTHER_DESCRIPTORS else _connection(fields, CONNECTIONS.get(call, "out"))
        return (Kind.OTHER if connection is None else Kind.CONNECTION), None, connection
    path = _path(fields)
    if path and kind not in _OTHER_DESCRIPTORS and (call in FILES or not call):
        return Kind.FILE, File(path, _access(fields, call)), None
    return (Kind.EXEC if not call and _is_command(fields) else Kind.OTHER), None, None


def _path(fields: OutputFields) -> str:
    named = text(fields.path) or text(fields.descriptor)
    return named or text(fields.argument_path) or text(fields.argument_name)


def _is_network(fields: OutputFields, kind: str) -> bool:
    return kind in _NETWORKS or bool(text(fields.remote_ip) or text(fields.server_ip))


def _is_command(fields: OutputFields) -> bool:
    return bool(text(fields.command) or text(fields.exe_path) or text(fields.name))


def _connection(fields: OutputFields, direction: str) -> Connection | None:
    local, _, remote = text(fields.descriptor).rpartition("->")
    end = local or remote if direction == "listen" else remote
    address, port = _end(fields, direction)
    host, _, digits = end.rpartition(":")
    address = address or host
    if port is None:
        port = _port(digits)
    return Connection(unmapped(address), port, text(fields.protocol).lower(), direction) if address else None


def _end(fields: OutputFields, direction: str) -> tuple[str, int | None]:
    """The other side of a connection, or the local one of a socket that listens."""
    if direction == "in":
        return text(fields.remote_ip) or text(fields.client_ip), _port(fields.remote_port, fields.client_port)
    if direction == "listen":
        return text(fields.local_ip) or text(fields.server_ip), _port(fields.local_port, fields.server_port)
    return text(fields.remote_ip) or text(fields.server_ip), _port(fields.remote_port, fields.server_port)


def _port(*told: Told) -> int | None:
    found = (number(value) for value in told)
    return next((port for port in found if port is not None and 0 < port <= HIGHEST_PORT), None)


def _access(fields: OutputFields, call: str) -> str:
    access = FILES.get(call, "")
    if access not in ("", "open"):
        return access
    flags = text(fields.argument_flags)
    if fields.is_open_write in TRUE or any(flag in flags for flag in WRITE_FLAGS):
        return "write"
    return "read" if fields.is_open_read in TRUE or "O_RDONLY" in flags else access


def _ancestor(name: Told, path: Told, command: Told, pid: Told) -> Process:
    line, title = text(command), text(name)
    binary = _called(text(path), title) or line.partition(" ")[0]
    return Process(binary=binary, arguments=_arguments(line, title), pid=number(pid))


def _arguments(command: str, name: str) -> str:
    """The command line without the name before it; a name may have spaces in it."""
    first, _, rest = command.partition(" ")
    if not rest or first == name or not command.startswith(f"{name} "):
        return rest
    return command[len(name) + 1 :]


def _exec_id(node: str, pid: int | None, start: int | None) -> str:
    return f"{node}:{pid}:{start}" if pid is not None and start is not None else ""
