"""Services that let the world in, or do not: how they are written, and the load balancers that clouds make for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulation.addresses import public_address
from simulation.attacks.deployer import APPLY, Deployer, balancer
from simulation.attacks.intruders import held_by, in_use, outside
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, SECOND
from simulation.json import Json
from simulation.kubernetes.objects import body, deployment, present
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Client, Target
from simulation.platforms import Platform
from simulation.schedule import Life

CLUSTER_IPS = {Platform.AKS: "10.0", Platform.EKS: "172.20", Platform.GKE: "34.118", Platform.SELF: "10.96"}
SPEC_ORDER = (
    "ports", "selector", "clusterIP", "clusterIPs", "type", "externalIPs", "sessionAffinity",
    "loadBalancerSourceRanges", "externalTrafficPolicy", "ipFamilies", "ipFamilyPolicy",
    "allocateLoadBalancerNodePorts", "loadBalancerClass", "internalTrafficPolicy",
)  # fmt: skip
AZURE_INTERNAL = {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}
AWS_INTERNAL = {"service.beta.kubernetes.io/aws-load-balancer-internal": "true"}
AWS_SCHEME = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}
GCP_INTERNAL = {"networking.gke.io/load-balancer-type": "Internal"}
GCP_OLD_INTERNAL = {"cloud.google.com/load-balancer-type": "Internal"}
INTERNAL: tuple[Mapping[str, str], ...] = (AZURE_INTERNAL, AWS_INTERNAL, AWS_SCHEME, GCP_INTERNAL, GCP_OLD_INTERNAL)
"""Annotations that keep a load balancer inside, one of them enough."""
AZURE_RANGES = "service.beta.kubernetes.io/azure-allowed-ip-ranges"
NLB = "service.k8s.aws/nlb"
OWN_INTERNAL = {
    Platform.AKS: AZURE_INTERNAL,
    Platform.EKS: AWS_SCHEME,
    Platform.GKE: GCP_INTERNAL,
    Platform.SELF: AZURE_INTERNAL,
}
"""How the platform at hand says it."""


# Manifests.


def port(number: int, name: str = "", target: int | str = 0) -> Json:
    """A port of a Service."""
    return {**present(name=name), "protocol": "TCP", "port": number, "targetPort": target or number}


def service(
    namespace: str,
    name: str,
    selector: Mapping[str, str],
    *ports: Json,
    kind: str = "LoadBalancer",
    notes: Mapping[str, str] = {},
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> Json:
    """A Service as it is sent, the defaults that the server fills in before admission included."""
    outside: Json = {"externalTrafficPolicy": "Cluster"} if kind != "ClusterIP" or "externalIPs" in spec else {}
    outside |= {"allocateLoadBalancerNodePorts": True} if kind == "LoadBalancer" else {}
    parts = {"ports": list(ports), "selector": dict(selector), "type": kind, "sessionAffinity": "None", **outside}
    parts |= {"internalTrafficPolicy": "Cluster", **spec}
    meta = {"labels": dict(selector if labels is None else labels), "annotations": dict(notes)}
    return body("Service", name, namespace, meta=meta, spec=_arranged(parts), status={"loadBalancer": {}})


def _arranged(spec: Mapping[str, Any]) -> Json:
    return {key: spec[key] for key in SPEC_ORDER if key in spec}


def served(name: str, image: str, number: int, named: str = "http", **fields: Any) -> Json:
    """A container that listens on a port of this name; further fields as `container` takes them."""
    item = container(name, image, port=number, **fields)
    item["ports"][0]["name"] = named
    return item


def labelled_workload(namespace: str, name: str, labels: Mapping[str, str], *items: Json, **fields: Any) -> Json:
    """A workload whose pods have these labels.

    Fields: `kind` (Deployment or StatefulSet), `replicas`, `volumes`, `account`, and `extra` labels of the pods.
    """
    kind, replicas = fields.get("kind", "Deployment"), fields.get("replicas", 1)
    spec = pod_spec(*items, volumes=fields.get("volumes", ()), account=fields.get("account", ""))
    sent = deployment(namespace, name, spec, replicas=replicas, meta={"labels": dict(labels)})
    parts = sent["spec"]
    parts["selector"] = {"matchLabels": dict(labels)}
    parts["template"] = {"metadata": {"labels": {**labels, **fields.get("extra", {})}}, "spec": spec}
    if kind == "StatefulSet":
        rest = {"serviceName": name, "podManagementPolicy": "OrderedReady"}
        update = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}
        kept = {key: parts[key] for key in ("replicas", "selector", "template")}
        sent |= {"kind": kind, "spec": {**kept, **rest, **update, "revisionHistoryLimit": 10}}
    return sent


def chart(name: str, release: str, version: str = "") -> dict[str, str]:
    """The labels that charts give."""
    known = {"app.kubernetes.io/instance": release, "app.kubernetes.io/name": name}
    return {**known, "app.kubernetes.io/version": version} if version else known


def release(namespace: str, name: str) -> dict[str, str]:
    """The annotations of what Helm installs."""
    return {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}


# Who does it.


def colleague(scene: Scene, tool: str = APPLY) -> tuple[Deployer, str]:
    """Somebody of a team, and the team's namespace."""
    person = scene.chance.pick([person for person in scene.cluster.people if person.team])
    return Deployer(scene, person.client, tool), person.team


def administrator(scene: Scene, tool: str = APPLY) -> Deployer:
    """Somebody who looks after the whole cluster."""
    return Deployer(scene, scene.person(admin=True), tool)


