"""Network addresses in every spelling that programs take, alone and in free text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network
from typing import TypeAlias
from urllib.parse import unquote

import re2
from msgspec import Struct

Address: TypeAlias = IPv4Address | IPv6Address

LONGEST = 65_536
"""Characters of a text that are looked at."""
_NAME = 253
_DIGITS = frozenset("0123456789:")
_EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""NAT64 and the old IPv4-compatible form: the last 32 bits are an IPv4 address."""
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "ftp": 21}
# One short word, and patterns without repetition of repetition: here the standard library is as safe, and faster.
_PART = re.compile(r"(?i)(0x[0-9a-f]*)|(0[0-7]*)|([1-9][0-9]*)")
_WILDCARD_DNS = re.compile(
    r"(?i)(?:^|[.-])(?:([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})|([0-9a-f]{8}))"
    r"\.(?:[a-z0-9-]+\.)?(?:nip\.io|sslip\.io|xip\.io|traefik\.me|rbndr\.us)$"
)
_SCHEME = re.compile(r"(?i)^([a-z][a-z0-9+.-]{0,15}):[/\\]{1,3}")
_AUTHORITY = re.compile(r"[^/\\?#]*")
_MENTION = re2.compile(
    r"(?i)/(?:dev/(tcp|udp)|inet[46]?/(tcp|udp)/[0-9]+)/([^/\s\"']+)/([0-9a-z]+)"
    r"|([a-z][a-z0-9+.-]{0,15}:[/\\]{2}[^\s\"'`<>\\]+)"
    r"|\[([0-9a-f:.]{2,45})\]"
    r"|([0-9a-f:]*::[0-9a-f:]*(?:\.[0-9]{1,3}){0,3}|(?:[0-9a-f]{1,4}:){6,7}[0-9a-f]{1,4}(?:\.[0-9]{1,3}){0,3})"
    r"|([0-9a-z](?:[0-9a-z_.-]*[0-9a-z])?)"
)
_PORT_AFTER = re.compile(r"^[\"']?\s*[:,]\s*[\"']?([0-9]{1,5})(?:[^0-9a-zA-Z_.]|$)")


class Place(Struct, frozen=True):
    """Where a program is told to connect to."""

    host: str
    """Lower case, decoded, without brackets and without a final dot; empty if there is none."""
    port: int | None = None
    """As given, or the scheme's own; None if neither tells."""
    path: str = ""
    """Path and query, decoded, without doubled slashes."""
    scheme: str = ""
    """`http`; `tcp` or `udp` for `/dev/tcp/...` of bash and `/inet/tcp/...` of gawk; empty if none."""

    @property
    def address(self) -> Address | None:
        return address(self.host)


def address(host: str) -> Address | None:
    """The address that a host is, as inet_aton and IPv6 parsers read it; None for a name.

    Parts may be decimal, octal or hexadecimal, and the last may stand for several; an IPv4 address
    inside an IPv6 one, or inside a name of nip.io and its like, is that IPv4 address.

    Examples
    --------
    >>> for host in "169.254.43518", "0251.0xfe.0251.254", "2852039166", "::ffff:a9fe:a9fe", "169.254.169.254.nip.io":
    ...     print(address(host))
    169.254.169.254
    169.254.169.254
    169.254.169.254
    169.254.169.254
    169.254.169.254
    >>> print(address("fd00:ec2::254%eth0"), address("example.com"), address("1.2.3.4.5"))
    fd00:ec2::254 None None
    """
    host = _plain(host)
    if not host or len(host) > _NAME or _DIGITS.isdisjoint(host):
        return None
    if ":" in host:
        return _version_6(host.partition("%")[0])
    return _numbers(host.split(".")) or _in_name(host)


def place(word: str) -> Place:
    """Read a word as fetching programs do: a URL, or `host`, `host:port`, `host/path`.

    Examples
    --------
    >>> place("http://user:pw@[::ffff:169.254.169.254]:80//latest/api/token")
    Place(host='::ffff:169.254.169.254', port=80, path='/latest/api/token', scheme='http')
    >>> place("%3169.254.169.254./x?y").address, place("https://shop.example").port, place("shop:8080").port
    (IPv4Address('169.254.169.254'), 443, 8080)
    """
    word = word[:LONGEST].strip()
    found = _SCHEME.match(word)
    scheme = found.group(1).lower() if found else ""
    rest = word[found.end() :] if found else word
    authority = _AUTHORITY.match(rest)
    cut = authority.end() if authority else 0
    host, port = _host_and_port(rest[:cut].rpartition("@")[2])
    return Place(host, port or _DEFAULT_PORTS.get(scheme), _path(rest[cut:]), scheme)


