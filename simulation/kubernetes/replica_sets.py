"""What the deployment controller makes for each template of a Deployment: a replica set, and what is said of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from simulation.json import Json
from simulation.kubernetes.conditions import available, progress
from simulation.kubernetes.objects import body, owner

if TYPE_CHECKING:
    from simulation.kubernetes.pod_set import PodSet

KEPT = 3
"""Replica sets of earlier templates that a Deployment keeps."""


def new_replica_set(workload: PodSet, *, tell: bool) -> Json:
    """A replica set for the template that a Deployment has now; the log tells of it, unless it has been there."""
    api, cluster = workload.cluster.api, workload.cluster
    meta, spec = workload.object["metadata"], workload.object["spec"]
    mark = _mark(f"{meta['uid']}/{meta.get('generation')}/{api.version}")
    labels = {**spec["selector"]["matchLabels"], "pod-template-hash": mark}
    notes = {"desired-replicas": str(spec["replicas"]), "max-replicas": str(spec["replicas"] + 1), "revision": "7"}
    template = {"metadata": {**spec["template"]["metadata"], "labels": labels}, "spec": spec["template"]["spec"]}
    sent = body(
        "ReplicaSet",
        f"{meta['name']}-{mark}",
        meta["namespace"],
        meta={
            "labels": labels,
            "annotations": {f"deployment.kubernetes.io/{key}": value for key, value in notes.items()},
            "ownerReferences": owner(workload.object),
        },
        spec={"replicas": spec["replicas"], "selector": {"matchLabels": labels}, "template": template},
        status={"replicas": 0},
    )
    if not tell:
        return api.hold(sent, "kube-controller-manager")
    author = cluster.identities.controller("deployment-controller")
    made = api.create(author, sent, mark=workload.mark)
    told = f"Scaled up replica set {made['metadata']['name']} from 0 to {spec['replicas']}"
    cluster.tell("deployment-controller", workload.object, "ScalingReplicaSet", told, mark=workload.mark)
    condition = progress(cluster.now, "NewReplicaSetCreated", f'Created new replica set "{sent["metadata"]["name"]}"')
    status = {"observedGeneration": meta["generation"], "replicas": len(workload.pods), "conditions": [condition]}
    if not api.holds(workload.object):
        return made
    workload.object = api.update(author, workload.held(), {"status": status}, subresource="status", mark=workload.mark)
    if cluster.chance.happens(0.3):
        api.conflict(author, workload.object, {"status": status}, subresource="status")
    return made


def report(workload: PodSet) -> None:
    """All pods of a Deployment are there: its replica set, and it, say so; earlier replica sets make room."""
    api, identities, count = workload.cluster.api, workload.cluster.identities, len(workload.pods)
    if workload.kind != "Deployment" or workload.parent is None or not api.holds(workload.object):
        return
    author = identities.controller("deployment-controller")
    if api.holds(workload.parent):
        status = dict.fromkeys(("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"), count)
        status["observedGeneration"] = workload.parent["metadata"]["generation"]
        options: dict[str, Any] = {"subresource": "status", "mark": workload.mark}
        replica_sets = identities.controller("replicaset-controller")
        workload.parent = api.update(replica_sets, workload.parent, {"status": status}, **options)
    held = workload.held()
    counted = available(workload.cluster.now, workload.parent, count, held["metadata"]["generation"])
    workload.object = api.update(author, held, {"status": counted["status"]}, subresource="status", mark=workload.mark)
    for place, old in enumerate(workload.history):
        if old["spec"]["replicas"] and api.holds(old):
            none = {"spec": {**old["spec"], "replicas": 0}}
            workload.history[place] = api.update(author, old, none, mark=workload.mark)
    while len(workload.history) > KEPT:
        api.delete(author, workload.history.pop(0), mark=workload.mark)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(str.maketrans("0123aeiou", "bcdfghjkl"))
