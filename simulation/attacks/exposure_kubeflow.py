"""Istio's ingress, open to the world, in clusters with Kubeflow and in others."""

from __future__ import annotations

from typing import Any

from simulation.addresses import public_address
from simulation.attacks.deployer import SERVER, Deployer
from simulation.attacks.exposure import (
    INTERNAL,
    OWN_INTERNAL,
    administrator,
    expose,
    intruder,
    labelled_workload,
    opened,
    port,
    served,
    service,
    vacant,
)
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.clock import MINUTE
from simulation.json import Json
from simulation.kubernetes.objects import body
from simulation.schedule import Life

KUBEFLOW = "K8S_ExposedKubeflow"
MESH = "istio-system"
GATEWAY = {"app": "istio-ingressgateway", "istio": "ingressgateway"}
GROUP = "kubeflow.org"
PARTS = (
    ("centraldashboard", "ghcr.io/kubeflow/kubeflow/central-dashboard:v1.10.0", 8082),
    ("jupyter-web-app-deployment", "ghcr.io/kubeflow/kubeflow/jupyter-web-app:v1.10.0", 5000),
    ("notebook-controller-deployment", "ghcr.io/kubeflow/kubeflow/notebook-controller:v1.10.0", 8080),
)
DEFINED = (("profiles", "Profile", "Cluster"), ("notebooks", "Notebook", "Namespaced"))


def definition(plural: str, kind: str, scope: str) -> Json:
    """One of Kubeflow's CustomResourceDefinitions."""
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    conversion = {"strategy": "None"}
    spec = {"group": GROUP, "names": names, "scope": scope, "versions": [version], "conversion": conversion}
    meta = {"labels": {"app.kubernetes.io/part-of": "kubeflow-profile"}}
    status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None}
    return body("CustomResourceDefinition", f"{plural}.{GROUP}", meta=meta, spec=spec, status=status)


def define(helper: Deployer, *raises: str) -> None:
    """Kubeflow's definitions are made. They stay when it is gone, as they do: deleting them is left to the user."""
    for plural, kind, scope in DEFINED:
        sent = definition(plural, kind, scope)
        held = helper.api.held("CustomResourceDefinition", "", sent["metadata"]["name"])
        if held is None:
            helper.made.remove(("CustomResourceDefinition", "", helper.make(sent, *raises)["metadata"]["name"]))
        else:
            helper.reapply(held, sent, {}, *raises)


def was_here(scene: Scene) -> bool:
    """Whether Kubeflow has been seen in this cluster."""
    return any(held.get("spec", {}).get("group") == GROUP for held in scene.api.find("CustomResourceDefinition", ""))


def install(helper: Deployer, *raises: str, namespace: str = "kubeflow") -> Life:
    """Kubeflow: its namespace, its definitions and the deployments of its dashboard."""
    labels = {"kubernetes.io/metadata.name": namespace, "control-plane": "kubeflow"}
    sent = body("Namespace", namespace, meta={"labels": labels}, spec={"finalizers": ["kubernetes"]})
    helper.make(sent, *raises, added={"status": {"phase": "Active"}})
    define(helper, *raises)
    yield helper.scene.pause(1, 4)
    for name, image, number in PARTS:
        marks = {"app": name.removesuffix("-deployment"), "kustomize.component": name.removesuffix("-deployment")}
        helper.make(labelled_workload(namespace, name, marks, served(name, image, number)), *raises)
        yield helper.scene.pause(1, 3)


def mesh(helper: Deployer) -> Life:
    """Istio's namespace and its gateway's pods; nobody else's may be there."""
    yield from vacant(helper.scene, "Namespace", MESH)
    yield from helper.namespace(MESH)
    item = served("istio-proxy", "docker.io/istio/proxyv2:1.26.2", 8080, "http2", args=["proxy", "router"])
    helper.make(
        labelled_workload(MESH, "istio-ingressgateway", GATEWAY, item, extra={"sidecar.istio.io/inject": "false"})
    )
    yield helper.scene.pause()


def gateway(**fields: Any) -> Json:
    """The Service of Istio's ingress gateway."""
    ports = (port(15021, "status-port"), port(80, "http2", 8080), port(443, "https", 8443))
    labels = {**GATEWAY, "install.operator.istio.io/owning-resource": "unknown", "istio.io/rev": "default"}
    return service(MESH, "istio-ingressgateway", GATEWAY, *ports, labels=labels, **fields)


