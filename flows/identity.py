"""Files known again by what they begin with: under another name, in another folder, packed, and grown."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container, Iterable, Iterator

from flows.pool import Pool, Stored
from flows.unpacking import head

HASHED = 4096
"""Bytes of the unpacked content that tell a file from all others."""
COPY = "#"
"""Before the number of a copy."""


def fingerprint_of(begin: bytes) -> str | None:
    """`n:digest` of the first bytes of a file, n of them, at most HASHED; None if there are none.

    >>> fingerprint_of(b"{}")
    '2:2afb9b83f9314e5d029766197f539792'
    """
    begin = begin[:HASHED]
    return f"{len(begin)}:{hashlib.blake2b(begin, digest_size=16).hexdigest()}" if begin else None


def beginning(path: str, size: int = HASHED) -> bytes:
    """The first bytes of the unpacked content; none if it is empty, cannot be read, or is a pipe."""
    try:
        stored = Stored(path, Pool(1))
    except OSError:
        return b""
    try:
        return head(stored, size)
    finally:
        stored.close()


def fingerprint(path: str) -> str | None:
    """What `fingerprint_of` says of a file; None also if it cannot be read, or is a pipe."""
    return fingerprint_of(beginning(path))


def named(found: str, taken: Container[str]) -> str:
    """The identity of one more file with this fingerprint: the fingerprint itself, or that of a copy.

    >>> named("2:aa", {"2:aa", "2:aa#2"})
    '2:aa#3'
    """
    number, name = 1, found
    while name in taken:
        number += 1
        name = f"{found}{COPY}{number}"
    return name


def lengths(identities: Iterable[str]) -> list[int]:
    """How many bytes were hashed for these, the most first."""
    return sorted({int(identity.partition(":")[0]) for identity in identities}, reverse=True)


def earlier(begin: bytes, hashed: Iterable[int]) -> Iterator[str]:
    """The fingerprints that a file with this beginning may have had while it was shorter."""
    for length in hashed:
        if length <= len(begin) and (found := fingerprint_of(begin[:length])) is not None:
            yield found


def matches(path: str, identities: Collection[str]) -> str | None:
    """Which of the identities is that of the file, as it is or as it was while it was shorter; the most telling one."""
    return of_beginning(beginning(path), identities)


def of_beginning(begin: bytes, identities: Collection[str]) -> str | None:
    """The same for the first bytes of a file."""
    plain: dict[str, str] = {}
    for identity in sorted(identities):
        plain.setdefault(identity.partition(COPY)[0], identity)
    return next((plain[found] for found in earlier(begin, lengths(plain)) if found in plain), None)
