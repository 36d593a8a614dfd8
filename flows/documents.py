"""JSON written over many lines, as az, gcloud and jq print it: one record for each document or list element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import re2

OPENINGS = (b"[", b"{")
STRING = re2.compile(rb'"(?:[^"\\]|\\.)*"')


def is_spread(lines: list[bytes]) -> bool:
    """Whether these first lines of a file begin a document that goes on over more lines."""
    first = next((text for line in lines if (text := line.strip())), b"")
    return first in OPENINGS


class Documents:
    """Joins lines to records.

    A list on the outside is opened: each of its elements is a record of its own, so that a long one
    needs no memory. A line that begins at its left edge and holds more than a bracket is a record by
    itself: so a damaged beginning costs no more than itself.

    Parameters
    ----------
    longest
        Bytes of a record; a longer one is cut one byte behind it.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.number = 0
        self.first = 0
        self.held: list[bytes] = []
        self.size = 0
        self.depth = 0
        self.floor = 0
        """Depth at which a record ends: 1 in a list on the outside."""

    def records(self, lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """The records that these lines complete, each with the number of its first line."""
        for line in lines:
            self.number += 1
            text = line.strip()
            if text and line[:1] in OPENINGS and len(text) > 1:
                yield from self.rest()
                yield self.number, line
            elif text:
                yield from self._take(text)

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """What is not complete when the lines end."""
        if self.held:
            yield self._record()
        self.depth = self.floor = 0

    def _take(self, text: bytes) -> Iterator[tuple[int, bytes]]:
        if self.depth == 0 and text not in OPENINGS:
            yield self.number, text
            return
        if not self.held and self.depth == self.floor:
            if text == b"[" and self.depth == 0:
                self.depth = self.floor = 1
                return
            if text == b"]" and self.floor == 1:
                self.depth = self.floor = 0
                return
            self.first = self.number
        self.depth += _deeper(text)
        if self.size <= self.longest:
            self.held.append(text)
            self.size += len(text)
        if self.depth <= self.floor:
            yield self._record()
            self.depth = self.floor

    def _record(self) -> tuple[int, bytes]:
        record = b"".join(self.held)
        self.held, self.size = [], 0
        return self.first, record.removesuffix(b",") if len(record) <= self.longest else record[: self.longest + 1]


def _deeper(text: bytes) -> int:
    bare: bytes = STRING.sub(b"", text)
    return bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
