"""Namespaces that are made and deleted, and what the cluster's own controllers then do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.clock import MILLISECOND, SECOND, second_time
from simulation.json import Json
from simulation.kubernetes.kinds import KINDS
from simulation.kubernetes.objects import body
from simulation.kubernetes.requests import Client, Target
from simulation.labels import Mark

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.schedule import Life

EMPTIED = (
    "Pod", "ConfigMap", "Endpoints", "PodTemplate", "events.k8s.io/Event", "HorizontalPodAutoscaler", "NetworkPolicy",
    "Deployment", "CronJob", "EndpointSlice", "ResourceClaim", "PersistentVolumeClaim", "LimitRange", "Secret",
    "ServiceAccount", "DaemonSet", "Job", "ResourceClaimTemplate", "Service", "PodDisruptionBudget",
    "ReplicationController", "ReplicaSet", "Ingress", "ControllerRevision", "Role", "RoleBinding", "Event",
    "CSIStorageCapacity", "Lease", "ResourceQuota", "StatefulSet",
)  # fmt: skip
"""What is deleted with a namespace, in the order that one server chose."""
ENDINGS = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    ("NamespaceDeletionContentFailure", "ContentDeleted",
     "All content successfully deleted, may be waiting on finalization"),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)  # fmt: skip
ABOUT_ROOTS = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
ROOTS = f"-----BEGIN CERTIFICATE-----\n{'MIIDinvented' * 90}\n-----END CERTIFICATE-----\n"


def make(
    cluster: Cluster,
    client: Client,
    name: str,
    labels: Json | None = None,
    query: str = "",
    *,
    mark: Mark | None = None,
) -> Life:
    """Somebody makes a namespace; its default account and the cluster's certificate follow."""
    api, identities = cluster.api, cluster.identities
    named = {"kubernetes.io/metadata.name": name, **(labels or {})}
    query = query or "fieldManager=kubectl-create&fieldValidation=Strict"
    sent = body("Namespace", name, meta={"labels": named}, spec={"finalizers": ["kubernetes"]})
    api.create(client, {**sent, "status": {}}, query=query, added={"status": {"phase": "Active"}}, mark=mark)
    yield 20 * MILLISECOND
    api.create(identities.controller("service-account-controller"), body("ServiceAccount", "default", name), mark=mark)
    notes = {"annotations": {"kubernetes.io/description": ABOUT_ROOTS}}
    roots = body("ConfigMap", "kube-root-ca.crt", name, meta=notes, data={"ca.crt": ROOTS})
    api.create(identities.controller("root-ca-cert-publisher"), roots, mark=mark)
    yield 200 * MILLISECOND


def delete(cluster: Cluster, client: Client, name: str, *, mark: Mark | None = None) -> Life:
    """Somebody deletes a namespace; the namespace controller deletes everything in it, kind by kind."""
    api = cluster.api
    held = api.held("Namespace", "", name)
    if held is None:
        return
    author = cluster.identities.controller("namespace-controller")
    api.delete(client, held, {"propagationPolicy": "Background"}, mark=mark)
    yield 4 * SECOND
    api.record(author, "get", Target("Namespace", name, name), mark=mark)
    gone = cluster.all_of(name)
    if gone:
        _empty(cluster, author, name, "Pod", mark)
    for workload in gone:
        cluster.withdraw(workload)
        workload.vanish()
    if gone:
        yield 5 * SECOND
    for kind in EMPTIED:
        _empty(cluster, author, name, kind, mark)
        yield cluster.chance.between(1, 9) * MILLISECOND
    held = api.held("Namespace", "", name)
    if held is None:
        return
    now = second_time(cluster.now)
    conditions = [
        {"type": kind, "status": "False", "lastTransitionTime": now, "reason": reason, "message": message}
        for kind, reason, message in ENDINGS
    ]
    before = held
    status = {"status": {"phase": "Terminating", "conditions": conditions}}
    held = api.update(author, held, status, subresource="status", mark=mark)
    api.conflict(author, before, {"spec": {}}, subresource="finalize")
    yield 10 * MILLISECOND
    api.forget(api.update(author, held, {"spec": {}}, subresource="finalize", mark=mark))


def _empty(cluster: Cluster, author: Client, namespace: str, kind: str, mark: Mark | None) -> None:
    api = cluster.api
    target = Target(kind, namespace)
    if kind == "Pod":
        api.record(author, "list", target, mark=mark)
    found = api.find(kind, namespace)
    items = [{key: part for key, part in held.items() if key not in {"kind", "apiVersion"}} for held in found]
    request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", "propagationPolicy": "Background"}
    listed = {"kind": f"{kind.rpartition('/')[2]}List", "apiVersion": KINDS[kind].api}
    response = {**listed, "metadata": {"resourceVersion": str(api.version)}, "items": items}
    api.record(author, "deletecollection", target, request=request, response=response, mark=mark)
    for held in found:
        api.forget(held)
    if kind != "Pod":
        api.record(author, "list", target, mark=mark)
