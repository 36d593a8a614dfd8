"""A change of how names resolve in a cluster."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field

from alerts.signal import Entity
from detectors.audit.bodies import answer, labels_only, unchanged_since, written
from detectors.audit.conditions import COMPLETED
from detectors.audit.entities import actor, who
from detectors.audit.lists import ADDON_MANAGERS, is_one_of
from detectors.audit.objects import Body, ConfigMaps, Metadata
from detectors.contract import Match, Quiet, rule
from detectors.selection import requests
from events import AuditEvent

CONFIGURATIONS = frozenset({"coredns", "coredns-custom", "kube-dns", "rke2-coredns-rke2-coredns"})
"""The ConfigMaps that CoreDNS and kube-dns read; `coredns-custom` is the one that AKS leaves to its users."""
STAMPED = ("create", "update", "patch")
"""Verbs whose answer is the object with its new version."""
DONE = {"create": "created", "delete": "deleted", "deletecollection": "deleted"}


class Parameters(BaseModel, frozen=True, extra="forbid"):
    """Who maintains CoreDNS, besides the platforms' add-on managers."""

    identities: frozenset[str] = Field(frozenset(), description="User names, compared whole")


@rule(
    "K8S_CoreDnsModification",
    on=requests("create", "update", "patch", "delete", "deletecollection", of=("configmaps",)),
    unless=COMPLETED,
    parameters=Parameters(),
    misses=(
        "CoreDNS made to read another ConfigMap or image by a change of its Deployment; the ConfigMap of NodeLocal"
        " DNSCache; a deletecollection by label whose answer is not recorded. Whoever acts as an add-on manager."
    ),
    noise=(
        "People who maintain CoreDNS, and the installation of a cluster: kubeadm and k3s write the ConfigMap once. A"
        " dry run of a delete whose body the audit policy does not record looks the same, and so does an apply that"
        " changes nothing where it does not record the answer."
    ),
)
def coredns_modification(event: AuditEvent, parameters: Parameters) -> Match | Quiet:
    """Someone changed or deleted the configuration of CoreDNS, which resolves the names of the whole cluster.

    Examples
    --------
    >>> fired(coredns_modification, audit("patch", "configmaps", namespace="kube-system", name="coredns", request={}))
    ['kube-system/coredns']
    >>> fired(coredns_modification, audit("patch", "configmaps", namespace="shop", name="coredns", request={}))
    []
    """
    if event.object.namespace != "kube-system":
        return Quiet("the namespace is kube-system", event.object.namespace)
    names = touched(event)
    changed = sorted(CONFIGURATIONS & names)
    if not changed:
        return Quiet(f"the ConfigMap is one of {', '.join(sorted(CONFIGURATIONS))}", sorted(names))
    if event.user.username in parameters.identities or is_one_of(event.user, ADDON_MANAGERS):
        return Quiet("the identity is not a platform's add-on manager", event.user.username)
    if event.verb == "patch" and labels_only(event):
        return Quiet("the patch changes more than labels and annotations")
    now = answer(event, Body) if event.verb in STAMPED else None
    if now is not None and event.verb == "patch" and (stamp := unchanged_since(event, now)):
        return Quiet("the apply changes something", f"unchanged since {stamp}")
    done = DONE.get(event.verb, "changed")
    return Match(
        Entity("config_map", changed[0], "kube-system"),
        _version(event, now),
        f"{who(event)} {done} ConfigMap {' and '.join(changed)} in kube-system, the configuration of CoreDNS",
        {"verb": event.verb, "configMaps": changed},
        actor(event),
    )


def touched(event: AuditEvent) -> frozenset[str]:
    """The names of the ConfigMaps that the request wrote or deleted, as far as it can be told."""
    if event.object.name:
        return frozenset({event.object.name})
    if event.verb == "deletecollection":
        return _collected(event)
    write = written(event, Body)
    return frozenset() if isinstance(write, Quiet) or not write.now.meta.name else frozenset({write.now.meta.name})


def _collected(event: AuditEvent) -> frozenset[str]:
    """What a deletecollection deleted: the answer lists it; else the selectors tell, and without any it was all.

    A client who asks for an answer without the objects (`as=Table`) is not given the benefit of its labels.
    """
    now = answer(event, ConfigMaps)
    if now is not None and now.items is not None:
        return frozenset(item.meta.name for item in now.items if item is not None and item.meta.name)
    query = parse_qs(urlsplit(event.uri).query, keep_blank_values=True)
    if event.response is None and query.get("labelSelector", [""])[0]:
        return frozenset()
    names = CONFIGURATIONS
    for term in query.get("fieldSelector", [""])[0].split(","):
        field, _, name = term.replace("==", "=").partition("=")
        if field in ("metadata.name", "metadata.name!"):
            names = names - {name} if field.endswith("!") else names & {name}
    return names


def _version(event: AuditEvent, now: Body | None) -> str:
    """The version that the write made; a deletion makes none."""
    meta = Metadata() if now is None else now.meta
    return f"{meta.uid}:{meta.resource_version}" if meta.uid and meta.resource_version else event.event_id
