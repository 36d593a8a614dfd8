"""What processes did on a node or in a container on it, as Tetragon and Falco tell it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What a runtime record reports."""

    EXEC = "exec"
    EXIT = "exit"
    FILE = "file"
    CONNECTION = "connection"
    LOST = "lost"
    """The sensor could not keep up: events are missing, and a window that spans this knows less."""
    OTHER = "other"
    """A hook that concerns neither a file nor a connection (a loaded module, a uprobe ...)."""


class Process(Struct, frozen=True, gc=False):
    """One execution of a program: a pid that runs another program is another Process."""

    exec_id: str = ""
    """Unique for ever, given by the sensor or built from node, pid and start; empty if unknown."""
    binary: str = ""
    """Path of the executable as the kernel saw it."""
    arguments: str = ""
    """All arguments without the program's name, in ONE string that the sensor quoted again."""
    argv: tuple[str, ...] | None = None
    """The arguments one by one, program's name first, where a sensor has them."""
    pid: int | None = None
    uid: int | None = None
    cwd: str = ""
    started: int | None = None
    """Microseconds since 1970, UTC."""
    auid: int | None = None
    """Login uid of the session; None if unset."""
    session: int | None = None
    """Session id (setsid) in the node's numbering, where the sensor has it."""
    parent_exec_id: str = ""
    container_pid: int | None = None
    """Pid inside the container: 1 is its entry point (unless it shares the host's pids)."""
    probe: bool = False
    """The sensor believes that the kubelet runs it as a probe."""
    capabilities: tuple[str, ...] | None = None
    """Effective capabilities, such as `CAP_SYS_ADMIN`; None if the sensor does not report them."""

    @property
    def name(self) -> str:
        """Base name of the executable."""
        return self.binary.rpartition("/")[2]

    @property
    def command_line(self) -> str:
        """Executable and arguments, as the sensor shows them."""
        return f"{self.binary} {self.arguments}" if self.arguments else self.binary


class Container(Struct, frozen=True, gc=False):
    """Where a process ran, as far as the sensor knows."""

    id: str
    """The first 12 hex digits of the container's id, so that all sensors agree."""
    name: str = ""
    image: str = ""
    namespace: str = ""
    pod: str = ""
    workload: str = ""
    workload_kind: str = ""
    started: int | None = None
    """Microseconds since 1970, UTC."""


class File(Struct, frozen=True, gc=False):
    """A file that a process touched."""

    path: str
    access: str = ""
    """`read`, `write`, `truncate`, `unlink`, `map` ...; empty if unknown."""


class Connection(Struct, frozen=True, gc=False):
    """A socket that a process used."""

    address: str = ""
    """The other side; for `listen` the local one."""
    port: int | None = None
    protocol: str = ""
    """Lower case: `tcp`, `udp`."""
    direction: str = "out"
    """`out`, `in` or `listen`."""
    closing: bool = False
    """The record reports the end of a connection already seen."""


class RuntimeEvent(Struct, frozen=True, gc=False):
    """One record of a sensor on a node.

    Source: Tetragon's export and Falco's JSON output.
    """

    cluster: str
    time: int
    """Microseconds since 1970, UTC."""
    event_id: str
    """The exec id for an exec (Falco: exec id and time, for its exec id outlives a second exec in the same pid);
    else built from the record. A repeated record has the same."""
    kind: Kind
    sensor: str
    """`tetragon` or `falco`."""
    node: str = ""
    process: Process = Process()
    parent: Process | None = None
    """None is unknown, not innocent."""
    ancestors: tuple[Process, ...] = ()
    """From the grandparent upwards, as far as the sensor knows."""
    container: Container | None = None
    on_host: bool | None = None
    """True: certainly no container; None: the sensor does not say."""
    file: File | None = None
    connection: Connection | None = None
    function: str = ""
    """The kernel function or rule that reported it."""
    policy: str = ""
    """The tracing policy or Falco rule."""
    lost: int | None = None
    """How many events the sensor says it lost; None for other kinds, and where it only says that it did."""
