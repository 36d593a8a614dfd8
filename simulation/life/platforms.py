"""What each platform does at the API server of a cluster whose control plane it runs."""

from __future__ import annotations

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import MINUTE, SECOND
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.habits import Asking, Habit, alone, begin, long_ago
from simulation.kubernetes.identities import BUILD, MASTERS, client_go
from simulation.kubernetes.objects import body, ordered, stored
from simulation.kubernetes.requests import Client, Target
from simulation.platforms import Platform
from simulation.schedule import Life
from simulation.stencil import hole

USERS = ("system:authenticated",)
"""What programs say that were built without a version."""


@actor(Platform.AKS)
def aks(cluster: Cluster, chance: Chance) -> Life:
    """AKS looks after its add-ons with the cluster's own admin, and counts nodes."""
    addons = Asking(cluster, _user(cluster, "masterclient", f"kubectl/{BUILD}"), chance)
    maps = ("coredns", "azure-ip-masq-agent-config-reconciled")
    reconciled = [addons.ask(5 * MINUTE, "get", Target("ConfigMap", "kube-system", name)) for name in maps]
    pages = addons.page(5 * MINUTE, "/openapi/v2", "/version")
    alone(cluster, chance, [*_add_ons(cluster, addons), *reconciled, *pages])
    service = Asking(cluster, _user(cluster, "aksService", "Go-http-client/2.0"), chance)
    nodes = service.ask(MINUTE, "list", Target("Node", query="limit=500"))
    alone(cluster, chance, [nodes, service.ask(5 * MINUTE, "list", Target("Pod", "kube-system"))])
    alone(cluster, chance, _storage(cluster, chance, "csi-azuredisk-controller-sa", "disk-csi-azure-com"))
    yield 0


@actor(Platform.EKS)
def eks(cluster: Cluster, chance: Chance) -> Life:
    """EKS: its controllers' leases, the watch of who may sign in, and its metrics."""
    for name, lease in (
        ("vpc-resource-controller", "cp-vpc-resource-controller"),
        ("certificate-controller", "eks-certificates-controller"),
    ):
        leader = Asking(cluster, _user(cluster, f"eks:{name}", f"{client_go(name)}/leader-election", USERS), chance)
        alone(cluster, chance, [leader.lease(lease, 5 * SECOND)])
    agent = client_go("aws-iam-authenticator")
    authenticator = Asking(cluster, _user(cluster, "eks:authenticator", agent, USERS), chance)
    alone(cluster, chance, [authenticator.watch("ConfigMap", "kube-system", "aws-auth")])
    metrics = Asking(cluster, _user(cluster, "eks:k8s-metrics", client_go("eks-k8s-metrics"), USERS), chance)
    kinds = ("Node", "Deployment", "DaemonSet", "CustomResourceDefinition", "HorizontalPodAutoscaler")
    alone(cluster, chance, [metrics.ask(MINUTE, "list", Target(kind, query="limit=1")) for kind in kinds])
    alone(cluster, chance, _storage(cluster, chance, "ebs-csi-controller-sa", "ebs-csi-aws-com"))
    yield 0


@actor(Platform.GKE)
def gke(cluster: Cluster, chance: Chance) -> Life:
    """GKE: its collector of usage and its add-on manager."""
    usage = Asking(cluster, _user(cluster, "system:clustermetrics", client_go("clustermetrics"), USERS), chance)
    alone(cluster, chance, [usage.ask(MINUTE, "list", Target(kind)) for kind in ("Node", "Pod", "Namespace")])
    addons = Asking(cluster, _user(cluster, "system:addon-manager", f"kubectl/{BUILD}"), chance)
    alone(cluster, chance, _add_ons(cluster, addons))
    alone(cluster, chance, _storage(cluster, chance, "pdcsi-controller-sa", "pd-csi-storage-gke-io"))
    yield 0


