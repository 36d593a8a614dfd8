"""The records of Tetragon's export, as far as they are read.

Source: Tetragon's gRPC API (events.proto, tetragon.proto), of which the export is the JSON form.
"""

from __future__ import annotations

from msgspec import UNSET, Raw, Struct, UnsetType, field

from events.formats.native import Unmarked
from events.formats.tetragon_hooks import Argument
from events.lenient import ABSENT, Integer, PortNumber

HOOKS = ("process_kprobe", "process_tracepoint", "process_lsm", "process_uprobe", "process_loader", "process_usdt")
SOCKETS = ("process_connect", "process_close", "process_listen")
LOSSES = ("rate_limit_info", "process_throttle")
KINDS = frozenset({"process_exec", "process_exit", *HOOKS, *SOCKETS, *LOSSES})


class Image(Struct, frozen=True, gc=False):
    """A container's image."""

    name: str = ""


class PodContainer(Struct, frozen=True, gc=False):
    """The container of a process."""

    id: str = ""
    name: str = ""
    image: Image | None = None
    start_time: str = ""
    pid: Integer | None = None
    maybe_exec_probe: bool = False


class Pod(Struct, frozen=True, gc=False):
    """The pod of a process."""

    namespace: str = ""
    name: str = ""
    container: PodContainer | None = None
    workload: str = ""
    workload_kind: str = ""


class Capabilities(Struct, frozen=True, gc=False):
    """Capabilities of a process."""

    effective: Raw = ABSENT


class TracedParent(Struct, frozen=True, gc=False):
    """A process of which no pod is read: the same as that of its child."""

    exec_id: str = ""
    pid: Integer | None = None
    uid: Integer | None = None
    cwd: str = ""
    binary: str = ""
    arguments: str = ""
    start_time: str = ""
    auid: Integer | None = None
    parent_exec_id: str = ""


class TracedProcess(TracedParent, frozen=True, gc=False):
    """The process that a record is about."""

    pod: Pod | None = None
    docker: str = ""
    cap: Capabilities | None = None


class Report(Struct, frozen=True, gc=False):
    """The part of a record that is named for its kind."""

    process: TracedProcess | None = None
    parent: TracedParent | None = None
    ancestors: tuple[TracedParent, ...] = ()
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

    process_exec: Report | None = None
    process_exit: Report | None = None
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
    category: Raw | UnsetType = UNSET
