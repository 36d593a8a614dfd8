"""The control plane: who leads it, what it watches, what it asks itself, and who looks whether it is well."""

from __future__ import annotations

from dataclasses import replace

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, MILLISECOND, MINUTE, SECOND
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.habits import Asking, Habit, alone, begin, long_ago
from simulation.kubernetes.objects import body, ordered, stored
from simulation.kubernetes.requests import Target
from simulation.platforms import Platform
from simulation.schedule import Life
from simulation.stencil import hole

SHARED = (
    "ServiceAccount", "Secret", "ConfigMap", "Node", "Pod", "PersistentVolume", "PersistentVolumeClaim", "Namespace",
    "ResourceQuota", "LimitRange", "ReplicationController", "PodTemplate", "Endpoints", "Service", "EndpointSlice",
    "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision", "Job", "CronJob",
    "HorizontalPodAutoscaler", "PodDisruptionBudget", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
    "NetworkPolicy", "Ingress", "IngressClass", "StorageClass", "CSIDriver", "CSINode", "CSIStorageCapacity",
    "VolumeAttachment", "CertificateSigningRequest", "Lease", "ValidatingAdmissionPolicy", "ServiceCIDR",
    "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "FlowSchema", "PriorityLevelConfiguration",
)  # fmt: skip
"""What the informers that all controllers share watch."""
SCHEDULED = (
    "Namespace", "Node", "Pod", "Service", "PersistentVolume", "PersistentVolumeClaim", "StorageClass", "CSINode",
    "CSIDriver", "CSIStorageCapacity", "ReplicaSet", "StatefulSet", "ReplicationController", "PodDisruptionBudget",
    "VolumeAttachment",
)  # fmt: skip
SERVED = (
    "ConfigMap", "Secret", "ServiceAccount", "Node", "Pod", "Namespace", "Service", "EndpointSlice", "LimitRange",
    "ResourceQuota", "PersistentVolume", "PersistentVolumeClaim", "StorageClass", "VolumeAttachment", "CSIDriver",
    "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "FlowSchema", "PriorityLevelConfiguration",
    "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "PriorityClass", "RuntimeClass", "IngressClass", "IPAddress", "ServiceCIDR",
    "CustomResourceDefinition", "APIService", "ResourceSlice",
)  # fmt: skip
PROBED = (
    'RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" '
    'to Group "system:unauthenticated"'
)
PROBES = {
    Platform.AKS: (("Go-http-client/2.0", "/healthz", 10),),
    Platform.EKS: (
        ("ELB-HealthChecker/2.0", "/livez?exclude=kms-provider-0", 10), ("Go-http-client/2.0", "/readyz", 10),
    ),
    Platform.GKE: (("GoogleHC/1.0", "/readyz", 8), ("kube-probe/1.33+", "/livez?exclude=etcd", 10)),
    Platform.SELF: (
        ("kube-probe/1.33", "/readyz", 5), ("kube-probe/1.33", "/livez", 10), ("curl/8.5.0", "/healthz", 5),
    ),
}  # fmt: skip
"""Who looks whether the server is well: user agent, page, seconds."""


@actor()
def leaders(cluster: Cluster, chance: Chance) -> Life:
    """Three of each controller: one renews the lease every two seconds, the others look whether it still does."""
    parts = ["kube-controller-manager", "kube-scheduler"]
    if cluster.platform is not Platform.SELF:
        parts.append("cloud-controller-manager")
    for name in parts:
        client = cluster.identities.component(name, "leader-election")
        leader = Asking(cluster, client, chance.child(name))
        alone(cluster, chance, [leader.lease(name, 2 * SECOND, query="timeout=5s")])
        for last in (5, 6):
            neighbour = replace(client, address=f"10.{cluster.network}.0.{last}")
            other = Asking(cluster, neighbour, chance.child(name, last))
            alone(cluster, chance, [other.look(name, 2500 * MILLISECOND, query="timeout=5s")])
    yield 0


@actor()
def controllers(cluster: Cluster, chance: Chance) -> Life:
    """kube-controller-manager: shared informers, and discovery for those that must know all kinds."""
    identities, manager = cluster.identities, "kube-controller-manager"
    shared = Asking(cluster, identities.component(manager, "shared-informers"), chance)
    alone(cluster, chance, shared.watches(*SHARED))
    metadata = Asking(cluster, identities.component(manager, "metadata-informers"), chance)
    alone(cluster, chance, metadata.watches("CustomResourceDefinition", "APIService", "Application", "Certificate"))
    for client in (
        identities.component(manager, "controller-discovery"),
        identities.controller("generic-garbage-collector"),
        identities.controller("resourcequota-controller"),
    ):
        alone(cluster, chance, Asking(cluster, client, chance).page(30 * SECOND, "/api", "/apis"))
    alone(cluster, chance, _housekeeping(cluster, chance))
    _quotas(cluster, chance)
    yield 0


