"""Nodes as objects: as a kubelet registers one, and as the server holds one that is ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from simulation.clock import second_time
from simulation.json import Json
from simulation.kubernetes.fields import owned
from simulation.kubernetes.objects import body, ordered, stored
from simulation.platforms import Platform
from simulation.stencil import hole

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.sensors.processes import Machine

LABELS = {
    Platform.AKS: {"agentpool": "nodepool1", "kubernetes.azure.com/mode": "system", "kubernetes.azure.com/os": "linux"},
    Platform.EKS: {"eks.amazonaws.com/capacityType": "ON_DEMAND", "eks.amazonaws.com/nodegroup": "main"},
    Platform.GKE: {"cloud.google.com/gke-nodepool": "main", "cloud.google.com/gke-os-distribution": "cos"},
    Platform.SELF: {"node-role.kubernetes.io/worker": ""},
}
TYPES = {Platform.AKS: "Standard_D8ds_v5", Platform.EKS: "m6i.2xlarge", Platform.GKE: "n2-standard-8"}
SYSTEMS = {
    Platform.AKS: ("Ubuntu 22.04.5 LTS", "5.15.0-1092-azure"),
    Platform.EKS: ("Amazon Linux 2023.8.20250915", "6.1.150-174.273.amzn2023.x86_64"),
    Platform.GKE: ("Container-Optimized OS from Google", "6.6.97+"),
    Platform.SELF: ("Ubuntu 24.04.3 LTS", "6.8.0-79-generic"),
}
PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
ATTACHED = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
HOLES = {name: hole(name) for name in ("node", "node_uid", "node_ip", "node_build", "lease_uid")}
"""What differs between nodes, by the names that a cluster's node values have."""


def registered(cluster: Cluster, machine: Machine) -> Json:
    """A Node as its kubelet registers it: nothing runs there yet."""
    values, now = cluster.node_values(machine), second_time(cluster.now)
    told = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "container runtime is starting"}
    condition = {**told, "lastHeartbeatTime": now, "lastTransitionTime": now}
    meta = {"labels": _labels(cluster, machine.name), "annotations": ATTACHED}
    taints = [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
    status = _status(cluster, values, [condition])
    return body("Node", machine.name, meta=meta, spec={"taints": taints}, status=status)


def ready(cluster: Cluster) -> Json:
    """A Node as the server holds it, with holes for what differs between nodes and for times."""
    name = HOLES["node"]
    meta = {"labels": _labels(cluster, name), "annotations": {"node.alpha.kubernetes.io/ttl": "0", **ATTACHED}}
    held = stored(body("Node", name, meta=meta), name=name, uid=HOLES["node_uid"], version=hole("version"), created="")
    held["spec"] = {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]}
    times = {"lastHeartbeatTime": hole("now"), "lastTransitionTime": hole("joined")}
    conditions = [
        {"type": kind, "status": "False", **times, "reason": reason, "message": message}
        for kind, reason, message in PRESSURES
    ]
    told = {"type": "Ready", "status": "True", **times, "reason": "KubeletReady"}
    conditions.append({**told, "message": "kubelet is posting ready status"})
    held["status"] = {**_status(cluster, HOLES, conditions), "images": _images(cluster)}
    entry: Json = {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": hole("now")}
    fields = owned({"metadata": held["metadata"], "status": held["status"]}, ["metadata", "status"])
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields, "subresource": "status"}
    created = {"creationTimestamp": hole("joined"), "managedFields": [entry]}
    held["metadata"] = ordered({**held["metadata"], **created})
    return held


def _labels(cluster: Cluster, name: str) -> Json:
    kind = TYPES.get(cluster.platform, "")
    instance = {"node.kubernetes.io/instance-type": kind, "topology.kubernetes.io/zone": "1"} if kind else {}
    names = {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    return {**LABELS[cluster.platform], **names, **instance}


def _status(cluster: Cluster, values: Mapping[str, object], conditions: Sequence[Json]) -> Json:
    build, (image, kernel) = values["node_build"], SYSTEMS[cluster.platform]
    capacity = {"cpu": "8", "ephemeral-storage": "129886128Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0"}
    info = {"machineID": cluster.chance.child("machine").hexadecimal(32), "systemUUID": values["node_uid"]}
    info |= {"bootID": values["lease_uid"], "kernelVersion": kernel, "osImage": image}
    info |= {"containerRuntimeVersion": "containerd://1.7.28", "kubeletVersion": build, "kubeProxyVersion": build}
    addresses = (("InternalIP", values["node_ip"]), ("Hostname", values["node"]))
    return {
        "capacity": {**capacity, "memory": "32864624Ki", "pods": "110"},
        "allocatable": {**capacity, "cpu": "7820m", "memory": "28362092Ki", "pods": "110"},
        "conditions": list(conditions),
        "addresses": [{"type": kind, "address": address} for kind, address in addresses],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {**info, "operatingSystem": "linux", "architecture": "amd64"},
    }


def _images(cluster: Cluster) -> list[Json]:
    chance = cluster.chance.child("images")
    images = []
    for image in [system.image for system in cluster.facts.systems][:6]:
        digest = f"{image.rpartition(':')[0]}@sha256:{chance.hexadecimal(64)}"
        images.append({"names": [digest, image], "sizeBytes": chance.between(9, 90) * 1_048_579})
    return images
