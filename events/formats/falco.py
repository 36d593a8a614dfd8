"""Falco's JSON output: what a rule says of a system call on a node."""

from __future__ import annotations

from msgspec import Struct

from events.formats.falco_fields import Fields, ancestors_of, container_of, parent_of, process_of, reported
from events.lenient import Integer, Members, Reader
from events.names import cluster_name, digest, known
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.runtime import Kind, RuntimeEvent
from events.times import micros, micros_of_nanos

CLUSTER_FIELDS = ("k8s.cluster.name", "cluster_name", "cluster", "k8s_cluster_name")
"""Under these names people add their cluster to the output."""
OTHER_SOURCES = ("k8s_audit", "aws_cloudtrail", "okta", "github", "gcp_auditlog", "internal")
DROPS = "Falco internal: syscall event drop"


class FalcoRecord(Struct, frozen=True, gc=False):
    """A line of the output."""

    time: str | Integer | None = None
    rule: str = ""
    source: str = ""
    hostname: str = ""
    output_fields: dict[str, str | int | float | bool | None] = {}


_reader = Reader(FalcoRecord)


def recognises(members: Members) -> bool:
    """Whether an object is a line of the output: it has output fields, or a rule and a text."""
    return "output_fields" in members or ("rule" in members and "output" in members)


def decode(record: bytes, cluster: str) -> RuntimeEvent | Skipped | Malformed:
    """The event of a record; records of other sources than system calls are skipped."""
    reading = _reader.read(record)
    if isinstance(reading, str):
        return Malformed(reading, record[:HEAD_BYTES])
    if "output_fields" in reading.wrong:
        return Malformed("wrong type", record[:HEAD_BYTES], f"output_fields: {reading.wrong['output_fields']}")
    wire, fields = reading.value, Fields(reading.value.output_fields)
    is_drop = wire.rule.startswith(DROPS)
    source = _source(wire)
    if source not in ("", "syscall") and not is_drop:
        return Skipped(f"falco source {known(source, OTHER_SOURCES)}")
    time = _time(wire, fields)
    if time is None:
        wrong = wire.time is not None or "time" in reading.wrong or fields.text("evt.time")
        return Malformed("bad time" if wrong else "no time", record[:HEAD_BYTES])
    cluster = cluster_name(fields.text(*CLUSTER_FIELDS), cluster)
    if is_drop:
        return RuntimeEvent(
            cluster,
            time,
            digest(record),
            Kind.LOST,
            "falco",
            wire.hostname,
            policy=wire.rule,
            lost=fields.number("n_drops"),
        )
    return _event(wire, fields, time, record, cluster)


def _event(wire: FalcoRecord, fields: Fields, time: int, record: bytes, cluster: str) -> RuntimeEvent:
    node = wire.hostname or fields.text("evt.hostname")
    kind, file, connection = reported(fields)
    process = process_of(fields, node, time)
    container, on_host = container_of(fields)
    is_identified = kind is Kind.EXEC and process.exec_id != ""
    return RuntimeEvent(
        cluster=cluster,
        time=time,
        event_id=f"{process.exec_id}:{time}" if is_identified else digest(record),
        kind=kind,
        sensor="falco",
        node=node,
        process=process,
        parent=parent_of(fields, node),
        ancestors=ancestors_of(fields),
        container=container,
        on_host=on_host,
        file=file,
        connection=connection,
        function=fields.text("evt.type", "syscall.type"),
        policy=wire.rule,
    )


def _source(wire: FalcoRecord) -> str:
    """Where the rule's events come from; early versions do not say, and Kubernetes audit fields give it away."""
    if wire.source or not any(name.startswith(("ka.", "jevt.")) for name in wire.output_fields):
        return wire.source.casefold()
    return "k8s_audit"


def _time(wire: FalcoRecord, fields: Fields) -> int | None:
    """The record's time: ISO 8601, or nanoseconds since 1970."""
    if isinstance(wire.time, int):
        return micros_of_nanos(wire.time)
    for text in (wire.time, fields.text("evt.time.iso8601"), fields.text("evt.time")):
        if text and (time := micros(text)) is not None:
            return time
    return micros_of_nanos(fields.number("evt.rawtime", "evt.time", "evt.time.iso8601"))
