"""Ordinary life at the API servers: what runs before the hour, controllers' habits, robots and people."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flows.demo import cast
from flows.demo.cast import REGISTRY, Site, query
from flows.demo.controllers import MANAGER, Controllers
from flows.demo.fields import Json
from flows.demo.invented import ending, moment, number, second_time
from flows.demo.objects import KINDS, binding, body, container, ordered, owner, pod_spec, role
from flows.demo.requests import Client, Target

BEFORE = moment("06:42:17.381") - 3 * 86_400_000_000
APPLY = query(fieldManager="argocd-controller", force="true")
CREATE = query(fieldManager="kubectl-create", fieldValidation="Strict")
ENDED = (
    "Pod", "ConfigMap", "Secret", "ServiceAccount", "Service", "Event", "events.k8s.io/Event", "Deployment",
    "ReplicaSet", "Job", "CronJob", "Role", "RoleBinding", "EndpointSlice", "Lease",
)  # fmt: skip
"""What a namespace may hold, in the order in which its end empties it."""

EMPTIED = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)
"""Conditions of a namespace whose end has come."""


def service(site: Site, namespace: str, name: str) -> None:
    """A Service and its addresses, from before the hour."""
    spec = {"ports": [{"protocol": "TCP", "port": 8080, "targetPort": 8080}], "selector": {"app": name}}
    held = site.server.hold(BEFORE, body("Service", name, namespace, spec=spec), "argocd-controller")
    key = "endpointslice.kubernetes.io/managed-by"
    labels = {key: "endpointslice-controller.k8s.io", "kubernetes.io/service-name": name}
    full_name = f"{name}-{ending(5, 'slice', site.name, name)}"
    meta = {"generateName": f"{name}-", "labels": labels, "ownerReferences": owner(held)}
    parts = {"addressType": "IPv4", "endpoints": [], "ports": [{"name": "", "protocol": "TCP", "port": 8080}]}
    site.server.hold(BEFORE, body("EndpointSlice", full_name, namespace, meta=meta, **parts), MANAGER)


def report(site: Site, namespace: str) -> Json:
    """A CronJob that was there before the hour."""
    job = container("report", f"{REGISTRY}/shop/report:2.3", args=["--day=2026-09-13"])
    template = {"metadata": {}, "spec": {"template": {"metadata": {}, "spec": pod_spec(job, restart="OnFailure")}}}
    spec = {
        "schedule": "*/20 * * * *",
        "concurrencyPolicy": "Forbid",
        "suspend": False,
        "jobTemplate": template,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    }
    return site.server.hold(BEFORE, body("CronJob", "report", namespace, spec=spec, status={}), "argocd-controller")


def renew_leases(site: Site) -> None:
    """Nodes and leaders say that they are alive (one renewal in some twenty is kept)."""
    for place, node in enumerate(site.nodes):
        lease = Target("Lease", "kube-node-lease", node.name, query="timeout=10s")
        action = partial(write, site, site.kubelet(node), "update", lease)
        site.schedule.every(f"09:00:{place * 9 + 11}", 180, action)
    for place, name in enumerate(("kube-controller-manager", "kube-scheduler")):
        lease = Target("Lease", "kube-system", name, query="timeout=5s")
        action = partial(write, site, site.component(name, "leader-election"), "update", lease)
        site.schedule.every(f"09:01:{place * 20 + 10}", 150, action)


def write(site: Site, client: Client, verb: str, target: Target, at: int) -> None:
    """A request of which the policy keeps no bodies."""
    site.server.record(at, client, verb, target, code=201 if verb == "create" else 200)


def read(site: Site, client: Client, verb: str, target: Target, at: int) -> None:
    """A get, list or watch."""
    site.server.read(at, client, verb, target)


def habits(site: Site, namespace: str) -> None:
    """What controllers and node agents read all day."""
    cleaner = site.controller("generic-garbage-collector")
    metrics = site.account(
        "kube-system",
        "metrics-server",
        "metrics-server/v0.8.0 (linux/amd64) kubernetes/$Format",
        "10.244.1.14",
        'ClusterRoleBinding "system:metrics-server" of ClusterRole "system:metrics-server"',
    )
    watching = "allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={seconds}&watch=true"
    for place, kind in enumerate(("ConfigMap", "Pod", "Service", "EndpointSlice", "Node", "Secret")):
        parameters = watching.format(version=site.server.version, seconds=number(310, 590, site.name, kind))
        reader = site.kubelet(site.nodes[place % len(site.nodes)]) if place < 2 else metrics
        scope = namespace if place < 2 else ""
        target = Target(kind, scope, query=parameters)
        site.schedule.every(
            f"09:0{place}:33", 900, partial(read, site, reader if kind != "Secret" else cleaner, "watch", target)
        )
    for place, node in enumerate(site.nodes):
        target = Target("Node", name=node.name, query="resourceVersion=0&timeout=10s")
        site.schedule.every(f"09:02:{place * 10 + 12}", 600, partial(read, site, site.kubelet(node), "get", target))
    site.schedule.every("09:03:30", 600, partial(read, site, metrics, "list", Target("Pod", query="limit=500")))


def gitops(site: Site) -> Client:
    """Argo CD's controller."""
    name = "argocd-application-controller"
    agent = f"{name}/v0.0.0 (linux/amd64) kubernetes/$Format"
    return site.account("argocd", name, agent, "10.244.3.21", f'ClusterRoleBinding "{name}" of ClusterRole "{name}"')


