"""Blocks of bytes to lines, and lines to records."""

from __future__ import annotations

from flows.documents import OPENINGS, Documents, first_text

LINES = "lines"
DOCUMENTS = "documents"


class Lines:
    """Splits blocks at line ends.

    Parameters
    ----------
    longest
        Bytes of a line; a longer one is cut one byte behind it, and its rest is passed over.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.rest = bytearray()
        """What there is of the line that has not ended, cut like any."""
        self.size = 0
        """Bytes of it, uncut."""

    def add(self, data: bytes) -> list[bytes]:
        """The lines that end in this block, without their ends."""
        lines = data.split(b"\n")
        last = lines.pop()
        if lines:
            self._extend(lines[0])
            lines[0] = bytes(self.rest)
            self.rest, self.size = bytearray(), 0
        self._extend(last)
        if len(data) > self.longest:
            lines = [line if len(line) <= self.longest else line[: self.longest + 1] for line in lines]
        return lines

    def _extend(self, piece: bytes) -> None:
        self.size += len(piece)
        room = self.longest + 1 - len(self.rest)
        if room > 0:
            self.rest += piece[:room]


class Records:
    """Numbers the lines of a file, and joins them where a record is spread over several.

    Parameters
    ----------
    longest
        Bytes of a record.
    number
        Of the first line, counted from 1.
    form
        LINES or DOCUMENTS, if it is known; otherwise the first line that is not blank tells it.
    """

    def __init__(self, longest: int, number: int = 1, form: str = "") -> None:
        self.longest = longest
        self.number = number
        self.form = form
        self.documents = Documents(longest, number) if form == DOCUMENTS else None

    def take(self, lines: list[bytes]) -> list[tuple[int, list[bytes]]]:
        """Lists of records, each with the number of its first line: all lines as they are, or one document each."""
        if not lines:
            return []
        if not self.form and (begun := first_text(lines)):
            self.form = DOCUMENTS if begun in OPENINGS else LINES
            self.documents = Documents(self.longest, self.number) if self.form == DOCUMENTS else None
        first = self.number
        self.number += len(lines)
        if self.documents is None:
            return [(first, lines)]
        return [(at, [record]) for at, record in self.documents.records(lines)]

    def rest(self) -> list[tuple[int, list[bytes]]]:
        """What is not complete when the file ends."""
        return [] if self.documents is None else [(at, [record]) for at, record in self.documents.rest()]