def places(text: str) -> Iterator[Place]:
    """All that is written in a text like a URL, a host or an address; also URLs inside the query of a URL.

    Examples
    --------
    >>> [found.host for found in places("exec 3<>/dev/tcp/169.254.169.254/80")][-1]
    '169.254.169.254'
    >>> list(places('connect(("168.63.129.16", 80))'))[1]
    Place(host='168.63.129.16', port=80, path='', scheme='')
    """
    text = _decoded(text[:LONGEST])
    for found in re2.finditer(_MENTION, text):
        tcp, inet, host, port, url, bracketed, version_6, name = found.groups()
        if host is not None:
            yield Place(_plain(host), int(port) if port.isdecimal() else None, scheme=(tcp or inet).lower())
        elif url is not None:
            yield from urls(url)
        else:
            after = _PORT_AFTER.search(text[found.end() : found.end() + 16])
            yield Place(_plain(bracketed or version_6 or name), int(after.group(1)) if after else None)


def urls(url: str) -> Iterator[Place]:
    """Where a URL leads, and where a URL in its query does: some servers fetch it.

    >>> [found.host for found in urls("http://shop/fetch?x=1&url=http://169.254.169.254/latest")]
    ['shop', '169.254.169.254']
    """
    outer = place(url)
    yield outer
    if "\\" in url:
        # To browsers a backslash ends the host, to curl it is a part of the user's name.
        yield place(url.replace("\\", ""))
    _, _, query = outer.path.partition("?")
    inner = query.find("://")
    if inner > 0:
        yield place(query[max(query.rfind("=", 0, inner), query.rfind("&", 0, inner)) + 1 :])


def _plain(host: str) -> str:
    """A host as name servers see it: decoded, folded, without brackets and a final dot."""
    host = _decoded(host)
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host).replace("。", ".")
    return host.strip("[]").rstrip(".").lower()


def _decoded(text: str) -> str:
    return unquote(unquote(text)) if "%" in text else text


def _host_and_port(authority: str) -> tuple[str, int | None]:
    authority = _decoded(authority)
    if authority.startswith("["):
        host, _, port = authority.partition("]")
        port = port.removeprefix(":")
    elif authority.count(":") > 1:
        host, port = authority, ""
    else:
        host, _, port = authority.partition(":")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= 5 else None
    return _plain(host), number


def _path(text: str) -> str:
    path, mark, query = _decoded(text).partition("?")
    while "//" in path:
        path = path.replace("//", "/")
    return path + mark + query


def _version_6(host: str) -> Address | None:
    try:
        read = IPv6Address(host)
    except AddressValueError:
        return None
    if read.ipv4_mapped is not None:
        return read.ipv4_mapped
    low = int(read) & 0xFFFFFFFF
    if low > 1 and any(read in network for network in _EMBEDDING):
        return IPv4Address(low)
    return read


def _numbers(parts: list[str]) -> IPv4Address | None:
    """An address of one to four numbers, the last of which fills what is left (inet_aton)."""
    values = [_number(part) for part in parts]
    if len(values) > 4 or None in values:
        return None
    *leading, last = [value for value in values if value is not None]
    if any(value > 255 for value in leading) or last >= 256 ** (4 - len(leading)):
        return None
    return IPv4Address(sum(value << 24 - 8 * index for index, value in enumerate(leading)) + last)


def _number(part: str) -> int | None:
    found = _PART.fullmatch(part)
    if not found:
        return None
    hexadecimal, octal, decimal = found.groups()
    if decimal is not None:
        return int(decimal)
    return int(octal, 8) if octal is not None else int(hexadecimal[2:] or "0", 16)


def _in_name(host: str) -> IPv4Address | None:
    """The address that a name of a wildcard DNS service resolves to."""
    found = _WILDCARD_DNS.search(host)
    if not found:
        return None
    *numbers, hexadecimal = found.groups()
    return IPv4Address(int(hexadecimal, 16)) if hexadecimal else _numbers([str(int(number)) for number in numbers])
