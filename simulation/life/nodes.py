"""What every node does by itself at the API server."""

from __future__ import annotations

from collections.abc import Iterator

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, second_time
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.fields import owned
from simulation.kubernetes.habits import LEASES, WATCH, Asking, Habit, Values, begin, quoted
from simulation.kubernetes.objects import body, ordered, stored
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.platforms import Platform
from simulation.schedule import Life
from simulation.sensors.processes import Machine
from simulation.stencil import hole

NODE = hole("node")
PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
NODE_LABELS = {
    Platform.AKS: {"agentpool": "nodepool1", "kubernetes.azure.com/mode": "system", "kubernetes.azure.com/os": "linux"},
    Platform.EKS: {"eks.amazonaws.com/capacityType": "ON_DEMAND", "eks.amazonaws.com/nodegroup": "main"},
    Platform.GKE: {"cloud.google.com/gke-nodepool": "main", "cloud.google.com/gke-os-distribution": "cos"},
    Platform.SELF: {"node-role.kubernetes.io/worker": ""},
}  # fmt: skip
TYPES = {Platform.AKS: "Standard_D8ds_v5", Platform.EKS: "m6i.2xlarge", Platform.GKE: "n2-standard-8"}
SYSTEMS = {
    Platform.AKS: ("Ubuntu 22.04.5 LTS", "5.15.0-1092-azure"),
    Platform.EKS: ("Amazon Linux 2023.8.20250915", "6.1.150-174.273.amzn2023.x86_64"),
    Platform.GKE: ("Container-Optimized OS from Google", "6.6.97+"),
    Platform.SELF: ("Ubuntu 24.04.3 LTS", "6.8.0-79-generic"),
}


@actor()
def kubelets(cluster: Cluster, chance: Chance) -> Life:
    """The kubelets of all nodes: those that are there, and those that join later."""
    asking = Asking(cluster, cluster.identities.kubelet(), chance)
    node = Target("Node", name=NODE, query="resourceVersion=0&timeout=10s")
    mine = f"fieldSelector={quoted(f'spec.nodeName={NODE}')}&limit=500&resourceVersion=0"
    before = hole("before")
    lease = Target("Lease", "kube-node-lease", NODE, query="timeout=10s", uid=hole("lease_uid"), version=before)
    status = Target("Node", name=NODE, subresource="status", query="timeout=10s")
    habits = [
        asking.change(10 * SECOND * LEASES, "update", lease),
        asking.ask(10 * SECOND, "get", node),
        asking.change(5 * MINUTE, "patch", status, request=_heartbeat(), response=_node(cluster)),
        asking.ask(6 * HOUR, "list", Target("Pod", query=mine)),
        asking.watch("Pod", selector=f"spec.nodeName={NODE}"),
        asking.watch("Node", name=NODE),
        *asking.watches("Service", "CSIDriver", "RuntimeClass"),
        asking.ask(5 * MINUTE, "get", Target("CSINode", name=NODE)),
        asking.ask(2 * MINUTE, "create", Target("TokenReview"), code=201),
        asking.ask(2 * MINUTE, "create", Target("SubjectAccessReview"), code=201),
    ]
    leases = chance.child("leases")

    def values(machine: Machine) -> Values:
        found = cluster.node_values(machine)
        if "lease_uid" not in found:
            found |= {"lease_uid": leases.uuid(), "joined": second_time(cluster.now - leases.between(0, 40) * DAY)}
        return found

    begin(cluster, chance, habits, lambda: cluster.machines, values)
    yield 0


@actor()
def references(cluster: Cluster, chance: Chance) -> Life:
    """Kubelets watch every config map and secret that a pod of theirs uses, and renew the pods' tokens."""
    asking = Asking(cluster, cluster.identities.kubelet(), chance)
    watched = {kind: asking.watch(kind, hole("namespace"), hole("object")) for kind in ("ConfigMap", "Secret")}
    while True:
        workloads = [workload for workload in list(cluster.workloads.values()) if workload.pods]
        # As many turns as there are pods make about one watch for each of them.
        turns = [workload for workload in workloads for _ in workload.pods]
        for place in range(len(turns)):
            workload = chance.pick(turns) if place % 8 == 0 else turns[place]
            if workload.pods:
                _look_after(cluster, workload, chance.pick(workload.pods), watched, chance)
            yield cluster.paced(WATCH // len(turns))
        yield cluster.paced(SECOND)


def _look_after(cluster: Cluster, workload: Workload, pod: Pod, watched: dict[str, Habit], chance: Chance) -> None:
    for kind, name in used(workload.spec):
        values = {**cluster.node_values(pod.machine), "namespace": workload.namespace, "object": name}
        watched[kind].act(values)
    # A token is renewed after 48 minutes.
    if chance.happens(WATCH / (48 * MINUTE)):
        workload.renew_token(pod)


def used(spec: Json) -> Iterator[tuple[str, str]]:
    """Kinds and names of what a pod of this spec uses; the cluster's certificate is in every pod."""
    yield "ConfigMap", "kube-root-ca.crt"
    for volume in spec.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]


