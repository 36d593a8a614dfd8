"""What a lane reads: its inputs, how far each has come in time, and what is kept of those that ended."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Mapping
from time import monotonic_ns
from typing import NamedTuple, Protocol

from detectors.stateful import Plain
from flows.clock import UNKNOWN
from flows.files import Chunk
from flows.identity import COPY
from flows.inputs import EMPTY, Planned
from flows.judge import Decode, FileStream

REMEMBERED = 1_000
"""Files of a lane that are known again although they were not among the inputs when the run began, or were replaced
since: those with the newest events. What is older was rotated away long ago; should it come back, it is read again."""

SELDOM_AFTER = 2_000_000_000
"""Nanoseconds of a pause after which an input is asked half as often; after as many more a third as often."""
MOST_SELDOM = 5
"""By how much at most."""


class Reader(Protocol):
    """A file or a live input: what is read of it, and how far."""

    live: bool
    """It may go on after it had nothing."""
    awaits: bool
    """After it has ended, something may take its place."""

    @property
    def ended(self) -> bool:
        """Whether there will never be more."""

    @property
    def position(self) -> Plain:
        """Where a later run goes on."""

    @property
    def fingerprint(self) -> str | None:
        """Tells its content from all others; None while it has none."""

    @property
    def done(self) -> int:
        """Bytes that were read, as they are stored."""

    def successor(self) -> Reader | None:
        """What has taken its place, if it was followed."""

    def next(self) -> Chunk | None:
        """What comes next; None if there is nothing (at the moment)."""

    def peek(self, number: int) -> Chunk | None:
        """What `next` will give after so many others."""


class Followed:
    """One input of a lane: its reader, and how far it has come in time."""

    def __init__(self, planned: Planned, reader: Reader, decode: Decode, newest: int = UNKNOWN) -> None:
        self.planned = planned
        self.reader = reader
        self.stream = FileStream(decode, reader.peek, live=reader.live, newest=newest)
        self.idle_since: int | None = None
        """Nanoseconds, of the monotonic clock."""
        self.asked = 0
        """When it last had nothing (nanoseconds)."""
        self.counted = 0

    @property
    def low(self) -> int:
        """The newest time that was read, or if nothing was, the time of the first event (microseconds)."""
        return self.planned.begins if self.stream.newest == UNKNOWN else self.stream.newest

    def next(self) -> Chunk | None:
        """What comes next, and whether it pauses."""
        chunk = self.reader.next()
        if chunk is not None:
            self.idle_since = None
        else:
            self.pause()
        return chunk

    def more_bytes(self) -> int:
        """Bytes that were read since this was last asked."""
        before, self.counted = self.counted, self.reader.done
        return self.counted - before

    def pause(self) -> None:
        """It has nothing at the moment."""
        self.asked = monotonic_ns()
        if self.idle_since is None:
            self.idle_since = self.asked

    def due(self, between: int) -> int:
        """When to ask it again, if it pauses: the longer it does, the more seldom (nanoseconds).

        Parameters
        ----------
        between
            Nanoseconds after which one is asked that has just begun to pause.
        """
        paused = 0 if self.idle_since is None else self.asked - self.idle_since
        return self.asked + between * min(MOST_SELDOM, 1 + paused // SELDOM_AFTER)

    @property
    def fingerprint(self) -> str:
        """By which its content is known: the longest that was seen of it."""
        return self.reader.fingerprint or self.planned.identity.partition(COPY)[0]

    def successor(self) -> Followed | None:
        """What has taken its place at its path."""
        after = self.reader.successor()
        if after is None:
            return None
        return Followed(Planned(self.planned.path, EMPTY, self.low), after, self.stream.decode)

    def to_plain(self) -> Plain:
        """Where a resumed run goes on."""
        return self.planned.path, self.reader.position, self.stream.newest, self.reader.ended


class Entry(NamedTuple):
    """What is kept of one file."""

    fingerprint: str
    state: Plain
    """Its path, position and newest time, and whether it has ended."""

    @property
    def newest(self) -> int:
        """Time of its newest event (microseconds)."""
        return int(self.state[2])


class Finished:
    """Files that are not read any more, so that none of them is read twice.

    Parameters
    ----------
    gone
        By identity, those that an earlier run knew and that are not among the inputs.
    """

    def __init__(self, gone: Mapping[str, Plain]) -> None:
        self.here: list[Entry] = []
        """Those that were among the inputs when the run began: all are kept."""
        self.gone: list[Entry] = []
        """The others, the oldest first."""
        self.newest = UNKNOWN
        """Of all of them (microseconds)."""
        for identity, state in sorted(gone.items()):
            self.replaced(Entry(identity.partition(COPY)[0], state))

    def ended(self, entry: Entry) -> None:
        """An input was read to its end, and is still where it was."""
        self.newest = max(self.newest, entry.newest)
        self.here.append(entry)

    def replaced(self, entry: Entry) -> None:
        """An input was read to its end, and another has taken its place."""
        self.newest = max(self.newest, entry.newest)
        bisect.insort(self.gone, entry, key=lambda one: one.newest)
        del self.gone[: max(0, len(self.gone) - REMEMBERED)]


def by_identity(entries: Iterable[Entry]) -> dict[str, Plain]:
    """What is kept, each under a name of its own: files that begin alike are numbered, as `identity.named` does.

    A file without content has none: nothing is known of it by which it could be known again.

    >>> by_identity([Entry("2:a", 1), Entry("0:", 2), Entry("2:a", 3)])
    {'2:a': 1, '2:a#2': 3}
    """
    files: dict[str, Plain] = {}
    numbers: Counter[str] = Counter()
    for fingerprint, state in entries:
        if fingerprint != EMPTY:
            numbers[fingerprint] += 1
            number = numbers[fingerprint]
            files[fingerprint if number == 1 else f"{fingerprint}{COPY}{number}"] = state
    return files