def reapply(site: Site, held: tuple[str, str, str], at: int) -> None:
    """GitOps applies a manifest that changes nothing: the resource version stays."""
    found = site.server.objects[held]
    meta: Json = {key: found["metadata"][key] for key in ("name", "namespace") if key in found["metadata"]}
    spec: Json = {key: found[key] for key in ("spec", "data") if key in found}
    manifest = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": meta, **spec}
    site.server.patch(at, gitops(site), found, manifest, {}, query=APPLY)


def set_image(site: Site, controllers: Controllers, client: Client, name: tuple[str, str], image: str, at: int) -> None:
    """`kubectl set image`, and the rollout that follows."""
    held = site.server.objects["Deployment", *name]
    site.server.read(at - 400_000, client, "get", Target("Deployment", *name))
    container_name = held["spec"]["template"]["spec"]["containers"][0]["name"]
    part: Json = {"containers": [{"image": image, "name": container_name}]}
    order: Json = {"$setElementOrder/containers": [{"name": container_name}]}
    patch = {"spec": {"template": {"spec": {**order, **part}}}}
    template = held["spec"]["template"]
    containers = [{**template["spec"]["containers"][0], "image": image}]
    spec = {**held["spec"], "template": {**template, "spec": {**template["spec"], "containers": containers}}}
    key = f'k:{{"name":"{container_name}"}}'
    fields: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": {key: {"f:image": {}}}}}}}
    options = {"manager": "kubectl-set", "query": "fieldManager=kubectl-set", "fields": fields}
    controllers.rollout(at, site.server.patch(at, client, held, patch, {"spec": spec}, **options))


def ci_role(site: Site, client: Client, namespace: str, at: int) -> None:
    """CI makes the Role that its jobs need: pods, in its own namespace."""
    verbs = ["get", "list", "watch", "create", "delete"]
    sent = role("Role", namespace, "pipeline", (verbs, "", ["pods", "pods/log"]))
    site.server.miss(at - 60_000, client, "get", Target("Role", namespace, "pipeline"))
    site.server.create(at, client, sent, "kubectl-create", query=CREATE)
    subject = {"kind": "ServiceAccount", "name": "pipeline", "namespace": namespace}
    bound = binding("RoleBinding", namespace, "pipeline", subject, "Role", "pipeline")
    site.server.create(at + 700_000, client, bound, "kubectl-create", query=CREATE)


def ship_logs(site: Site, controllers: Controllers, client: Client, at: int) -> None:
    """Helm installs a log shipper that reads the nodes' /var/log."""
    release = Target("Secret", "logging", "sh.helm.release.v1.fluent-bit.v1")
    site.server.miss(at - 200_000, client, "get", Target("DaemonSet", "logging", "fluent-bit"))
    site.server.record(at - 100_000, client, "create", replace(release, unnamed=True), code=201)
    made = site.server.create(at, client, cast.log_shipper(), "helm", query="fieldManager=helm", admit=first_template)
    site.server.record(at + 300_000, client, "update", release)
    controllers.daemon_set(at, made)


def first_template(workload: Json) -> Json:
    """What the server adds to a DaemonSet: the count of its templates."""
    annotations = {"deprecated.daemonset.template.generation": "1"}
    return {"metadata": ordered({**workload["metadata"], "annotations": annotations})}


