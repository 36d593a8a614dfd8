"""The Azure Activity log: what was written, deleted or done through Azure Resource Manager."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct, field

from events.activity import ActivityEvent, Identity
from events.formats import aks
from events.lenient import Members, Reader
from events.names import azure_cluster, cluster_name, digest, known
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
T = TypeVar("T")
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


_reader = Reader(ActivityRecord)


def recognises(members: Members) -> bool:
    """Whether an object is a record of Azure Monitor; what is no operation is skipped when it is decoded."""
    return "operationName" in members or ("metricName" in members and "resourceId" in members)


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


def _event(
    wire: ActivityRecord, operation: str, category: str, time: int, record: bytes, cluster: str
) -> ActivityEvent:
    authorization = _first(wire.identity.authorization, wire.authorization)
    claims = _first(wire.identity.claims, wire.claims)
    resource, mirid = wire.resource_id.lower(), claims.xms_mirid.lower()
    scope = authorization.scope.lower()
    result = (wire.result_type or wire.status.value).lower()
    found = azure_cluster(resource) or azure_cluster(mirid) or azure_cluster(scope)
    key = "\0".join((operation, resource, result)).encode()
    return ActivityEvent(
        cluster=cluster_name(found, cluster),
        time=time,
        event_id=digest(wire.correlation_id.lower().encode(), key) if wire.correlation_id else digest(record),
        operation=operation,
        resource_id=resource,
        result=result,
        signature=wire.result_signature or wire.sub_status.value,
        category=category,
        correlation_id=wire.correlation_id.lower(),
        identity=_identity(claims, authorization.evidence, wire.caller),
        address=wire.caller_ip_address or wire.http_request.client_ip_address,
        role=authorization.evidence.role.lower(),
        scope=authorization.evidence.role_assignment_scope.lower() or scope,
    )


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


def _first(told: T, other: T) -> T:
    """What is told, else the other."""
    return other if told == type(told)() else told