@actor()
def certificates(cluster: Cluster, chance: Chance) -> Life:
    """Kubelets get a new certificate some weeks before theirs expires."""
    while True:
        yield chance.wait(40 * DAY // max(len(cluster.machines), 1))
        if cluster.machines:
            yield from _rotation(cluster, chance, chance.pick(cluster.machines))


def _rotation(cluster: Cluster, chance: Chance, machine: Machine) -> Life:
    """A certificate signing request: made by the kubelet, approved, signed, and cleaned up an hour later."""
    api, identities, values = cluster.api, cluster.identities, cluster.node_values(machine)
    user = f"system:node:{machine.name}"
    certificate = f"X509SHA256={values['node_certificate']}"
    who: Json = {"username": user, "groups": ["system:nodes", "system:authenticated"]}
    who |= {"extra": {"authentication.kubernetes.io/credential-id": [certificate]}}
    usages = ["digital signature", "client auth"]
    sent = body("CertificateSigningRequest", f"csr-{chance.ending(5)}")
    sent["spec"] = {"request": "LS0tLWludmVudGVkLS0tLQo=", "signerName": SIGNER, "usages": usages}
    sent["status"] = {}
    held = api.hold(sent, "kubelet")
    held["spec"] = {**sent["spec"], **who}
    kubelet = Target("CertificateSigningRequest", name=held["metadata"]["name"], unnamed=True)
    form = api.form(identities.kubelet(), "create", kubelet, code=201, request=sent, response=held)
    api.send(form, values)
    for approved, part, account in (
        ("Approved", "approval", "certificate-controller"),
        ("Issued", "status", "certificate-controller"),
    ):
        yield chance.between(20, 200) * MILLISECOND
        now = second_time(cluster.now)
        told: Json = {"type": approved, "status": "True", "reason": "AutoApproved", "lastUpdateTime": now}
        status: Json = {"conditions": [{**told, "message": "Auto approving kubelet client certificate"}]}
        if part == "status":
            status = {**held["status"], "certificate": "LS0tLWludmVudGVkLS0tLQo="}
        held = api.update(identities.controller(account), held, {"status": status}, subresource=part)
    values["node_certificate"] = chance.hexadecimal(64)
    yield HOUR
    api.delete(identities.controller("certificate-controller"), held)


def _heartbeat() -> Json:
    order = [{"type": kind} for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")]
    beats = [{"type": entry["type"], "lastHeartbeatTime": hole("now")} for entry in order]
    return {"status": {"$setElementOrder/conditions": order, "conditions": [beats[3], *beats[:3]]}}


def _node(cluster: Cluster) -> Json:
    """A Node as the server holds it, with holes for what differs between nodes."""
    platform = cluster.platform
    kind = TYPES.get(platform, "")
    instance = {"node.kubernetes.io/instance-type": kind, "topology.kubernetes.io/zone": "1"} if kind else {}
    names = {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
    notes = {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    meta = {"labels": {**NODE_LABELS[platform], **names, **instance}, "annotations": notes}
    held = stored(body("Node", NODE, meta=meta), name=NODE, uid=hole("node_uid"), version=hole("version"), created="")
    held["spec"] = {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]}
    held["status"] = _status(cluster)
    entry: Json = {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": hole("now")}
    fields = owned({"metadata": held["metadata"], "status": held["status"]}, ["metadata", "status"])
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields, "subresource": "status"}
    created = {"creationTimestamp": hole("joined"), "managedFields": [entry]}
    held["metadata"] = ordered({**held["metadata"], **created})
    return held


def _status(cluster: Cluster) -> Json:
    build, (image, kernel) = hole("node_build"), SYSTEMS[cluster.platform]
    capacity = {"cpu": "8", "ephemeral-storage": "129886128Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0"}
    times = {"lastHeartbeatTime": hole("now"), "lastTransitionTime": hole("joined")}
    conditions = [
        {"type": kind, "status": "False", **times, "reason": reason, "message": message}
        for kind, reason, message in PRESSURES
    ]
    ready = {"type": "Ready", "status": "True", **times, "reason": "KubeletReady"}
    info = {"machineID": cluster.chance.child("machine").hexadecimal(32), "systemUUID": hole("node_uid")}
    info |= {"bootID": hole("lease_uid"), "kernelVersion": kernel, "osImage": image}
    info |= {"containerRuntimeVersion": "containerd://1.7.28", "kubeletVersion": build, "kubeProxyVersion": build}
    chance = cluster.chance.child("images")
    images = []
    for image in [system.image for system in cluster.facts.systems][:6]:
        digest = f"{image.rpartition(':')[0]}@sha256:{chance.hexadecimal(64)}"
        images.append({"names": [digest, image], "sizeBytes": chance.between(9, 90) * 1_048_579})
    return {
        "capacity": {**capacity, "memory": "32864624Ki", "pods": "110"},
        "allocatable": {**capacity, "cpu": "7820m", "memory": "28362092Ki", "pods": "110"},
        "conditions": [*conditions, {**ready, "message": "kubelet is posting ready status"}],
        "addresses": [{"type": "InternalIP", "address": hole("node_ip")}, {"type": "Hostname", "address": NODE}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {**info, "operatingSystem": "linux", "architecture": "amd64"},
        "images": images,
    }
