"""GKE audit logs: Cloud Logging entries whose method and resource name say what was done to what."""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw, Struct

from events.audit import NO_OBJECT, AuditEvent, ObjectRef, User
from events.formats import native
from events.lenient import ABSENT, UNREADABLE, Integer, Members, Reader
from events.names import cluster_name, digest
from events.outcome import HEAD_BYTES, Malformed, Skipped
from events.remembered import remembered
from events.times import micros

HTTP_OF_GRPC = {
    0: 200,
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}
"""Status codes of gRPC, and the HTTP status that says the same (google.rpc.Code)."""
_VERSION = re.compile(r"v\d{1,3}((alpha|beta)\d{1,3})?")


class Authentication(Struct, frozen=True, gc=False, rename="camel"):
    """Who called."""

    principal_email: str = ""


class Caller(Struct, frozen=True, gc=False, rename="camel"):
    """From where, and with what."""

    caller_ip: str = ""
    caller_supplied_user_agent: str = ""


class Status(Struct, frozen=True, gc=False):
    """A gRPC status."""

    code: Integer | None = None


class Payload(Struct, frozen=True, gc=False, rename="camel"):
    """An AuditLog of Google Cloud."""

    service_name: str = ""
    method_name: str = ""
    resource_name: str = ""
    authentication_info: Authentication = Authentication()
    request_metadata: Caller = Caller()
    status: Status = Status()
    request: Raw = ABSENT
    response: Raw = ABSENT


class ResourceLabels(Struct, frozen=True, gc=False):
    """Where it happened."""

    cluster_name: str = ""


class Resource(Struct, frozen=True, gc=False):
    """The monitored resource."""

    labels: ResourceLabels = ResourceLabels()


class Operation(Struct, frozen=True, gc=False):
    """What holds several entries together."""

    id: str = ""


class LogEntry(Struct, frozen=True, gc=False, rename="camel"):
    """An entry of Cloud Logging."""

    insert_id: str = ""
    proto_payload: Payload | None = None
    resource: Resource = Resource()
    labels: native.Annotations = native.Annotations()
    operation: Operation = Operation()
    timestamp: str = ""
    receive_timestamp: str = ""


class PlainEntry(LogEntry, frozen=True, gc=False, forbid_unknown_fields=True, rename="camel"):
    """An entry with nothing in it but what Cloud Logging writes."""

    log_name: Raw = ABSENT
    severity: Raw = ABSENT
    trace: Raw = ABSENT
    span_id: Raw = ABSENT


_plain = Reader(PlainEntry).strict
_reader = Reader(LogEntry)


def recognises(members: Members) -> bool:
    """Whether an object is an entry of Cloud Logging."""
    return "protoPayload" in members or ("logName" in members and "insertId" in members)


def guess(record: bytes, cluster: str) -> AuditEvent | Skipped | None:
    """The item of a record that is plainly an entry; None where a closer look is needed."""
    try:
        wire = _plain(record)
    except UNREADABLE:
        return None
    if wire.proto_payload is None:
        return None
    item = _item(wire, wire.proto_payload, record, cluster)
    return None if isinstance(item, Malformed) else item


def decode(record: bytes, cluster: str) -> AuditEvent | Skipped | Malformed:
    """The request that an entry reports; entries of other services and kinds are skipped."""
    reading = _reader.read(record)
    if isinstance(reading, str):
        return Malformed(reading, record[:HEAD_BYTES])
    for path, problem in reading.wrong.items():
        if path in ("protoPayload", "protoPayload.methodName", "protoPayload.resourceName"):
            return Malformed("wrong type", record[:HEAD_BYTES], f"{path}: {problem}")
    wire = reading.value
    if wire.proto_payload is None:
        return Skipped("gke log entry without audit payload")
    item = _item(wire, wire.proto_payload, record, cluster, has_wrong_time="timestamp" in reading.wrong)
    return msgspec.structs.replace(item, truncated=True) if reading.pruned and isinstance(item, AuditEvent) else item


