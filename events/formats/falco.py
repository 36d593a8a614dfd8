"""Falco's JSON output: what a rule says of a system call on a node."""

from __future__ import annotations

from events.formats.falco_fields import ancestors_of, container_of, number, parent_of, process_of, reported, text
from events.formats.falco_records import FalcoRecord, Named, OutputFields, PlainRecord
from events.lenient import UNREADABLE, Members, Reader
from events.names import cluster_name, digest, known
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.runtime import Kind, RuntimeEvent
from events.times import micros, micros_of_nanos

OTHER_SOURCES = ("k8s_audit", "aws_cloudtrail", "okta", "github", "gcp_auditlog", "internal")
DROPS = "Falco internal: syscall event drop"
NOTHING = OutputFields()
_plain = Reader(PlainRecord).strict
_reader = Reader(FalcoRecord)
_named = Reader(Named)


def recognises(members: Members) -> bool:
    """Whether an object is a line of the output: it has output fields, or a rule and a text."""
    return "output_fields" in members or ("rule" in members and "output" in members)


def guess(record: bytes, cluster: str) -> RuntimeEvent | None:
    """The event of a record that is plainly one of a system call; None where a closer look is needed."""
    try:
        wire = _plain(record)
    except UNREADABLE:
        return None
    if wire.source != "syscall" or wire.output_fields is None:
        return None
    time = _time(wire, wire.output_fields)
    return None if time is None else _item(wire, wire.output_fields, time, record, cluster)


def decode(record: bytes, cluster: str) -> RuntimeEvent | Skipped | Malformed:
    """The event of a record; records of other sources than system calls are skipped."""
    reading = _reader.read(record)
    if isinstance(reading, str):
        return Malformed(reading, record[:HEAD_BYTES])
    if "output_fields" in reading.wrong:
        return Malformed("wrong type", record[:HEAD_BYTES], f"output_fields: {reading.wrong['output_fields']}")
    wire, fields = reading.value, reading.value.output_fields or NOTHING
    source = wire.source.casefold() or _unsaid_source(record)
    if source not in ("", "syscall") and not _is_drop(wire):
        return Skipped(f"falco source {known(source, OTHER_SOURCES)}")
    time = _time(wire, fields)
    if time is None:
        wrong = wire.time is not None or "time" in reading.wrong or text(fields.time)
        return Malformed("bad time" if wrong else "no time", record[:HEAD_BYTES])
    return _item(wire, fields, time, record, cluster)


def _item(wire: FalcoRecord, fields: OutputFields, time: int, record: bytes, cluster: str) -> RuntimeEvent:
    told = _cluster(fields)
    if told:
        cluster = cluster_name(told, cluster)
    if _is_drop(wire):
        lost, rule = number(fields.dropped), wire.rule
        return RuntimeEvent(cluster, time, digest(record), Kind.LOST, "falco", wire.hostname, policy=rule, lost=lost)
    node = wire.hostname or text(fields.hostname)
    kind, file, connection = reported(fields)
    process = process_of(fields, node, time)
    container, on_host = container_of(fields)
    is_identified = kind is Kind.EXEC and process.exec_id
    return RuntimeEvent(
        cluster,
        time,
        f"{process.exec_id}:{time}" if is_identified else digest(record),
        kind,
        "falco",
        node,
        process,
        parent_of(fields, node),
        ancestors_of(fields),
        container,
        on_host,
        file,
        connection,
        text(fields.call) or text(fields.early_call),
        wire.rule,
    )


def _cluster(fields: OutputFields) -> str:
    """The cluster, under the names by which people add it to the output."""
    told = text(fields.kubernetes_cluster) or text(fields.cluster_name)
    return told or text(fields.cluster) or text(fields.custom_cluster)


def _is_drop(wire: FalcoRecord) -> bool:
    return wire.rule.startswith(DROPS)


def _unsaid_source(record: bytes) -> str:
    """Early versions do not say where a rule's events come from; the fields of Kubernetes audit events give it away."""
    reading = _named.read(record)
    names = () if isinstance(reading, str) else reading.value.output_fields
    return "k8s_audit" if any(name.startswith(("ka.", "jevt.")) for name in names) else ""


def _time(wire: FalcoRecord, fields: OutputFields) -> int | None:
    """The record's time: ISO 8601, or nanoseconds since 1970."""
    if isinstance(wire.time, int):
        return micros_of_nanos(wire.time)
    for told in (wire.time, fields.iso_time, fields.time):
        if isinstance(told, str) and (time := micros(told)) is not None:
            return time
    found = (number(told) for told in (fields.raw_time, fields.time, fields.iso_time))
    return micros_of_nanos(next((nanos for nanos in found if nanos is not None), None))
