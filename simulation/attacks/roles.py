"""Roles with high privileges."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from simulation.attacks.changes import APPLIED, EDITED, PATCHED, REPLACED
from simulation.attacks.intruders import RARE, in_use, leaked, outside
from simulation.attacks.register import Play, careful, enter, near_miss, straight
from simulation.attacks.rights import BOOTSTRAP, DEPLOYER, UPDATES, apply_unchanged, clear_up, old
from simulation.attacks.scene import CREATED, Scene
from simulation.clock import MINUTE
from simulation.json import Json
from simulation.kubernetes.kinds import RBAC
from simulation.kubernetes.objects import body
from simulation.kubernetes.requests import Target, forbidden
from simulation.labels import Variant
from simulation.schedule import Life

ROLE = "K8S_HighPrivilegesRole"
READS = ("get", "list", "watch")
WRITES = ("create", "update", "patch", "delete")


def rule(verbs: Sequence[str], resources: Sequence[str], group: str = "", **more: Any) -> Json:
    """One rule of a role; more: `resourceNames`."""
    return {"verbs": list(verbs), "apiGroups": [group], "resources": list(resources), **more}


def role(name: str, *rules: Json, namespace: str = "") -> Json:
    """A ClusterRole, or the Role of a namespace."""
    return body("Role" if namespace else "ClusterRole", name, namespace, rules=list(rules))


class High(NamedTuple):
    """A role that gives too much."""

    name: str
    """Of the episode."""
    story: str
    rules: tuple[Json, ...]
    namespace: str = ""
    """Of a Role; `team`: some team's."""
    called: str = ""


def _play(each: High) -> Play:
    def play(scene: Scene) -> Generator[int, None, None]:
        yield scene.pause()
        namespace = scene.chance.pick(scene.cluster.teams) if each.namespace == "team" else each.namespace
        name = each.called or f"{scene.chance.pick(('backup', 'metrics', 'sync', 'deploy'))}-{scene.chance.ending(3)}"
        held = scene.create(leaked(scene), role(name, *each.rules, namespace=namespace), ROLE)
        yield from clear_up(scene, held)

    play.__doc__ = each.story
    return play


def _enter(variant: Variant, *found: High) -> None:
    for each in found:
        enter(each.name, variant, (ROLE,), _play(each))


CONFIGURATIONS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
APPROVAL = ("certificatesigningrequests/approval",)
_enter(
    Variant.STRAIGHT,
    High("role-of-everything", "A ClusterRole may do all with all.", (rule("*", "*", "*"),)),
    High("role-of-all-verbs", "A Role may do everything with the config maps of a namespace.",
         (rule("*", ["configmaps"]),), "team"),
    High("role-of-all-resources", "A Role may read every kind of object of a namespace.", (rule(READS, "*"),), "team"),
    High("role-of-all-groups", "A ClusterRole names every API group.", (rule(READS, ["deployments"], "*"),)),
    High("role-that-escalates", "A Role may give roles more rights than its bearer has.",
         (rule(["get", "escalate", "update"], ["roles"], RBAC),), "team"),
    High("role-that-binds", "A ClusterRole may bind any role.", (rule(["bind"], ["clusterroles"], RBAC),)),
    High("role-that-impersonates", "A ClusterRole may act as anybody.",
         (rule(["impersonate"], ["users", "groups", "serviceaccounts"]),)),
    High("role-that-reads-secrets", "A ClusterRole may read all secrets.", (rule(READS, ["secrets"]),)),
    High("role-that-reads-secrets-of-the-system", "A Role of kube-system may read its secrets.",
         (rule(["get"], ["secrets"]),), "kube-system"),
    High("role-that-writes-workloads", "A ClusterRole may change pods and workloads everywhere.",
         (rule(WRITES, ["pods"]), rule(WRITES, ["deployments", "daemonsets", "statefulsets"], "apps"))),
    High("role-that-execs", "A ClusterRole may run commands in any container.",
         (rule(["get", "list"], ["pods"]), rule(["create"], ["pods/exec"]))),
    High("role-that-attaches", "A ClusterRole may attach to containers and forward ports.",
         (rule(["create", "get"], ["pods/attach", "pods/portforward"]),)),
    High("role-that-adds-containers", "A ClusterRole may add ephemeral containers to pods.",
         (rule(["patch", "update"], ["pods/ephemeralcontainers"]),)),
    High("role-that-mints-tokens", "A ClusterRole may issue tokens of all accounts.",
         (rule(["create"], ["serviceaccounts/token"]),)),
    High("role-that-asks-kubelets", "A ClusterRole may talk to the kubelets.", (rule(["get"], ["nodes/proxy"]),)),
    High("role-that-makes-volumes", "A ClusterRole may make persistent volumes.",
         (rule(WRITES, ["persistentvolumes"]),)),
    High("role-that-writes-bindings", "A ClusterRole may write bindings.",
         (rule(WRITES, ["rolebindings", "clusterrolebindings"], RBAC),)),
    High("role-that-writes-webhooks", "A ClusterRole may write admission webhooks.",
         (rule(WRITES, CONFIGURATIONS, "admissionregistration.k8s.io"),)),
    High("role-that-posts-to-pages", "A ClusterRole may write to any page of the server.",
         ({"verbs": ["get", "post", "put"], "nonResourceURLs": ["*"]},)),
    High("role-that-approves-certificates", "A ClusterRole may approve certificates of any signer.",
         (rule(["update", "patch"], APPROVAL, "certificates.k8s.io"),
          rule(["approve"], ["signers"], "certificates.k8s.io"))),
)  # fmt: skip
_enter(
    Variant.CAREFUL,
    High("role-of-all-parts-of-pods", "A ClusterRole names pods/*, which holds exec and attach.",
         (rule(READS, ["pods"]), rule(["create", "get"], ["pods/*"]))),
    High("role-of-the-system-that-execs", "A Role of kube-system with a name of the platform may run commands there.",
         (rule(["get", "list"], ["pods"]), rule(["create"], ["pods/exec"])), "kube-system", "system:metrics-scraper"),
    High("role-that-hides-one-rule", "Among many rules that only read is one that issues tokens of one account.",
         (rule(READS, ["pods", "services", "endpoints", "nodes"]), rule(READS, ["deployments", "replicasets"], "apps"),
          rule(READS, ["ingresses"], "networking.k8s.io"), rule(READS, ["jobs", "cronjobs"], "batch"),
          rule(["create"], ["serviceaccounts/token"], resourceNames=["argocd-application-controller"]))),
)  # fmt: skip


