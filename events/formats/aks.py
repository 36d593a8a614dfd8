"""AKS diagnostic settings: audit events as text inside Azure log records, of which the platform cuts the long ones."""

from __future__ import annotations

from msgspec import Raw, Struct, structs

from events.audit import AuditEvent
from events.formats import native
from events.lenient import ABSENT, UNREADABLE, Members, Reader, members_of, present, text_of
from events.names import azure_cluster, cluster_name, known
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.remembered import remembered
from events.times import micros

AUDIT = frozenset({"kube-audit", "kube-audit-admin"})
OTHERS = frozenset(
    {
        "cloud-controller-manager",
        "cluster-autoscaler",
        "csi-azuredisk-controller",
        "csi-azurefile-controller",
        "csi-snapshot-controller",
        "guard",
        "karpenter-events",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    }
)
"""Categories that a cluster also reports, with plain text in them."""


class Text(Struct, frozen=True, gc=False):
    """Properties of a record whose log is text."""

    log: str = ""


class Wrapped(Struct, frozen=True, gc=False):
    """Properties of a record whose log is anything."""

    log: Raw = ABSENT


class TextRecord(native.Unmarked, frozen=True, gc=False, rename="camel"):
    """The usual record: an audit event as text."""

    category: str = ""
    resource_id: str = ""
    time: str = ""
    properties: Text = Text()


class TextRecords(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The envelope of Event Hubs, and nothing beside it."""

    records: tuple[TextRecord, ...]


class LogRecord(Struct, frozen=True, gc=False, rename="camel"):
    """Any record of a cluster's diagnostic settings."""

    category: str = ""
    resource_id: str = ""
    time: str = ""
    properties: Wrapped = Wrapped()


_strict = Reader(TextRecord).strict
_strict_envelope = Reader(TextRecords).strict
_reader = Reader(LogRecord)


def recognises(members: Members) -> bool:
    """Whether an object is a cluster's log record: by its category, or by the log in its properties."""
    category = text_of(members.get("category")).casefold()
    if category in AUDIT or category in OTHERS:
        return True
    return "category" in members and "log" in (members_of(members.get("properties")) or ())


def guess(record: bytes, cluster: str) -> AuditEvent | Skipped | Malformed | None:
    """The item of a record that is plainly one of a cluster; None where a closer look is needed."""
    try:
        wire = _strict(record)
    except UNREADABLE:
        return None
    return _plain(wire, cluster)


def guess_all(envelope: bytes, cluster: str) -> list[AuditEvent | Skipped | Malformed] | None:
    """The items of an envelope whose records are all plain; None where a closer look is needed."""
    try:
        records = _strict_envelope(envelope).records
    except UNREADABLE:
        return None
    items = [item for record in records if (item := _plain(record, cluster)) is not None]
    return items if 0 < len(items) == len(records) else None


def decode(record: bytes, cluster: str) -> AuditEvent | Skipped | Malformed:
    """The event of a record; a record of another category is skipped."""
    reading = _reader.read(record)
    if isinstance(reading, str):
        return Malformed(reading, record[:HEAD_BYTES])
    wire = reading.value
    category = wire.category.casefold()
    if category not in AUDIT:
        return Skipped(f"azure log category {known(category, OTHERS)}")
    log = present(wire.properties.log)
    if log is None:
        return Malformed("no log", record[:HEAD_BYTES])
    text = text_of(log).encode() or bytes(log)
    item = native.decode_text(text, cluster_of(wire.resource_id) or cluster, micros(wire.time))
    if isinstance(item, AuditEvent) and reading.pruned:
        return structs.replace(item, truncated=True)
    return item


def _plain(wire: TextRecord, cluster: str) -> AuditEvent | Skipped | Malformed | None:
    category, log = wire.category, wire.properties.log
    if category in AUDIT and log:
        cluster = cluster_of(wire.resource_id) or cluster
        return native.guess(log, cluster) or native.decode_text(log.encode(), cluster, micros(wire.time))
    return Skipped(f"azure log category {category}") if category in OTHERS else None


@remembered
def cluster_of(resource_id: str) -> str:
    """The cluster that a resource id names, or its last part; empty if it has none.

    >>> cluster_of("/SUBSCRIPTIONS/X/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/PROD-1"), cluster_of("/")
    ('prod-1', '')
    """
    return cluster_name(azure_cluster(resource_id) or resource_id.rstrip("/").rpartition("/")[2], "")
