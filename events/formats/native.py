"""Kubernetes audit events as the API server writes them; the envelopes of AKS and EKS hold the same."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from events.audit import NO_OBJECT, AuditEvent, ObjectRef, User
from events.lenient import ABSENT, UNREADABLE, Integer, Members, Reader, present, text_of
from events.names import digest
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.repair import leading_members
from events.times import micros

ESSENTIAL = frozenset(
    {
        "verb",
        "objectRef",
        *(f"objectRef.{name}" for name in ("resource", "subresource", "namespace", "name", "apiGroup")),
    }
)
"""A wrong type here leaves open what was done to what."""
TIMES = frozenset({"stageTimestamp", "requestReceivedTimestamp", "metadata", "metadata.creationTimestamp", "timestamp"})
NOBODY = User()
RECEIVED = Skipped("audit stage RequestReceived")


class Answer(Struct, frozen=True, gc=False):
    """The `responseStatus` of an audit event."""

    code: Integer | None = None


class Annotations(Struct, frozen=True, gc=False):
    """What the authorizer said."""

    decision: str | None = field(default=None, name="authorization.k8s.io/decision")
    reason: str | None = field(default=None, name="authorization.k8s.io/reason")


class Metadata(Struct, frozen=True, gc=False, rename="camel"):
    """Metadata of an object; early audit events have their time in it."""

    name: str = ""
    creation_timestamp: str | None = None
    """Often null."""


class Body(Struct, frozen=True, gc=False):
    """As much of an answer as names the object."""

    metadata: Metadata = Metadata()


class AuditRecord(Struct, frozen=True, gc=False, rename="camel"):
    """An audit event of any version, its fields in the order in which the API server writes them."""

    level: str | None = None
    audit_id: str = field(default="", name="auditID")
    stage: str | None = None
    request_uri: str = field(default="", name="requestURI")
    verb: str = ""
    user: User = NOBODY
    impersonated_user: User | None = None
    source_ips: tuple[str, ...] = field(default=(), name="sourceIPs")
    user_agent: str = ""
    object_ref: ObjectRef = NO_OBJECT
    response_status: Answer = Answer()
    request_object: Raw = ABSENT
    response_object: Raw = ABSENT
    request_received_timestamp: str = ""
    stage_timestamp: str = ""
    annotations: Annotations = Annotations()
    metadata: Metadata = Metadata()
    timestamp: str = ""


class Unmarked(Struct, frozen=True, gc=False):
    """Base of records that are none if they have what marks an audit event."""

    kind: Raw | UnsetType = UNSET
    verb: Raw | UnsetType = UNSET
    audit_id: Raw | UnsetType = field(default=UNSET, name="auditID")

    @property
    def marked(self) -> bool:
        """Whether the record is an audit event after all, or may be one."""
        return self.kind is not UNSET or self.verb is not UNSET or self.audit_id is not UNSET


_reader = Reader(AuditRecord)
_strict = _reader.strict
_body = msgspec.json.Decoder(Body)


def recognises(members: Members) -> bool:
    """Whether an object is an audit event: of kind Event, or with an audit id or a verb where the kind is missing."""
    return "auditID" in members or "verb" in members or text_of(members.get("kind")) == "Event"


def guess(record: bytes | str, cluster: str) -> AuditEvent | Skipped | None:
    """The event of a record that is plainly one; None where a closer look is needed."""
    try:
        wire = _strict(record)
    except UNREADABLE:
        return None
    stage, time = wire.stage, micros(wire.stage_timestamp)
    if stage == "RequestReceived":
        return RECEIVED
    if time is None or not wire.verb or not wire.audit_id:
        return None
    return _event(wire, time, wire.audit_id, cluster)


def decode(record: bytes, cluster: str, received: int | None = None) -> AuditEvent | Skipped | Malformed:
    """The event of a record; `received` is the time that its envelope gives, for records that lost their own."""
    reading = _reader.read(record)
    if isinstance(reading, str):
        return Malformed(reading, record[:HEAD_BYTES])
    wire = reading.value
    for path, problem in reading.wrong.items():
        if path in ESSENTIAL:
            return Malformed("wrong type", record[:HEAD_BYTES], f"{path}: {problem}")
    if wire.stage == "RequestReceived":
        return RECEIVED
    if not wire.verb:
        return Malformed("no verb", record[:HEAD_BYTES])
    times = (micros(text) for text in _times(wire))
    time = next((time for time in times if time is not None), received)
    if time is None:
        wrong = any(_times(wire)) or not TIMES.isdisjoint(reading.wrong)
        return Malformed("bad time" if wrong else "no time", record[:HEAD_BYTES])
    event = _event(wire, time, wire.audit_id or digest(record), cluster)
    return msgspec.structs.replace(event, truncated=True) if reading.pruned else event


def decode_text(text: bytes, cluster: str, received: int | None) -> AuditEvent | Skipped | Malformed:
    """The event in the text of an envelope; of a text that was cut, what stands before the cut.

    That must say what was done to what, else the record is Malformed.
    """
    item = decode(text, cluster, received)
    if not isinstance(item, Malformed) or item.reason != "not JSON":
        return item
    salvaged = decode(leading_members(text.decode()).encode(), cluster, received)
    if not isinstance(salvaged, AuditEvent):
        return item if isinstance(salvaged, Malformed) else salvaged
    if salvaged.object == NO_OBJECT:
        return Malformed(item.reason, item.head, "cut before it says what was done to what")
    return msgspec.structs.replace(salvaged, truncated=True)


def _event(wire: AuditRecord, time: int, event_id: str, cluster: str) -> AuditEvent:
    verb, ref, annotations = wire.verb.lower(), wire.object_ref, wire.annotations
    response = wire.response_object
    if not ref.name and response is not ABSENT and verb == "create":
        ref = named(ref, response)
    return AuditEvent(
        cluster,
        time,
        event_id,
        verb,
        wire.stage,
        wire.user,
        wire.impersonated_user,
        wire.source_ips,
        wire.user_agent,
        ref,
        wire.request_uri,
        wire.response_status.code,
        annotations.decision,
        annotations.reason,
        wire.level,
        present(wire.request_object),
        present(response),
    )


def _times(wire: AuditRecord) -> tuple[str, ...]:
    """The times of a record, the best first: early versions of the format have none but the last two."""
    return wire.stage_timestamp, wire.request_received_timestamp, wire.metadata.creation_timestamp or "", wire.timestamp


def named(ref: ObjectRef, response: Raw) -> ObjectRef:
    """The object with the name that `generateName` gave it."""
    try:
        name = _body.decode(response).metadata.name
    except UNREADABLE:
        return ref
    return msgspec.structs.replace(ref, name=name) if name else ref
