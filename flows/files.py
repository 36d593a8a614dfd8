"""Files: read in pieces, from where an earlier run ended, and followed while they grow."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from alerts.signal import Origin
from flows.identity import HASHED, fingerprint_of
from flows.lines import DOCUMENTS, Lines, Records
from flows.pool import Pool, ReplacedError, Stored
from flows.unpacking import GZIP, TORN, Content, Plain, content_of, head

BLOCK = 1 << 18
"""Bytes that are read at once."""
LEAST_BLOCK = 1 << 14
HELD_BYTES = 64 << 20
"""Of blocks that may be held while many files are read in turn."""


def block_for(files: int) -> int:
    """Bytes that are read at once of each of so many files."""
    return max(LEAST_BLOCK, min(BLOCK, HELD_BYTES // max(1, files)))


class Chunk(Struct, frozen=True, array_like=True):
    """Some lines of one file, one after the other, without their line ends."""

    path: str
    first: int
    """Number of the first line, counted from 1."""
    lines: list[bytes]
    """Or one record that was written over several lines. What is over the limit is cut one byte behind it, so that
    whoever decodes it can see that it is too long."""
    damage: str = ""
    """Why the file could not be read further."""

    def origin(self, at: int, item: int | None) -> Origin:
        """Where a line stands, counted from 0; or an item of it."""
        return Origin(self.path, self.first + at, item)


class Position(NamedTuple):
    """Where a later run goes on: behind what was given, but before a record that may still grow."""

    offset: int = 0
    """In the unpacked content; of a file of documents, where they begin."""
    line: int = 1
    """Number of the line that begins there."""
    form: str = ""
    """LINES or DOCUMENTS, once it is known."""
    records: int = 0
    """Documents from there on that were given."""
    judged: tuple[int, ...] = ()
    """Bytes of each record behind these that was given although it had no end."""
    damage: str = ""
    """What was told of it."""


class Reading:
    """One file, read chunk by chunk.

    Parameters
    ----------
    path
        Of a file, plain or gzip; `-` is a standard input that is a file.
    longest
        Bytes of a line; the rest of a longer one is passed over.
    block
        Bytes that are read at once.
    pool
        Opens the file; without one, one of its own.
    resume
        The `position` of an earlier run in a file with this content.
    follow
        Whether the file may grow: then it ends only when it was truncated, or another file is written to at
        its path; `successor` goes on with that. A file that is not there yet is waited for.
    """

    def __init__(
        self,
        path: str,
        longest: int,
        block: int = BLOCK,
        pool: Pool | None = None,
        resume: Sequence[Any] | None = None,
        follow: bool = False,
    ) -> None:
        self.path = path
        self.block = block
        self.pool = pool or Pool()
        self.live = self.awaits = follow
        self.stored: Stored | None = None
        self.lines = Lines(longest)
        self.pending: deque[tuple[Chunk, Position]] = deque()
        self.given = Position() if resume is None else Position(*resume)
        self.here = self.given._replace(records=0, judged=(), damage="")
        self.offset = self.here.offset
        self.records = Records(longest, self.here.line, self.here.form)
        self.known, self.judged = self.given.records, tuple(self.given.judged)
        self.head, self.hashed = b"", 0
        self.known_by: str | None = None
        self.finished = self.replaced = self.drained = self.waiting = False
        self.content: Content
        self.raw: Plain
        self.held = self._hold() if follow or resume is not None else None

    @property
    def ended(self) -> bool:
        """Whether `next` will never give anything more."""
        return self.finished and not self.pending

    @property
    def position(self) -> tuple[Any, ...]:
        """Plain values: where a later run goes on, behind the last chunk that `next` gave."""
        return tuple(self.given)

    @property
    def fingerprint(self) -> str | None:
        """Of what was read so far, given or not; None before the first bytes are read."""
        if len(self.head) != self.hashed:
            self.hashed, self.known_by = len(self.head), fingerprint_of(self.head)
        return self.known_by

    @property
    def done(self) -> int:
        """Bytes of the file, as it is stored, that were read so far."""
        return 0 if self.stored is None else self.raw.offset

    def next(self) -> Chunk | None:
        """The next chunk; None if there is nothing more now."""
        chunk = self.peek()
        if chunk is not None:
            _, self.given = self.pending.popleft()
        return chunk

    def peek(self, number: int = 0) -> Chunk | None:
        """What `next` will give after so many others."""
        if len(self.pending) <= number:
            self._fill(number + 1)
        return self.pending[number][0] if len(self.pending) > number else None

    def successor(self) -> Reading | None:
        """The reading, from its beginning, of what has taken the place of a followed file that ended; or None."""
        if not (self.live and self.ended and self._is_replaced()):
            return None
        return Reading(self.path, self.lines.longest, self.block, self.pool, follow=True)

    def close(self) -> None:
        """Give the file back; reading on opens it again."""
        if self.stored is not None:
            self.stored.close()

    def _is_replaced(self) -> bool:
        """Whether something else is there by now; if nothing could be read before, whether anything can be."""
        if self.replaced:
            return True
        try:
            if self.stored is None:
                return bool(Stored(self.path, self.pool).read(1, 0))
            return self.stored.is_succeeded() or self.stored.is_truncated(self.raw.offset)
        except OSError as error:
            return isinstance(error, ReplacedError)

    def _hold(self) -> Stored | None:
        """The file that is there now: it is read even if it is renamed before."""
        try:
            return Stored(self.path, self.pool)
        except OSError:
            return None

    def _fill(self, wanted: int) -> None:
        try:
            while len(self.pending) < wanted and not self.finished:
                if (self.stored is None or self.waiting) and not self._is_ready():
                    return
                data = self.content.read(self.block)
                if data:
                    self._take(data)
                elif not self._is_over():
                    self.waiting = True
                    return
        except (OSError, zlib.error) as error:
            self.replaced = isinstance(error, ReplacedError)
            self._finish(getattr(error, "strerror", None) or str(error))

    def _is_ready(self) -> bool:
        """Whether the file is open, and still the one that was read."""
        if self.stored is not None:
            self.waiting = False
            if self.stored.is_truncated(self.raw.offset):
                self._replace()
            return not self.finished
        try:
            stored, self.held = self.held or Stored(self.path, self.pool), None
        except FileNotFoundError:
            if self.live:
                return False
            raise
        begin = stored.read(len(GZIP), 0)
        if self.live and len(begin) < len(GZIP) and GZIP.startswith(begin):
            return False
        self.content, self.raw = content_of(stored)
        self.stored = stored
        self.head = head(stored, HASHED)
        self.content.skip(self.here.offset)
        return True

    def _is_over(self) -> bool:
        """At the present end: whether that is all, or there may be more by now."""
        assert self.stored is not None
        truncated = self.stored.is_truncated(self.raw.offset)
        if not self.live:
            self._finish("the file was truncated" if truncated else TORN if self.content.is_torn else "")
        elif truncated:
            self._replace()
        elif not self.stored.is_succeeded():
            return False
        elif self.drained:
            self._replace()
        self.drained = True
        return True

    def _take(self, data: bytes) -> None:
        self._begin(data)
        found = self.records.take(self.lines.add(data))
        self.offset += len(data)
        documents = self.records.form == DOCUMENTS
        for first, lines in found:
            if documents:
                self.here = self.here._replace(form=DOCUMENTS, records=self.here.records + 1)
            else:
                self.here = Position(self.offset - self.lines.size, self.records.number, self.records.form)
            self._give(first, lines)

    def _begin(self, data: bytes) -> None:
        """Keep the first bytes, also of a file that began to grow after it was opened."""
        known = len(self.head)
        if known < HASHED and self.offset <= known:
            self.head += data[known - self.offset :][: HASHED - known]

    def _give(self, first: int, lines: list[bytes]) -> None:
        """Make a chunk of what an earlier run has not given."""
        while lines and (self.known or self.judged):
            if self.known:
                self.known -= 1
            elif _is_same(lines[0], self.judged[0]):
                self.judged = self.judged[1:]
            else:
                self.judged = ()
                break
            first, lines = first + 1, lines[1:]
        if lines:
            self.pending.append((Chunk(self.path, first, lines), self.here))

    def _replace(self) -> None:
        self.replaced = True
        self._finish(TORN if self.content.is_torn else "")

    def _finish(self, damage: str) -> None:
        """Give what has no end; should it get one, a later run compares."""
        self.finished = True
        before = self.here
        judged: tuple[int, ...] = ()
        rest = [bytes(self.lines.rest)] if self.lines.size else []
        for first, lines in [*self.records.take(rest), *self.records.rest()]:
            judged = (*judged, len(lines[0]))
            self.here = before._replace(judged=judged)
            self._give(first, lines)
        if damage and damage != self.given.damage:
            self.here = self.here._replace(damage=damage)
            self.pending.append((Chunk(self.path, self.records.number, [], damage), self.here))
        self.close()


def _is_same(line: bytes, judged: int) -> bool:
    """Whether a line has only got its end since so many bytes of it were judged."""
    return len(line) == judged or (len(line) == judged + 1 and line.endswith(b"\r"))
