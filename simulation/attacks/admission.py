"""Webhooks and policies of admission: made, widened, weakened and taken away."""

from __future__ import annotations

from simulation.attacks.admission_objects import (
    MUTATING,
    VALIDATING,
    binding,
    hook,
    inside,
    mutating_policy,
    outside,
    policy,
    webhooks,
)
from simulation.attacks.deployer import BACKGROUND, CREATE, SERVER
from simulation.attacks.exposure import administrator, intruder, some, thief
from simulation.attacks.intruders import RARE
from simulation.attacks.register import careful, straight
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MINUTE
from simulation.json import Json
from simulation.kubernetes.requests import Target
from simulation.schedule import Life

ADMISSION = "K8S_AdmissionController"
GUARDS = ("image-policy", "pod-guard", "registry-check", "quota-guard", "label-guard")


def standing(scene: Scene, kind: str = VALIDATING, **fields: str) -> Json:
    """A configuration that has been there for long."""
    name = some(scene, *GUARDS)
    item = hook(f"validate.{name}.example", inside(scene, "policy", name), policy="Fail", **fields)
    return scene.api.hold(webhooks(kind, f"{name}-webhook", item), "helm")


def found_out(scene: Scene, held: Json) -> Life:
    """Somebody who looks after the cluster deletes it, which is what the alert is about as well."""
    yield scene.chance.between(1, 6) * HOUR
    administrator(scene).remove(held, ADMISSION)


def forgotten(scene: Scene, held: Json) -> Life:
    """It stays as it is; what else becomes of it is another story."""
    yield scene.chance.between(1, 6) * HOUR
    scene.api.forget(scene.api.held(held["kind"], "", held["metadata"]["name"]) or held)


# Straight.


@straight(ADMISSION)
def adds_mutating_webhook(scene: Scene) -> Life:
    """Whoever makes a pod from now on asks a server of the intruder, which may put containers into it."""
    helper, _ = intruder(scene, admin=True)
    scene.read(helper.client, "list", Target(MUTATING, query="limit=500"))
    yield scene.pause()
    name = some(scene, "sidecar-injector", "mesh-init", "env-injector")
    item = hook(f"inject.{name}.example", outside(scene), resources=["pods"])
    held = helper.make(webhooks(MUTATING, name, item), ADMISSION)
    yield from found_out(scene, held)


@straight(ADMISSION)
def adds_validating_webhook(scene: Scene) -> Life:
    """A webhook that is asked about every Secret, and so reads them."""
    helper, _ = intruder(scene, CREATE, admin=True)
    yield scene.pause()
    name = some(scene, "audit-relay", "secret-scan", "compliance")
    item = hook(f"check.{name}.example", inside(scene, "default", name), resources=["secrets"])
    held = helper.make(webhooks(VALIDATING, name, item), ADMISSION)
    yield from found_out(scene, held)


@straight(ADMISSION)
def patches_webhook_in(scene: Scene) -> Life:
    """A configuration that is there gets one webhook more."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene, MUTATING)
    yield scene.pause()
    item = hook(f"defaults.{held['metadata']['name']}.example", outside(scene), resources=["pods"])
    hooks = [*held["webhooks"], item]
    helper.patch(held, {"webhooks": [item]}, {"webhooks": hooks}, ADMISSION)
    yield from forgotten(scene, held)


@straight(ADMISSION)
def replaces_webhook_target(scene: Scene) -> Life:
    """A webhook is sent to another server, by a replace of the whole configuration."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    yield scene.pause()
    hooks = [{**held["webhooks"][0], "clientConfig": outside(scene)}]
    helper.replace(held, {"webhooks": hooks}, ADMISSION)
    yield from forgotten(scene, held)


@straight(ADMISSION)
def ignores_failures(scene: Scene) -> Life:
    """The guard of images may fail from now on: failurePolicy becomes Ignore."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    scene.read(helper.client, "list", Target(VALIDATING, query="limit=500"))
    yield scene.pause()
    item = held["webhooks"][0]
    patch = {"webhooks": [{"name": item["name"], "failurePolicy": "Ignore"}]}
    helper.patch(held, patch, {"webhooks": [{**item, "failurePolicy": "Ignore"}]}, ADMISSION)
    yield from forgotten(scene, held)


@straight(ADMISSION)
def deletes_webhook(scene: Scene) -> Life:
    """The guard is deleted, so that nobody is asked any more."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    scene.read(helper.client, "list", Target(VALIDATING, query="limit=500"))
    yield scene.pause()
    helper.remove(held, ADMISSION)


@straight(ADMISSION)
def adds_admission_policy(scene: Scene) -> Life:
    """A policy and its binding, by which nothing of the platform team can be changed any more."""
    helper, _ = intruder(scene, admin=True)
    name = some(scene, "freeze", "maintenance", "lockdown")
    expression = "request.userInfo.username.startsWith('system:')"
    helper.make(policy(name, expression, ["roles", "rolebindings"]), ADMISSION)
    yield scene.pause()
    helper.make(binding(name), ADMISSION)
    yield from helper.leave(scene.chance.between(1, 5) * HOUR, ADMISSION, by=scene.person(admin=True))


