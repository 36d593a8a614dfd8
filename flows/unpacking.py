"""The content of a file, whether it is stored as it is or packed by gzip."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

from flows.pool import Stored

GZIP = b"\x1f\x8b\x08"
PACKED = 1 << 15
"""Bytes of a packed file that are read at once: it is what is held of each while many are read in turn."""
TORN = "Compressed file ended before the end-of-stream marker was reached"
WITH_HEADER = 31
"""What zlib calls gzip with the largest window."""


class Content(Protocol):
    """Unpacked bytes, one after the other."""

    def read(self, size: int) -> bytes:
        """At most this many, none at the present end; raises OSError or zlib.error where they are damaged."""

    def skip(self, size: int) -> None:
        """Pass over what was read before."""

    @property
    def is_torn(self) -> bool:
        """Whether more must come, if it is to be whole."""


class Plain:
    """A file that is stored as it is."""

    is_torn = False

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.offset = 0

    def read(self, size: int) -> bytes:
        data = self.stored.read(size, self.offset)
        self.offset += len(data)
        return data

    def skip(self, size: int) -> None:
        self.offset += size


class Packed:
    """What gzip packed, in one member or several.

    What stands before damage is given, and only then is the damage raised. Zeros behind a member are padding.

    Parameters
    ----------
    pull
        Gives at most so many bytes as they are stored, none at the end.
    begun
        Bytes that were already taken.
    """

    def __init__(self, pull: Callable[[int], bytes], begun: bytes = b"") -> None:
        self.pull = pull
        self.waiting = begun
        self.member = zlib.decompressobj(WITH_HEADER)
        self.is_torn = True
        self.damage: zlib.error | None = None

    def read(self, size: int) -> bytes:
        while True:
            if self.damage is not None:
                raise self.damage
            self.waiting = self.waiting or self.pull(PACKED)
            ended = not self.waiting
            if self.member.eof and not self._next_member():
                if ended:
                    return b""
                continue
            data = self._unpacked(size)
            self.is_torn = not self.member.eof
            if data or ended:
                return data

    def skip(self, size: int) -> None:
        while size and (data := self.read(min(size, 1 << 18))):
            size -= len(data)
        if size:
            raise OSError("the file is shorter than what was read of it before")

    def _next_member(self) -> bool:
        self.waiting = self.waiting.lstrip(b"\0")
        if self.waiting:
            self.member = zlib.decompressobj(WITH_HEADER)
        return bool(self.waiting)

    def _unpacked(self, size: int) -> bytes:
        before = self.member.copy()
        try:
            data = self.member.decompress(self.waiting, size)
        except zlib.error:
            self.member = before
            return self._salvaged(size)
        self.waiting = self.member.unused_data if self.member.eof else self.member.unconsumed_tail
        return data

    def _salvaged(self, size: int) -> bytes:
        """What zlib unpacked before it came upon the damage, and did not give."""
        found = bytearray()
        while self.waiting and len(found) < size:
            try:
                found += self.member.decompress(self.waiting[:1], size - len(found))
            except zlib.error as error:
                self.damage = error
                break
            self.waiting = self.member.unconsumed_tail + self.waiting[1:]
        return bytes(found)


def content_of(stored: Stored) -> tuple[Content, Plain]:
    """The content of a file, and how it is read as it is stored."""
    plain = Plain(stored)
    return (Packed(plain.read) if stored.read(len(GZIP), 0) == GZIP else plain), plain


def head(stored: Stored, size: int) -> bytes:
    """The first bytes of the content, as far as they can be read."""
    content, _ = content_of(stored)
    found = b""
    try:
        while len(found) < size and (data := content.read(size - len(found))):
            found += data
    except (OSError, zlib.error):
        pass
    return found
