"""Names, addresses and ids that are compared between formats, and identifiers for records that have none."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from hashlib import blake2b

from events.remembered import Memory, remembered

LONGEST_CLUSTER = 253
"""Characters: the longest name that Kubernetes allows anything."""
CONTAINER_DIGITS = 12
UNSET_UID = (1 << 32) - 1
"""The login uid of a process that belongs to no session."""
_CLUSTER_TYPES = ("managedclusters", "connectedclusters")
_LONGEST_GROUP = 80
"""Characters at which AKS cuts the name of a node resource group: then it may not say the cluster any more."""


def cluster_name(text: str, default: str) -> str:
    """The name as it is compared and shown; the default if nothing is left of it.

    >>> cluster_name(" Prod-WEU-1 ", "default"), cluster_name("  ", "default")
    ('prod-weu-1', 'default')
    """
    return _recall_folded(text) or default


def _folded(name: str) -> str:
    return name.strip().casefold()[:LONGEST_CLUSTER].strip()


_recall_folded = Memory(_folded).__getitem__


@remembered
def azure_cluster(resource_id: str) -> str:
    """The managed or connected cluster in an Azure resource id; empty if there is none.

    >>> azure_cluster("/SUBSCRIPTIONS/X/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/PROD-1/AGENTPOOLS/A")
    'prod-1'
    """
    parts = resource_id.casefold().split("/")
    for kind, name in itertools.pairwise(parts):
        if kind in _CLUSTER_TYPES:
            return name
    return ""


@remembered
def azure_node_group(resource_id: str) -> str:
    """The cluster for whose nodes AKS made a resource group (`MC_<group>_<cluster>_<region>`); empty if it is another.

    The group may hold underscores, the cluster hyphens only, and a region neither.

    >>> azure_node_group("/subscriptions/x/resourceGroups/MC_rg_a_prod-1_westeurope/providers/microsoft.network/lb/k")
    'prod-1'
    """
    for kind, name in itertools.pairwise(resource_id.casefold().split("/")):
        if kind == "resourcegroups":
            words = name.split("_")
            is_made_by_aks = words[0] == "mc" and len(words) > 3 and len(name) < _LONGEST_GROUP
            return words[-2] if is_made_by_aks else ""
    return ""


def container_id(text: str) -> str:
    """The first 12 digits, without the runtime that Kubernetes writes before them (`containerd://`)."""
    return text.rpartition("://")[2][:CONTAINER_DIGITS]


def unmapped(address: str) -> str:
    """An IPv4 address that a dual-stack socket shows inside an IPv6 one.

    >>> unmapped("::ffff:10.0.0.1"), unmapped("fe80::1")
    ('10.0.0.1', 'fe80::1')
    """
    return address[7:] if address[:7].lower() == "::ffff:" and "." in address else address


def digest(*parts: bytes) -> str:
    """A stable identifier of a record that has none."""
    state = blake2b(digest_size=12)
    for part in parts:
        state.update(part.strip())
        state.update(b"\0")
    return state.hexdigest()


def known(name: str, names: Iterable[str]) -> str:
    """The name if it is one of these, else `other`: reasons are counted, so they must not be the sender's choice."""
    return name if name in names else "other"
