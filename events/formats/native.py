"""Kubernetes audit events as the API server writes them; the envelopes of AKS and EKS hold the same."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct, field

from events.audit import NO_OBJECT, AuditEvent, ObjectRef, User
from events.lenient import ABSENT, UNREADABLE, Integer, Members, Never, Reader, text_of
from events.names import digest
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.repair import is_cut, leading_members
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
    """What the authorizer said, and what the backend left out."""

    decision: str | None = field(default=None, name="authorization.k8s.io/decision")
    reason: str | None = field(default=None, name="authorization.k8s.io/reason")
    truncated: str | None = field(default=None, name="audit.k8s.io/truncated")
    """`true` if the API server left the bodies out because the event was too long for its backend."""


class Metadata(Struct, frozen=True, gc=False, rename="camel"):
    """Metadata of an object; early audit events have their time in it."""

    name: str = ""
    creation_timestamp: str | None = None
    """Often null."""


class Body(Struct, frozen=True, gc=False):
    """As much of an answer as names the object."""

    metadata: Metadata = Metadata()


class Request(Struct, frozen=True, gc=False, rename="camel"):
    """What an audit event reports, in the order in which the API server writes it."""

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
    stage_timestamp: str = ""
    annotations: Annotations = Annotations()


class PlainRecord(Request, frozen=True, gc=False):
    """An audit event that has its time where it belongs. An EventList is refused at its first item."""

    items: Never = 0


class AuditRecord(Request, frozen=True, gc=False, rename="camel"):
    """An audit event of any version."""

    request_received_timestamp: str = ""
    metadata: Metadata = Metadata()
    timestamp: str = ""


class EventList(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename="camel"):
    """What the webhook backend sends, and nothing beside it."""

    kind: str = ""
    api_version: str = ""
    metadata: Raw = ABSENT
    items: tuple[PlainRecord, ...] = ()


class Unmarked(Struct, frozen=True, gc=False):
    """Base of plain records of other formats: none of them has what marks an audit event."""

    kind: Never = 0
    verb: Never = 0
    audit_id: Never = field(default=0, name="auditID")


_reader = Reader(AuditRecord)
_plain = Reader(PlainRecord).strict
_plain_list = Reader(EventList).strict
_body = msgspec.json.Decoder(Body)
_QUOTE = ord('"')
_BODIES = (b',"responseObject":', b',"requestObject":')
"""The last is written first, so where one is cut the other either came whole or is not there."""


def recognises(members: Members) -> bool:
    """Whether an object is an audit event: of kind Event, or with an audit id or a verb where the kind is missing."""
    return "auditID" in members or "verb" in members or text_of(members.get("kind")) == "Event"


def guess(record: bytes | str, cluster: str) -> AuditEvent | Skipped | None:
    """The event of a record that is plainly one; None where a closer look is needed."""
    try:
        wire = _plain(record)
    except UNREADABLE:
        return None
    return _item(wire, cluster)


def guess_all(envelope: bytes, cluster: str) -> list[AuditEvent | Skipped] | None:
    """The events of an EventList whose items are all plain; None where a closer look is needed."""
    try:
        wire = _plain_list(envelope)
    except UNREADABLE:
        return None
    items = [item for record in wire.items if (item := _item(record, cluster)) is not None]
    return items if wire.kind == "EventList" and 0 < len(items) == len(wire.items) else None


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
    head = text[:HEAD_BYTES]
    is_open = text.startswith(b"{") and not text.rstrip().endswith(b"}")
    item = Malformed("not JSON", head) if is_open else decode(text, cluster, received)
    if not isinstance(item, Malformed) or item.reason != "not JSON":
        return item
    salvaged = _salvaged(text, cluster, received)
    if not isinstance(salvaged, AuditEvent):
        return item if isinstance(salvaged, Malformed) else salvaged
    if salvaged.object == NO_OBJECT:
        return Malformed("not JSON", head, "cut before it says what was done to what")
    return msgspec.structs.replace(salvaged, truncated=True)


def _salvaged(text: bytes, cluster: str, received: int | None) -> AuditEvent | Skipped | Malformed:
    """The event in those members of a cut text that came whole; nearly always the cut is in a body."""
    for name in _BODIES:
        members, found, body = text.partition(name)
        if found and is_cut(body):
            item = decode(members + b"}", cluster, received)
            if not isinstance(item, Malformed):
                return item
    return decode(leading_members(text.decode()).encode(), cluster, received)


def _item(wire: PlainRecord, cluster: str) -> AuditEvent | Skipped | None:
    if not wire.verb or not wire.audit_id:
        return None
    if wire.stage == "RequestReceived":
        return RECEIVED
    time = micros(wire.stage_timestamp)
    return None if time is None else _event(wire, time, wire.audit_id, cluster)


def _event(wire: Request, time: int, event_id: str, cluster: str) -> AuditEvent:
    ref, annotations, verb = wire.object_ref, wire.annotations, wire.verb.lower()
    request = None if wire.request_object is ABSENT else body_of(wire.request_object)
    response = None if wire.response_object is ABSENT else body_of(wire.response_object)
    truncated = annotations.truncated == "true"
    if request is None or response is None:
        truncated = truncated or is_text(wire.request_object) or is_text(wire.response_object)
    if verb == "create" and response is not None and not ref.name:
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
        request,
        response,
        truncated,
    )


def body_of(raw: Raw) -> Raw | None:
    """A body, which is an object or a list; None if there is none."""
    return raw if raw is not ABSENT and memoryview(raw)[0] in b"{[" else None


def is_text(raw: Raw) -> bool:
    """Whether a text stands in place of a body: AKS writes `skipped-too-big-size-object` for a large one."""
    return raw is not ABSENT and memoryview(raw)[0] == _QUOTE


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
