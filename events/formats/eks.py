"""EKS control plane logs, as a CloudWatch Logs subscription delivers them."""

from __future__ import annotations

from msgspec import Raw, Struct

from events.audit import AuditEvent
from events.formats import native
from events.lenient import ABSENT, UNREADABLE, Integer, Members, Reader
from events.names import cluster_name, known
from events.outcome import HEAD_BYTES, Malformed, Skipped

AUDIT_STREAM = "kube-apiserver-audit"
OTHER_STREAMS = (
    "authenticator",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "cloud-controller-manager",
)


class LogEvent(Struct, frozen=True, gc=False):
    """One log event: the message is an audit event as text."""

    timestamp: Integer | None = None
    """Milliseconds since 1970."""
    message: str | None = None


class Payload(Struct, frozen=True, gc=False, rename="camel"):
    """What a subscription delivers at once."""

    message_type: str = ""
    log_group: str = ""
    log_stream: str = ""
    log_events: tuple[LogEvent, ...] = ()


class PlainPayload(Payload, frozen=True, gc=False, forbid_unknown_fields=True, rename="camel"):
    """A payload with nothing in it but what CloudWatch writes."""

    owner: Raw = ABSENT
    policy_level: Raw = ABSENT
    subscription_filters: Raw = ABSENT


_plain = Reader(PlainPayload).strict
_reader = Reader(Payload)


def recognises(members: Members) -> bool:
    """Whether an object is the payload of a subscription."""
    return "logEvents" in members and ("logGroup" in members or "messageType" in members)


def guess_all(payload: bytes, cluster: str) -> list[AuditEvent | Skipped | Malformed] | None:
    """The items of what is plainly a payload, as long as one record at most; None where a closer look is needed."""
    try:
        wire = _plain(payload)
    except UNREADABLE:
        return None
    return _items(wire, cluster, len(payload)) if wire.log_events else None


def decode(payload: bytes, cluster: str, largest: int) -> list[AuditEvent | Skipped | Malformed]:
    """One item for each log event; at least one for the payload."""
    reading = _reader.read(payload)
    if isinstance(reading, str):
        return [Malformed(reading, payload[:HEAD_BYTES])]
    if "logEvents" in reading.wrong:
        return [Malformed("wrong type", payload[:HEAD_BYTES], f"logEvents: {reading.wrong['logEvents']}")]
    return _items(reading.value, cluster, largest)


def _items(wire: Payload, cluster: str, largest: int) -> list[AuditEvent | Skipped | Malformed]:
    skipped = _other_stream(wire)
    if skipped is not None:
        return [skipped] * max(len(wire.log_events), 1)
    name = _cluster(wire.log_group, cluster)
    return [_item(event, name, largest) for event in wire.log_events] or [Skipped("empty envelope")]


def _other_stream(wire: Payload) -> Skipped | None:
    if wire.message_type == "CONTROL_MESSAGE":
        return Skipped("eks control message")
    if not wire.log_stream or wire.log_stream.startswith(AUDIT_STREAM):
        return None
    name = next((name for name in OTHER_STREAMS if wire.log_stream.startswith(name)), "")
    return Skipped(f"eks log stream {known(name, OTHER_STREAMS)}")


def _item(event: LogEvent, cluster: str, largest: int) -> AuditEvent | Skipped | Malformed:
    message = (event.message or "").encode()
    if len(message) > largest:
        return Malformed("too long", message[:HEAD_BYTES])
    if not message:
        return Malformed("no log", message)
    received = None if event.timestamp is None else event.timestamp * 1_000
    return native.guess(message, cluster) or native.decode_text(message, cluster, received)


def _cluster(log_group: str, default: str) -> str:
    """The part before the last: `/aws/eks/CLUSTER/cluster`."""
    parts = log_group.rstrip("/").split("/")
    return cluster_name(parts[-2] if len(parts) > 1 else "", default)
