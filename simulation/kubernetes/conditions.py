"""What controllers and the server write into workloads and their pods: labels, conditions, places."""

from __future__ import annotations

from simulation.clock import second_time
from simulation.json import Json
from simulation.kubernetes.objects import ordered


def labelled(job: Json) -> Json:
    """What the server adds to a Job: labels by which its pods are found."""
    meta, spec = job["metadata"], job["spec"]
    mine = {"batch.kubernetes.io/controller-uid": meta["uid"]}
    named = {"batch.kubernetes.io/job-name": meta["name"], "controller-uid": meta["uid"], "job-name": meta["name"]}
    template = {"metadata": {"labels": mine | named}, "spec": spec["template"]["spec"]}
    first = {key: spec[key] for key in ("parallelism", "completions", "backoffLimit")}
    filled = {**first, "selector": {"matchLabels": mine}, **spec, "template": template}
    return {"metadata": ordered({**meta, "labels": mine | named}), "spec": filled}


def available(at: int, replica_set: Json, replicas: int, generation: int = 1) -> Json:
    """What the deployment controller writes when all pods are there."""
    told = f'ReplicaSet "{replica_set["metadata"]["name"]}" has successfully progressed.'
    available = progress(at, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    conditions = [{**available, "type": "Available"}, progress(at, "NewReplicaSetAvailable", told)]
    return {
        "metadata": {"annotations": {"deployment.kubernetes.io/revision": "6"}},
        "status": {"observedGeneration": generation, **counts, "conditions": conditions},
    }


def progress(at: int, reason: str, message: str) -> Json:
    """A Deployment's condition: how far it is."""
    times = {"lastUpdateTime": second_time(at), "lastTransitionTime": second_time(at)}
    return {"type": "Progressing", "status": "True", **times, "reason": reason, "message": message}


def pinned(node_name: str) -> Json:
    """The affinity that keeps a DaemonSet's pod on its node."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [node_name]}]
    terms = {"nodeSelectorTerms": [{"matchFields": fields}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
