"""What keeps the detectors of requests quiet: named conditions over one audit event."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from detectors.audit.lists import API_SERVER, WORKLOAD_CONTROLLERS, is_one_of
from detectors.contract import condition
from events import AuditEvent

API_GROUPS = {
    "clusterrolebindings": ("rbac.authorization.k8s.io",),
    "clusterroles": ("rbac.authorization.k8s.io",),
    "configmaps": (),
    "cronjobs": ("batch",),
    "daemonsets": ("apps", "extensions"),
    "deployments": ("apps", "extensions"),
    "events": ("events.k8s.io",),
    "jobs": ("batch",),
    "pods": (),
    "podtemplates": (),
    "replicasets": ("apps", "extensions"),
    "replicationcontrollers": (),
    "rolebindings": ("rbac.authorization.k8s.io",),
    "roles": ("rbac.authorization.k8s.io",),
    "services": (),
    "statefulsets": ("apps",),
}
"""Where Kubernetes itself serves these resources, besides the core group (empty, or not recorded)."""
DEFAULT_ROLES = frozenset({"admin", "cluster-admin", "edit", "extension-apiserver-authentication-reader", "view"})
"""What the API server reconciles at its start, besides names with the prefix `system:`."""


class DeleteOptions(Struct, rename="camel"):
    """The body of a delete."""

    dry_run: list[str] | None = None


_options = msgspec.json.Decoder(DeleteOptions | None).decode


@condition(saw=lambda event: event.stage)
def unfinished(event: AuditEvent) -> bool:
    """The request is not finished: only its last stage is judged; no stage counts as the last."""
    return event.stage not in (None, "", "ResponseComplete")


@condition(saw=lambda event: event.code if event.code is not None else event.decision)
def refused(event: AuditEvent) -> bool:
    """The request was refused or failed.

    One that ran out of time (504) counts as failed, though what it wrote may have been stored.
    """
    return event.decision == "forbid" if event.code is None else event.code >= 400


@condition(saw=lambda event: event.uri)
def dry_run(event: AuditEvent) -> bool:
    """The request is a dry run, which stores nothing.

    The API server reads the options of a delete from its body, and from the query only if there is no
    body: `?dryRun=All` before a body without it deletes. Where the policy records no bodies, or the
    source cut the record, the query of a delete is therefore not believed.
    """
    if event.verb in ("delete", "deletecollection"):
        if event.request is not None:
            options = _options(event.request)
            return options is not None and "All" in (options.dry_run or ())
        if event.level == "Metadata" or event.truncated:
            return False
    return "dryRun" in event.uri and "All" in parse_qs(urlsplit(event.uri).query).get("dryRun", ())


@condition(saw=lambda event: event.object.api_group)
def foreign(event: AuditEvent) -> bool:
    """The resource has this name in an API group that is not of Kubernetes."""
    groups = API_GROUPS.get(event.object.resource)
    return bool(event.object.api_group) and groups is not None and event.object.api_group not in groups


@condition(saw=lambda event: f"{event.user.username} {event.verb}")
def upkeep(event: AuditEvent) -> bool:
    """A workload controller updates what it looks after: it alters replicas and annotations, never a template."""
    return event.verb in ("update", "patch") and is_one_of(event.user, WORKLOAD_CONTROLLERS)


@condition(saw=lambda event: f"{event.user.username} {event.object.name}")
def bootstrap(event: AuditEvent) -> bool:
    """The API server itself reconciles one of its default roles or bindings (identity and name together)."""
    name = event.object.name
    return is_one_of(event.user, {API_SERVER}) and (name in DEFAULT_ROLES or name.startswith("system:"))


COMPLETED = (unfinished, refused, dry_run, foreign)
"""Every detector of requests requires that none of these holds."""
