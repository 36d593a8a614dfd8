"""Add-ons: what the accounts of a cluster's usual equipment ask for, all day long."""

from __future__ import annotations

from typing import NamedTuple

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.habits import Asking, Habit, begin, long_ago, pods_client
from simulation.kubernetes.identities import BUILD
from simulation.kubernetes.objects import body, ordered, owner, stored
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life
from simulation.stencil import hole

CORE = "Node Pod Service Namespace ConfigMap Secret ServiceAccount PersistentVolume PersistentVolumeClaim"
APPS = "Deployment ReplicaSet StatefulSet DaemonSet Job CronJob"
REST = (
    "Ingress IngressClass NetworkPolicy HorizontalPodAutoscaler PodDisruptionBudget ResourceQuota LimitRange "
    "StorageClass VolumeAttachment Lease EndpointSlice CertificateSigningRequest ValidatingWebhookConfiguration "
    "MutatingWebhookConfiguration"
)
RULES = "Role RoleBinding ClusterRole ClusterRoleBinding"
CERTIFICATES = "Certificate CertificateRequest Issuer ClusterIssuer Order Challenge"
MONITORS = "Prometheus ServiceMonitor PodMonitor PrometheusRule"


class Program(NamedTuple):
    """What is known of an add-on, beside its watches and its leader's lease."""

    agent: str
    """`{version}` is that of its image."""
    watches: str = ""
    own: str = ""
    """Watches of its own node's objects."""
    lease: tuple[str, int] = ("", 0)
    everywhere: bool = False
    """All of its pods do so; else the first, which leads."""


PROGRAMS = {
    "kube-proxy": Program(
        f"kube-proxy/{BUILD}",
        "Service EndpointSlice ServiceCIDR", own="Node", everywhere=True,
    ),
    "coredns": Program(
        "coredns/{version} (linux/amd64) kubernetes/$Format", "Namespace Service EndpointSlice", everywhere=True,
    ),
    "kube-dns": Program("kube-dns/1.24.1 (linux/amd64) kubernetes/$Format", "Service Endpoints", everywhere=True),
    "calico-node": Program(
        "calico-node/{version} (linux/amd64) kubernetes/$Format",
        "ClusterInformation FelixConfiguration GlobalNetworkPolicy IPPool BGPPeer NetworkPolicy", own="Node",
        everywhere=True,
    ),
    "aws-node": Program("aws-k8s-agent/{version} (linux/amd64) kubernetes/$Format", "ENIConfig CNINode",
                        own="Node", everywhere=True),
    "anetd": Program(
        "cilium-agent/1.15.6 (linux/amd64)", "CiliumNode CiliumIdentity CiliumEndpoint NetworkPolicy Service",
        own="Node", everywhere=True,
    ),
    "azure-cns": Program("azure-cns/{version} (linux/amd64) kubernetes/$Format", "NodeNetworkConfig", own="Pod",
                         everywhere=True),
    "cloud-node-manager": Program("cloud-node-manager/{version} (linux/amd64) kubernetes/$Format", own="Node",
                                  everywhere=True),
    "csi-azuredisk-node": Program("azurediskplugin/{version} (linux/amd64) kubernetes/$Format", everywhere=True),
    "ebs-csi-node": Program("aws-ebs-csi-driver/{version} (linux/amd64) kubernetes/$Format", everywhere=True),
    "pdcsi-node": Program("gce-pd-csi-driver/{version} (linux/amd64) kubernetes/$Format", everywhere=True),
    "ama-logs": Program("Go-http-client/1.1", everywhere=True),
    "fluentbit-gke": Program("Fluent-Bit", everywhere=True),
    "gke-metrics-agent": Program("opentelemetry-collector/1.15.4 (linux/amd64)", own="Pod", everywhere=True),
    "metrics-server": Program(
        "metrics-server/{version} (linux/amd64) kubernetes/$Format", "Node Pod", everywhere=True,
    ),
    "konnectivity-agent": Program("Go-http-client/2.0", everywhere=True),
    "argocd-application-controller": Program(
        "argocd-application-controller/{version} (linux/amd64) kubernetes/$Format",
        f"{CORE} {APPS} {REST} {RULES} {CERTIFICATES} {MONITORS} Application AppProject CustomResourceDefinition",
    ),
    "cert-manager": Program(
        "cert-manager-controller/{version} (linux/amd64) cert-manager/7ae2d9f",
        f"{CERTIFICATES} Secret Ingress", lease=("cert-manager-controller", 15),
    ),
    "cert-manager-cainjector": Program(
        "cert-manager-cainjector/{version} (linux/amd64) cert-manager/7ae2d9f",
        "Certificate Secret ValidatingWebhookConfiguration MutatingWebhookConfiguration APIService "
        "CustomResourceDefinition", lease=("cert-manager-cainjector-leader-election", 15),
    ),
    "ingress-nginx-controller": Program(
        "nginx-ingress-controller/{version} (linux/amd64) ingress-nginx/5b3a1f6",
        "Ingress IngressClass Service EndpointSlice Secret ConfigMap", lease=("ingress-nginx-leader", 7),
    ),
    "prometheus-operator": Program(
        "PrometheusOperator/0.85.0", f"{MONITORS} StatefulSet Secret ConfigMap Namespace",
    ),
    "prometheus": Program("prometheus/3.6.0", "Node Pod Service EndpointSlice Ingress"),
    "kube-state-metrics": Program("v2.17.0 (linux/amd64) kube-state-metrics/9d3bd11", f"{CORE} {APPS} {REST}"),
}  # fmt: skip
"""By the name of the workload."""


