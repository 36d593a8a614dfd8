"""Roles with high privileges."""

import time
from typing import Any

import pytest

from detectors.audit.high_privileges_role import high_privileges_role
from detectors.contract import Match, Quiet
from detectors.examples import audit
from events import AuditEvent
from tests.detectors.audit.written import JSON, TABLE, alert_id

RBAC = "rbac.authorization.k8s.io"


def rule(verbs: str, resources: str = "", groups: str | None = "", **more: Any) -> JSON:
    stated = {} if groups is None else {"apiGroups": groups.split(",")}
    return {"verbs": verbs.split(), "resources": resources.split(), **stated, **more}


def role(*rules: JSON, namespace: str | None = None, verb: str = "create", **fields: Any) -> AuditEvent:
    resource = "clusterroles" if namespace is None else "roles"
    return audit(verb, resource, namespace=namespace or "", name="x", request={"rules": list(rules)}, **fields)


ANYWHERE = [
    (rule("*", "configmaps"), "any verb"),
    (rule("get", "*"), "any resource"),
    (rule("get", "*/*"), "any resource"),
    (rule("get", "pods", "*"), "any API group"),
    (rule("escalate", "roles", RBAC), "escalate: roles beyond one's own"),
    (rule("bind", "clusterroles", RBAC, resourceNames=["admin"]), "bind: any role to anyone"),
    (rule("impersonate", "serviceaccounts"), "impersonate: act as others"),
    (rule("impersonate", "userextras/scopes", "authentication.k8s.io"), "impersonate: act as others"),
    (rule("impersonate:user-info", "users", "authentication.k8s.io,"), "impersonate: act as others"),
]
WIDE = [
    *((rule(verb, "secrets"), "read secrets") for verb in ("get", "list", "watch")),
    (rule("list", "secrets", resourceNames=["", "tls"]), "read secrets"),
    *((rule(verb, "pods"), "write pods") for verb in ("create", "update", "patch", "delete")),
    (rule("create", "deployments", "apps"), "write workloads"),
    (rule("patch", "daemonsets", "extensions,apps"), "write workloads"),
    (rule("create", "cronjobs", "batch"), "write jobs"),
    *((rule(verb, "pods/exec"), "run commands in pods") for verb in ("get", "create")),
    (rule("create", "pods/attach"), "run commands in pods"),
    (rule("create", "pods/portforward"), "run commands in pods"),
    (rule("create", "pods/*"), "run commands in pods"),
    (rule("get", "*/exec"), "run commands in pods"),
    (rule("patch", "pods/ephemeralcontainers"), "add containers to running pods"),
    (rule("create", "serviceaccounts/token"), "issue service account tokens"),
    (rule("get", "nodes/proxy"), "reach kubelets through nodes/proxy"),
    (rule("create", "persistentvolumes"), "write persistent volumes"),
    (rule("create", "rolebindings", RBAC), "write role bindings"),
    (rule("patch", "clusterrolebindings", RBAC, resourceNames=["cluster-admin"]), "write role bindings"),
    (
        rule("create", "validatingwebhookconfigurations", "admissionregistration.k8s.io"),
        "write admission webhooks and policies",
    ),
    (rule("update", "certificatesigningrequests/approval", "certificates.k8s.io"), "approve certificates"),
    (rule("approve", "signers", "certificates.k8s.io"), "approve certificates"),
    ({"verbs": ["delete"], "nonResourceURLs": ["/api/*"]}, "write paths that are no resources"),
]


@pytest.mark.parametrize(("stated", "power"), [*ANYWHERE, *WIDE])
@pytest.mark.parametrize("namespace", [None, "kube-system"])
def test_a_cluster_role_and_a_role_of_kube_system_give_it(stated: JSON, power: str, namespace: str | None) -> None:
    match = high_privileges_role(role(rule("get", "pods"), stated, namespace=namespace))
    assert isinstance(match, Match)
    assert power in match.fields["powers"]
    assert power in match.because


@pytest.mark.parametrize(("stated", "power"), ANYWHERE)
def test_a_role_of_any_namespace_gives_it(stated: JSON, power: str) -> None:
    match = high_privileges_role(role(stated, namespace="shop"))
    assert isinstance(match, Match)
    assert power in match.fields["powers"]


@pytest.mark.parametrize("stated", [stated for stated, _ in WIDE])
def test_a_role_of_an_ordinary_namespace_may_do_it_there(stated: JSON) -> None:
    assert isinstance(high_privileges_role(role(stated, namespace="shop")), Quiet)


@pytest.mark.parametrize(
    "stated",
    [
        rule("get list watch", "pods deployments configmaps", "apps,"),
        rule("get", "secrets", resourceNames=["tls"]),
        rule("patch", "mutatingwebhookconfigurations", "admissionregistration.k8s.io", resourceNames=["mine"]),
        rule("create", "secrets.example.com pods/eviction pods/log leases events"),
        rule("create", "pods", "metrics.k8s.io"),
        rule("bind", "pods"),
        rule("get list", "secretproviderclasses", "secrets-store.csi.x-k8s.io"),
        {"verbs": ["get"], "nonResourceURLs": ["/metrics", "*"]},
        {"verbs": None, "resources": None},
        None,
    ],
)
def test_ordinary_rules_are_quiet(stated: Any) -> None:
    verdict = high_privileges_role(role(stated))
    assert isinstance(verdict, Quiet)
    assert verdict.condition == "a rule gives high privileges"