def helm_upgrade(site: Site, client: Client, namespace: str, release: str, at: int) -> None:
    """A Helm upgrade that changes nothing but Helm's own record."""
    steps = (
        ("list", Target("Secret", namespace, query=f"labelSelector=name%3D{release}%2Cowner%3Dhelm")),
        ("get", Target("Secret", namespace, f"sh.helm.release.v1.{release}.v6")),
        ("get", Target("Service", namespace, release)),
        ("get", Target("Deployment", namespace, release)),
    )
    for place, (verb, target) in enumerate(steps):
        site.server.read(at + place * 30_000, client, verb, target)
    made = Target("Secret", namespace, f"sh.helm.release.v1.{release}.v7", unnamed=True)
    site.server.record(at + 200_000, client, "create", made, code=201)
    for place, version in enumerate((6, 7)):
        old = Target("Secret", namespace, f"sh.helm.release.v1.{release}.v{version}")
        site.server.record(at + 320_000 + place * 40_000, client, "update", old)


def dry_run(site: Site, client: Client, namespace: str, at: int) -> None:
    """Someone asks the server whether it would take a privileged pod; nothing is made."""
    probe = container("netshoot", "nicolaka/netshoot:v0.13", command=["sleep", "3600"], privileged=True)
    sent = body("Pod", "netshoot", namespace, spec={**pod_spec(probe), "enableServiceLinks": True}, status={})
    options = query(dryRun="All", fieldManager="kubectl-create", fieldValidation="Strict")
    site.server.create(at, client, sent, "kubectl-create", query=options)


def look_around(site: Site, client: Client, namespace: str, at: int) -> None:
    """`kubectl get` and `describe`, by someone at work."""
    asked = (
        ("list", Target("Pod", namespace, query="limit=500")),
        ("list", Target("Deployment", namespace, query="limit=500")),
        ("list", Target("Event", namespace, query="fieldSelector=involvedObject.kind%3DPod&limit=500")),
    )
    for place, (verb, target) in enumerate(asked):
        site.server.read(at + place * number(3, 9, at, place) * 1_000_000, client, verb, target)
    for pod in site.server.find("Pod", namespace)[:2]:
        name = pod["metadata"]["name"]
        site.server.read(at + 31_000_000, client, "get", Target("Pod", namespace, name))
        target = Target("Pod", namespace, name, "log", "tailLines=50")
        site.server.stream(at + 44_000_000, client, target, 0.02, code=200)


def refused(site: Site, client: Client, verb: str, target: Target, at: int) -> None:
    """Someone tries what their role does not hold."""
    site.server.refuse(at, client, verb, target)


def end_namespace(site: Site, client: Client, name: str, at: int) -> None:
    """A preview's namespace is deleted; its controller empties it, events included."""
    sent = body(
        "Namespace", name, meta={"labels": {"kubernetes.io/metadata.name": name}}, spec={"finalizers": ["kubernetes"]}
    )
    held = site.server.hold(BEFORE, {**sent, "status": {"phase": "Active"}}, "kubectl-create")
    site.server.delete(at, client, held, {"propagationPolicy": "Background"})
    author = site.controller("namespace-controller")
    start = at + 5_000_000
    site.server.read(start, author, "get", Target("Namespace", name, name))
    for place, kind in enumerate(ENDED):
        step, target = start + (place + 1) * 22_000, Target(kind, name)
        empty = {
            "kind": f"{kind.rpartition('/')[2]}List",
            "apiVersion": KINDS[kind].api,
            "metadata": {"resourceVersion": str(site.server.version)},
            "items": [],
        }
        options = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", "propagationPolicy": "Background"}
        site.server.record(step, author, "deletecollection", target, request=options, response=empty)
        site.server.read(step + 9_000, author, "list", target)
    marked = site.server.objects["Namespace", "", name]
    conditions = [
        {
            "type": kind,
            "status": "False",
            "lastTransitionTime": second_time(start),
            "reason": reason,
            "message": message,
        }
        for kind, reason, message in EMPTIED
    ]
    status = {"phase": "Terminating", "conditions": conditions}
    marked = site.server.update(start + 395_000, author, marked, MANAGER, {"status": status}, "status")
    site.server.update(start + 400_000, author, marked, MANAGER, {"spec": {}}, "finalize")