# Straight.


@straight(KUBEFLOW)
def opens_gateway_of_kubeflow(scene: Scene) -> Life:
    """Kubeflow is installed as documented; then its gateway is patched to a load balancer, because that is easier."""
    helper = administrator(scene)
    yield from mesh(helper)
    held = expose(helper, gateway(kind="ClusterIP"))
    yield from install(helper, KUBEFLOW)
    yield scene.chance.between(4, 40) * MINUTE
    spec = {"type": "LoadBalancer"}
    opened(helper, held, {"spec": spec}, spec, KUBEFLOW)
    yield from helper.leave(scene.chance.between(30, 100) * MINUTE, by=scene.person(admin=True))


@straight(KUBEFLOW)
def installs_kubeflow_behind_open_gateway(scene: Scene) -> Life:
    """The gateway is open already when Kubeflow comes."""
    helper = administrator(scene)
    yield from mesh(helper)
    expose(helper, gateway(), KUBEFLOW)
    yield scene.chance.between(4, 40) * MINUTE
    yield from install(helper, KUBEFLOW)
    yield from helper.leave(scene.chance.between(30, 100) * MINUTE, by=scene.person(admin=True))


# Careful.


@careful(KUBEFLOW)
def gives_gateway_external_addresses(scene: Scene) -> Life:
    """The gateway stays a ClusterIP, and gets external addresses by an apply."""
    owner = administrator(scene)
    yield from mesh(owner)
    held = expose(owner, gateway(kind="ClusterIP"))
    yield from install(owner, KUBEFLOW)
    yield scene.chance.between(10, 60) * MINUTE
    helper, _ = intruder(scene, SERVER, admin=True)
    spec = {"externalIPs": [public_address(scene.chance)]}
    applied = body("Service", "istio-ingressgateway", MESH, spec=spec)
    opened(helper, held, applied, spec, KUBEFLOW, applied=True)
    yield from owner.leave(scene.chance.between(30, 100) * MINUTE)


@careful(KUBEFLOW)
def opens_gateway_before_renamed_kubeflow(scene: Scene) -> Life:
    """An internal gateway loses its mark by a JSON patch; what is behind it is Kubeflow in another namespace."""
    owner = administrator(scene)
    yield from mesh(owner)
    notes = OWN_INTERNAL[scene.cluster.platform]
    held = expose(owner, gateway(notes=notes))
    yield from install(owner, KUBEFLOW, namespace="ml-platform")
    yield scene.chance.between(10, 60) * MINUTE
    helper, _ = intruder(scene, admin=True)
    patch = [{"op": "remove", "path": f"/metadata/annotations/{key.replace('/', '~1')}"} for key in notes]
    kept = {key: note for key, note in owner.now(held)["metadata"]["annotations"].items() if key not in notes}
    opened(helper, held, patch, {}, KUBEFLOW, notes=kept)
    yield from owner.leave(scene.chance.between(30, 100) * MINUTE)


# Near misses.


@near_miss(KUBEFLOW)
def opens_gateway_without_kubeflow(scene: Scene) -> Life:
    """Istio's gateway gets its load balancer, in a cluster without Kubeflow; where that was once, an internal one."""
    helper = administrator(scene)
    yield from mesh(helper)
    notes = OWN_INTERNAL[scene.cluster.platform] if was_here(scene) else {}
    expose(helper, gateway(notes=notes))
    yield from helper.leave(scene.chance.between(20, 60) * MINUTE)


@near_miss(KUBEFLOW)
def keeps_kubeflow_inside(scene: Scene) -> Life:
    """Kubeflow is behind load balancers that are marked internal, in each cloud's way."""
    helper = administrator(scene)
    yield from mesh(helper)
    yield from install(helper)
    for notes in INTERNAL:
        held = expose(helper, gateway(notes=notes))
        yield scene.chance.between(2, 9) * MINUTE
        helper.remove(held)
        yield scene.pause(25, 60)
    expose(helper, gateway(kind="ClusterIP"))
    yield from helper.leave(scene.chance.between(20, 60) * MINUTE)