@actor()
def installed(cluster: Cluster, chance: Chance) -> Life:
    """Everything of the platform and of the cluster's owners that is installed when the log begins."""
    for workload in list(cluster.workloads.values()):
        program = PROGRAMS.get(workload.name)
        if program is not None and workload.namespace not in cluster.teams:
            _run(cluster, chance.child(workload.name), workload, program)
    yield 0


def _run(cluster: Cluster, chance: Chance, workload: Workload, program: Program) -> None:
    agent = program.agent.format(version=workload.image.rpartition(":")[2])
    workload.agent = agent
    name = workload.account
    granted = f'ClusterRoleBinding "{name}" of ClusterRole "{name}"'
    asking = Asking(cluster, pods_client(cluster, workload, agent, granted), chance)
    habits = asking.watches(*program.watches.split())
    if program.own == "Node":
        habits.append(asking.watch("Node", name=hole("node")))
    elif program.own == "Pod":
        habits.append(asking.watch("Pod", selector=f"spec.nodeName={hole('node')}"))
    lease, seconds = program.lease
    if lease:
        where = workload.namespace if workload.namespace == "ingress-nginx" else "kube-system"
        habits.append(asking.lease(lease, seconds * SECOND, where))
    habits += _special(cluster, workload, asking)
    begin(
        cluster,
        chance,
        habits,
        lambda: workload.pods if program.everywhere else workload.pods[:1],
        lambda pod: pod.values,
    )


def _special(cluster: Cluster, workload: Workload, asking: Asking) -> list[Habit]:
    """What an add-on does beside watching."""
    node = Target("Node", name=hole("node"))
    review = Target("SubjectAccessReview")
    match workload.name:
        case "kube-proxy" | "coredns" | "kube-dns":
            return [asking.ask(DAY, "get", Target(path="/version"))]
        case "metrics-server":
            reviews = [asking.ask(20 * SECOND, "create", review, code=201)]
            client = Target("ConfigMap", "kube-system", "extension-apiserver-authentication")
            tokens = asking.ask(2 * MINUTE, "create", Target("TokenReview"), code=201)
            return [*reviews, tokens, asking.ask(10 * MINUTE, "get", client)]
        case "cloud-node-manager" | "aws-node" | "calico-node":
            return [asking.ask(5 * MINUTE, "get", node)]
        case "csi-azuredisk-node" | "ebs-csi-node" | "pdcsi-node":
            return [asking.ask(5 * MINUTE, "get", node), asking.ask(20 * MINUTE, "list", Target("VolumeAttachment"))]
        case "ama-logs":
            pods = Target("Pod", query=f"fieldSelector=spec.nodeName%3D{hole('node')}")
            listed = ("Node", "Event", "Service", "Deployment", "PersistentVolume")
            every = [asking.ask(5 * MINUTE, "list", Target(kind, query="limit=250")) for kind in listed]
            return [asking.ask(MINUTE, "list", pods), *every]
        case "fluentbit-gke" | "gke-metrics-agent":
            return [asking.ask(MINUTE, "get", Target("Pod", "kube-system", hole("pod")))]
        case "konnectivity-agent":
            return asking.page(10 * MINUTE, "/healthz")
        case "prometheus":
            return asking.page(15 * SECOND, "/metrics")
        case _:
            return _owners(cluster, workload, asking)


def _owners(cluster: Cluster, workload: Workload, asking: Asking) -> list[Habit]:
    """The same of what the cluster's owners installed."""
    match workload.name:
        case "argocd-application-controller":
            applications = Target("Application", "argocd", query="limit=500")
            settings = [Target("ConfigMap", "argocd", name) for name in ("argocd-cm", "argocd-rbac-cm")]
            cached = [asking.ask(20 * MINUTE, "get", target) for target in settings]
            pages = asking.page(3 * MINUTE, "/version", "/apis", "/openapi/v2")
            lists = [asking.ask(HOUR, "list", Target(kind, query="limit=500")) for kind in APPS.split()]
            return [*cached, *pages, *lists, asking.ask(3 * MINUTE, "list", applications)]
        case "ingress-nginx-controller":
            where = workload.namespace
            published = Target("Service", where, "ingress-nginx-controller")
            mine = Target("ConfigMap", where, "ingress-nginx-controller")
            pods = Target("Pod", where, query="labelSelector=app%3Dingress-nginx-controller")
            looks = [asking.ask(MINUTE, "get", published), asking.ask(5 * MINUTE, "get", mine)]
            return [*looks, asking.ask(MINUTE, "list", pods), _synced(asking, workload)]
        case "prometheus-operator":
            secret = Target("Secret", "monitoring", "prometheus-scrape-config")
            return [asking.ask(3 * MINUTE, "list", Target("Node")), _addresses(cluster, asking),
                    asking.ask(3 * MINUTE, "get", Target("Service", "kube-system", "kubelet")),
                    asking.ask(5 * MINUTE, "get", secret), asking.ask(HOUR, "update", secret)]  # fmt: skip
        case "cert-manager":
            secrets = [Target("Secret", team, "ingress-tls") for team in cluster.teams]
            renewed = [asking.ask(20 * DAY, "update", target) for target in secrets]
            return [*renewed, *(asking.ask(4 * HOUR, "get", target) for target in secrets)]
        case "kube-state-metrics":
            return [asking.ask(12 * HOUR, "list", Target(kind, query="limit=500")) for kind in CORE.split()[:5]]
        case _:
            return []


