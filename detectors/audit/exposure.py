"""Whether a Service lets the world in: load balancers that are internal, and ranges of addresses that are narrow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Any, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

AZURE_INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
AZURE_RANGES = "service.beta.kubernetes.io/azure-allowed-ip-ranges"
AZURE_TAGS = "service.beta.kubernetes.io/azure-allowed-service-tags"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
AWS_INTERNAL = "service.beta.kubernetes.io/aws-load-balancer-internal"
AWS_SCHEME = "service.beta.kubernetes.io/aws-load-balancer-scheme"
AWS_TYPE = "service.beta.kubernetes.io/aws-load-balancer-type"
GKE_TYPE = "networking.gke.io/load-balancer-type"
GCP_TYPE = "cloud.google.com/load-balancer-type"
ANNOTATIONS = frozenset(
    {AZURE_INTERNAL, AZURE_RANGES, AZURE_TAGS, RANGES, AWS_INTERNAL, AWS_SCHEME, AWS_TYPE, GKE_TYPE, GCP_TYPE}
)
"""What tells the clouds who may reach a load balancer."""
AWS_INTERNAL_CLASSES = frozenset({"service.k8s.aws/nlb", "eks.amazonaws.com/nlb"})
AWS_INTERNAL_TYPES = frozenset({"external", "nlb-ip"})
"""Load balancers of the AWS controller, which are internal unless the scheme says otherwise."""
GKE_INTERNAL_CLASS = "networking.gke.io/l4-regional-internal"
BROAD_TAGS = frozenset({"internet", "azurecloud"})
"""Azure's service tags behind which anybody may be."""
INSIDE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
"""Addresses that nobody has on the Internet."""
BROAD = {4: 1 << (32 - 8), 6: 1 << (128 - 12)}
"""As many public addresses as a /8 are everybody; of IPv6 as many as a /12, which is what a whole continent gets."""
LONGEST = 256
"""Ranges that are kept of one Service."""
EVERYBODY = ["0.0.0.0/0", "::/0"]
_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9])")


def public(service: Any) -> str | None:
    """By what the world reaches a Service: words for an alert; None if it does not.

    An address of `externalIPs` is not narrowed by source ranges, nor by what the cloud is told. A load
    balancer is not public if it is internal, or if its ranges together hold fewer public addresses than
    a /8 (of IPv6 than a /12).
    """
    if not service.headless and service.type != "ExternalName":
        outside = [text for text in service.external if is_public_address(text)]
        if outside:
            return f"the external address {outside[0]}"
    if service.type != "LoadBalancer" or internal(service.annotations, service.balancer):
        return None
    ranges = allowed_ranges(service.ranges, service.annotations)
    if ranges is None:
        return "a load balancer that is open to everybody"
    return "a load balancer whose ranges let nearly everybody in" if broad(ranges) else None


def internal(annotations: Mapping[str, str], balancer: str) -> bool:
    """Whether the cloud is told to keep a load balancer inside, in the way of any of the clouds.

    Examples
    --------
    >>> internal({AZURE_INTERNAL: "true"}, ""), internal({AZURE_INTERNAL: "false"}, "")
    (True, False)
    >>> internal({}, "service.k8s.aws/nlb"), internal({AWS_SCHEME: "internet-facing"}, "service.k8s.aws/nlb")
    (True, False)
    """
    google = annotations.get(GKE_TYPE, annotations.get(GCP_TYPE, ""))
    if annotations.get(AZURE_INTERNAL) == "true" or google.casefold() == "internal" or balancer == GKE_INTERNAL_CLASS:
        return True
    if scheme := annotations.get(AWS_SCHEME):
        return scheme == "internal"
    if said := annotations.get(AWS_INTERNAL):
        return said in ("true", "0.0.0.0/0")
    return balancer in AWS_INTERNAL_CLASSES or annotations.get(AWS_TYPE) in AWS_INTERNAL_TYPES


def allowed_ranges(ranges: Iterable[str], annotations: Mapping[str, str]) -> list[str] | None:
    """All ranges that a load balancer lets in; None if nothing narrows it."""
    found = list(ranges) or _listed(annotations.get(RANGES, ""))
    found += _listed(annotations.get(AZURE_RANGES, ""))
    tags = [tag.casefold() for tag in _listed(annotations.get(AZURE_TAGS, ""))]
    if BROAD_TAGS.intersection(tags):
        return EVERYBODY
    return found if found or tags else None


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def broad(ranges: Iterable[str]) -> bool:
    """Whether ranges together hold so many public addresses that they keep nobody out.

    Examples
    --------
    >>> broad(["203.0.113.0/24"]), broad(["10.0.0.0/8"]), broad(["0.0.0.0/1", "128.0.0.0/1"]), broad(["::/0"])
    (False, False, True, True)
    """
    networks = [network for text in ranges if (network := _network(text)) is not None]
    fours = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    sixes = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
    return sum(map(_public_size, fours)) >= BROAD[4] or sum(map(_public_size, sixes)) >= BROAD[6]


def _network(text: str) -> Network | None:
    """A range as Kubernetes reads it, also with leading zeros; nothing for what no cloud would take."""
    try:
        return ip_network(_LEADING_ZEROS.sub("", text.strip()), strict=False)
    except ValueError:
        return None


def _public_size(network: Network) -> int:
    """Addresses of a network that are on the Internet."""
    size = network.num_addresses
    for inside in INSIDE:
        if inside.version == network.version and network.overlaps(inside):
            size -= min(network.num_addresses, inside.num_addresses)
    return size


def is_public_address(text: str) -> bool:
    """Whether an address is one that the world may reach."""
    try:
        address = ip_address(_LEADING_ZEROS.sub("", text.strip()))
    except ValueError:
        return False
    return not address.is_multicast and not any(address in inside for inside in INSIDE)


def limited_ranges(ranges: list[str]) -> list[str]:
    """A list of ranges that is short enough to be kept, and as broad as it was."""
    if len(ranges) > LONGEST:
        return EVERYBODY if broad(ranges) else [text[:64] for text in ranges[:LONGEST]]
    return [text[:64] for text in ranges]