@actor()
def capacity(cluster: Cluster, chance: Chance) -> Life:
    """The cluster autoscaler writes every ten seconds how many nodes there are and how many it wants."""
    account = "cluster-autoscaler"
    granted = f'ClusterRoleBinding "{account}" of ClusterRole "{account}"'
    agent = f"{account}/{BUILD}"
    client = cluster.identities.account("kube-system", account, agent, cluster.address, granted)
    asking = Asking(cluster, client, chance)
    name, uid = "cluster-autoscaler-status", chance.uuid()
    exact = Target("ConfigMap", "kube-system", name, uid=uid, version=hole("before"))
    request, response = (
        _capacity(name, uid, version, long_ago(cluster)) for version in (hole("before"), hole("version"))
    )
    written = asking.change(10 * SECOND, "update", exact, request=request, response=response)
    kinds = ("Pod", "Node", "ReplicaSet", "StatefulSet", "PodDisruptionBudget", "CSINode", "StorageClass")
    read = asking.ask(10 * SECOND, "get", Target("ConfigMap", "kube-system", name))
    habits = [written, read, *asking.watches(*kinds)]
    begin(cluster, chance, habits, lambda: (len(cluster.machines),), lambda nodes: {"nodes": nodes})
    yield 0


def _capacity(name: str, uid: str, version: str, since: str) -> Json:
    nodes = hole("nodes")
    counted = f"total: {nodes}\n    ready: {nodes}\n    notStarted: 0\n    beingDeleted: 0\n    unready: 0"
    parts = [f"time: {hole('moment')}", "autoscalerStatus: Running"]
    for part in ("clusterWide:", "nodeGroups:\n- name: main"):
        health = f"  health:\n    status: Healthy\n    {counted}\n    lastProbeTime: {hole('now')}"
        scaling = f"  scaleUp:\n    status: NoActivity\n  scaleDown:\n    lastProbeTime: {hole('now')}"
        parts += [part, health, scaling]
    sent = body("ConfigMap", name, "kube-system", data={"status": "\n".join(parts)})
    made = stored(sent, name=name, uid=uid, version=version, created=since)
    notes = {"cluster-autoscaler.kubernetes.io/last-updated": hole("now")}
    fields: Json = {"f:data": {".": {}, "f:status": {}}, "f:metadata": {"f:annotations": {".": {}}}}
    entry: Json = {"manager": "cluster-autoscaler", "operation": "Update", "apiVersion": "v1", "time": hole("now")}
    kept = [{**entry, "fieldsType": "FieldsV1", "fieldsV1": fields}]
    return {**made, "metadata": ordered({**made["metadata"], "annotations": notes, "managedFields": kept})}


def _user(cluster: Cluster, user: str, agent: str, groups: tuple[str, ...] = MASTERS) -> Client:
    reason = f'RBAC: allowed by ClusterRoleBinding "{user}" of ClusterRole "{user}" to User "{user}"'
    return Client(user, groups, agent, cluster.address, "" if groups is MASTERS else reason)


def _add_ons(cluster: Cluster, manager: Asking) -> list[Habit]:
    """The add-on manager looks at everything that the platform brings, each minute."""
    systems = cluster.facts.systems
    return [manager.ask(MINUTE, "get", Target(system.kind, "kube-system", system.name)) for system in systems]


def _storage(cluster: Cluster, chance: Chance, account: str, driver: str) -> list[Habit]:
    """The storage driver's controller, which the platform runs outside of the nodes."""
    granted = f'ClusterRoleBinding "{account}" of ClusterRole "{account}"'
    habits: list[Habit] = []
    for sidecar, lease, kinds in (
        ("csi-provisioner", driver, ("PersistentVolumeClaim", "StorageClass", "CSINode", "Node")),
        ("csi-attacher", f"external-attacher-leader-{driver}", ("VolumeAttachment", "PersistentVolume")),
    ):
        agent = f"{sidecar}/v5.2.0 (linux/amd64) kubernetes/$Format"
        client = cluster.identities.account("kube-system", account, agent, cluster.address, granted)
        asking = Asking(cluster, client, chance)
        habits += [asking.lease(lease, 5 * SECOND), *asking.watches(*kinds)]
    return habits
