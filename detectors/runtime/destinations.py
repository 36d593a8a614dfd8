"""Where fetching programs are told to connect to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import re2
from msgspec import structs

from detectors.commands import Command, options
from detectors.runtime.addresses import Place, place, places, urls

_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_ALTERNATIVES = re2.compile(r"\{([^{}]*)\}|\[([0-9]{1,3})-([0-9]{1,3})(?::[0-9]{1,3})?\]")
_URLS = 512
"""Of the URLs that one word of curl's stands for, so many are followed."""
_RAW = frozenset({"nc", "ncat", "netcat", "nc.openbsd", "nc.traditional", "socat", "telnet", "openssl", "ssl_client"})
"""Programs without a port of their own; the others ask port 80 unless told otherwise."""


class Client(NamedTuple):
    """Options of a fetching program that take a value (its manual page)."""

    says: frozenset[str] = frozenset()
    """The value is sent, kept or compared: it is not where the program connects to."""
    asks: frozenset[str] = frozenset()
    """The value is a URL, or a proxy on the way."""
    reroutes: frozenset[str] = frozenset()
    """The value holds hosts, ports and addresses, divided by colons."""
    lists: frozenset[str] = frozenset()
    """The value is a file of URLs, `-` for the standard input."""


_CLIENTS = {
    "curl": Client(
        says=frozenset(
            {
                *("-H", "--header", "-A", "--user-agent", "-e", "--referer", "-u", "--user", "-b", "--cookie"),
                *("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode", "--json"),
                *("-F", "--form", "--form-string", "-w", "--write-out", "-X", "--request", "-o", "--output"),
                *("-c", "--cookie-jar", "-m", "--max-time", "--connect-timeout", "--retry", "-E", "--cert", "--cacert"),
                *("--noproxy", "--dns-servers", "--dns-ipv4-addr", "--dns-ipv6-addr", "--interface", "--local-port"),
            }
        ),
        asks=frozenset(
            {"--url", "-x", "--proxy", "--preproxy", "--socks4", "--socks4a", "--socks5", "--socks5-hostname"}
        ),
        reroutes=frozenset({"--resolve", "--connect-to"}),
        lists=frozenset({"-K", "--config"}),
    ),
    "wget": Client(
        says=frozenset(
            {
                *("--header", "-U", "--user-agent", "--referer", "--user", "--password", "--post-data", "--body-data"),
                *("-O", "--output-document", "-o", "--output-file", "-P", "--directory-prefix", "--bind-address"),
                *("-T", "--timeout", "-t", "--tries", "--method"),
            }
        ),
        asks=frozenset({"-e", "--execute", "-B", "--base"}),
        lists=frozenset({"-i", "--input-file"}),
    ),
}
_ANY_CLIENT = Client()


def destinations(command: Command) -> Iterator[Place]:
    """Hosts that a fetching program is told to ask, by its operands, its options and its input.

    Examples
    --------
    >>> curl = Command("curl", "curl", ("-oH", "http://shop/x", "-H", "X-For: 10.0.0.1", "--connect-to", "::proxy:81"))
    >>> [(found.host, found.port) for found in destinations(curl) if found.host]
    [('shop', 80), ('proxy', 81)]
    >>> [(found.host, found.port) for found in destinations(Command("nc", "nc", ("-v", "168.63.129.16", "32526")))][0]
    ('168.63.129.16', 32526)
    """
    if command.name in _RAW:
        yield from _dialled(command)
    else:
        yield from _requested(command)


def proxies(command: Command) -> Iterator[Place]:
    """Proxies that a command is given by the environment, or sets for those after it: `export http_proxy=HOST`."""
    exported = (word.partition("=")[::2] for word in command.arguments if command.name == "export")
    for name, value in (*command.assignments, *exported):
        if name.lower() in _PROXIES:
            yield place(value)


def _dialled(command: Command) -> Iterator[Place]:
    """Hosts of `nc HOST PORT`, `socat TCP:HOST:PORT`, `openssl s_client -connect HOST:PORT`."""
    words = command.arguments
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        port = int(following) if following.isdecimal() and len(following) <= 5 else None
        if not word.startswith("-"):
            for found in places(word) if command.name == "socat" else (place(word),):
                yield structs.replace(found, port=found.port or port)


def _requested(command: Command) -> Iterator[Place]:
    client = _CLIENTS.get(command.name, _ANY_CLIENT)
    given, operands = options(command, client.says | client.asks | client.reroutes | client.lists)
    words = [*operands, *(value for option in given.keys() - client.says - client.reroutes for value in given[option])]
    for word in words:
        if not word.startswith("no_proxy"):
            for url in itertools.islice(_alternatives(word), _URLS) if command.name == "curl" else (word,):
                yield from _web(url)
    for value in (value for option in client.reroutes & given.keys() for value in given[option]):
        yield from _hops(value)
    if command.stdin is not None and ("xargs" in command.wrappers or client.lists & given.keys()):
        yield from places(command.stdin)


def _web(word: str) -> Iterator[Place]:
    """The host of a URL, and that of a URL in its query."""
    name, _, value = word.partition("=")
    for found in urls(value if name.strip().lower() in _PROXIES else word):
        yield structs.replace(found, port=found.port or 80)


def _alternatives(url: str, sets: int = 8) -> Iterator[str]:
    """The URLs that curl makes of one with up to so many `{a,b}` and `[1-9]` in it (its manual page, URL syntax)."""
    found = _ALTERNATIVES.search(url) if sets else None
    if found is None:
        yield url
        return
    listed, first, last = found.groups()
    choices = listed.split(",") if listed is not None else map(str, range(int(first), int(last) + 1))
    for choice in choices:
        yield from _alternatives(f"{url[: found.start()]}{choice}{url[found.end() :]}", sets - 1)


def _hops(value: str) -> Iterator[Place]:
    """Hosts of `--resolve HOST:PORT:ADDRESS` and `--connect-to HOST:PORT:HOST:PORT`."""
    if "[" in value:
        yield from places(value)
        return
    parts = value.replace(",", ":").split(":")
    ports = [part for part in parts if part.isdecimal() and len(part) <= 5]
    yield from (Place(part.lower(), int(ports[-1]) if ports else None) for part in parts if part not in ports)
