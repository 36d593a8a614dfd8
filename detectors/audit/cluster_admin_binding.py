"""A binding to the role that may do everything."""

from __future__ import annotations

from detectors.audit.bodies import UNRECORDED, written
from detectors.audit.conditions import COMPLETED, bootstrap
from detectors.audit.entities import SHOWN, actor, object_entity, who
from detectors.audit.objects import Binding, RoleRef, Subject
from detectors.audit.workloads import digest, instance
from detectors.contract import Match, Quiet, rule
from detectors.selection import writes
from events import AuditEvent

EVERYBODY = {
    ("Group", "system:authenticated"): "everyone who can sign in",
    ("Group", "system:unauthenticated"): "everyone, without signing in",
    ("Group", "system:serviceaccounts"): "every service account, so every pod",
    ("User", "system:anonymous"): "everyone, without signing in",
}
NAMESPACE_GROUP = "system:serviceaccounts:"
CLUSTER_ADMIN = RoleRef("ClusterRole", "cluster-admin")
STANDING = frozenset(
    {"aks-cluster-admin-binding", "aks-cluster-admin-binding-aad", "cluster-admin", "kubeadm:cluster-admins"}
)
"""Bindings to cluster-admin that clusters come with: known by their names where nothing says the role."""


@rule(
    "K8S_ClusterAdminBinding",
    on=writes("clusterrolebindings", "rolebindings"),
    unless=(*COMPLETED, bootstrap),
    misses=(
        "A role of another name with the same rules (the alert for roles with high privileges reports its making, not"
        " its binding), and membership in a group that is bound already. A patch whose answer is not recorded and that"
        f" does not repeat the role, but for the bindings that clusters come with. {UNRECORDED}"
    ),
    noise=(
        "Installers of operators and of clusters bind cluster-admin once. No earlier form is kept, so a write of the"
        " whole of an old binding raises it once more, under the same id; one that removes a subject, under a new id."
    ),
)
def cluster_admin_binding(event: AuditEvent) -> Match | Quiet:
    """Someone bound users, groups or service accounts to the role cluster-admin, in the cluster or in a namespace.

    Examples
    --------
    >>> def binding(role):
    ...     return {"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "User", "name": "eve"}]}
    >>> fired(cluster_admin_binding, audit("create", "clusterrolebindings", name="x", request=binding("cluster-admin")))
    ['x']
    >>> fired(cluster_admin_binding, audit("create", "clusterrolebindings", name="x", request=binding("view")))
    []
    """
    write = written(event, Binding)
    if isinstance(write, Quiet):
        return write
    role = write.now.role_ref or _standing(event)
    if role != CLUSTER_ADMIN:
        return Quiet("the role is ClusterRole cluster-admin", role and f"{role.kind} {role.name}")
    if write.said is not None and write.said.role_ref is None and not any(write.said.subjects or ()):
        return Quiet("the patch itself sets the role or its subjects", "it sets neither")
    subjects = sorted(_label(subject) for subject in write.now.subjects or () if subject is not None)
    everybody = sorted({text for subject in write.now.subjects or () if subject and (text := _everybody(subject))})
    entity = object_entity(event, write.now.meta)
    where = f"in namespace {entity.namespace}" if entity.namespace else "in the whole cluster"
    because = f"{who(event)} bound cluster-admin {where} to {', '.join(subjects[:SHOWN]) or 'nobody yet'}"
    return Match(
        entity,
        f"{instance(event, write.now.meta)}:{digest(subjects)}",
        f"{because}: that is {' and '.join(everybody)}" if everybody else because,
        {"roleRef": "ClusterRole/cluster-admin", "subjects": subjects[:SHOWN], "everybody": everybody},
        actor(event),
    )


def _standing(event: AuditEvent) -> RoleRef | None:
    """The role of a binding that tells none, where its name does: roles of bindings never change."""
    ref = event.object
    return CLUSTER_ADMIN if ref.resource == "clusterrolebindings" and ref.name in STANDING else None


def _label(subject: Subject) -> str:
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return f"{subject.kind} {name}"


def _everybody(subject: Subject) -> str | None:
    """How many a subject stands for, if it is not one."""
    name = subject.name or ""
    if subject.kind == "Group" and name.startswith(NAMESPACE_GROUP):
        return f"every service account of namespace {name.removeprefix(NAMESPACE_GROUP)}"
    return EVERYBODY.get((subject.kind or "", name))
