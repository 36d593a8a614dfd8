"""What every node does by itself at the API server."""

from __future__ import annotations

from collections.abc import Iterator

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, second_time
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.habits import LEASES, WATCH, Asking, Habit, begin, quoted
from simulation.kubernetes.nodes import ready
from simulation.kubernetes.objects import body
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life
from simulation.sensors.processes import Machine
from simulation.stencil import hole

NODE = hole("node")
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


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
        asking.change(5 * MINUTE, "patch", status, request=_heartbeat(), response=ready(cluster)),
        asking.ask(6 * HOUR, "list", Target("Pod", query=mine)),
        asking.watch("Pod", selector=f"spec.nodeName={NODE}"),
        asking.watch("Node", name=NODE),
        *asking.watches("Service", "CSIDriver", "RuntimeClass"),
        asking.ask(5 * MINUTE, "get", Target("CSINode", name=NODE)),
        asking.ask(2 * MINUTE, "create", Target("TokenReview"), code=201),
        asking.ask(2 * MINUTE, "create", Target("SubjectAccessReview"), code=201),
    ]
    begin(cluster, chance, habits, lambda: cluster.machines, cluster.node_values)
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
