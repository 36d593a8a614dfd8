"""The metadata services of the clouds: where they answer, and which of their paths give credentials."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

import re2

from detectors.runtime.addresses import Address, Place, address

WIRE_SERVER = IPv4Address("168.63.129.16")
"""Azure's platform address; also its name server, so only the two ports that tell of the machine count."""
SERVICES: dict[Address, str] = {
    ip_address(text): name
    for text, name in (
        ("169.254.169.254", "instance metadata (Azure, AWS, Google and others)"),
        ("fd00:ec2::254", "instance metadata (AWS)"),
        ("fd20:ce::254", "instance metadata (Google)"),
        ("169.254.170.2", "task credentials (AWS ECS)"),
        ("169.254.170.23", "pod identity (AWS EKS)"),
        ("fd00:ec2::23", "pod identity (AWS EKS)"),
        ("169.254.169.252", "instance metadata (GKE workload identity)"),
        ("168.63.129.16", "wire server (Azure)"),
        ("100.100.100.200", "instance metadata (Alibaba)"),
        ("169.254.0.23", "instance metadata (Tencent)"),
        ("169.254.42.42", "instance metadata (Scaleway)"),
    )
}
NAMES = frozenset(
    {
        "metadata.google.internal",
        "metadata.goog",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
    }
)
"""Host names that mean a metadata service wherever they are used."""
_SHORT_NAMES = frozenset({"metadata", "instance-data"})
"""Names that mean it by the search list of the machine, but may be a service of the cluster: the path decides."""
_WIRE_SERVER_PORTS = frozenset({80, 32526})
_NAME_AND_TIME = frozenset({53, 123})
"""On Google's machines the same address answers DNS and NTP."""
_PATHS = (
    r"/(?:metadata/(?:v1/)?identity|computeMetadata/v1"
    r"|(?:latest|20\d\d-\d\d-\d\d|1\.0)/(?:meta-data/(?:iam|ram|identity-credentials)|api/token|dynamic/instance-identity))"
)
_CREDENTIALS = re2.compile(f"(?i)^{_PATHS}")
_CREDENTIALS_QUOTED = re2.compile(f"(?i)[\"'`\\s}}]{_PATHS}")
_OWN_HEADERS = re2.compile(r"(?i)metadata-flavor:|x-google-metadata-request:|x-aws-ec2-metadata-token")


def service_at(host: Address | None, port: int | None) -> str:
    """The metadata service at an address and port; empty if there is none.

    Examples
    --------
    >>> service_at(ip_address("168.63.129.16"), 80), service_at(ip_address("168.63.129.16"), 53)
    ('168.63.129.16', '')
    """
    if host is None or host not in SERVICES or port in _NAME_AND_TIME:
        return ""
    if host == WIRE_SERVER and port not in _WIRE_SERVER_PORTS:
        return ""
    return str(host)


def service_of(place: Place, said: str = "") -> str:
    """Address or name of the metadata service that a place is; empty if it is none, or clearly something else.

    Parameters
    ----------
    place
        Host, port and path.
    said
        The whole command: its headers tell where the host is a variable.
    """
    # `$` ends a host that is known: what follows is a path in a variable, as in Amazon's documentation of ECS.
    found = service_at(address(place.host.partition("$")[0]), place.port)
    if found or place.host in NAMES:
        return found or ("" if place.port in _NAME_AND_TIME else place.host)
    if not _host_open(place.host):
        return ""
    asked = gives_credentials(place.path) or (place.host and _OWN_HEADERS.search(said))
    return (place.host if place.host in _SHORT_NAMES else "metadata path") if asked else ""


def title(service: str) -> str:
    """What a service is, for people.

    Examples
    --------
    >>> title("169.254.170.23"), title("metadata.google.internal")
    ('pod identity (AWS EKS) at 169.254.170.23', 'metadata.google.internal')
    """
    known = address(service)
    return f"{SERVICES[known]} at {service}" if known in SERVICES else service


def gives_credentials(path: str) -> bool:
    """Whether a path of a metadata service leads to tokens or keys."""
    return bool(_CREDENTIALS.search(path))


def quotes_credential_path(text: str) -> bool:
    """Whether a program's text holds such a path alone, to be put behind a host that is not written there."""
    return bool(_CREDENTIALS_QUOTED.search(text))


def _host_open(host: str) -> bool:
    """The host is not known, or a short name that may be the service."""
    return not host or host in _SHORT_NAMES or any(mark in host for mark in "${`<")


def _spellings(host: IPv4Address) -> Iterator[str]:
    """What a spelling of an address begins with, as patterns."""
    first, second, number = *host.packed[:2], int(host)
    yield from (rf"\b0*{first}\.", rf"\b0+{first:o}\.", rf"\b0x0*{first:x}\.", f"{first}-{second}-")
    yield from (str(number), f"0{number:o}", f"{number:08x}", f"{number >> 16:x}:")


def _encoded(text: str) -> Iterator[str]:
    """What stands in base64 of anything that holds the text: it depends on how many bytes are before it."""
    for before in range(3):
        code = base64.b64encode(b"\0" * before + text.encode()).decode()
        yield re.escape(code[-(-before * 4 // 3) : (before + len(text)) // 3 * 4])


def patterns() -> tuple[str, ...]:
    """RE2 patterns of which one matches each command line that names a metadata service."""
    found = {"metadata", "meta-data", "instance-data", "api/token", "instance-identity", r"[^\x00-\x7f]"}
    found |= {r"[/@ ][^ /?#]*%[2-7][0-9a-f]", *_encoded("169.254.169.254"), *_encoded("metadata.google.internal")}
    for host in SERVICES:
        found |= set(_spellings(host)) if isinstance(host, IPv4Address) else {str(host).partition(":")[0] + ":"}
    return ("|".join(sorted(found)),)
