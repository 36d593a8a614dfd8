"""Operators: CA bundles in webhook configurations, policy reports, certificates."""

from __future__ import annotations

from collections.abc import Iterator

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, second_time
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.identities import client_go
from simulation.kubernetes.objects import body, deployment, owner
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Client, Target
from simulation.schedule import Life

VALIDATING = "ValidatingWebhookConfiguration"
WEBHOOKS = (
    ("MutatingWebhookConfiguration", "cert-manager-webhook", "cert-manager", "webhook.cert-manager.io"),
    (VALIDATING, "cert-manager-webhook", "cert-manager", "webhook.cert-manager.io"),
    (VALIDATING, "ingress-nginx-admission", "ingress-nginx", "validate.nginx.ingress.kubernetes.io"),
    (VALIDATING, "prometheus-operator-admission", "monitoring", "prometheusrulevalidate.monitoring.coreos.com"),
)
POLICIES = ("require-labels", "disallow-latest-tag", "require-requests-limits", "restrict-image-registries")


def _account(cluster: Cluster, namespace: str, name: str, part: str = "") -> Client:
    """An operator's account; of one that has a user agent for each of its parts, as that part."""
    granted = f'ClusterRoleBinding "{name}" of ClusterRole "{name}"'
    workload = cluster.workload(namespace, name)
    agent = f"{part}/{workload.agent.partition('/')[2]}" if part else workload.agent
    return workload.client(agent, granted)


def _bundle(chance: Chance) -> str:
    return "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t" + chance.hexadecimal(900) + "Cg=="


@actor()
def ca_bundles(cluster: Cluster, chance: Chance) -> Life:
    """The injector of cert-manager writes the CA's new certificate into webhook configurations, and nothing else."""
    for row in WEBHOOKS:
        cluster.api.hold(_webhook(chance, *row), "helm")
    service = cluster.api.hold(_extension(chance), "helm")
    while True:
        yield chance.wait(20 * HOUR) + HOUR
        client, bundle = _account(cluster, "cert-manager", "cert-manager-cainjector"), _bundle(chance)
        for kind, name, _, _ in WEBHOOKS:
            held = cluster.api.held(kind, "", name)
            if held is not None and chance.happens(0.7):
                cluster.api.record(client, "get", Target(kind, name=name))
                hooks = [
                    {**hook, "clientConfig": {**hook["clientConfig"], "caBundle": bundle}} for hook in held["webhooks"]
                ]
                cluster.api.patch(client, held, {"webhooks": hooks}, {"webhooks": hooks})
                yield chance.between(20, 400) * MILLISECOND
        spec = {**service["spec"], "caBundle": bundle}
        service = cluster.api.patch(client, service, {"spec": {"caBundle": bundle}}, {"spec": spec})


def _webhook(chance: Chance, kind: str, name: str, namespace: str, hook: str) -> Json:
    service = {"namespace": namespace, "name": name, "path": "/validate", "port": 443}
    rules = [{"operations": ["CREATE", "UPDATE"], "apiGroups": [hook.partition(".")[2]], "apiVersions": ["v1"],
              "resources": ["*"], "scope": "*"}]  # fmt: skip
    item = {
        "name": hook,
        "clientConfig": {"service": service, "caBundle": _bundle(chance)},
        "rules": rules,
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "sideEffects": "None",
        "timeoutSeconds": 30,
        "admissionReviewVersions": ["v1"],
    }
    notes = {"cert-manager.io/inject-ca-from-secret": f"{namespace}/{name}-ca"}
    return body(kind, name, meta={"annotations": notes, "labels": {"app": name}}, webhooks=[item])


def _extension(chance: Chance) -> Json:
    spec = {
        "service": {"namespace": "monitoring", "name": "prometheus-adapter", "port": 443},
        "group": "custom.metrics.k8s.io",
    }
    more = {"version": "v1beta1", "caBundle": _bundle(chance), "groupPriorityMinimum": 100, "versionPriority": 200}
    return body("APIService", "v1beta1.custom.metrics.k8s.io", spec={**spec, **more}, status={})


