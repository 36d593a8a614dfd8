"""The Azure Activity log: what was written, deleted or done through Azure Resource Manager."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Raw, Struct, field

from events.activity import ActivityEvent, Identity
from events.formats import aks
from events.lenient import ABSENT, UNREADABLE, Members, Never, Reader
from events.names import azure_cluster, azure_node_group, cluster_name, digest, known
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.times import micros

OPERATIONS = frozenset({"", "administrative", "action", "write", "delete"})
"""Categories that report operations; a record without one is judged by its operation's name."""
OTHERS = aks.OTHERS | {
    "alert",
    "auditlogs",
    "autoscale",
    "managedidentitysigninlogs",
    "noninteractiveusersigninlogs",
    "policy",
    "recommendation",
    "resourcehealth",
    "security",
    "servicehealth",
    "serviceprincipalsigninlogs",
    "signinlogs",
}
T = TypeVar("T", bound=Struct)
_SCHEMA = "http://schemas.{}/identity/claims/{}"


class Evidence(Struct, frozen=True, gc=False, rename="camel"):
    """The role assignment that allowed an operation."""

    role: str = ""
    role_assignment_scope: str = ""
    principal_id: str = ""
    principal_type: str = ""


class Authorization(Struct, frozen=True, gc=False):
    """What was allowed, and where."""

    scope: str = ""
    evidence: Evidence = Evidence()


class Claims(Struct, frozen=True, gc=False):
    """The caller's token."""

    appid: str = ""
    appidacr: str = ""
    idtyp: str = ""
    xms_mirid: str = ""
    oid: str = ""
    object_id: str = field(default="", name=_SCHEMA.format("microsoft.com", "objectidentifier"))
    upn: str = ""
    full_upn: str = field(default="", name=_SCHEMA.format("xmlsoap.org/ws/2005/05", "upn"))
    full_name: str = field(default="", name=_SCHEMA.format("xmlsoap.org/ws/2005/05", "name"))


class Caller(Struct, frozen=True, gc=False):
    """The identity of the Event Hubs form."""

    authorization: Authorization = Authorization()
    claims: Claims = Claims()


class Localizable(Struct, frozen=True, gc=False):
    """A name of the REST form."""

    value: str = ""


class HttpRequest(Struct, frozen=True, gc=False, rename="camel"):
    """The request, in the REST form."""

    client_ip_address: str = ""


class ActivityRecord(Struct, frozen=True, gc=False, rename="camel"):
    """A record of either form."""

    time: str = ""
    event_timestamp: str = ""
    resource_id: str = ""
    operation_name: str | Localizable = ""
    category: str | Localizable = ""
    result_type: str = ""
    result_signature: str = ""
    status: Localizable = Localizable()
    sub_status: Localizable = Localizable()
    caller_ip_address: str = ""
    http_request: HttpRequest = HttpRequest()
    correlation_id: str = ""
    identity: Caller = Caller()
    authorization: Authorization = Authorization()
    claims: Claims = Claims()
    caller: str = ""


class Properties(Struct, frozen=True, gc=False):
    """What an operation adds; a record with a log in it is one of a cluster."""

    log: Never = 0


class PlainRecord(ActivityRecord, frozen=True, gc=False, forbid_unknown_fields=True, rename="camel"):
    """A record of the Event Hubs form, with nothing in it but what Azure Monitor writes."""

    properties: Properties | str | None = None
    duration_ms: Raw = ABSENT
    level: Raw = ABSENT
    location: Raw = ABSENT
    result_description: Raw = ABSENT
    tenant_id: Raw = ABSENT
    release_version: Raw = field(default=ABSENT, name="ReleaseVersion")
    role_location: Raw = field(default=ABSENT, name="RoleLocation")
    stamp: Raw = field(default=ABSENT, name="Stamp")