def _item(
    wire: LogEntry, payload: Payload, record: bytes, cluster: str, *, has_wrong_time: bool = False
) -> AuditEvent | Skipped | Malformed:
    if payload.service_name != "k8s.io" and not payload.method_name.startswith("io.k8s."):
        return Skipped("gke log entry of another service")
    head, _, verb = payload.method_name.rpartition(".")
    if not head or not verb:
        return Malformed("no verb", record[:HEAD_BYTES])
    time = micros(wire.timestamp)
    if time is None:
        time = micros(wire.receive_timestamp)
    if time is None:
        is_wrong = wire.timestamp or wire.receive_timestamp or has_wrong_time
        return Malformed("bad time" if is_wrong else "no time", record[:HEAD_BYTES])
    return _event(wire, payload, verb.lower(), time, record, cluster)


def _event(wire: LogEntry, payload: Payload, verb: str, time: int, record: bytes, cluster: str) -> AuditEvent:
    caller, response = payload.request_metadata, native.body_of(payload.response)
    ref = object_of(payload.method_name, payload.resource_name)
    if not ref.name and verb == "create" and response is not None:
        ref = native.named(ref, response)
    return AuditEvent(
        cluster=cluster_name(wire.resource.labels.cluster_name, cluster),
        time=time,
        event_id=wire.operation.id or wire.insert_id or digest(record),
        verb=verb,
        user=User(username=payload.authentication_info.principal_email),
        addresses=(caller.caller_ip,) if caller.caller_ip else (),
        user_agent=caller.caller_supplied_user_agent,
        object=ref,
        uri="" if ref.resource else f"/{payload.resource_name.lstrip('/')}",
        code=http_status(payload.status.code),
        decision=wire.labels.decision,
        reason=wire.labels.reason,
        request=native.body_of(payload.request),
        response=response,
        truncated=native.is_text(payload.request) or native.is_text(payload.response),
    )


def http_status(code: int | None) -> int:
    """The HTTP status for a gRPC status; absent is success, and an HTTP status stays one.

    >>> http_status(None), http_status(7), http_status(409)
    (200, 403, 409)
    """
    if code is None:
        return 200
    return code if 100 <= code < 600 else HTTP_OF_GRPC.get(code, 500)


def object_of(method: str, resource_name: str) -> ObjectRef:
    """What a method such as `io.k8s.core.v1.pods.exec.create` was called on.

    The method says the resource and subresource, the resource name says group, namespace and name.

    >>> ref = object_of("io.k8s.core.v1.pods.exec.create", "core/v1/namespaces/shop/pods/web/exec")
    >>> ref.resource, ref.subresource, ref.namespace, ref.name
    ('pods', 'exec', 'shop', 'web')
    >>> object_of("io.k8s.get", "healthz").resource
    ''
    """
    resource, subresource = _resource(method)
    group, version, path = _path(resource_name)
    if not resource and not version:
        return NO_OBJECT
    namespace = ""
    if resource != "namespaces" and path[0] == "namespaces" and len(path) > 1:
        namespace, path = path[1], [*path[2:], ""]
    name = path[1] if len(path) > 1 else ""
    return ObjectRef(
        resource=resource or path[0],
        subresource=subresource,
        namespace=name if resource == "namespaces" else namespace,
        name=name,
        api_group="" if group == "core" else group,
        api_version=version,
    )


@remembered
def _resource(method: str) -> tuple[str, str]:
    parts = method.split(".")[:-1]
    if len(parts) > 1 and _VERSION.fullmatch(parts[-2]):
        return parts[-1], ""
    if len(parts) > 2 and _VERSION.fullmatch(parts[-3]):
        return parts[-2], parts[-1]
    return "", ""


def _path(resource_name: str) -> tuple[str, str, list[str]]:
    parts = resource_name.strip("/").split("/")
    if len(parts) > 2 and _VERSION.fullmatch(parts[1]):
        return parts[0], parts[1], parts[2:]
    return "", "", parts
