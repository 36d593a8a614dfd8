"""Signals and alerts that the tests of this folder share."""

from __future__ import annotations

from typing import Any, Literal

from alerts import Actor, Alert, Entity, Evidence, Origin, Signal, Suppression
from alerts.merge import merge, to_alert

START = 1_790_000_000_000_000
ENTITIES = {
    "cluster_role_binding": Entity("cluster_role_binding", "ops-admin"),
    "service_account": Entity("service_account", "web", namespace="shop"),
    "user": Entity("user", "jane@contoso.example"),
    "container": Entity("container", "web", namespace="shop", pod="web-1", image="r.example/web:1", node="node-1"),
    "pod": Entity(
        "pod", "web-1", namespace="shop", workload="Deployment/web", container="web", image="r.example/web:1"
    ),
    "node": Entity("node", "node-1"),
    "namespace": Entity("namespace", "shop"),
    "managed_identity": Entity("managed_identity", "omsagent-prod"),
    "deployment": Entity("deployment", "web", namespace="shop"),
}
ACTORS: dict[str, Actor | None] = {
    "nobody": None,
    "user": Actor("user", "jane@contoso.example", addresses=("10.0.0.1", "not an address", "2001:db8::1")),
    "service_account": Actor("service_account", "system:serviceaccount:shop:web", user_agent="kubectl/v1.34"),
    "process": Actor("process", "/usr/bin/nmap 10.0.0.0/8", parent="/bin/bash", uid=0),
}


def evidence(at: int = 0, event_id: str = "", summary: str = "", **origin: Any) -> Evidence:
    place = Origin(**origin) if origin else Origin(path="audit.log", line=at + 1)
    return Evidence(event_id or f"event-{at}", START + at, place, summary or f"event {at}")


def signal(*items: Evidence, **fields: Any) -> Signal:
    known: dict[str, Any] = {
        "alert_type": "K8S_ClusterAdminBinding",
        "cluster": "prod",
        "entity": ENTITIES["cluster_role_binding"],
        "occurrence": "uid 7",
        "because": "ops-admin gives cluster-admin to Group ops",
        "fields": {"role": "cluster-admin"},
        "evidence": items or (evidence(),),
        "detector": "cluster_admin_binding",
        "revision": 1,
        "conditions": ("not: the request was refused",),
    }
    return Signal(**known | fields)


def alert(made: Signal | None = None, revision: int = 1, activity: Literal["create", "update"] = "create") -> Alert:
    return to_alert(merge(None, made or signal()), None, revision, activity)


def suppressed_alert(exception: str, reason: str) -> Alert:
    return alert().model_copy(
        update={"status": "suppressed", "suppression": Suppression(exception=exception, reason=reason)}
    )
