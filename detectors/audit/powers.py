"""What a rule of a role allows that gives power over a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from msgspec import Struct

from detectors.audit.objects import PolicyRule

READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "update", "patch", "delete", "deletecollection"})
CONNECT = frozenset({"get", "create"})
CHANGE = frozenset({"get", "create", "update", "patch"})
RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
CERTIFICATES = "certificates.k8s.io"


class Power(Struct, frozen=True):
    """Verbs on resources that together give power."""

    name: str
    verbs: frozenset[str]
    groups: frozenset[str]
    resources: tuple[str, ...]
    """A trailing `/` stands for any subresource."""
    unless_named: bool = False
    """Whether it is small enough to pass when the rule lists the objects by name."""


ANYWHERE = (
    Power("escalate: roles beyond one's own", frozenset({"escalate"}), frozenset({RBAC}), ("roles", "clusterroles")),
    Power("bind: any role to anyone", frozenset({"bind"}), frozenset({RBAC}), ("roles", "clusterroles")),
    Power(
        "impersonate: act as others",
        frozenset({"impersonate"}),
        frozenset({"", "authentication.k8s.io"}),
        ("users", "groups", "serviceaccounts", "uids", "userextras", "userextras/"),
    ),
)
"""Powers in any role."""
CLUSTER = (
    Power("read secrets", READ, frozenset({""}), ("secrets",), unless_named=True),
    Power("write pods", WRITE, frozenset({""}), ("pods", "replicationcontrollers")),
    Power(
        "write workloads",
        WRITE,
        frozenset({"apps", "extensions"}),
        ("deployments", "replicasets", "statefulsets", "daemonsets"),
    ),
    Power("write jobs", WRITE, frozenset({"batch"}), ("jobs", "cronjobs")),
    Power("run commands in pods", CONNECT, frozenset({""}), ("pods/exec", "pods/attach", "pods/portforward")),
    Power("add containers to running pods", CHANGE, frozenset({""}), ("pods/ephemeralcontainers",)),
    Power("issue service account tokens", CHANGE, frozenset({""}), ("serviceaccounts/token",)),
    Power("reach kubelets through nodes/proxy", CHANGE | WRITE, frozenset({""}), ("nodes/proxy",)),
    Power("write persistent volumes", WRITE, frozenset({""}), ("persistentvolumes",)),
    Power("write role bindings", WRITE, frozenset({RBAC}), ("rolebindings", "clusterrolebindings")),
    Power(
        "write admission webhooks and policies",
        WRITE,
        frozenset({ADMISSION}),
        (
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
        ),
        unless_named=True,
    ),
    Power(
        "approve certificates",
        frozenset({"update", "patch"}),
        frozenset({CERTIFICATES}),
        ("certificatesigningrequests/approval",),
    ),
    Power("approve certificates", frozenset({"approve", "sign"}), frozenset({CERTIFICATES}), ("signers",)),
)
"""Powers in a ClusterRole, and in a Role of kube-system."""


def powers(rule: PolicyRule, *, wide: bool) -> Iterator[str]:
    """What a rule gives, by name; `wide` if the role counts for the whole cluster or for kube-system.

    Examples
    --------
    >>> list(powers(PolicyRule(["get"], [""], ["pods", "secrets"]), wide=True))
    ['read secrets']
    >>> list(powers(PolicyRule(["get"], [""], ["pods", "secrets"]), wide=False))
    []
    >>> list(powers(PolicyRule(["*"], ["example.com"], ["widgets"]), wide=False))
    ['any verb']
    """
    verbs, resources = rule.verbs or (), rule.resources or ()
    if "*" in verbs:
        yield "any verb"
    if "*" in resources or "*/*" in resources:
        yield "any resource"
    if "*" in (rule.api_groups or ()):
        yield "any API group"
    yield from (power.name for power in ANYWHERE if _gives(rule, power))
    if wide:
        yield from (power.name for power in CLUSTER if _gives(rule, power))
        if rule.non_resource_urls and any(verb not in ("get", "head", "options") for verb in verbs):
            yield "write paths that are no resources"


def _gives(rule: PolicyRule, power: Power) -> bool:
    if power.unless_named and rule.resource_names:
        return False
    if not any(
        verb == "*" or verb in power.verbs or verb.partition(":")[0] in power.verbs for verb in rule.verbs or ()
    ):
        return False
    if rule.api_groups and not any(group == "*" or group in power.groups for group in rule.api_groups):
        return False
    return any(_covers(stated, wanted) for stated, wanted in product(rule.resources or (), power.resources))


def _covers(stated: str, wanted: str) -> bool:
    """Whether a resource as a rule states it covers one: `*`, `*/exec` and `pods/*` are read in the widest sense."""
    if stated in (wanted, "*", "*/*"):
        return True
    resource, slash, subresource = wanted.partition("/")
    if not slash:
        return False
    if not subresource:
        return stated.startswith(wanted)
    return stated in (f"*/{subresource}", f"{resource}/*")