def intruder(scene: Scene, tool: str = APPLY, *, admin: bool = False) -> tuple[Deployer, str]:
    """Who should not: a member of a team (or an administrator) by mistake, or somebody else with the kubeconfig.

    The second value is the team's namespace.
    """
    if admin:
        return Deployer(scene, held_by(scene, scene.person(admin=True), at_work=0.5), tool), ""
    helper, team = colleague(scene, tool)
    return Deployer(scene, held_by(scene, helper.client, at_work=0.5), tool), team


def thief(scene: Scene, tool: str = APPLY) -> tuple[Deployer, str]:
    """Somebody outside with the token of a service account that may edit its namespace, and that namespace."""
    workload = in_use(scene)
    granted = f'RoleBinding "deployer/{workload.namespace}" of ClusterRole "edit"'
    return Deployer(scene, outside(scene, workload, granted), tool), workload.namespace


def some(scene: Scene, *words: str) -> str:
    """A name that nothing else in the cluster has."""
    return f"{scene.chance.pick(words)}-{scene.chance.between(2, 99)}"


def office(scene: Scene) -> str:
    """An address of somebody who works here, as a range."""
    return f"{scene.chance.pick(scene.cluster.people).client.address}/32"


def partner(scene: Scene) -> str:
    """A narrow public range."""
    return f"{public_address(scene.chance).rpartition('.')[0]}.0/24"


# Exposing.


def expose(deployer: Deployer, sent: Json, *raises: str) -> Json:
    """Make a Service; the cloud makes a load balancer for it if it wants one."""
    scene = deployer.scene
    held = deployer.make(sent, *raises, added={"spec": _allocated(scene, sent["spec"])})
    balance(scene, held)
    return held


def opened(deployer: Deployer, held: Json, patch: Any, spec: Mapping[str, Any], *raises: str, **options: Any) -> Json:
    """Patch a Service to what `spec` says (parts of it as they are then), and let the cloud follow.

    Options: `notes` (all annotations as they are then), `manager`, `applied` (server-side apply instead).
    """
    scene = deployer.scene
    held = deployer.now(held)
    changed: Json = {"spec": _allocated(scene, {**held["spec"], **spec})}
    if "notes" in options:
        changed["metadata"] = {"annotations": dict(options["notes"])}
    if options.get("applied"):
        held = deployer.reapply(held, patch, changed, *raises)
    else:
        owns = {"spec": dict(spec)} if spec else {"metadata": changed["metadata"]}
        manager = options.get("manager", "kubectl-patch")
        held = deployer.patch(held, patch, changed, *raises, manager=manager, owns=owns)
    balance(scene, held)
    return held


def balance(scene: Scene, held: Json) -> None:
    """The cloud's controller sees a Service, and makes a load balancer if it wants one."""
    if held["spec"]["type"] == "LoadBalancer" and "ingress" not in held["status"]["loadBalancer"]:
        scene.cluster.start(_balanced(scene, held), scene.chance.between(80, 400) * 1000)


def _balanced(scene: Scene, seen: Json) -> Life:
    api, author, mark = scene.api, balancer(scene), scene.mark()
    place = ("Service", seen["metadata"]["namespace"], seen["metadata"]["name"])
    held = api.held(*place)
    if held is None:
        return
    scene.cluster.tell("service-controller", held, "EnsuringLoadBalancer", "Ensuring load balancer", author, mark=mark)
    finalizers = ["service.kubernetes.io/load-balancer-cleanup"]
    patch = {"metadata": {"finalizers": finalizers}}
    api.patch(author, held, patch, patch, subresource="status", mark=mark)
    yield scene.chance.between(15, 70) * SECOND
    held = api.held(*place)
    if held is None or held["metadata"]["uid"] != seen["metadata"]["uid"]:
        return
    notes = held["metadata"].get("annotations", {})
    is_inside = any(note.items() <= notes.items() for note in INTERNAL)
    address = f"10.{scene.cluster.network}.240.{scene.chance.between(4, 250)}" if is_inside else _front(scene)
    status = {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}
    api.patch(author, held, {"status": status}, {"status": status}, subresource="status", mark=mark)
    scene.cluster.tell("service-controller", held, "EnsuredLoadBalancer", "Ensured load balancer", author, mark=mark)


def _front(scene: Scene) -> str:
    return f"20.{scene.chance.between(31, 250)}.{scene.chance.between(1, 250)}.{scene.chance.between(1, 250)}"


def _allocated(scene: Scene, spec: Mapping[str, Any]) -> Json:
    kind, ports = spec["type"], [dict(each) for each in spec["ports"]]
    if kind in {"LoadBalancer", "NodePort"}:
        for each in ports:
            each.setdefault("nodePort", scene.chance.between(30_000, 32_767))
    parts = {"sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", **spec, "ports": ports}
    if "clusterIP" not in parts:
        given = f"{CLUSTER_IPS[scene.cluster.platform]}.{scene.chance.between(1, 250)}.{scene.chance.between(2, 250)}"
        parts |= {"clusterIP": given, "clusterIPs": [given]}
    if kind == "LoadBalancer":
        parts |= {"allocateLoadBalancerNodePorts": True, "externalTrafficPolicy": "Cluster"}
    return _arranged(parts)


def vacant(scene: Scene, kind: str, name: str, namespace: str = "") -> Life:
    """Wait until nobody else has an object of this name."""
    while scene.api.held(kind, namespace, name) is not None:
        yield scene.chance.about(HOUR // 4)


def looks(scene: Scene, client: Client, namespace: str, *kinds: str) -> Life:
    """Somebody lists what is there before he acts."""
    for kind in kinds:
        scene.read(client, "list", Target(kind, namespace, query="limit=500"))
        yield scene.pause()