@straight(ROLE, RARE)
def account_makes_a_role(scene: Scene) -> Life:
    """A stolen account makes a ClusterRole that reads all secrets."""
    thief = outside(scene, in_use(scene), DEPLOYER)
    scene.read(thief, "list", Target("ClusterRole", query="limit=500"), RARE)
    yield scene.pause()
    held = scene.create(thief, role("log-reader", rule(READS, ["pods", "pods/log", "secrets"])), ROLE, RARE)
    yield from clear_up(scene, held)


def _later(scene: Scene, how: str, added: Json, name: str, namespace: str = "") -> Life:
    """A role that only reads is created, and gets a rule more when nobody looks any more."""
    thief = leaked(scene)
    harmless = rule(READS, ["pods", "services"])
    held = scene.create(thief, role(name, harmless, namespace=namespace))
    yield scene.chance.between(20 * MINUTE, 240 * MINUTE)
    changed = {"rules": [harmless, added]}
    meta = {key: held["metadata"][key] for key in ("name", "namespace") if key in held["metadata"]}
    patches: dict[str, Any] = {
        "json": [{"op": "add", "path": "/rules/-", "value": added}],
        "merge": changed,
        "strategic": {"metadata": {"annotations": {}}, **changed},
        "apply": {"kind": held["kind"], "apiVersion": held["apiVersion"], "metadata": meta, **changed},
    }
    if how == "update":
        held = scene.api.update(thief, held, changed, query=REPLACED, mark=scene.mark(ROLE))
    else:
        query = {"apply": APPLIED, "strategic": EDITED}.get(how, PATCHED)
        operation = "Apply" if how == "apply" else "Update"
        options = {"query": query, "operation": operation, "mark": scene.mark(ROLE)}
        held = scene.api.patch(thief, held, patches[how], changed, **options)
    yield from clear_up(scene, held)


@careful(ROLE)
def role_grows_by_update(scene: Scene) -> Life:
    """A role that only reads may impersonate, after kubectl replace."""
    yield from _later(scene, "update", rule(["impersonate"], ["serviceaccounts"]), "inventory")


@careful(ROLE)
def role_grows_by_json_patch(scene: Scene) -> Life:
    """A role that only reads may read secrets, after a JSON patch that says only that."""
    yield from _later(scene, "json", rule(["get"], ["secrets"]), "pod-inspector")


@careful(ROLE)
def role_grows_by_merge_patch(scene: Scene) -> Life:
    """A Role of kube-system that only reads may run commands, after a merge patch."""
    yield from _later(scene, "merge", rule(["create"], ["pods/exec"]), "kube-state", "kube-system")


@careful(ROLE)
def role_grows_by_edit(scene: Scene) -> Life:
    """A role that only reads may ask kubelets, after kubectl edit."""
    yield from _later(scene, "strategic", rule(["get"], ["nodes/proxy", "nodes/stats"]), "node-metrics")


@careful(ROLE)
def role_grows_by_apply(scene: Scene) -> Life:
    """A Role of a team may do all with its roles, after a server-side apply."""
    team = scene.chance.pick(scene.cluster.teams)
    yield from _later(scene, "apply", rule("*", ["roles", "rolebindings"], RBAC), "release-reader", team)


