"""Bindings of cluster-admin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulation.attacks.changes import APPLIED, EDITED, PATCHED, REPLACED, subject
from simulation.attacks.intruders import RARE, in_use, leaked, outside
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import CREATED, Scene
from simulation.clock import DAY, HOUR, MINUTE, second_time
from simulation.json import Json
from simulation.kubernetes.objects import binding
from simulation.kubernetes.requests import Target, forbidden
from simulation.schedule import Life

BINDING = "K8S_ClusterAdminBinding"
DEPLOYER = 'ClusterRoleBinding "deployer" of ClusterRole "deployer"'
BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
UPDATES = {"rbac.authorization.kubernetes.io/autoupdate": "true"}


def to_admin(namespace: str, name: str, *subjects: Json, role: str = "cluster-admin") -> Json:
    """A binding of a ClusterRole; of the whole cluster, or of a namespace."""
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return {**binding(kind, namespace, name, subjects[0], "ClusterRole", role), "subjects": list(subjects)}


def old(scene: Scene, sent: Json, days: int = 40) -> Json:
    """An object that has been there since long before."""
    held = scene.api.hold(sent, "kubectl-create")
    stamp = second_time(scene.now - days * DAY)
    meta = held["metadata"]
    fields = [{**entry, "time": stamp} for entry in meta["managedFields"]]
    meta |= {"creationTimestamp": stamp, "managedFields": fields}
    return held


def apply_unchanged(scene: Scene, sent: Json) -> Life:
    """Somebody applies what has been there for weeks three times, as it is."""
    held = old(scene, sent)
    person = scene.person(admin=True)
    for _ in range(3):
        scene.api.patch(person, held, sent, {}, query=APPLIED, operation="Apply", mark=scene.mark())
        yield scene.chance.between(20 * MINUTE, 40 * MINUTE)
    scene.api.forget(held)


def clear_up(scene: Scene, *held: Json) -> Life:
    """Hours later somebody who looks after the cluster sees it, and deletes it."""
    yield scene.chance.between(3 * HOUR, 30 * HOUR)
    for each in held:
        scene.api.delete(scene.person(admin=True), each, mark=scene.mark())


def _ours(scene: Scene) -> Json:
    name = scene.cluster.people[0].client.username
    return subject("User", name)


@straight(BINDING, RARE)
def binds_cluster_admin(scene: Scene) -> Life:
    """A stolen account looks what roles there are, and binds cluster-admin to itself."""
    workload = in_use(scene)
    thief = outside(scene, workload, DEPLOYER)
    scene.read(thief, "list", Target("ClusterRole", query="limit=500"), RARE)
    yield scene.pause()
    mine = subject("ServiceAccount", workload.account, workload.namespace)
    sent = to_admin("", f"{workload.name}-operator", mine)
    held = scene.create(thief, sent, BINDING, RARE)
    yield from clear_up(scene, held)


@straight(BINDING)
def binds_cluster_admin_in_a_namespace(scene: Scene) -> Life:
    """Somebody with a stolen kubeconfig gives an account cluster-admin in one namespace."""
    team = scene.chance.pick(scene.cluster.teams)
    yield scene.pause()
    sent = to_admin(team, "release", subject("ServiceAccount", "default", team))
    held = scene.create(leaked(scene), sent, BINDING)
    yield from clear_up(scene, held)


@straight(BINDING)
def replaces_the_subjects_of_cluster_admin(scene: Scene) -> Life:
    """An old binding of cluster-admin is replaced by one that has everybody in it."""
    held = old(scene, to_admin("", "emergency-access", _ours(scene)))
    thief = leaked(scene)
    scene.read(thief, "get", Target("ClusterRoleBinding", name="emergency-access"))
    yield scene.pause()
    changed = {"subjects": [*held["subjects"], subject("Group", "system:authenticated")]}
    held = scene.api.update(thief, held, changed, query=REPLACED, mark=scene.mark(BINDING))
    yield from clear_up(scene, held)


def _add_subject(scene: Scene, name: str, added: Json, how: str) -> Life:
    """An old binding of cluster-admin gets one more subject, by one of the kinds of patches."""
    held = old(scene, to_admin("", name, _ours(scene)))
    thief = leaked(scene)
    scene.read(thief, "get", Target("ClusterRoleBinding", name=name))
    yield scene.pause()
    changed = {"subjects": [*held["subjects"], added]}
    patches: dict[str, Any] = {
        "json": [{"op": "add", "path": "/subjects/-", "value": added}],
        "merge": changed,
        "strategic": {**changed, "metadata": {"annotations": {}}},
        "apply": {key: held[key] for key in ("kind", "apiVersion", "roleRef")} | {"metadata": {"name": name}} | changed,
    }
    query, operation = (APPLIED, "Apply") if how == "apply" else (EDITED if how == "strategic" else PATCHED, "Update")
    options = {"query": query, "operation": operation, "mark": scene.mark(BINDING)}
    held = scene.api.patch(thief, held, patches[how], changed, **options)
    yield from clear_up(scene, held)


@careful(BINDING)
def adds_a_subject_by_json_patch(scene: Scene) -> Life:
    """A JSON patch adds one subject to an old binding, whose role is not in the request."""
    yield from _add_subject(scene, "break-glass", subject("User", "svc-backup"), "json")


@careful(BINDING)
def adds_a_subject_by_merge_patch(scene: Scene) -> Life:
    """A merge patch adds a group of accounts to an old binding, whose role is not in the request."""
    yield from _add_subject(scene, "ops-admins", subject("Group", "system:serviceaccounts"), "merge")


@careful(BINDING)
def adds_a_subject_by_edit(scene: Scene) -> Life:
    """A strategic patch of kubectl edit adds an account of kube-system to an old binding."""
    added = subject("ServiceAccount", "default", "kube-system")
    yield from _add_subject(scene, "helm-admins", added, "strategic")


@careful(BINDING)
def adds_a_subject_by_apply(scene: Scene) -> Life:
    """A server-side apply adds a user to an old binding."""
    yield from _add_subject(scene, "platform-emergency", subject("User", "audit-reader"), "apply")


@careful(BINDING)
def applies_a_binding_that_looks_like_the_platforms(scene: Scene) -> Life:
    """A server-side apply creates a binding with the name and the label of those that the server itself makes."""
    thief = leaked(scene)
    sent = to_admin("", "system:kube-dns-autoscaler", subject("ServiceAccount", "default", "kube-public"))
    sent["metadata"] |= {"labels": BOOTSTRAP, "annotations": UPDATES}
    yield scene.pause()
    held = scene.api.apply(thief, sent, mark=scene.mark(BINDING))
    yield from clear_up(scene, held)


@careful(BINDING, RARE)
def binds_cluster_admin_by_patch(scene: Scene) -> Life:
    """A stolen account binds cluster-admin in one namespace, and puts one more subject into it later."""
    workload = in_use(scene)
    team = workload.namespace
    thief = outside(scene, workload, DEPLOYER)
    group = subject("Group", f"system:serviceaccounts:{team}")
    held = scene.create(thief, to_admin(team, f"{team}-release", group), BINDING, RARE)
    yield scene.pause(600, 3000)
    changed = {"subjects": [group, subject("ServiceAccount", "default", team)]}
    thief = outside(scene, workload, DEPLOYER)
    held = scene.api.patch(thief, held, changed, changed, query=PATCHED, mark=scene.mark(BINDING, RARE))
    yield from clear_up(scene, held)


@near_miss(BINDING)
def binds_view(scene: Scene) -> Life:
    """Somebody who looks after the cluster lets a team read everything."""
    team = scene.chance.pick(scene.cluster.teams)
    sent = to_admin("", f"{team}-viewers", subject("Group", f"team-{team}"), role="view")
    held = scene.create(scene.person(admin=True), sent)
    yield scene.pause()
    scene.api.forget(held)


@near_miss(BINDING)
def binds_a_role_whose_name_is_longer(scene: Scene) -> Life:
    """The role is called cluster-admin-readonly, which is another one."""
    sent = to_admin("", "auditors", subject("Group", "auditors"), role="cluster-admin-readonly")
    held = scene.create(scene.person(admin=True), sent)
    yield scene.pause()
    scene.api.forget(held)


@near_miss(BINDING)
def binds_admin_in_dry_run(scene: Scene) -> Life:
    """Somebody tries out whether the server would take a binding; nothing is made."""
    person = scene.person(admin=True)
    sent = to_admin("", "trial-admin", subject("User", person.username))
    scene.create(person, sent, query=f"dryRun=All&{CREATED}")
    yield 0


@near_miss(BINDING)
def may_not_bind_admin(scene: Scene) -> Life:
    """Somebody of a team tries to make themselves admin, and is refused."""
    person = scene.person()
    sent = to_admin("", "me-admin", subject("User", person.username))
    target = Target("ClusterRoleBinding", name="me-admin", query=CREATED, unnamed=True)
    answer = {"code": 403, "status": forbidden(person, "create", target), "request": sent}
    scene.api.record(person, "create", target, mark=scene.mark(), **answer)
    yield 0


@near_miss(BINDING)
def the_server_reconciles_its_own_binding(scene: Scene) -> Life:
    """The API server, which starts again, makes the binding of cluster-admin that it needs itself."""
    server = replace(scene.cluster.identities.apiserver())
    scene.api.miss(server, "get", Target("ClusterRoleBinding", name="cluster-admin"), mark=scene.mark())
    sent = to_admin("", "cluster-admin", subject("Group", "system:masters"))
    sent["metadata"] |= {"labels": BOOTSTRAP, "annotations": UPDATES}
    held = scene.create(server, sent, query="")
    yield scene.pause()
    scene.api.forget(held)


@near_miss(BINDING)
def applies_an_old_binding_unchanged(scene: Scene) -> Life:
    """Somebody applies a binding of cluster-admin again, which is as it has been for weeks."""
    sent = to_admin("", "platform-admins", subject("Group", "platform-admins"))
    yield from apply_unchanged(scene, sent)


@near_miss(BINDING)
def removes_an_old_binding(scene: Scene) -> Life:
    """Somebody tidies up, and deletes a binding of cluster-admin that nobody needs any more."""
    held = old(scene, to_admin("", "migration-2025", subject("User", "migration")))
    yield scene.pause()
    scene.api.delete(scene.person(admin=True), held, {"propagationPolicy": "Background"}, mark=scene.mark())