@actor()
def policy_reports(cluster: Cluster, chance: Chance) -> Life:
    """A policy engine looks at everything in the background, and writes how the workloads keep the rules."""
    name = "kyverno-reports-controller"
    cluster.namespace("kyverno")
    item = container(name, "ghcr.io/kyverno/reports-controller:v1.15.2", memory="128Mi")
    engine = cluster.settle(deployment("kyverno", name, pod_spec(item, account=name), replicas=1), "helm")
    engine.agent = client_go("reports-controller")
    reports: dict[str, Json] = {}
    while True:
        yield cluster.paced(20 * SECOND)
        client = _account(cluster, "kyverno", name)
        found = cluster.teams_workloads("Deployment")
        uids = {workload.object["metadata"]["uid"] for workload in found}
        for uid in [uid for uid in reports if uid not in uids]:
            cluster.api.forget(reports.pop(uid))
        if not found:
            continue
        workload = chance.pick(found)
        uid = workload.object["metadata"]["uid"]
        results = list(_results(chance, cluster.now))
        cluster.api.record(client, "get", Target("PolicyReport", workload.namespace, uid))
        if uid not in reports:
            meta = {"labels": {"app.kubernetes.io/managed-by": "kyverno"}, "ownerReferences": owner(workload.object)}
            about = {"scope": {"kind": "Deployment", "name": workload.name, "namespace": workload.namespace}}
            sent = body("PolicyReport", uid, workload.namespace, meta=meta, **about, results=results)
            reports[uid] = cluster.api.create(client, sent)
        else:
            reports[uid] = cluster.api.update(client, reports[uid], {"results": results})


def _results(chance: Chance, at: int) -> Iterator[Json]:
    for policy in POLICIES:
        passed = chance.happens(0.85)
        yield {
            "source": "kyverno",
            "policy": policy,
            "rule": f"autogen-{policy}",
            "result": "pass" if passed else "fail",
            "message": f"validation rule 'autogen-{policy}' {'passed' if passed else 'failed'}.",
            "scored": True,
            "timestamp": {"seconds": at // SECOND, "nanos": 0},
        }


@actor()
def certificates(cluster: Cluster, chance: Chance) -> Life:
    """cert-manager renews what is about to expire: a request, a new Secret, a new status."""
    held = {team: cluster.api.hold(_certificate(team), "argocd-controller") for team in cluster.teams}
    while True:
        yield chance.wait(30 * DAY // max(len(held), 1))
        for team in [team for team in held if team not in cluster.teams]:
            cluster.api.forget(held.pop(team))
        for team in cluster.teams:
            if team not in held:
                held[team] = cluster.api.hold(_certificate(team), "argocd-controller")
        if held:
            team = chance.pick(list(held))
            yield from _renew(cluster, chance, held, team)


def _certificate(team: str) -> Json:
    issuer = {"kind": "ClusterIssuer", "name": "letsencrypt"}
    spec = {"dnsNames": [f"{team}.apps.example"], "issuerRef": issuer, "secretName": f"{team}-tls"}
    return body("Certificate", f"{team}-tls", team, spec=spec, status={})


def _renew(cluster: Cluster, chance: Chance, held: dict[str, Json], team: str) -> Life:
    api, certificate = cluster.api, held[team]

    def part(name: str) -> Client:
        return _account(cluster, "cert-manager", "cert-manager", f"cert-manager-certificates-{name}")

    name = certificate["metadata"]["name"]
    told = {"type": "Issuing", "status": "True", "reason": "Renewing", "lastTransitionTime": second_time(cluster.now)}
    certificate = api.update(part("trigger"), certificate, {"status": {"conditions": [told]}}, subresource="status")
    why = "Renewing certificate as renewal was scheduled"
    cluster.tell("cert-manager-certificates-trigger", certificate, "Issuing", why, part("trigger"))
    yield SECOND
    api.record(
        part("key-manager"), "create", Target("Secret", team, f"{name}-{chance.ending(5)}", unnamed=True), code=201
    )
    issuer = certificate["spec"]["issuerRef"]
    spec = {
        "issuerRef": issuer,
        "request": "LS0tLWludmVudGVkLS0tLQo=",
        "usages": ["digital signature", "key encipherment"],
    }
    meta = {"generateName": f"{name}-", "ownerReferences": owner(certificate)}
    request = api.create(part("request-manager"), body("CertificateRequest", "", team, meta=meta, spec=spec, status={}))
    yield chance.between(20 * SECOND, 90 * SECOND)
    now = second_time(cluster.now)
    ready = {"type": "Ready", "status": "True", "reason": "Issued", "lastTransitionTime": now}
    request = api.update(part("issuing"), request, {"status": {"conditions": [ready]}}, subresource="status")
    api.record(part("issuing"), "update", Target("Secret", team, f"{name}"))
    status = {
        "conditions": [{**ready, "reason": "Ready"}],
        "notAfter": second_time(cluster.now + 90 * DAY),
        "revision": 4,
    }
    held[team] = api.update(part("readiness"), certificate, {"status": status}, subresource="status")
    yield 10 * MINUTE
    api.delete(part("revision-manager"), request)
