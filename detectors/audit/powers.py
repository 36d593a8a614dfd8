"""What a rule of a role allows that gives power over a cluster."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from msgspec import Struct

from detectors.audit.objects import PolicyRule

READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "update", "patch", "delete", "deletecollection"})
CONNECT = frozenset({"get", "create"})
CHANGE = frozenset({"get", "create", "update", "patch"})
RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
CERTIFICATES = "certificates.k8s.io"
ANY = frozenset({"*"})
TELLING = frozenset({"approve", "bind", "escalate", "impersonate", "sign"})
"""Verbs that are a power by themselves, whatever the resource."""


class Power(Struct, frozen=True):
    """Verbs on resources that together give power."""

    name: str
    verbs: frozenset[str]
    groups: frozenset[str]
    resources: tuple[str, ...]
    unless_named: bool = False
    """Whether it is small enough to pass when the rule lists the objects by name."""


ANYWHERE = (
    Power("escalate: roles beyond one's own", frozenset({"escalate"}), frozenset({RBAC}), ("roles", "clusterroles")),
    Power("bind: any role to anyone", frozenset({"bind"}), frozenset({RBAC}), ("roles", "clusterroles")),
    Power(
        "impersonate: act as others",
        frozenset({"impersonate"}),
        frozenset({"", "authentication.k8s.io"}),
        ("users", "groups", "serviceaccounts", "uids", "userextras"),
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
_EDIT = frozenset(
    {
        "any resource",
        "any verb",
        "impersonate: act as others",
        "issue service account tokens",
        "read secrets",
        "run commands in pods",
        "write jobs",
        "write pods",
        "write workloads",
    }
)
GATHERED = {
    "admin": _EDIT | {"write role bindings"},
    "edit": _EDIT,
    "view": frozenset({"any resource", "any verb"}),
}
"""What the aggregated roles of Kubernetes ordinarily have; operators add all of their own API group to them."""


def powers(rule: PolicyRule, *, wide: bool) -> Iterator[str]:
    """What a rule gives, by name; `wide` if the role counts for the whole cluster or for kube-system.

    A step of a patch may add a resource and not say the verbs, which are then taken to be any; or a verb and
    not say the resources, and then only those verbs count that are a power by themselves.

    Examples
    --------
    >>> list(powers(PolicyRule(["get"], [""], ["pods", "secrets"]), wide=True))
    ['read secrets']
    >>> list(powers(PolicyRule(["get"], [""], ["pods", "secrets"]), wide=False))
    []
    >>> list(powers(PolicyRule(["*"], ["example.com"], ["widgets"]), wide=False))
    ['any verb']
    """
    verbs: AbstractSet[str] = {verb.partition(":")[0] for verb in rule.verbs or ()}
    resources: AbstractSet[str] = {
        "userextras" if resource.startswith("userextras/") else resource for resource in rule.resources or ()
    }
    if "*" in verbs:
        yield "any verb"
    if "*" in resources or "*/*" in resources:
        yield "any resource"
    if "*" in (rule.api_groups or ()):
        yield "any API group"
    verbs = ANY if rule.verbs is None else verbs
    if rule.resources is None and rule.non_resource_urls is None:
        verbs, resources = verbs & TELLING, ANY
    groups, named = set(rule.api_groups or ANY), _named(rule)
    for power in (*ANYWHERE, *CLUSTER) if wide else ANYWHERE:
        if not (named and power.unless_named) and _gives(power, verbs, groups, resources):
            yield power.name
    if wide and rule.non_resource_urls and not verbs <= {"get", "head", "options"}:
        yield "write paths that are no resources"


def _named(rule: PolicyRule) -> bool:
    """Whether a rule lists the objects by name. An empty name is that of a list: it allows to list them all."""
    return bool(rule.resource_names) and all(rule.resource_names or ())


def _gives(power: Power, verbs: AbstractSet[str], groups: AbstractSet[str], resources: AbstractSet[str]) -> bool:
    return (
        not verbs.isdisjoint(power.verbs | ANY)
        and not groups.isdisjoint(power.groups | ANY)
        and not resources.isdisjoint(_stated(power.resources))
    )


@functools.cache
def _stated(resources: tuple[str, ...]) -> frozenset[str]:
    """How a rule may state one of these: `*`, `*/exec` and `pods/*` are read in the widest sense."""
    found = {"*", "*/*", *resources}
    for resource, _, subresource in (resource.partition("/") for resource in resources):
        if subresource:
            found |= {f"*/{subresource}", f"{resource}/*"}
    return frozenset(found)
