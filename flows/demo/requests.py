"""What a request to an API server is made of: who asks, for what, and the Status of one that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.demo.fields import Json
from flows.demo.objects import KINDS, present


@dataclass(frozen=True)
class Client:
    """Who sends requests, from where and with what."""

    username: str
    groups: tuple[str, ...]
    agent: str
    address: str
    reason: str = ""
    """Why the authorizer allows it: binding and role."""
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def user(self) -> Json:
        """As in the audit event."""
        return present(username=self.username, uid=self.uid, groups=list(self.groups), extra=dict(self.extra))


@dataclass(frozen=True)
class Target:
    """What a request is about."""

    kind: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: str = ""
    uid: str = ""
    version: str = ""
    unnamed: bool = False
    """The name is not in the URL (a create)."""

    @property
    def resource(self) -> str:
        """Resource and subresource as RBAC writes them."""
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
        kind = KINDS[self.kind]
        root = f"/apis/{kind.api}" if kind.group else f"/api/{kind.version}"
        inside = f"/namespaces/{self.namespace}" if self.namespace and self.kind != "Namespace" else ""
        path = f"{root}{inside}/{kind.resource}" + (f"/{self.name}" if self.name and not self.unnamed else "")
        path += f"/{self.subresource}" if self.subresource else ""
        return f"{path}?{self.query}" if self.query else path

    @property
    def reference(self) -> Json:
        """As `objectRef` in the audit event."""
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
    kind = KINDS[target.kind]
    name = "" if target.unnamed else target.name
    details = present(name=name, group=kind.group, kind=kind.resource)
    return {"metadata": {}, "status": "Failure", "message": message, "reason": reason, "details": details, "code": code}


def forbidden(client: Client, verb: str, target: Target) -> Json:
    """403: the authorizer says no."""
    what = f'{target.named} "{target.name}"' if target.name and not target.unnamed else target.named
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    asked = f'cannot {verb} resource "{target.resource}" in API group "{KINDS[target.kind].group}" {where}'
    return failure(403, "Forbidden", f'{what} is forbidden: User "{client.username}" {asked}', target)


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
