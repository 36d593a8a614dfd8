"""One line about an event, for a person who reads an alert's evidence."""

from __future__ import annotations

from alerts.redaction import beginning
from events import ActivityEvent, AuditEvent, Event, Kind, RuntimeEvent

LONGEST = 16_384
"""Characters that are kept; an alert shows fewer, after its secrets are redacted."""


def summary(event: Event) -> str:
    """What happened, in one line: who did what to what, from where, with which result."""
    if isinstance(event, AuditEvent):
        line = _request(event)
    elif isinstance(event, RuntimeEvent):
        line = _runtime(event)
    else:
        line = _operation(event)
    return beginning(line, LONGEST)


def _request(event: AuditEvent) -> str:
    ref = event.object
    what = f"{event.resource} {ref.name}".strip() or event.uri
    where = f" in {ref.namespace}" if ref.namespace else ""
    origin = f" from {event.addresses[-1]}" if event.addresses else ""
    code = f": {event.code}" if event.code is not None else ""
    return f"{event.user.username or 'nobody'} {event.verb} {what}{where}{origin}{code}"


def _runtime(event: RuntimeEvent) -> str:
    line = event.process.command_line
    if event.kind is Kind.CONNECTION and event.connection is not None:
        port = "" if event.connection.port is None else f" port {event.connection.port}"
        return f"{event.connection.direction} {event.connection.address}{port} by {line}"
    if event.kind is Kind.FILE and event.file is not None:
        return f"{event.file.access or 'access'} {event.file.path} by {line}"
    return f"{event.kind} {line}"


def _operation(event: ActivityEvent) -> str:
    identity = event.identity
    who = identity.name or identity.managed_identity or identity.object_id or identity.app_id or "nobody"
    result = f": {event.result}" if event.result else ""
    return f"{who} {event.operation} on {event.resource_id}{result}"
