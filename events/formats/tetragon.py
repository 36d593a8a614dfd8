"""Tetragon's export: processes, and what the hooks of tracing policies report of them."""

from __future__ import annotations

from msgspec import Raw

from events.formats.tetragon_hooks import access_of, connection_of, path_of
from events.formats.tetragon_records import (
    HOOKS,
    KINDS,
    LOSSES,
    SOCKETS,
    Lineage,
    Pod,
    Report,
    TetragonRecord,
    TracedParent,
    TracedProcess,
)
from events.lenient import UNREADABLE, Members, Reader, elements_of, text_of
from events.names import CONTAINER_DIGITS, UNSET_UID, cluster_name, container_id, digest
from events.outcome import HEAD_BYTES, Malformed
from events.remembered import Memory
from events.runtime import Connection, Container, File, Kind, Process, RuntimeEvent
from events.times import micros, often_micros

_reader = Reader(TetragonRecord)
_strict = _reader.strict


def recognises(members: Members) -> bool:
    """Whether an object is a record of the export: by the key that is named for its kind."""
    return not KINDS.isdisjoint(members)


def guess(record: bytes, cluster: str) -> RuntimeEvent | None:
    """The event of a record that plainly is one; None where a closer look is needed."""
    try:
        wire = _strict(record)
    except UNREADABLE:
        return None
    item = _item(wire, record, cluster)
    return None if isinstance(item, Malformed) else item


def decode(record: bytes, cluster: str) -> RuntimeEvent | Malformed:
    """The event of a record."""
    reading = _reader.read(record)
    if isinstance(reading, str):
        return Malformed(reading, record[:HEAD_BYTES])
    for path, problem in reading.wrong.items():
        kind, _, rest = path.partition(".")
        if kind in KINDS and rest in ("", "process"):
            return Malformed("wrong type", record[:HEAD_BYTES], f"{path}: {problem}")
    return _item(reading.value, record, cluster)


def _item(wire: TetragonRecord, record: bytes, cluster: str) -> RuntimeEvent | Malformed:
    if wire.cluster_name:
        cluster = cluster_name(wire.cluster_name, cluster)
    report = wire.process_exec or wire.process_exit
    if report is None:
        return _other(wire, record, cluster)
    process = report.process
    if process is None:
        return Malformed("no process", record[:HEAD_BYTES])
    time, exec_id = micros(wire.time), process.exec_id
    if wire.process_exec is None:
        kind, event_id = Kind.EXIT, f"{exec_id}/exit" if exec_id else digest(record)
    else:
        kind, event_id = Kind.EXEC, exec_id or digest(record)
        time = micros(process.start_time) if time is None else time
    if time is None:
        return _timeless(wire.time, record)
    return _event(wire, report, process, kind, time, event_id, cluster)


def _other(wire: TetragonRecord, record: bytes, cluster: str) -> RuntimeEvent | Malformed:
    time = micros(wire.time)
    if time is None:
        return _timeless(wire.time, record)
    for name in LOSSES:
        report: Report | None = getattr(wire, name)
        if report is not None:
            lost = _count(report.dropped)
            return RuntimeEvent(cluster, time, digest(record), Kind.LOST, "tetragon", wire.node_name, lost=lost)
    for name in (*HOOKS, *SOCKETS):
        report = getattr(wire, name)
        if report is not None:
            return _hook(wire, name, report, time, record, cluster)
    return Malformed("no process", record[:HEAD_BYTES])


def _hook(
    wire: TetragonRecord, name: str, report: Report, time: int, record: bytes, cluster: str
) -> RuntimeEvent | Malformed:
    process = report.process
    if process is None:
        return Malformed("no process", record[:HEAD_BYTES])
    function = report.function_name or report.event or report.symbol
    connection = _socket(name, report) if name in SOCKETS else None
    file, kind = None, Kind.OTHER
    if name in HOOKS[:3]:
        connection = connection_of(function, report.args, report.answer)
        path = None if connection is not None else path_of(function, report.args)
        file = None if path is None else File(path, access_of(function, report.args))
    if connection is not None:
        kind = Kind.CONNECTION
    elif file is not None:
        kind = Kind.FILE
    return _event(
        wire, report, process, kind, time, digest(record), cluster, file, connection, function, report.policy_name
    )


def _socket(name: str, report: Report) -> Connection:
    protocol = report.protocol.lower()
    if name == "process_listen":
        return Connection(report.ip, report.port, protocol, "listen")
    return Connection(report.destination_ip, report.destination_port, protocol, closing=name == "process_close")


def _event(
    wire: TetragonRecord,
    report: Lineage,
    process: TracedProcess,
    kind: Kind,
    time: int,
    event_id: str,
    cluster: str,
    file: File | None = None,
    connection: Connection | None = None,
    function: str = "",
    policy: str = "",
) -> RuntimeEvent:
    container, parent = _container(process.pod, process.docker), report.parent
    return RuntimeEvent(
        cluster,
        time,
        event_id,
        kind,
        "tetragon",
        wire.node_name,
        _process(process, None if process.cap is None else _recall_names(bytes(process.cap.effective))),
        None if parent is None else _process(parent),
        tuple(_process(ancestor) for ancestor in report.ancestors) if report.ancestors else (),
        container,
        container is None,
        file,
        connection,
        function,
        policy,
    )


def _process(wire: TracedParent, capabilities: tuple[str, ...] | None = None) -> Process:
    auid, container = wire.auid, None if wire.pod is None else wire.pod.container
    return Process(
        wire.exec_id,
        wire.binary,
        wire.arguments,
        None,
        wire.pid,
        wire.uid,
        wire.cwd,
        often_micros(wire.start_time),
        None if auid == UNSET_UID else auid,
        None,
        wire.parent_exec_id,
        None if container is None else container.pid,
        container is not None and container.maybe_exec_probe,
        capabilities,
    )


def _container(pod: Pod | None, docker: str) -> Container | None:
    """Where it ran; outside Kubernetes there is only the id from the control group."""
    if pod is None:
        return Container(docker[:CONTAINER_DIGITS]) if docker else None
    inner = pod.container
    if inner is None:
        return Container(docker[:CONTAINER_DIGITS], "", "", pod.namespace, pod.name, pod.workload, pod.workload_kind)
    return Container(
        container_id(inner.id) or docker[:CONTAINER_DIGITS],
        inner.name,
        "" if inner.image is None else inner.image.name,
        pod.namespace,
        pod.name,
        pod.workload,
        pod.workload_kind,
        often_micros(inner.start_time),
    )


def _names(effective: bytes) -> tuple[str, ...]:
    """Capabilities by their kernel names: one of them is exported without its prefix."""
    names = map(text_of, elements_of(Raw(effective)) or ())
    return tuple(name if name.startswith("CAP_") else f"CAP_{name}" for name in names if name)


_recall_names = Memory(_names).__getitem__


def _count(dropped: int | str | None) -> int | None:
    if isinstance(dropped, str):
        return int(dropped) if dropped.isascii() and dropped.isdigit() and len(dropped) < 20 else None
    return dropped


def _timeless(text: str, record: bytes) -> Malformed:
    return Malformed("bad time" if text else "no time", record[:HEAD_BYTES])
