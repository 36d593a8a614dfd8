"""What operators, platforms and people do to webhooks of admission in the course of things."""

from __future__ import annotations

from dataclasses import replace

from simulation.attacks.admission import ADMISSION, GUARDS
from simulation.attacks.admission_objects import MUTATING, VALIDATING, bundle, hook, inside, policy, webhooks
from simulation.attacks.control_plane import manager_of_add_ons
from simulation.attacks.deployer import STRICT, Deployer
from simulation.attacks.exposure import administrator, colleague, some
from simulation.attacks.register import near_miss
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MINUTE, SECOND
from simulation.json import Json
from simulation.kubernetes.identities import client_go
from simulation.kubernetes.requests import Client, Target
from simulation.life.gitops import controller
from simulation.platforms import Platform
from simulation.schedule import Life

OWN = {
    Platform.AKS: (VALIDATING, "aks-node-validating-webhook", "kube-system"),
    Platform.EKS: (MUTATING, "pod-identity-webhook", "kube-system"),
    Platform.GKE: (VALIDATING, "nodelimit.config.common-webhooks.networking.gke.io", "kube-system"),
}
"""A webhook configuration that the platform brings."""


def operator(scene: Scene, namespace: str, name: str) -> Client:
    """The account of an operator, whose pod has been there for long."""
    granted = f'ClusterRoleBinding "{name}" of ClusterRole "{name}"'
    machine = scene.chance.pick(scene.cluster.machines)
    address = scene.cluster.pod_address(machine)
    bound = {"node-name": machine.name, "node-uid": str(scene.cluster.node_values(machine)["node_uid"])}
    bound |= {"pod-name": f"{name}-{scene.chance.ending(10)}-{scene.chance.ending(5)}", "pod-uid": scene.chance.uuid()}
    names = (namespace, name, client_go(name), address, granted)
    return scene.cluster.identities.account(*names, bound, scene.chance.uuid())


def standing(scene: Scene, kind: str, name: str, namespace: str) -> Json:
    """A configuration of an operator, which has been there for long."""
    held = scene.api.held(kind, "", name)
    item = hook(f"{name}.example" if "." not in name else name, inside(scene, namespace, name), policy="Fail")
    return held or scene.api.hold(webhooks(kind, name, item), "helm")


def rotated(scene: Scene, held: Json) -> list[Json]:
    """Its webhooks with a new CA."""
    fresh = bundle(scene)
    return [{**each, "clientConfig": {**each["clientConfig"], "caBundle": fresh}} for each in held["webhooks"]]


@near_miss(ADMISSION)
def rotates_bundles_by_update(scene: Scene) -> Life:
    """An operator writes new certificates into its webhook configuration, by updates of the whole object."""
    name = some(scene, "vault-injector", "policy-operator")
    client, held = operator(scene, "policy", name), standing(scene, VALIDATING, name, "policy")
    for _ in range(3):
        scene.read(client, "get", Target(VALIDATING, name=name))
        yield scene.chance.about(2 * SECOND)
        held = scene.api.update(client, held, {"webhooks": rotated(scene, held)}, mark=scene.mark())
        yield scene.chance.about(4 * HOUR)
    scene.api.forget(held)


@near_miss(ADMISSION)
def rotates_bundles_by_patch(scene: Scene) -> Life:
    """A mesh's control plane patches the CA bundle alone: by a JSON patch, and by a strategic one."""
    name = some(scene, "istiod", "linkerd-injector")
    client, held = operator(scene, "mesh", name), standing(scene, MUTATING, f"{name}-sidecar", "mesh")
    for place in range(2):
        hooks = rotated(scene, held)
        fresh = hooks[0]["clientConfig"]["caBundle"]
        path = "/webhooks/0/clientConfig/caBundle"
        by_json = [{"op": "replace", "path": path, "value": fresh}]
        merged = {"webhooks": [{"name": hooks[0]["name"], "clientConfig": {"caBundle": fresh}}]}
        patch = by_json if place == 0 else merged
        held = scene.api.patch(client, held, patch, {"webhooks": hooks}, mark=scene.mark())
        yield scene.chance.about(3 * HOUR)
    scene.api.forget(held)


@near_miss(ADMISSION)
def reconciles_own_webhooks(scene: Scene) -> Life:
    """The platform brings its own webhook configuration up to date; where it has none, an operator its CA bundle."""
    platform = scene.cluster.platform
    if platform is Platform.SELF:
        yield from rotates_bundles_by_update(scene)
        return
    kind, name, namespace = OWN[platform]
    client = manager_of_add_ons(scene)
    held = scene.api.held(kind, "", name)
    if held is None:
        scene.api.miss(client, "get", Target(kind, name=name), mark=scene.mark())
        item = hook(f"{name}.example" if "." not in name else name, inside(scene, namespace, name), policy="Ignore")
        held = scene.create(client, webhooks(kind, name, item), query="fieldManager=kubectl-client-side-apply")
    yield scene.chance.between(5, 90) * MINUTE
    hooks = [{**each, "timeoutSeconds": 12 - each["timeoutSeconds"] // 2} for each in rotated(scene, held)]
    scene.api.update(client, held, {"webhooks": hooks}, mark=scene.mark())


@near_miss(ADMISSION)
def may_not_make_webhook(scene: Scene) -> Life:
    """Somebody of a team wants to install a chart with a webhook, and may not."""
    client = replace(colleague(scene)[0].client, agent="Helm/3.19.0")
    name = some(scene, *GUARDS)
    scene.refuse(client, "get", Target(VALIDATING, name=name))
    yield scene.pause(0.1, 2)
    scene.refuse(client, "create", Target(VALIDATING, name=name, query="fieldManager=helm", unnamed=True))
    yield scene.pause()
    scene.refuse(client, "delete", Target(MUTATING, name=name))


@near_miss(ADMISSION)
def tries_webhook_in_dry_run(scene: Scene) -> Life:
    """Somebody lets the server look at a webhook and a policy, and makes neither."""
    client = administrator(scene).client
    name = some(scene, *GUARDS)
    item = hook(f"check.{name}.example", inside(scene, "policy", name))
    query = f"dryRun=All&fieldManager=kubectl-create&{STRICT}"
    scene.create(client, webhooks(VALIDATING, name, item), query=query)
    yield scene.pause()
    scene.create(client, policy(name, "!object.spec.hostNetwork", ["pods"]), query=query)


@near_miss(ADMISSION)
def applies_same_webhook(scene: Scene) -> Life:
    """GitOps applies a webhook configuration as it is, again and again."""
    name = some(scene, *GUARDS)
    held = standing(scene, VALIDATING, name, "policy")
    deployer = Deployer(scene, controller(scene.cluster))
    for _ in range(4):
        current = deployer.now(held)
        sent = {key: part for key, part in current.items() if key != "metadata"}
        sent["metadata"] = {"name": name, "labels": current["metadata"]["labels"]}
        deployer.reapply(current, sent, {}, manager="argocd-controller")
        yield scene.chance.about(10 * MINUTE)
    scene.api.forget(deployer.now(held))


@near_miss(ADMISSION)
def reads_webhooks(scene: Scene) -> Life:
    """Somebody looks why a pod is not admitted."""
    client = administrator(scene).client
    for kind in (VALIDATING, MUTATING, "ValidatingAdmissionPolicy"):
        scene.read(client, "list", Target(kind, query="limit=500"))
        yield scene.pause()