@careful(ROLE)
def applies_a_role_that_looks_like_the_platforms(scene: Scene) -> Life:
    """A server-side apply creates a ClusterRole with the name and the label of those that the server itself makes."""
    yield scene.pause()
    sent = role("system:node-inspector", rule(READS, ["nodes", "pods"]), rule(["bind"], ["clusterroles"], RBAC))
    sent["metadata"] |= {"labels": BOOTSTRAP, "annotations": UPDATES}
    held = scene.api.apply(leaked(scene), sent, mark=scene.mark(ROLE))
    yield from clear_up(scene, held)


@careful(ROLE)
def role_joins_view(scene: Scene) -> Life:
    """A ClusterRole that reads secrets is added to what everybody with view may do, by a label."""
    yield scene.pause()
    sent = role("secrets-view", rule(["list"], ["secrets"]))
    sent["metadata"]["labels"] = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    held = scene.create(leaked(scene), sent, ROLE)
    yield from clear_up(scene, held)


@near_miss(ROLE)
def creates_reading_role(scene: Scene) -> Life:
    """A dashboard gets a ClusterRole that only reads ordinary things."""
    rules = (rule(READS, ["pods", "services", "nodes", "pods/log"]), rule(READS, ["deployments"], "apps"))
    held = scene.create(scene.person(admin=True), role("dashboard-viewer", *rules))
    yield scene.pause()
    scene.api.forget(held)


@near_miss(ROLE)
def creates_ci_role(scene: Scene) -> Life:
    """A team's CI gets a Role by which it may create pods in the team's own namespace."""
    team = scene.chance.pick(scene.cluster.teams)
    rules = rule([*READS, "create", "delete"], ["pods", "pods/log"]), rule([*READS, "patch"], ["deployments"], "apps")
    held = scene.create(scene.person(admin=True), role("pipeline", *rules, namespace=team))
    yield scene.pause()
    scene.api.forget(held)


@near_miss(ROLE)
def creates_aggregated_role(scene: Scene) -> Life:
    """A ClusterRole for a new kind of object is added to view by its label alone."""
    sent = role("certificates-view", rule(READS, ["certificates"], "cert-manager.io"))
    sent["metadata"]["labels"] = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    held = scene.create(scene.person(admin=True), sent)
    view = old(scene, role("view", rule(READS, ["pods", "configmaps", "services"])))
    yield 200_000
    changed = {"rules": [*view["rules"], *sent["rules"]]}
    author = scene.cluster.identities.controller("clusterrole-aggregation-controller")
    patch = {"kind": "ClusterRole", "apiVersion": f"{RBAC}/v1", "metadata": {"name": "view"}, **changed}
    query = "fieldManager=clusterrole-aggregation-controller&force=true"
    view = scene.api.patch(author, view, patch, changed, query=query, operation="Apply", mark=scene.mark())
    yield scene.pause()
    scene.api.forget(held)
    scene.api.forget(view)


@near_miss(ROLE)
def the_server_reconciles_its_own_roles(scene: Scene) -> Life:
    """The API server, which starts again, makes roles of the platform that it needs itself."""
    server = replace(scene.cluster.identities.apiserver())
    for name, found in (
        ("system:controller:generic-garbage-collector", rule([*READS, "patch", "update", "delete"], "*", "*")),
        ("system:kube-controller-manager", rule(["get", "create"], ["secrets", "serviceaccounts/token"])),
    ):
        scene.api.miss(server, "get", Target("ClusterRole", name=name), mark=scene.mark())
        sent = role(name, found)
        sent["metadata"] |= {"labels": BOOTSTRAP, "annotations": UPDATES}
        scene.api.forget(scene.create(server, sent, query=""))
        yield 3000


@near_miss(ROLE)
def applies_an_old_role_unchanged(scene: Scene) -> Life:
    """Somebody applies an operator's role again, which is as it has been for weeks."""
    sent = role("cert-manager-controller", rule([*READS, *WRITES], ["secrets"]))
    yield from apply_unchanged(scene, sent)


@near_miss(ROLE)
def tries_a_role_in_dry_run(scene: Scene) -> Life:
    """Somebody tries out a role of everything; nothing is made."""
    scene.create(scene.person(admin=True), role("trial", rule("*", "*", "*")), query=f"dryRun=All&{CREATED}")
    yield 0


@near_miss(ROLE)
def may_not_make_a_role(scene: Scene) -> Life:
    """Somebody of a team wants a ClusterRole that reads secrets, and is refused."""
    person = scene.person()
    target = Target("ClusterRole", name="secret-reader", query=CREATED, unnamed=True)
    sent = role("secret-reader", rule(READS, ["secrets"]))
    answer = {"code": 403, "status": forbidden(person, "create", target), "request": sent}
    scene.api.record(person, "create", target, mark=scene.mark(), **answer)
    yield 0