def _housekeeping(cluster: Cluster, chance: Chance) -> list[Habit]:
    """What single controllers read by the clock."""
    certificate = Target("ConfigMap", "default", "kube-root-ca.crt")
    tracking = Target("ConfigMap", "kube-system", "kube-apiserver-legacy-service-account-token-tracking")
    reads = (
        ("node-controller", 5 * MINUTE, "list", Target("Node", query="resourceVersion=0")),
        ("cronjob-controller", 20 * MINUTE, "list", Target("Job", query="limit=500")),
        ("pod-garbage-collector", 10 * MINUTE, "list", Target("Node", query="limit=500")),
        ("namespace-controller", 20 * MINUTE, "list", Target("Namespace", query="limit=500")),
        ("root-ca-cert-publisher", 10 * MINUTE, "get", certificate),
        ("legacy-service-account-token-cleaner", 6 * HOUR, "get", tracking),
    )
    controller = cluster.identities.controller
    return [Asking(cluster, controller(name), chance).ask(every, verb, target) for name, every, verb, target in reads]


@actor()
def scheduler(cluster: Cluster, chance: Chance) -> Life:
    """kube-scheduler's informers."""
    asking = Asking(cluster, cluster.identities.component("kube-scheduler", "scheduler"), chance)
    alone(cluster, chance, asking.watches(*SCHEDULED))
    yield 0


@actor()
def server(cluster: Cluster, chance: Chance) -> Life:
    """The API server asks itself over loopback."""
    asking = Asking(cluster, cluster.identities.apiserver(), chance)
    identity = {"labelSelector": "apiserver.kubernetes.io%2Fidentity%3Dkube-apiserver"}
    leases = "&".join(f"{key}={value}" for key, value in identity.items())
    alone(
        cluster,
        chance,
        [
            *asking.watches(*SERVED),
            asking.lease(f"apiserver-{chance.ending(26)}", 10 * SECOND),
            asking.ask(10 * SECOND, "get", Target("Namespace", "default", "default")),
            asking.ask(10 * SECOND, "get", Target("Endpoints", "default", "kubernetes")),
            asking.ask(10 * SECOND, "get", Target("EndpointSlice", "default", "kubernetes")),
            asking.ask(MINUTE, "list", Target("Lease", "kube-system", query=leases)),
            asking.ask(5 * MINUTE, "list", Target("Service")),
            asking.ask(10 * MINUTE, "list", Target("LimitRange", query="limit=500&resourceVersion=0")),
        ],
    )
    yield 0


@actor()
def probes(cluster: Cluster, chance: Chance) -> Life:
    """Load balancers and monitors look whether the server is well, without saying who they are."""
    for place, (agent, page, seconds) in enumerate(PROBES[cluster.platform]):
        path, _, query = page.partition("?")
        address = f"10.{cluster.network}.0.{7 + place}"
        client = cluster.identities.anonymous(agent, address, PROBED)
        alone(
            cluster,
            chance,
            [Asking(cluster, client, chance).ask(seconds * SECOND, "get", Target(path=path, query=query))],
        )
    yield 0  # fmt: skip


def _quotas(cluster: Cluster, chance: Chance) -> None:
    """The teams' quotas: how much is used changes with their pods."""
    asking = Asking(cluster, cluster.identities.controller("resourcequota-controller"), chance)
    target = Target("ResourceQuota", hole("team"), "compute", "status", uid=hole("quota"), version=hole("before"))
    since = long_ago(cluster)
    before, after = _quota(hole("before"), hole("pods"), since), _quota(hole("version"), hole("more"), since)
    habit = asking.change(6 * MINUTE, "update", target, request=before, response=after)
    uids = {team: chance.child("quota", team).uuid() for team in cluster.teams}

    def values(team: str) -> dict[str, object]:
        pods = sum(len(workload.pods) for workload in cluster.workloads_of(team))
        return {
            "team": team,
            "quota": uids.setdefault(team, chance.child("quota", team).uuid()),
            "pods": max(pods - 1, 0),
            "more": pods,
        }

    begin(cluster, chance, [habit], lambda: cluster.teams, values)


def _quota(version: str, pods: str, since: str) -> Json:
    meta = {"annotations": {"argocd.argoproj.io/tracking-id": f"{hole('team')}:/ResourceQuota:compute"}}
    hard = {"limits.memory": "256Gi", "pods": "400", "requests.cpu": "64", "requests.memory": "192Gi"}
    sent = body("ResourceQuota", "compute", hole("team"), meta=meta, spec={"hard": hard})
    made = stored(sent, name="compute", uid=hole("quota"), version=version, created=since)
    entry: Json = {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": hole("now")}
    fields: Json = {f"f:{key}": {} for key in hard}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": {"f:status": {"f:hard": fields, "f:used": fields}}}
    made["metadata"] = ordered({**made["metadata"], "managedFields": [{**entry, "subresource": "status"}]})
    made["status"] = {"hard": hard, "used": {**dict.fromkeys(hard, f"{pods}Gi"), "requests.cpu": pods, "pods": pods}}
    return made
