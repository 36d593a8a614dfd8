"""Upgrades: of the nodes, one by one, and of the control plane."""

from __future__ import annotations

import re

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, second_time, until
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.identities import AUTHENTICATED, MASTERS, client_go
from simulation.kubernetes.nodes import ready, registered
from simulation.kubernetes.objects import body
from simulation.kubernetes.requests import Client, Target
from simulation.life.trouble import spell
from simulation.platforms import Platform
from simulation.schedule import Life
from simulation.sensors.processes import Machine
from simulation.stencil import hole

KEEPERS = {
    Platform.AKS: ("aksService", MASTERS, "Go-http-client/2.0"),
    Platform.EKS: ("eks:node-manager", AUTHENTICATED, client_go("node-manager")),
    Platform.GKE: ("system:gke-node-manager", AUTHENTICATED, "google-api-go-client/0.5"),
}
"""Who drains nodes, where the platform does."""
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
RELISTED = (
    "Pod", "Node", "Service", "ConfigMap", "Secret", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job",
    "CronJob", "Namespace", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
    "EndpointSlice", "NetworkPolicy", "StorageClass",
)  # fmt: skip
TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


@actor()
def upgrades(cluster: Cluster, chance: Chance) -> Life:
    """Every so many days at night: new nodes, every second time after a new version of the control plane."""
    period = round(cluster.profile.upgrade_days * DAY)
    yield chance.between(period // 4, period // 2)
    number = 0
    while True:
        yield until("01:30", cluster.now)
        if number % 2 == 0:
            _new_version(cluster)
            yield from _control_plane(cluster, chance)
            yield 20 * MINUTE
        # Patches of the system need new nodes as well.
        yield from _nodes(cluster, chance)
        number += 1
        yield max(chance.about(period, 0.1) - 12 * HOUR, DAY)


def _new_version(cluster: Cluster) -> None:
    """First the version that the platform has next, then its patches."""
    if cluster.version == cluster.facts.version:
        cluster.set_version(cluster.facts.later)
    else:
        cluster.set_version(patched(cluster.version))


def patched(version: str) -> str:
    """The next patch of a version.

    Examples
    --------
    >>> patched("v1.34.1"), patched("v1.34.1-gke.1829001")
    ('v1.34.2', 'v1.34.2-gke.1829102')
    """
    found = re.fullmatch(r"(v\d+\.\d+\.)(\d+)(-gke\.)?(\d*)(.*)", version)
    assert found is not None, version
    base, patch, gke, build, rest = found.groups()
    return f"{base}{int(patch) + 1}{gke or ''}{int(build) + 101 if build else ''}{rest}"


def _control_plane(cluster: Cluster, chance: Chance) -> Life:
    """A short outage; then the new controllers take over, and list everything anew."""
    yield from spell(cluster, chance, chance.between(60 * SECOND, 180 * SECOND), (503, 500))
    for name, part in (("kube-controller-manager", ""), ("kube-scheduler", "scheduler")):
        client = cluster.identities.component(name, part)
        election = cluster.identities.component(name, "leader-election")
        for verb in ("get", "update"):
            cluster.api.record(election, verb, Target("Lease", "kube-system", name, query="timeout=5s"))
        for kind in RELISTED if name == "kube-controller-manager" else RELISTED[:3]:
            cluster.api.record(client, "list", Target(kind, query="limit=500&resourceVersion=0"))
            yield chance.between(2, 60) * 1000


def _nodes(cluster: Cluster, chance: Chance) -> Life:
    """A new node comes, an old one is drained and goes, until all are new."""
    for old in list(cluster.machines):
        if old not in cluster.machines:
            continue
        keeper = _keeper(cluster)
        yield from join(cluster, chance)
        yield from drain(cluster, chance, keeper, old)
        yield chance.between(30 * SECOND, 120 * SECOND)
        yield from leave(cluster, keeper, old)
        yield chance.between(1 * MINUTE, 3 * MINUTE)


def _keeper(cluster: Cluster) -> Client:
    if cluster.platform is Platform.SELF:
        admins = [person.client for person in cluster.people if not person.team]
        return (admins or [person.client for person in cluster.people])[0]
    name, groups, agent = KEEPERS[cluster.platform]
    granted = f'RBAC: allowed by ClusterRoleBinding "{name}" of ClusterRole "{name}" to User "{name}"'
    return Client(name, groups, agent, cluster.address, "" if groups is MASTERS else granted)


def join(cluster: Cluster, chance: Chance) -> Life:
    """A new node asks for a certificate, says that it is there, and gets its DaemonSets' pods."""
    machine = cluster.add_machine()
    cluster.cordoned.append(machine)
    api, values = cluster.api, cluster.node_values(machine)
    yield from _certificate(cluster, chance, machine)
    kubelet = cluster.identities.kubelet()
    node = registered(cluster, machine)
    made = {**node, "metadata": {**node["metadata"], "uid": values["node_uid"], "resourceVersion": api.next_version()}}
    made["metadata"]["creationTimestamp"] = second_time(cluster.now)
    target = Target("Node", name=machine.name, unnamed=True)
    api.send(api.form(kubelet, "create", target, code=201, request=node, response=made), values)
    lease = Target("Lease", "kube-node-lease", machine.name, query="timeout=10s", unnamed=True)
    api.send(api.form(kubelet, "create", lease, code=201), values)
    controller = cluster.identities.controller("node-controller")
    cidr = f"10.244.{int(str(values['node_place'])) % 250}.0/24"
    given = {"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}}
    api.record(controller, "patch", Target("Node", name=machine.name), request=given, response={**made, **given})
    cluster.tell("node-controller", made, "RegisteredNode", f"Node {machine.name} event: Registered Node in Controller")
    yield 2 * SECOND
    for workload in list(cluster.workloads.values()):
        if workload.kind == "DaemonSet":
            workload.add_pod(machine)
            yield chance.between(20, 200) * 1000
    yield chance.between(15 * SECOND, 40 * SECOND)
    ready = {"spec": {"taints": None}}
    api.record(controller, "patch", Target("Node", name=machine.name), request=ready, response={**made, **given})
    if machine in cluster.cordoned:
        cluster.cordoned.remove(machine)


def _certificate(cluster: Cluster, chance: Chance, machine: Machine) -> Life:
    """What a kubelet that has no certificate yet asks for, with a token that only allows that."""
    api, values = cluster.api, cluster.node_values(machine)
    groups = ("system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated")
    granted = (
        'RBAC: allowed by ClusterRoleBinding "kubeadm:kubelet-bootstrap" of ClusterRole "system:node-bootstrapper" '
        'to Group "system:bootstrappers:kubeadm:default-node-token"'
    )
    build, commit = values["node_build"], values["node_commit"]
    agent = f"kubelet/{build} (linux/amd64) kubernetes/{commit}"
    user = f"system:bootstrap:{chance.hexadecimal(6)}"
    client = Client(user, groups, agent, machine.address, granted)
    usages = ["digital signature", "client auth"]
    spec = {"request": "LS0tLWludmVudGVkLS0tLQo=", "signerName": SIGNER, "usages": usages}
    meta = {"generateName": "csr-"}
    asks = {"username": user, "groups": list(groups)}
    sent = body("CertificateSigningRequest", "", meta=meta, spec=spec, status={})
    held = api.create(client, sent, added={"spec": {**spec, **asks}})
    yield 300_000
    approver = cluster.identities.controller("certificate-controller")
    now = second_time(cluster.now)
    told = {"type": "Approved", "status": "True", "reason": "AutoApproved", "lastUpdateTime": now}
    message = "Auto approving kubelet client certificate after SubjectAccessReview."
    status: Json = {"conditions": [{**told, "message": message}]}
    held = api.update(approver, held, {"status": status}, subresource="approval")
    yield 40_000
    signed = {**status, "certificate": "LS0tLWludmVudGVkLS0tLQo="}
    api.forget(api.update(approver, held, {"status": signed}, subresource="status"))
    yield SECOND


def drain(cluster: Cluster, chance: Chance, keeper: Client, machine: Machine) -> Life:
    """`kubectl drain`: no more pods go there, and those that are there are evicted, DaemonSets' aside."""
    api, target = cluster.api, Target("Node", name=machine.name)
    cluster.cordoned.append(machine)
    api.record(keeper, "get", target)
    spec = {"taints": [{**TAINT, "timeAdded": hole("now")}], "unschedulable": True}
    cordoned = {**ready(cluster), "spec": spec}
    form = api.form(keeper, "patch", target, request={"spec": {"unschedulable": True}}, response=cordoned)
    times = {"now": second_time(cluster.now), "version": api.next_version()}
    api.send(form, {**cluster.node_values(machine), **times})
    selector = f"fieldSelector=spec.nodeName%3D{machine.name}&limit=500"
    api.record(keeper, "list", Target("Pod", query=selector))
    for workload in list(cluster.workloads.values()):
        here = [pod for pod in workload.pods if pod.machine is machine]
        if workload.kind == "DaemonSet":
            if here:
                api.record(keeper, "get", Target("DaemonSet", workload.namespace, workload.name))
            continue
        for pod in here:
            workload.evict(pod, keeper)
            yield chance.between(1 * SECOND, 5 * SECOND)
            api.miss(keeper, "get", Target("Pod", pod.namespace, pod.name))


def leave(cluster: Cluster, keeper: Client, machine: Machine) -> Life:
    """A machine is switched off, and its Node deleted."""
    api = cluster.api
    target = Target("Node", name=machine.name)
    details = {"name": machine.name, "kind": "nodes", "uid": cluster.node_values(machine)["node_uid"]}
    status = {"metadata": {}, "status": "Success", "details": details}
    answer = {"kind": "Status", "apiVersion": "v1", **status}
    request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", "propagationPolicy": "Background"}
    api.record(keeper, "delete", target, status={**status, "code": 200}, request=request, response=answer)
    collector = cluster.identities.controller("generic-garbage-collector")
    yield 2 * SECOND
    api.record(collector, "delete", Target("Lease", "kube-node-lease", machine.name))
    cluster.remove_machine(machine)
