"""Requests as values that can be counted: operation, place, client, decision."""

from __future__ import annotations

import functools
from typing import NamedTuple

from detectors.audit.lists import SERVICE_ACCOUNT
from events import AuditEvent

RBAC = ("rbac.authorization.k8s.io",)
SENSITIVE_RESOURCES = {
    "clusterrolebindings": RBAC,
    "clusterroles": RBAC,
    "rolebindings": RBAC,
    "roles": RBAC,
    "secrets": ("",),
    "selfsubjectaccessreviews": ("authorization.k8s.io",),
    "selfsubjectreviews": ("authentication.k8s.io",),
    "selfsubjectrulesreviews": ("authorization.k8s.io",),
    "serviceaccounts": ("",),
}
"""What credentials and powers are read from or made with, and where someone asks what a stolen one may do."""
SENSITIVE_SUBRESOURCES = {
    "pods": ("attach", "ephemeralcontainers", "exec", "portforward"),
    "serviceaccounts": ("token",),
}
"""Ways into what runs."""
SENSITIVE_CREATIONS = {"daemonsets": ("apps", "extensions"), "pods": ("",)}
"""What brings a program of one's own into the cluster."""
READS = frozenset({"get", "list", "watch"})
PAGES = frozenset(
    {".well-known", "api", "apis", "debug", "healthz", "livez", "logs", "metrics", "openapi", "readyz", "version"}
)
"""First parts of the paths that the API server serves besides resources."""
LONG = 256
"""Characters of a name beyond which it is cut: a client chooses many of them."""
LONGEST_NAME = 2 * LONG
"""Characters of a user name beyond which it is no service account's."""
LONGEST_URI = 2048
"""Characters of a path beyond which nothing of the request is kept in a cache."""


class Operation(NamedTuple):
    """What a request does, whatever the object's name."""

    label: str
    """`create pods/exec`, `list roles.rbac.authorization.k8s.io`, `get /apis`."""
    writes: bool
    sensitive: bool


def operation(event: AuditEvent) -> Operation:
    """What a request does. One that claims another identity (`--as`) is an operation of its own, and sensitive.

    Examples
    --------
    >>> operation(audit("get", "pods/exec"))
    Operation(label='get pods/exec', writes=False, sensitive=True)
    """
    ref = event.object
    made = _operation if len(event.uri) <= LONGEST_URI else _operation.__wrapped__
    resource = ref.resource or f"/{_page(event.uri)}"
    found = made(event.verb, resource, ref.subresource, ref.api_group)
    if event.impersonated is None:
        return found
    return Operation(f"{found.label} as another"[:LONG], found.writes, sensitive=True)


@functools.lru_cache(8192)
def _operation(verb: str, resource: str, subresource: str, group: str) -> Operation:
    label = f"{verb} {resource}{'.' if group else ''}{group}{'/' if subresource else ''}{subresource}"
    sensitive = (
        group in SENSITIVE_RESOURCES.get(resource, ())
        or (not group and subresource in SENSITIVE_SUBRESOURCES.get(resource, ()))
        or (verb == "create" and not subresource and group in SENSITIVE_CREATIONS.get(resource, ()))
    )
    return Operation(label[:LONG], verb not in READS, sensitive)


def _page(uri: str) -> str:
    first = uri.partition("?")[0].strip("/").partition("/")[0]
    return first if first in PAGES else "other"


class Account(NamedTuple):
    """A service account by its user name."""

    key: str
    """`namespace/name`."""
    namespace: str


@functools.lru_cache(16_384)
def account(username: str) -> Account | None:
    """The service account of this user name; None if it is none.

    Examples
    --------
    >>> account("system:serviceaccount:shop:web")
    Account(key='shop/web', namespace='shop')
    """
    if not username.startswith(SERVICE_ACCOUNT):
        return None
    namespace, _, name = username.removeprefix(SERVICE_ACCOUNT).partition(":")
    return Account(f"{namespace}/{name}", namespace) if namespace and name else None


@functools.lru_cache(8192)
def place(namespace: str, own: str, writes: bool) -> str:
    """Where a request goes, seen from its account's own namespace: `own|r`, `cluster|w`, `shop|r`."""
    where = namespace or "cluster"
    return f"{'own' if namespace == own else where}|{'w' if writes else 'r'}"


@functools.lru_cache(4096)
def client(agent: str) -> str:
    """The product that a user agent names, without its version; kubectl with its system, since people use it.

    Examples
    --------
    >>> client("kubectl/v1.34.1 (linux/amd64) kubernetes/93248f9"), client("Go-http-client/2.0"), client("")
    ('kubectl linux', 'go-http-client', '')
    """
    product = agent.partition("/")[0].strip().lower()[:64]
    if product != "kubectl":
        return product
    return f"{product} {agent.partition('(')[2].partition('/')[0].strip().lower()[:16]}".strip()


def decision(event: AuditEvent) -> str:
    """`forbidden`, or `ok`: also for what failed otherwise, or each outage of the API server would be news."""
    refused = event.decision == "forbid" if event.code is None else event.code in (401, 403)
    return "forbidden" if refused else "ok"