@straight(ADMISSION)
def deletes_policy_binding(scene: Scene) -> Life:
    """A policy against privileged pods stays, and its binding is deleted: it applies to nothing."""
    helper, _ = intruder(scene, admin=True)
    name = some(scene, "no-privileged", "no-host-path")
    guard = scene.api.hold(policy(name, "!object.spec.hostNetwork", ["pods"]), "kubectl")
    held = scene.api.hold(binding(name), "kubectl")
    yield scene.pause()
    helper.remove(held, ADMISSION)
    yield from forgotten(scene, guard)


# Careful.


@careful(ADMISSION)
def ignores_failures_by_json_patch(scene: Scene) -> Life:
    """A JSON patch of one word, in the form in which CA bundles are rotated."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    yield scene.pause()
    item = {**held["webhooks"][0], "failurePolicy": "Ignore"}
    patch = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
    helper.patch(held, patch, {"webhooks": [item]}, ADMISSION)
    yield from forgotten(scene, held)


@careful(ADMISSION)
def leaves_namespace_out(scene: Scene) -> Life:
    """With a rotation of the CA bundle the guard's selector leaves one namespace out."""
    helper, _ = intruder(scene, SERVER, admin=True)
    held = standing(scene)
    yield scene.pause()
    names = ["kube-system", scene.chance.pick(scene.cluster.teams)]
    only = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names}
    item = held["webhooks"][0]
    fresh = {**item["clientConfig"], "caBundle": inside(scene, "policy", "x")["caBundle"]}
    hooks = [{**item, "clientConfig": fresh, "namespaceSelector": {"matchExpressions": [only]}}]
    sent = webhooks(VALIDATING, held["metadata"]["name"], *hooks)
    helper.reapply(held, sent, {"webhooks": hooks}, ADMISSION, manager="helm")
    yield from forgotten(scene, held)


@careful(ADMISSION)
def adds_match_condition(scene: Scene) -> Life:
    """The guard is asked of everything but what one account does, by a condition."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    yield scene.pause()
    account = f"system:serviceaccount:{scene.chance.pick(scene.cluster.teams)}:default"
    conditions = [{"name": "not-the-builder", "expression": f"request.userInfo.username != '{account}'"}]
    patch = [{"op": "add", "path": "/webhooks/0/matchConditions", "value": conditions}]
    changed = {"webhooks": [{**held["webhooks"][0], "matchConditions": conditions}]}
    helper.patch(held, patch, changed, ADMISSION)
    yield from forgotten(scene, held)


@careful(ADMISSION, RARE)
def applies_webhook_by_account(scene: Scene) -> Life:
    """A stolen token that may install charts makes a webhook for ConfigMaps, by a server-side apply."""
    helper, _ = thief(scene, SERVER)
    yield scene.pause()
    name = some(scene, "cert-manager-webhook", "config-sync")
    item = hook(f"webhook.{name}.example", inside(scene, "cert-manager", name), resources=["configmaps"])
    held = helper.make(webhooks(MUTATING, name, item), ADMISSION, RARE)
    yield from found_out(scene, held)


@careful(ADMISSION)
def adds_mutating_policy(scene: Scene) -> Life:
    """Not a webhook but a MutatingAdmissionPolicy puts a sidecar into pods: no server is asked."""
    helper, _ = intruder(scene, CREATE, admin=True)
    name = some(scene, "defaults", "sidecar", "annotate")
    helper.make(mutating_policy(name, f"{scene.cluster.cast.registry}/tools/relay:1.0"), ADMISSION)
    yield scene.pause()
    helper.make(binding(name, kind="MutatingAdmissionPolicyBinding"), ADMISSION)
    yield from helper.leave(scene.chance.between(1, 5) * HOUR, ADMISSION, by=scene.person(admin=True))


@careful(ADMISSION)
def moves_policy_binding(scene: Scene) -> Life:
    """The binding of a policy is patched so that it applies to a namespace that does not exist."""
    helper, _ = intruder(scene, admin=True)
    name = some(scene, "no-privileged", "no-host-path")
    guard = scene.api.hold(policy(name, "!object.spec.hostNetwork", ["pods"]), "kubectl")
    held = scene.api.hold(binding(name), "kubectl")
    yield scene.chance.between(1, 30) * MINUTE
    resources = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "retired"}}}
    patch = [{"op": "add", "path": "/spec/matchResources", "value": resources}]
    helper.patch(held, patch, {"spec": {**held["spec"], "matchResources": resources}}, ADMISSION)
    yield from forgotten(scene, held)
    scene.api.forget(guard)


@careful(ADMISSION)
def deletes_webhooks_as_collection(scene: Scene) -> Life:
    """The guards of a label are deleted by one request."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    yield scene.pause()
    items = [{key: part for key, part in held.items() if key not in {"kind", "apiVersion"}}]
    request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **BACKGROUND}
    answer = {"kind": f"{VALIDATING}List", "apiVersion": held["apiVersion"]}
    answer |= {"metadata": {"resourceVersion": scene.api.next_version()}, "items": items}
    target = Target(VALIDATING, query=f"labelSelector=app%3D{held['metadata']['labels']['app']}")
    mark = scene.mark(ADMISSION)
    scene.api.record(helper.client, "deletecollection", target, request=request, response=answer, mark=mark)
    scene.api.forget(held)
