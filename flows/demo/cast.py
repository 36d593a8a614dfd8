"""Who takes part: the two clusters, their machines, the people, robots and workloads. All invented."""

from __future__ import annotations

from dataclasses import dataclass

from flows.demo.apiserver import ApiServer
from flows.demo.fields import Json
from flows.demo.invented import Schedule, hexadecimal, uuid
from flows.demo.objects import container, daemon_set, deployment, host_path, pod_spec, present
from flows.demo.processes import Node
from flows.demo.requests import Client

BUILD = "v1.34.4 (linux/amd64) kubernetes/2f9d9bd"
KUBECTL = f"kubectl/{BUILD}"
REGISTRY = "registry.contoso.example"
ATTACKER = "203.0.113.77"


@dataclass
class Site:
    """One cluster: its API server, its machines, and the clock that both follow."""

    name: str
    address: str
    """Of the control plane, as controllers show it."""
    server: ApiServer
    nodes: list[Node]
    schedule: Schedule

    @property
    def workers(self) -> list[Node]:
        """The machines on which the scheduler puts what may run anywhere."""
        return [node for node in self.nodes if "-cp-" not in node.name]

    def node(self, name: str) -> Node:
        """The machine of this name."""
        return next(node for node in self.nodes if node.name == name)

    def person(self, name: str, group: str, granted: str, address: str) -> Client:
        """Someone with kubectl and a certificate; `granted` is binding, role and subject, as in the log."""
        groups = (group, "system:authenticated")
        return Client(name, groups, KUBECTL, address, f"RBAC: allowed by {granted}", extra=certificate(name))

    def controller(self, name: str) -> Client:
        """A controller of kube-controller-manager, with its own account."""
        role = f"system:controller:{name}"
        agent = f"kube-controller-manager/{BUILD}/system:serviceaccount:kube-system:{name}"
        granted = f'ClusterRoleBinding "{role}" of ClusterRole "{role}"'
        return self.account("kube-system", name, agent, self.address, granted)

    def component(self, name: str, part: str) -> Client:
        """A part of the control plane, with a certificate."""
        user = f"system:{name}"
        reason = f'RBAC: allowed by ClusterRoleBinding "{user}" of ClusterRole "{user}" to User "{user}"'
        agent = f"{name}/{BUILD}/{part}"
        return Client(user, ("system:authenticated",), agent, self.address, reason, extra=certificate(user))

    def kubelet(self, node: Node) -> Client:
        """A node's own identity."""
        groups = ("system:nodes", "system:authenticated")
        name = f"system:node:{node.name}"
        return Client(name, groups, f"kubelet/{BUILD}", node.address, extra=certificate(name))

    def account(
        self, namespace: str, name: str, agent: str, address: str, granted: str, pod: Json | None = None
    ) -> Client:
        """A service account; a token that is bound to a pod names it, and the pod's node."""
        key = "authentication.kubernetes.io"
        bound = {}
        if pod is not None:
            node = pod["spec"]["nodeName"]
            bound = {
                f"{key}/node-name": [node],
                f"{key}/node-uid": [uuid("node", node)],
                f"{key}/pod-name": [pod["metadata"]["name"]],
                f"{key}/pod-uid": [pod["metadata"]["uid"]],
            }
        return Client(
            f"system:serviceaccount:{namespace}:{name}",
            ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
            agent,
            address,
            f'RBAC: allowed by {granted} to ServiceAccount "{name}/{namespace}"',
            uuid("account", self.name, namespace, name),
            {f"{key}/credential-id": [f"JTI={uuid('token', self.name, namespace, name)}"], **bound},
        )


def certificate(name: str) -> dict[str, list[str]]:
    """What the API server adds for a client that shows a certificate."""
    return {"authentication.kubernetes.io/credential-id": [f"X509SHA256={hexadecimal(64, 'certificate', name)}"]}


def entra(site: Site, name: str, granted: str, address: str) -> Client:
    """A person who signed in to AKS with Entra ID."""
    group = uuid("group", granted)
    base = site.person(name, group, f'{granted} to Group "{group}"', address)
    return Client(base.username, base.groups, base.agent, address, base.reason, extra={"oid": [uuid("oid", name)]})


def storefront(tag: str) -> Json:
    """The shop's web pages: PHP under Apache. It may talk to the API, which it needs for its leader election."""
    image = f"{REGISTRY}/shop/storefront:{tag}"
    web = container(
        "web", image, port=80, memory="256Mi", health="/healthz", env={"CATALOG_URL": "http://catalog:8080"}
    )
    return deployment("shop", "storefront", pod_spec(web, account="storefront"))


def catalog(tag: str) -> Json:
    """The shop's list of products, in Java."""
    web = container("app", f"{REGISTRY}/shop/catalog:{tag}", port=8080, memory="512Mi", health="/actuator/health")
    return deployment("shop", "catalog", pod_spec(web))


def orders(tag: str) -> Json:
    """A factory's orders, on the self-run cluster."""
    web = container("app", f"{REGISTRY}/plant/orders:{tag}", port=8080, memory="256Mi", health="/healthz")
    return deployment("plant", "orders", pod_spec(web))


def gateway(namespace: str, tag: str) -> Json:
    """What stands before the other services: nginx."""
    return deployment(namespace, "gateway", pod_spec(container("nginx", f"nginx:{tag}", port=80, health="/")))


def log_shipper() -> Json:
    """The log shipper that both clusters run; it reads the node's /var/log."""
    image = "cr.fluentbit.io/fluent/fluent-bit:3.2.4"
    command = ["/fluent-bit/bin/fluent-bit"]
    mounts = {"/var/log": "logs"}
    shipper = container("fluent-bit", image, command=command, mounts=mounts, read_only=["/var/log"])
    labels = {"app.kubernetes.io/name": "fluent-bit"}
    return daemon_set("logging", "fluent-bit", labels, pod_spec(shipper, volumes=[host_path("logs", "/var/log")]))


def running(pod: Json, at: str, node: Node, key: str) -> Json:
    """The status of a pod whose containers run; `at` is a time of a Kubernetes object."""
    address = (
        f"10.244.{int(hexadecimal(2, 'address', key), 16) % 8}.{int(hexadecimal(3, 'address', key), 16) % 240 + 8}"
    )
    conditions = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "phase": "Running",
        "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": at} for kind in conditions
        ],
        "hostIP": node.address,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": at,
        "containerStatuses": [
            {
                "name": item["name"],
                "state": {"running": {"startedAt": at}},
                "lastState": {},
                "ready": True,
                "restartCount": 0,
                "image": item["image"],
                "imageID": f"{item['image'].rpartition(':')[0]}@sha256:{hexadecimal(64, 'image', item['image'])}",
                "containerID": f"containerd://{container_id(pod, item['name'])}",
                "started": True,
            }
            for item in pod["spec"]["containers"]
        ],
        "qosClass": "Burstable",
    }


def container_id(pod: Json, name: str) -> str:
    """The id that sensors and the API show for a container of a pod."""
    return hexadecimal(64, "container", pod["metadata"]["namespace"], pod["metadata"]["name"], name)


def query(**parameters: str) -> str:
    """A request's query, in the order given.

    Examples
    --------
    >>> query(fieldManager="helm", fieldValidation="Strict")
    'fieldManager=helm&fieldValidation=Strict'
    """
    return "&".join(f"{key}={value}" for key, value in present(**parameters).items())
