"""Short events for the examples in docstrings and for tests, and what a detector says of them."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from alerts.signal import Entity
from detectors.contract import Detector
from detectors.replay import findings
from events import AuditEvent, Connection, Container, Event, File, Kind, ObjectRef, Process, RuntimeEvent, User

START = 1_790_000_000_000_000
"""Microseconds since 1970: an hour in September 2026 to which `at` adds seconds."""
SHOP = Container(
    id="0123456789ab",
    name="web",
    image="registry.example/shop/web:1.4",
    namespace="shop",
    pod="web-6d4cf56db6-x2x7k",
    workload="web",
    workload_kind="Deployment",
)
_numbers = itertools.count(1)


def audit(
    verb: str,
    resource: str,
    *,
    at: float = 0,
    user: str = "jane@contoso.example",
    namespace: str = "",
    name: str = "",
    request: Any = None,
    response: Any = None,
    code: int | None = 200,
    **fields: Any,
) -> AuditEvent:
    """A completed request; `resource` may name a subresource, `request` and `response` are plain JSON values."""
    kind, _, subresource = resource.partition("/")
    defaults: dict[str, Any] = {
        "event_id": f"audit-{next(_numbers)}",
        "stage": "ResponseComplete",
        "uri": f"/{resource}",
    }
    return AuditEvent(
        cluster="test",
        time=START + round(at * 1_000_000),
        verb=verb,
        user=User(username=user),
        object=ObjectRef(resource=kind, subresource=subresource, namespace=namespace, name=name),
        code=code,
        request=None if request is None else msgspec.Raw(msgspec.json.encode(request)),
        response=None if response is None else msgspec.Raw(msgspec.json.encode(response)),
        **defaults | fields,
    )


def execution(
    binary: str,
    arguments: str = "",
    *,
    at: float = 0,
    parent: str = "/bin/bash",
    container: Container | None = SHOP,
    **process: Any,
) -> RuntimeEvent:
    """An executed program, in a container unless `container=None`; more keywords are fields of the Process."""
    return _runtime(Kind.EXEC, at, binary, arguments, parent, container, process)


def connection(
    binary: str, address: str, port: int, *, at: float = 0, arguments: str = "", container: Container | None = SHOP
) -> RuntimeEvent:
    """A connection that a program opened."""
    event = _runtime(Kind.CONNECTION, at, binary, arguments, "/bin/bash", container, {})
    return msgspec.structs.replace(event, connection=Connection(address, port, "tcp"))


def file_access(
    binary: str, path: str, access: str, *, at: float = 0, container: Container | None = SHOP
) -> RuntimeEvent:
    """A file that a program touched."""
    event = _runtime(Kind.FILE, at, binary, "", "/bin/bash", container, {})
    return msgspec.structs.replace(event, file=File(path, access))


def _runtime(
    kind: Kind,
    at: float,
    binary: str,
    arguments: str,
    parent: str,
    container: Container | None,
    process: dict[str, Any],
) -> RuntimeEvent:
    number = next(_numbers)
    defaults: dict[str, Any] = {"exec_id": f"exec-{number}", "parent_exec_id": "exec-0", "pid": 1000 + number}
    started = Process(binary=binary, arguments=arguments, **defaults | process)
    return RuntimeEvent(
        cluster="test",
        time=START + round(at * 1_000_000),
        event_id=started.exec_id,
        kind=kind,
        sensor="tetragon",
        node="node-1",
        process=started,
        parent=Process(exec_id="exec-0", binary=parent) if parent else None,
        container=container,
        on_host=container is None,
    )


def fired(detector: Detector[Any], *events: Event) -> list[str]:
    """The names of the entities that the detector raises for these events, in order; `shop/web` has a namespace."""
    matches = (finding.match for finding in findings(detector, events))
    occurrences = {(match.entity, match.occurrence): match.entity for match in matches}
    return [_label(entity) for entity in occurrences.values()]


def _label(entity: Entity) -> str:
    return f"{entity.namespace}/{entity.name}" if entity.namespace else entity.name
