"""Traces of what happened in a cluster, removed."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from detectors.audit.conditions import COMPLETED
from detectors.audit.entities import actor, identity, who
from detectors.audit.lists import API_SERVER, NAMESPACE_ENDERS, is_one_of
from detectors.contract import Match, Quiet, rule
from detectors.selection import requests
from events import AuditEvent


class Parameters(BaseModel, frozen=True, extra="forbid"):
    """Who deletes events in the ordinary course of things, besides Kubernetes itself."""

    identities: frozenset[str] = Field(frozenset(), description="User names, compared whole")


@rule(
    "K8S_DeleteEvents",
    on=requests("delete", "deletecollection", of=("events",)),
    unless=COMPLETED,
    parameters=Parameters(),
    misses=(
        "Events that are overwritten instead of deleted, or that end by deleting their namespace, or by a shorter time"
        " to live. Clusters whose audit policy leaves events out (GKE). Whoever acts as the controller manager or"
        " the namespace controller, and deletes all events of a namespace at once."
    ),
    noise=(
        "Tools that keep clusters in step (vcluster) or clean up delete events too: name them in the parameters. A dry"
        " run whose body the audit policy does not record looks the same."
    ),
)
def event_deletion(event: AuditEvent, parameters: Parameters) -> Match | Quiet:
    """Someone deleted events of the cluster, by which others could see what happened.

    Examples
    --------
    >>> fired(event_deletion, *(audit("delete", "events", namespace="shop", name=f"web.{n}", at=n) for n in range(46)))
    ['jane@contoso.example']
    >>> controller = "system:serviceaccount:kube-system:namespace-controller"
    >>> fired(event_deletion, audit("deletecollection", "events", namespace="shop", user=controller))
    []
    """
    if event.user.username in parameters.identities or _ordinary(event):
        return Quiet("the identity does not delete events in the ordinary course of things", event.user.username)
    namespace, entity = event.object.namespace, identity(event.user)
    hour = datetime.fromtimestamp(event.time // 1_000_000, UTC).strftime("%Y-%m-%dT%H")
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    return Match(
        entity,
        f"{event.user.username}|{namespace}|{hour}",
        f"{who(event)} deleted events {where} ({event.verb})",
        {"verb": event.verb, "namespace": namespace, "name": event.object.name, "apiGroup": event.object.api_group},
        actor(event),
    )


def _ordinary(event: AuditEvent) -> bool:
    """Whether Kubernetes itself does it: the API server, or the controller that empties a namespace at its end."""
    if is_one_of(event.user, {API_SERVER}):
        return True
    at_once = event.verb == "deletecollection" and bool(event.object.namespace)
    return at_once and is_one_of(event.user, NAMESPACE_ENDERS)
