"""JSON written over many lines, as az, gcloud and jq print it: one record for each document or list element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import re2

OPENINGS = (b"[", b"{")
_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
STRING = re2.compile(rb'"(?:[^"\\]|\\.)*"', _BYTES)


def first_text(lines: list[bytes]) -> bytes:
    """The first of these lines that is not blank: a file that begins with an opening alone is spread over lines."""
    return next((text for line in lines if (text := line.strip())), b"")


class Documents:
    """Joins lines to records.

    A list on the outside is opened: each of its elements is a record of its own, so that a long one
    needs no memory. A line that begins at its left edge and holds more than a bracket is a record by
    itself, and an element begins anew where one began before: so damage costs no more than itself.

    Parameters
    ----------
    longest
        Bytes of a record; a longer one is cut one byte behind it.
    number
        Of the first line, counted from 1.
    """

    def __init__(self, longest: int, number: int) -> None:
        self.longest = longest
        self.number = number - 1
        self.first = 0
        self.held: list[bytes] = []
        self.size = 0
        self.depth = 0
        self.floor = 0
        """Depth at which a record ends: 1 in a list on the outside."""
        self.indentation = 0
        """Of the elements of the list."""

    def records(self, lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """The records that these lines complete, each with the number of its first line."""
        for line in lines:
            self.number += 1
            text = line.strip()
            if text and line[:1] in OPENINGS and len(text) > 1:
                yield from self.rest()
                yield self.number, text.removesuffix(b",")
            elif text:
                yield from self._take(text, len(line) - len(line.lstrip()))

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """What is not complete when the lines end, or something else begins."""
        if self.held:
            yield self._record()
        self.depth = self.floor

    def _take(self, text: bytes, indentation: int) -> Iterator[tuple[int, bytes]]:
        if self.held and text == b"{" and indentation and indentation == self.indentation:
            yield from self.rest()
        if not self.held and self._is_edge(text):
            return
        if self.depth == 0 and text not in OPENINGS:
            yield self.number, text
            return
        if not self.held:
            self.first = self.number
            self.indentation = indentation
        self.depth += _deeper(text)
        if self.size <= self.longest:
            self.held.append(text)
            self.size += len(text)
        if self.depth <= self.floor:
            yield self._record()
            self.depth = self.floor

    def _is_edge(self, text: bytes) -> bool:
        """Whether the line only opens or closes the list on the outside."""
        if self.depth != self.floor or text != (b"]" if self.floor else b"["):
            return False
        self.depth = self.floor = 1 - self.floor
        return True

    def _record(self) -> tuple[int, bytes]:
        record = b"".join(self.held)
        self.held, self.size = [], 0
        return self.first, record.removesuffix(b",") if len(record) <= self.longest else record[: self.longest + 1]


def _deeper(text: bytes) -> int:
    bare: bytes = STRING.sub(b"", text)
    return bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
