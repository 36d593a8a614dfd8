"""An alert as bytes: its own JSON, and a Detection Finding of OCSF 1.5."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from alerts.alert import Alert, AlertActor, AlertEntity, AlertEvidence, milliseconds
from alerts.catalogue import ATTACK_VERSION, CATALOGUE, TACTICS, TECHNIQUES, Severity

OCSF_VERSION = "1.5.0"
PRODUCT = "Middlewatch"
_ACTIVITIES = {"create": (1, "Create"), "update": (2, "Update")}
_STATUSES = {"new": (1, "New"), "suppressed": (3, "Suppressed")}
_ANALYTICS = {
    "rule": (1, "Rule"),
    "join": (1, "Rule"),
    "window": (2, "Behavioral"),
    "baseline": (2, "Behavioral"),
    "model": (4, "Learning (ML/DL)"),
}
_OTHER_ANALYTIC = (99, "Other")
_IDENTITIES = frozenset({"user", "service_account", "managed_identity"})
_HOSTNAME, _IP_ADDRESS, _USER_NAME, _RESOURCE_UID = 1, 2, 4, 10


def to_json(alert: Alert) -> bytes:
    """The alert in one line, without its end. What is absent is left out; the order of fields is that of the model."""
    return alert.model_dump_json(exclude_defaults=True).encode()


def to_ocsf(alert: Alert) -> bytes:
    """The alert in one line, without its end, as an OCSF Detection Finding (class 2004).

    What OCSF has no place for stands under `unmapped`, under the names of the alert.
    """
    finding = _head(alert) | {
        "finding_info": _finding_info(alert),
        "resources": [_resource(alert)],
        "evidences": [_evidence(item, alert) for item in alert.evidence],
        "observables": list(_observables(alert)),
        "unmapped": _unmapped(alert),
    }
    if _source(alert) == "arm":
        finding["cloud"] = {"provider": "Azure"}
    return json.dumps(finding, ensure_ascii=False, separators=(",", ":")).encode()


def _head(alert: Alert) -> dict[str, Any]:
    activity_id, activity = _ACTIVITIES[alert.activity]
    status_id, status = _STATUSES[alert.status]
    head = {
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": 200400 + activity_id,
        "type_name": f"Detection Finding: {activity}",
        "time": milliseconds(alert.last_event_time),
        "start_time": milliseconds(alert.first_event_time),
        "end_time": milliseconds(alert.last_event_time),
        "count": alert.count,
        "severity_id": int(Severity[alert.severity.upper()]),
        "severity": alert.severity,
        "status_id": status_id,
        "status": status,
        "is_alert": alert.status == "new",
        "message": alert.explanation.because,
        "metadata": _metadata(alert),
    }
    return head if alert.suppression is None else head | {"status_detail": alert.suppression.reason}


def _metadata(alert: Alert) -> dict[str, Any]:
    profiles = ["cloud"] if _source(alert) == "arm" else ["container"] if _container(alert.entity) else []
    return {
        "version": OCSF_VERSION,
        "uid": f"{alert.id}-{alert.revision}",
        "correlation_uid": alert.id,
        "event_code": alert.alert_type,
        "product": {"name": PRODUCT, "vendor_name": PRODUCT, "feature": {"name": alert.detector.name}},
    } | ({"profiles": profiles} if profiles else {})


def _source(alert: Alert) -> str:
    """Of the catalogue; empty for an alert type that is not in it."""
    found = CATALOGUE.get(alert.alert_type)
    return "" if found is None else found.source


def _finding_info(alert: Alert) -> dict[str, Any]:
    found = CATALOGUE.get(alert.alert_type)
    type_id, analytic = _OTHER_ANALYTIC if found is None else _ANALYTICS[found.kind]
    return {
        "uid": alert.id,
        "title": alert.title,
        "desc": alert.description,
        "types": [alert.alert_type],
        "first_seen_time": milliseconds(alert.first_event_time),
        "last_seen_time": milliseconds(alert.last_event_time),
        "analytic": {
            "uid": alert.detector.name,
            "name": alert.detector.name,
            "type_id": type_id,
            "type": analytic,
            "version": str(alert.detector.revision),
        },
        "attacks": [*map(_tactic, alert.tactics), *map(_technique, alert.techniques)],
    } | ({} if found is None else {"data_sources": [found.source]})


def _tactic(word: str) -> dict[str, Any]:
    tactic = TACTICS.get(word)
    named = {"name": word} if tactic is None else {"name": tactic.name} | ({"uid": tactic.uid} if tactic.uid else {})
    return {"version": ATTACK_VERSION, "tactic": named}


def _technique(uid: str) -> dict[str, Any]:
    parent = uid.partition(".")[0]
    attack = {"version": ATTACK_VERSION, "technique": {"uid": parent, "name": TECHNIQUES.get(parent, parent)}}
    return attack if parent == uid else attack | {"sub_technique": {"uid": uid, "name": TECHNIQUES.get(uid, uid)}}


def _resource(alert: Alert) -> dict[str, Any]:
    """What the alert is about; the uid holds cluster, kind, namespace and name."""
    entity = alert.entity
    known = entity.model_dump(exclude_defaults=True, exclude={"kind", "name"})
    named = {"uid": _resource_uid(alert), "name": entity.name, "type": entity.kind}
    if entity.namespace is not None:
        named["namespace"] = entity.namespace
    return named | {"data": {"cluster": alert.cluster} | known}


def _resource_uid(alert: Alert) -> str:
    entity = alert.entity
    return "/".join(part for part in (alert.cluster, entity.kind, entity.namespace, entity.name) if part)


def _evidence(item: AlertEvidence, alert: Alert) -> dict[str, Any]:
    evidence: dict[str, Any] = {"uid": item.event_id, "data": item.model_dump(exclude_defaults=True)}
    return evidence if alert.actor is None else evidence | _who(alert.actor, alert.entity)


def _who(actor: AlertActor, entity: AlertEntity) -> dict[str, Any]:
    if actor.kind != "process":
        return {"actor": {"user": _user(actor)}} | _endpoint(actor)
    process: dict[str, Any] = {"cmd_line": actor.name}
    if actor.parent is not None:
        process["parent_process"] = {"cmd_line": actor.parent}
    if actor.uid is not None:
        process["user"] = {"uid": str(actor.uid)}
    container = _container(entity)
    return {"process": process | ({"container": container} if container else {})}


def _user(actor: AlertActor) -> dict[str, Any]:
    type_id, user_type = (1, "User") if actor.kind == "user" else (99, actor.kind)
    return {"name": actor.name, "type_id": type_id, "type": user_type}


def _endpoint(actor: AlertActor) -> dict[str, Any]:
    """Where the actor's connection came from: the last address, for the client invents those before it at will."""
    addresses = [address for address in (actor.addresses or ())[-1:] if _is_address(address)]
    return {"src_endpoint": {"ip": addresses[0]}} if addresses else {}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _container(entity: AlertEntity) -> dict[str, Any]:
    name = entity.name if entity.kind == "container" else entity.container
    if name is None:
        return {}
    return {"name": name} | ({"image": {"name": entity.image}} if entity.image is not None else {})


def _observables(alert: Alert) -> Iterator[dict[str, Any]]:
    entity, actor = alert.entity, alert.actor
    yield _observable("resources[0].uid", _RESOURCE_UID, "Resource UID", _resource_uid(alert))
    node = entity.name if entity.kind == "node" else entity.node
    if node is not None:
        yield _observable("resources[0].data.node", _HOSTNAME, "Hostname", node)
    if entity.kind in _IDENTITIES:
        yield _observable("resources[0].name", _USER_NAME, "User Name", entity.name)
    if actor is None:
        return
    if actor.kind in _IDENTITIES:
        yield _observable("evidences[0].actor.user.name", _USER_NAME, "User Name", actor.name)
    for address in actor.addresses or ():
        if _is_address(address):
            yield _observable("unmapped.actor.addresses", _IP_ADDRESS, "IP Address", address)


def _observable(name: str, type_id: int, type_name: str, value: str) -> dict[str, Any]:
    return {"name": name, "type_id": type_id, "type": type_name, "value": value}


def _unmapped(alert: Alert) -> dict[str, Any]:
    names = {"revision", "cluster", "actor", "explanation", "suppression", "trimmed"}
    return alert.model_dump(mode="json", include=names, exclude_defaults=True)