class PlainRecords(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The envelope of Event Hubs, and nothing beside it."""

    records: tuple[PlainRecord, ...]


_plain = Reader(PlainRecord).strict
_plain_list = Reader(PlainRecords).strict
_reader = Reader(ActivityRecord)
_NO_AUTHORIZATION, _NO_CLAIMS = Authorization(), Claims()


def recognises(members: Members) -> bool:
    """Whether an object is a record of Azure Monitor; what is no operation is skipped when it is decoded."""
    return "operationName" in members or ("metricName" in members and "resourceId" in members)


def guess(record: bytes, cluster: str) -> ActivityEvent | None:
    """The event of a record that is plainly an operation; None where a closer look is needed."""
    try:
        return _item(_plain(record), cluster)
    except UNREADABLE:
        return None


def guess_all(envelope: bytes, cluster: str) -> list[ActivityEvent] | None:
    """The events of an envelope whose records are all plainly operations; None where a closer look is needed."""
    try:
        records = _plain_list(envelope).records
    except UNREADABLE:
        return None
    items = [item for record in records if (item := _item(record, cluster)) is not None]
    return items if 0 < len(items) == len(records) else None


def decode(record: bytes, cluster: str) -> ActivityEvent | Skipped | Malformed:
    """The phase of an operation that a record reports; records of other logs that share the hub are skipped."""
    reading = _reader.read(record)
    if isinstance(reading, str):
        return Malformed(reading, record[:HEAD_BYTES])
    wire = reading.value
    category = _text(wire.category).casefold()
    if category not in OPERATIONS:
        return Skipped(f"azure log category {known(category, OTHERS)}")
    if "identity" in reading.wrong:
        return Skipped("azure record whose identity is no object")
    operation = _text(wire.operation_name).lower()
    if "operationName" in reading.wrong:
        return Malformed("wrong type", record[:HEAD_BYTES], f"operationName: {reading.wrong['operationName']}")
    if "/" not in operation:
        return Skipped("azure record without an operation")
    time = micros(wire.time or wire.event_timestamp)
    if time is None:
        wrong = wire.time or wire.event_timestamp or "time" in reading.wrong
        return Malformed("bad time" if wrong else "no time", record[:HEAD_BYTES])
    return _event(wire, operation, category, time, record, cluster)


def _item(wire: PlainRecord, cluster: str) -> ActivityEvent | None:
    category, operation = _text(wire.category).casefold(), _text(wire.operation_name).lower()
    if category not in OPERATIONS or "/" not in operation or not wire.correlation_id:
        return None
    time = micros(wire.time or wire.event_timestamp)
    return None if time is None else _event(wire, operation, category, time, b"", cluster)


def _event(
    wire: ActivityRecord, operation: str, category: str, time: int, record: bytes, cluster: str
) -> ActivityEvent:
    authorization = _first(wire.identity.authorization, wire.authorization, _NO_AUTHORIZATION)
    claims = _first(wire.identity.claims, wire.claims, _NO_CLAIMS)
    evidence, correlation = authorization.evidence, wire.correlation_id.lower()
    resource, identity, scope = wire.resource_id.lower(), claims.xms_mirid.lower(), authorization.scope.lower()
    result = (wire.result_type or wire.status.value).lower()
    key = f"{operation}\0{resource}\0{result}".encode()
    return ActivityEvent(
        cluster=cluster_name(_cluster(resource, identity, scope), cluster),
        time=time,
        event_id=digest(correlation.encode(), key) if correlation else digest(record),
        operation=operation,
        resource_id=resource,
        result=result,
        signature=wire.result_signature or wire.sub_status.value,
        category=category,
        correlation_id=correlation,
        identity=_identity(claims, evidence, wire.caller),
        address=wire.caller_ip_address or wire.http_request.client_ip_address,
        role=evidence.role.lower(),
        scope=evidence.role_assignment_scope.lower() or scope,
    )


def _cluster(resource: str, identity: str, scope: str) -> str:
    """The cluster that one of these ids names; else the one whose nodes the identity, or the resource, belongs to."""
    named = azure_cluster(resource) or azure_cluster(identity) or azure_cluster(scope)
    return named or azure_node_group(identity) or azure_node_group(resource) or azure_node_group(scope)


def _identity(claims: Claims, evidence: Evidence, caller: str) -> Identity:
    is_group = evidence.principal_type.lower() not in ("serviceprincipal", "user")
    object_id = claims.object_id or claims.oid or ("" if is_group else evidence.principal_id)
    is_name = "@" in caller
    return Identity(
        managed_identity=claims.xms_mirid.lower(),
        object_id=(object_id or ("" if is_name else caller)).lower(),
        app_id=claims.appid.lower(),
        kind=_kind(claims, evidence),
        name=claims.full_upn or claims.upn or claims.full_name or (caller if is_name else ""),
    )


def _kind(claims: Claims, evidence: Evidence) -> str:
    if claims.idtyp.lower() in ("app", "user"):
        return claims.idtyp.lower()
    if claims.xms_mirid or claims.appidacr == "2" or evidence.principal_type.lower() == "serviceprincipal":
        return "app"
    return "user" if claims.full_upn or claims.upn or evidence.principal_type.lower() == "user" else ""


def _text(name: str | Localizable) -> str:
    return name if isinstance(name, str) else name.value


def _first(told: T, other: T, nothing: T) -> T:
    """What is told, else the other."""
    return other if told == nothing else told
