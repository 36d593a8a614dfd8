"""Networks that an operator declares: what an address belongs to, whichever node or pod has it today."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

NetworkClass: TypeAlias = Literal["pod", "node", "control_plane", "ci"]
MOST = 256
"""Networks of one class."""
LONGEST = 45
"""Characters of an address: IPv6 with an IPv4 address at its end."""


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError:
        raise ValueError(f"expected a network such as 10.244.0.0/16, without bits of a host, not {text!r}") from None


def _distinct(declared: dict[NetworkClass, tuple[str, ...]]) -> dict[NetworkClass, tuple[str, ...]]:
    owner: dict[str, str] = {}
    for name, networks in declared.items():
        for network in networks:
            if owner.setdefault(network, name) != name:
                raise ValueError(f"{network} is declared as {owner[network]} and as {name}")
    return declared


DeclaredNetworks: TypeAlias = Annotated[
    dict[NetworkClass, Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Field(max_length=MOST)]],
    AfterValidator(_distinct),
]
"""CIDRs by class."""


class Networks:
    """Tells the network of an address.

    Parameters
    ----------
    declared
        CIDRs by class; of those that hold an address the longest prefix counts.

    Examples
    --------
    >>> networks = Networks({"pod": ("10.244.0.0/16",), "ci": ("10.244.9.0/24",)})
    >>> [networks.of(text) for text in ("10.244.1.2", "::ffff:10.244.9.1", "10.1.2.3", "2001:db8::1", "")]
    ['pod', 'ci', '10.1.2.0/24', '2001:db8::/64', 'unknown']
    """

    def __init__(self, declared: Mapping[Any, tuple[str, ...]]) -> None:
        self.declared = declared
        ranges = [(ipaddress.ip_network(text), str(name)) for name, texts in declared.items() for text in texts]
        self._ranges = sorted(ranges, key=lambda one: -one[0].prefixlen)
        self._known = functools.lru_cache(16_384)(self._of)

    def __reduce__(self) -> tuple[Any, ...]:
        return Networks, (self.declared,)

    def of(self, address: str) -> str:
        """The class of an address; where none is declared its /24, of IPv6 its /64; `unknown` if it is no address."""
        return self._known(address) if len(address) <= LONGEST else "unknown"

    def _of(self, text: str) -> str:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return "unknown"
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        for network, name in self._ranges:
            if network.version == address.version and address in network:
                return name
        prefix = 24 if address.version == 4 else 64
        return str(ipaddress.ip_network((int(address), address.max_prefixlen)).supernet(new_prefix=prefix))
