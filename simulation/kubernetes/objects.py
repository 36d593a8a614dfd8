"""Bodies of Kubernetes objects as clients send them, defaults included, keys in the order of the Go types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulation.json import Json
from simulation.kubernetes.kinds import COUNTED, KINDS, RBAC

METADATA_ORDER = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip


def ordered(metadata: Mapping[str, Any]) -> Json:
    """Metadata with its keys in the API's order, absent ones left out."""
    return {key: metadata[key] for key in METADATA_ORDER if metadata.get(key)}


def body(kind: str, name: str, namespace: str = "", /, *, meta: Mapping[str, Any] = {}, **parts: Any) -> Json:
    """An object with its kind, its metadata and its other parts."""
    metadata = ordered({"name": name, "namespace": namespace, **meta})
    return {"kind": kind, "apiVersion": KINDS[kind].api, "metadata": metadata, **parts}


def present(**fields: Any) -> Json:
    """The fields that have a value."""
    return {key: value for key, value in fields.items() if value not in (None, "", [], (), {})}


def deployment(namespace: str, name: str, spec: Json, *, replicas: int = 2, meta: Mapping[str, Any] = {}) -> Json:
    """A Deployment whose label `app` is its name."""
    labels = {"app": name}
    return body(
        "Deployment",
        name,
        namespace,
        meta={"labels": labels, **meta},
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
        status={},
    )


def daemon_set(namespace: str, name: str, labels: Json, spec: Json) -> Json:
    """A DaemonSet."""
    return body(
        "DaemonSet",
        name,
        namespace,
        meta={"labels": labels, "annotations": {"deprecated.daemonset.template.generation": "0"}},
        spec={
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "revisionHistoryLimit": 10,
        },
        status=dict.fromkeys(
            ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0
        ),
    )


def stateful_set(namespace: str, name: str, spec: Json, *, replicas: int = 1) -> Json:
    """A StatefulSet whose label `app` is its name."""
    labels = {"app": name}
    return body(
        "StatefulSet",
        name,
        namespace,
        meta={"labels": labels},
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            "serviceName": name,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 10,
        },
        status={"replicas": 0, "availableReplicas": 0},
    )


def template_of(manifest: Json) -> Json:
    """Metadata and spec of the pods that a workload's object asks for; a Pod is its own template."""
    if manifest["kind"] == "Pod":
        return manifest
    spec = manifest["spec"]
    template: Json = (spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec)["template"]
    return template


def job_spec(spec: Json) -> Json:
    """The part of a Job that runs one pod once."""
    return {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 2,
        "manualSelector": False,
        "template": {"metadata": {}, "spec": spec},
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


def role(kind: str, namespace: str, name: str, *rules: tuple[Sequence[str], str, Sequence[str]]) -> Json:
    """A Role or ClusterRole; a rule is verbs, API group, resources."""
    written = [{"verbs": list(verbs), "apiGroups": [group], "resources": list(kinds)} for verbs, group, kinds in rules]
    return body(kind, name, namespace, rules=written)


def binding(kind: str, namespace: str, name: str, subject: Json, role_kind: str, role_name: str) -> Json:
    """A RoleBinding or ClusterRoleBinding."""
    reference = {"apiGroup": RBAC, "kind": role_kind, "name": role_name}
    return body(kind, name, namespace, subjects=[subject], roleRef=reference)


def event(component: str, regarding: Json, reason: str, message: str, *, stamp: str, mark: str, host: str = "") -> Json:
    """An Event (core/v1) about an object of the cluster; `mark` ends its name, `stamp` is its time."""
    meta = regarding["metadata"]
    return {
        **body("Event", f"{meta['name']}.{mark}", meta.get("namespace", "default")),
        "involvedObject": _reference(regarding),
        "reason": reason,
        "message": message,
        "source": present(component=component, host=host),
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": host,
    }


def scheduling(pod: Json, node: str, *, moment: str, mark: str) -> Json:
    """The Event (events.k8s.io/v1) by which the scheduler says where a pod runs."""
    meta = pod["metadata"]
    return {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "metadata": ordered({"name": f"{meta['name']}.{mark}", "namespace": meta["namespace"]}),
        "eventTime": moment,
        "reportingController": "default-scheduler",
        "reportingInstance": "default-scheduler-control-plane",
        "action": "Binding",
        "reason": "Scheduled",
        "regarding": _reference(pod),
        "note": f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}",
        "type": "Normal",
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
    }


def _reference(held: Json) -> Json:
    meta = held["metadata"]
    return {
        "kind": held["kind"],
        **present(namespace=meta.get("namespace"), name=meta["name"], uid=meta["uid"]),
        "apiVersion": held["apiVersion"],
        "resourceVersion": meta["resourceVersion"],
    }


def owner(parent: Json) -> list[Json]:
    """The reference from what a controller made to what it made it for."""
    reference = {"apiVersion": parent["apiVersion"], "kind": parent["kind"]}
    named = {"name": parent["metadata"]["name"], "uid": parent["metadata"]["uid"]}
    return [{**reference, **named, "controller": True, "blockOwnerDeletion": True}]


def stored(sent: Json, *, name: str, uid: str, version: str, created: str) -> Json:
    """An object as the server keeps it after its creation, managed fields aside."""
    counted = {"generation": 1} if sent["kind"] in COUNTED else {}
    known = {"name": name, "uid": uid, "resourceVersion": version, "creationTimestamp": created, **counted}
    return {**sent, "metadata": ordered({**sent["metadata"], **known})}
