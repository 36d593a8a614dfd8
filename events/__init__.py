"""What happened: typed events, and a decoder for each format in which clusters, nodes and Azure report them."""

from typing import TypeAlias

from events.activity import ActivityEvent, Identity
from events.audit import NO_OBJECT, AuditEvent, ObjectRef, User
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.runtime import Connection, Container, File, Kind, Process, RuntimeEvent

Event: TypeAlias = AuditEvent | RuntimeEvent | ActivityEvent
Item: TypeAlias = Event | Skipped | Malformed
"""One item of a record; `read` counts these."""

__all__ = [
    "HEAD_BYTES",
    "NO_OBJECT",
    "ActivityEvent",
    "AuditEvent",
    "Connection",
    "Container",
    "Event",
    "File",
    "Identity",
    "Item",
    "Kind",
    "Malformed",
    "ObjectRef",
    "Process",
    "RuntimeEvent",
    "Skipped",
    "User",
]
