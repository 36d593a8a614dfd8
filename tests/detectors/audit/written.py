"""Bodies of requests, short enough for a table."""

from typing import Any

from alerts.signal import Entity, Evidence, Origin, Signal
from detectors.contract import Detector, Match
from detectors.examples import audit
from events import AuditEvent

JSON = dict[str, Any]
CONTROLLER = "system:serviceaccount:kube-system:"
TABLE: JSON = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": []}
"""What a client who does not want the audit log to tell asks for (`Accept: application/json;as=Table;...`)."""


def container(name: str = "web", image: str = "nginx:1.27", *, privileged: bool | None = None, **more: Any) -> JSON:
    context = {} if privileged is None else {"securityContext": {"privileged": privileged}}
    return {"name": name, "image": image, **context, **more}


def pods(*containers: JSON, **more: Any) -> JSON:
    return {"containers": list(containers), **more}


def mounting(path: str, image: str = "nginx:1.27", **more: Any) -> JSON:
    """A pod spec whose one container mounts a path of the node."""
    mount = {"name": "host", "mountPath": "/host"}
    return pods(
        container(image=image, volumeMounts=[mount], **more), volumes=[{"name": "host", "hostPath": {"path": path}}]
    )


def template(spec: JSON) -> JSON:
    return {"spec": {"template": {"spec": spec}}}


def body(resource: str, spec: JSON) -> JSON:
    """What holds a pod spec: an object of the resource."""
    if resource == "podtemplates":
        return {"template": {"spec": spec}}
    if resource == "cronjobs":
        return {"spec": {"jobTemplate": template(spec)}}
    return {"spec": spec} if resource.startswith("pods") else template(spec)


def made_by(kind: str, name: str, group: str = "apps/v1", **labels: str) -> JSON:
    """Metadata of an object that a controller made for an owner."""
    owner = {"apiVersion": group, "kind": kind, "name": name, "uid": "u", "controller": True}
    return {"uid": "u1", "namespace": "shop", "ownerReferences": [owner], "labels": labels}


def alert_id(detector: Detector[Any], event: AuditEvent) -> str | None:
    """The id of the alert that a detector raises for an event."""
    match = detector(event)
    if not isinstance(match, Match):
        return None
    evidence = (Evidence(event.event_id, event.time, Origin(), ""),)
    entity: Entity = match.entity
    return Signal(detector.alert_type, event.cluster, entity, match.occurrence, "", {}, evidence, "", 1).alert_id


def write(resource: str, request: Any = None, verb: str = "create", **fields: Any) -> AuditEvent:
    """A write in the namespace shop."""
    return audit(verb, resource, namespace="shop", name=fields.pop("name", "web"), request=request, **fields)