@actor()
def ingresses(cluster: Cluster, chance: Chance) -> Life:
    """Each team has an Ingress; its controller writes the load balancer's address into its status when that changes."""
    workload, name = cluster.workload("ingress-nginx", "ingress-nginx-controller"), "ingress-nginx-controller"
    held = [cluster.api.hold(_ingress(team, cluster.cast.domain), "argocd-controller") for team in cluster.teams]
    addresses = [f"10.{cluster.network}.0.{place}" for place in (40, 41)]
    while True:
        yield chance.wait(12 * HOUR)
        addresses.reverse()
        for place, ingress in enumerate(held):
            if not workload.pods:
                continue
            client = workload.client(workload.agent, f'ClusterRoleBinding "{name}" of ClusterRole "{name}"')
            status = {"loadBalancer": {"ingress": [{"ip": addresses[0]}]}}
            held[place] = cluster.api.update(client, ingress, {"status": status}, subresource="status")
            cluster.tell("nginx-ingress-controller", held[place], "Sync", "Scheduled for sync", client)
            yield chance.between(20, 400) * MILLISECOND


def _ingress(team: str, domain: str) -> Json:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "gateway", "port": {"number": 8080}}}}
    host = f"{team}.{domain}"
    spec: Json = {"ingressClassName": "nginx", "tls": [{"hosts": [host], "secretName": "ingress-tls"}]}
    spec["rules"] = [{"host": host, "http": {"paths": [path]}}]
    notes = {"nginx.ingress.kubernetes.io/ssl-redirect": "true"}
    return body("Ingress", team, team, meta={"annotations": notes}, spec=spec, status={"loadBalancer": {}})


def _synced(asking: Asking, workload: Workload) -> Habit:
    """The ingress controller has read its configuration again, and says so by an Event about its pod."""
    about = {"kind": "Pod", "namespace": workload.namespace, "name": hole("pod"), "uid": hole("pod_uid")}
    name = f"{hole('pod')}.{hole('version')}f2b8"
    sent = body("Event", name, workload.namespace)
    sent |= {"involvedObject": {**about, "apiVersion": "v1"}, "reason": "RELOAD"}
    sent |= {"message": "NGINX reload triggered due to a change in configuration", "count": 1, "type": "Normal"}
    sent |= {"source": {"component": "nginx-ingress-controller"}, "eventTime": None}
    sent |= {
        "firstTimestamp": hole("now"),
        "lastTimestamp": hole("now"),
        "reportingComponent": "nginx-ingress-controller",
    }
    sent |= {"reportingInstance": hole("pod")}
    held = stored(sent, name=name, uid=hole("pod_uid"), version=hole("version"), created=hole("now"))
    target = Target("Event", workload.namespace, name, unnamed=True)
    return asking.change(10 * MINUTE, "create", target, code=201, request=sent, response=held)


def _addresses(cluster: Cluster, asking: Asking) -> Habit:
    """The operator writes the nodes' addresses into the Endpoints of a Service of its own, every three minutes."""
    held = cluster.api.hold(
        body("Service", "kubelet", "kube-system", spec={"clusterIP": "None"}), "prometheus-operator"
    )
    since = long_ago(cluster)
    machines = [(machine.name, machine.address) for machine in cluster.machines[:12]]

    def endpoints(version: str) -> Json:
        ready = [{"ip": address, "targetRef": {"kind": "Node", "name": name}} for name, address in machines]
        ports = [{"name": "https-metrics", "port": 10250, "protocol": "TCP"}]
        sent = body("Endpoints", "kubelet", "kube-system", meta={"ownerReferences": owner(held)})
        made = stored(sent, name="kubelet", uid=held["metadata"]["uid"], version=version, created=since)
        labels = {"app.kubernetes.io/managed-by": "prometheus-operator", "k8s-app": "kubelet"}
        made["metadata"] = ordered({**made["metadata"], "labels": labels})
        return {**made, "subsets": [{"addresses": ready, "ports": ports}]}

    target = Target("Endpoints", "kube-system", "kubelet", version=hole("before"))
    bodies = {"request": endpoints(hole("before")), "response": endpoints(hole("version"))}
    return asking.change(3 * MINUTE, "update", target, **bodies)