HIGH = rule("get", "secrets")
OWN_GROUP = rule("*", "*", "serving.knative.dev")
AGGREGATOR = "system:serviceaccount:kube-system:clusterrole-aggregation-controller"


@pytest.mark.parametrize(
    ("event", "condition"),
    [
        (role(HIGH, code=403), "not: the request was refused"),
        (role(HIGH, uri="/x?dryRun=All"), "not: the request is a dry run"),
        (audit("create", "clusterroles", name="x", level="Metadata"), "the request body was recorded"),
        (audit("create", "clusterroles", name="x", request={"aggregationRule": {}, "rules": None}), "a rule gives"),
        (
            audit("patch", "clusterroles", request={"metadata": {"labels": {}}}, response={"rules": [HIGH]}),
            "the patch itself sets rules",
        ),
        (
            audit("patch", "clusterroles", name="admin", user=AGGREGATOR, request={"rules": [HIGH]}),
            "aggregation gives the role more than it ordinarily gathers",
        ),
        (
            audit("patch", "clusterroles", name="view", user=AGGREGATOR, request={"rules": [OWN_GROUP]}),
            "aggregation gives the role more than it ordinarily gathers",
        ),
        (
            audit("create", "clusterroles", name="system:x", user="system:apiserver", request={"rules": [HIGH]}),
            "not: the API server itself",
        ),
    ],
)
def test_it_stays_quiet_and_says_why(event: AuditEvent, condition: str) -> None:
    verdict = high_privileges_role(event)
    assert isinstance(verdict, Quiet)
    assert verdict.condition.startswith(condition)


@pytest.mark.parametrize(
    "event",
    [
        audit("create", "clusterroles", name="system:x", request={"rules": [HIGH]}),
        audit("patch", "clusterroles", name="mine", user=AGGREGATOR, request={"rules": [HIGH]}),
        audit("patch", "clusterroles", name="view", user=AGGREGATOR, request={"rules": [HIGH]}),
        audit(
            "patch", "clusterroles", name="edit", user=AGGREGATOR, request={"rules": [OWN_GROUP, rule("*", "*", "*")]}
        ),
        audit("patch", "clusterroles", name="edit", user="jane", request={"rules": [HIGH]}),
        audit("patch", "clusterroles", name="x", code=201, request={"kind": "ClusterRole", "rules": [HIGH]}),
        audit("patch", "clusterroles", name="x", request=[{"op": "add", "path": "/rules/-", "value": HIGH}]),
        audit(
            "patch",
            "clusterroles",
            name="x",
            request=[{"op": "add", "path": "/rules/0/verbs/-", "value": "escalate"}],
            response={"rules": [rule("get escalate", "clusterroles", RBAC)]},
        ),
        audit(
            "patch",
            "clusterroles",
            name="x",
            request=[{"op": "remove", "path": "/rules/0/resourceNames"}],
            response={"rules": [HIGH]},
        ),
    ],
)
def test_it_fires(event: AuditEvent) -> None:
    assert isinstance(high_privileges_role(event), Match)


def test_an_unchanged_re_apply_is_the_same_alert_and_another_power_is_not() -> None:
    rules = ([HIGH], [HIGH, rule("get", "pods")], [HIGH, rule("create", "pods")])
    events = [
        audit("update", "clusterroles", name="x", response={"metadata": {"uid": "u"}, "rules": stated})
        for stated in rules
    ]
    ids = [alert_id(high_privileges_role, event) for event in events]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("step", "power"),
    [
        ({"op": "add", "path": "/rules/0/verbs/-", "value": "*"}, "any verb"),
        ({"op": "add", "path": "/rules/0/verbs/-", "value": "escalate"}, "escalate: roles beyond one's own"),
        ({"op": "add", "path": "/rules/0/resources/-", "value": "secrets"}, "read secrets"),
        ({"op": "add", "path": "/rules/0/verbs/-", "value": "get"}, None),
        ({"op": "add", "path": "/rules/0/resources/-", "value": "leases"}, None),
        ({"op": "add", "path": "/rules/0/nonResourceURLs/-", "value": "/metrics"}, "write paths that are no resources"),
    ],
)
def test_a_step_of_a_patch_whose_answer_is_withheld_is_judged_by_what_it_adds(step: JSON, power: str | None) -> None:
    verdict = high_privileges_role(audit("patch", "clusterroles", name="x", request=[step], response=TABLE))
    assert (verdict.fields["powers"] if isinstance(verdict, Match) else None) == (power and [power])


def test_a_role_as_large_as_the_api_server_takes_is_judged_in_a_moment() -> None:
    names = [f"name-{number}" for number in range(20_000)]
    wide = {"verbs": names, "apiGroups": ["", *names], "resources": names}
    narrow = [rule("create", name) for name in names]
    before = time.process_time()
    for stated in ([wide], narrow):
        assert isinstance(high_privileges_role(role(*stated)), Quiet)
    assert time.process_time() - before < 2
