"""What a request to an API server is made of: who asks, for what, and the Status of one that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.json import Json
from simulation.kubernetes.kinds import KINDS
from simulation.kubernetes.objects import present


@dataclass(frozen=True, eq=False)
class Client:
    """Who sends requests, from where and with what. Any of it may have holes; two clients are never equal."""

    username: str
    groups: tuple[str, ...]
    agent: str
    address: str
    reason: str = ""
    """Why the authorizer allows it: binding and role."""
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)
    claimed: tuple[str, ...] = ()
    """Other addresses, which it names in X-Forwarded-For."""
    acts_as: Json | None = None
    """The user whom it impersonates, as in the audit event."""

    @property
    def user(self) -> Json:
        """As in the audit event."""
        if not self.username:
            return {}
        return present(username=self.username, uid=self.uid, groups=list(self.groups), extra=dict(self.extra))


@dataclass(frozen=True)
class Target:
    """What a request is about: an object, several of a kind, or (with a `path` alone) a page of the server."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: str = ""
    uid: str = ""
    version: str = ""
    unnamed: bool = False
    """The name is not in the URL (a create)."""
    path: str = ""

    @property
    def resource(self) -> str:
        """Resource and subresource as RBAC writes them; empty for a page."""
        if not self.kind:
            return ""
        plural = KINDS[self.kind].resource
        return f"{plural}/{self.subresource}" if self.subresource else plural

    @property
    def named(self) -> str:
        """Resource and group as messages write them: `deployments.apps`."""
        kind = KINDS[self.kind]
        return f"{kind.resource}.{kind.group}" if kind.group else kind.resource

    @property
    def uri(self) -> str:
        """The request's path and query."""
        if not self.kind:
            return f"{self.path}?{self.query}" if self.query else self.path
        kind = KINDS[self.kind]
        root = f"/apis/{kind.api}" if kind.group else f"/api/{kind.version}"
        inside = f"/namespaces/{self.namespace}" if self.namespace and self.kind != "Namespace" else ""
        path = f"{root}{inside}/{kind.resource}" + (f"/{self.name}" if self.name and not self.unnamed else "")
        path += f"/{self.subresource}" if self.subresource else ""
        return f"{path}?{self.query}" if self.query else path

    @property
    def reference(self) -> Json:
        """As `objectRef` in the audit event; empty for a page."""
        if not self.kind:
            return {}
        kind = KINDS[self.kind]
        return present(
            resource=kind.resource,
            namespace=self.namespace,
            name=self.name,
            uid=self.uid,
            apiGroup=kind.group,
            apiVersion=kind.version,
            resourceVersion=self.version,
            subresource=self.subresource,
        )


def failure(code: int, reason: str, message: str, target: Target) -> Json:
    """The Status that a request gets which fails."""
    details = {}
    if target.kind:
        kind = KINDS[target.kind]
        details = present(name="" if target.unnamed else target.name, group=kind.group, kind=kind.resource)
    return {"metadata": {}, "status": "Failure", "message": message, "reason": reason, "details": details, "code": code}


def forbidden(client: Client, verb: str, target: Target) -> Json:
    """403: the authorizer says no."""
    if not target.kind:
        message = f'forbidden: User "{client.username}" cannot {verb} path "{target.path}"'
        return failure(403, "Forbidden", message, target)
    what = f'{target.named} "{target.name}"' if target.name and not target.unnamed else target.named
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    asked = f'cannot {verb} resource "{target.resource}" in API group "{KINDS[target.kind].group}" {where}'
    return failure(403, "Forbidden", f'{what} is forbidden: User "{client.username}" {asked}', target)


UNAUTHORIZED: Json = {
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}
"""401: the server does not know who asks."""


def not_found(target: Target) -> Json:
    """404: what is asked for is not there."""
    return failure(404, "NotFound", f'{target.named} "{target.name}" not found', target)


def conflicting(target: Target) -> Json:
    """409: an update that comes too late."""
    message = (
        f'Operation cannot be fulfilled on {target.named} "{target.name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return failure(409, "Conflict", message, target)


def unavailable(code: int, target: Target) -> Json:
    """429, 500, 503 or 504: the server is in trouble."""
    reason, message = {
        429: ("TooManyRequests", "The server is currently unable to handle the request: too many requests"),
        500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
        503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
    }[code]
    return failure(code, reason, message, target)
