"""Rights that an intruder gives: bindings and roles."""

from __future__ import annotations

from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.kubernetes.objects import binding, role
from simulation.kubernetes.requests import Target
from simulation.schedule import Life

BINDING = "K8S_ClusterAdminBinding"


@straight(BINDING)
def binds_cluster_admin(scene: Scene) -> Life:
    """A stolen account looks what it may do, and binds cluster-admin to itself."""
    workload = scene.victim()
    thief = scene.stolen(workload, granted='ClusterRoleBinding "deployer" of ClusterRole "deployer"')
    scene.read(thief, "list", Target("ClusterRole", query="limit=500"))
    yield scene.pause()
    subject = {"kind": "ServiceAccount", "name": workload.account, "namespace": workload.namespace}
    name = f"{workload.name}-operator"
    scene.create(thief, binding("ClusterRoleBinding", "", name, subject, "ClusterRole", "cluster-admin"), BINDING)


@careful(BINDING)
def binds_cluster_admin_by_patch(scene: Scene) -> Life:
    """A harmless binding of cluster-admin in one namespace gets one more subject, by a patch."""
    team = scene.chance.pick(scene.cluster.teams)
    thief = scene.stolen(scene.victim(), granted='ClusterRoleBinding "deployer" of ClusterRole "deployer"')
    subject = {"kind": "Group", "name": "system:serviceaccounts", "apiGroup": "rbac.authorization.k8s.io"}
    sent = binding("RoleBinding", team, f"{team}-release", subject, "ClusterRole", "cluster-admin")
    held = scene.create(thief, sent, BINDING)
    yield scene.pause()
    changed = {"subjects": [*sent["subjects"], {"kind": "ServiceAccount", "name": "default", "namespace": team}]}
    query = "fieldManager=kubectl-patch"
    scene.api.patch(thief, held, changed, changed, query=query, mark=scene.mark(BINDING))


@near_miss(BINDING)
def binds_view(scene: Scene) -> Life:
    """Somebody who looks after the cluster lets a team read everything."""
    team = scene.chance.pick(scene.cluster.teams)
    subject = {"kind": "Group", "name": f"team-{team}", "apiGroup": "rbac.authorization.k8s.io"}
    sent = binding("ClusterRoleBinding", "", f"{team}-viewers", subject, "ClusterRole", "view")
    held = scene.create(scene.person(admin=True), sent)
    yield scene.pause()
    scene.api.forget(held)


@near_miss(BINDING)
def binds_admin_in_dry_run(scene: Scene) -> Life:
    """Somebody tries out whether the server would take a binding; nothing is made."""
    person = scene.person(admin=True)
    subject = {"kind": "User", "name": person.username, "apiGroup": "rbac.authorization.k8s.io"}
    sent = binding("ClusterRoleBinding", "", "trial-admin", subject, "ClusterRole", "cluster-admin")
    scene.create(person, sent, query="dryRun=All&fieldManager=kubectl-create")
    yield 0


@near_miss("K8S_HighPrivilegesRole")
def creates_ci_role(scene: Scene) -> Life:
    """A team's CI gets a Role by which it may create pods in the team's own namespace."""
    team = scene.chance.pick(scene.cluster.teams)
    verbs = ["get", "list", "watch", "create", "delete"]
    sent = role("Role", team, "pipeline", (verbs, "", ["pods", "pods/log"]))
    held = scene.create(scene.person(admin=True), sent)
    yield scene.pause()
    scene.api.forget(held)
