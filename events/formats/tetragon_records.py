"""The records of Tetragon's export, as far as they are read.

Source: Tetragon's gRPC API (events.proto, tetragon.proto), of which the export is the JSON form.
"""

from __future__ import annotations

from msgspec import Raw, Struct, field

from events.formats.native import Unmarked
from events.formats.tetragon_hooks import Argument
from events.lenient import ABSENT, Integer, Never, PortNumber

HOOKS = ("process_kprobe", "process_tracepoint", "process_lsm", "process_uprobe", "process_loader", "process_usdt")
SOCKETS = ("process_connect", "process_close", "process_listen")
LOSSES = ("rate_limit_info", "process_throttle")
KINDS = frozenset({"process_exec", "process_exit", *HOOKS, *SOCKETS, *LOSSES})


class Image(Struct, frozen=True, gc=False):
    """A container's image."""

    name: str = ""


class ContainerPid(Struct, frozen=True, gc=False):
    """What the container of a process says of the process itself."""

    pid: Integer | None = None
    maybe_exec_probe: bool = False


class ParentPod(Struct, frozen=True, gc=False):
    """The pod of a parent or an ancestor, as far as it is read: it is nearly always that of the process."""

    container: ContainerPid | None = None


class PodContainer(ContainerPid, frozen=True, gc=False):
    """The container of a process."""

    id: str = ""
    name: str = ""
    image: Image | None = None
    start_time: str = ""


class Pod(ParentPod, frozen=True, gc=False):
    """The pod of a process."""

    container: PodContainer | None = None
    namespace: str = ""
    name: str = ""
    workload: str = ""
    workload_kind: str = ""


class Capabilities(Struct, frozen=True, gc=False):
    """Capabilities of a process."""

    effective: Raw = ABSENT


class TracedParent(Struct, frozen=True, gc=False):
    """A parent or an ancestor."""

    exec_id: str = ""
    pid: Integer | None = None
    uid: Integer | None = None
    cwd: str = ""
    binary: str = ""
    arguments: str = ""
    start_time: str = ""
    auid: Integer | None = None
    pod: ParentPod | None = None
    parent_exec_id: str = ""


class TracedProcess(TracedParent, frozen=True, gc=False):
    """The process that a record is about."""

    pod: Pod | None = None
    docker: str = ""
    cap: Capabilities | None = None


class Lineage(Struct, frozen=True, gc=False):
    """The part of a record that is named for its kind: the process, and where it comes from."""

    process: TracedProcess | None = None
    parent: TracedParent | None = None
    ancestors: tuple[TracedParent, ...] = ()


class Report(Lineage, frozen=True, gc=False):
    """The same with what a hook saw, or what was lost."""

    function_name: str = ""
    subsys: str = ""
    event: str = ""
    symbol: str = ""
    policy_name: str = ""
    args: tuple[Argument, ...] = ()
    answer: Argument | None = field(default=None, name="return")
    destination_ip: str = ""
    destination_port: PortNumber | None = None
    ip: str = ""
    port: PortNumber | None = None
    protocol: str = ""
    dropped: Integer | str | None = field(default=None, name="number_of_dropped_process_events")


class TetragonRecord(Unmarked, frozen=True, gc=False):
    """A line of the export: one of the kinds, and what is common to them."""

    process_exec: Lineage | None = None
    process_exit: Lineage | None = None
    process_kprobe: Report | None = None
    process_tracepoint: Report | None = None
    process_lsm: Report | None = None
    process_uprobe: Report | None = None
    process_usdt: Report | None = None
    process_loader: Report | None = None
    process_connect: Report | None = None
    process_close: Report | None = None
    process_listen: Report | None = None
    rate_limit_info: Report | None = None
    process_throttle: Report | None = None
    node_name: str = ""
    time: str = ""
    cluster_name: str = ""
    category: Never = 0
    """A record of Azure has one."""
