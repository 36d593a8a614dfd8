"""The clock of the job: event time that every process agrees on, made of bytewax's epochs.

In every epoch each lane of the source reports its low: the newest time that it has read, so that what it still
brings is not before that, less the allowed lateness. bytewax asks a source for epoch n+1 only when all of epoch n
is finished in every process; the reports go to all processes; so in epoch n+1 each of them knows the same reports
of all lanes up to n. The clock of n+1 is the least of them.

What waits for the clock registers the moment at which it wants to be woken; when the clock has passed that moment,
it gets a tick. No timers, no wall clock, no search through all keys.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import NamedTuple

from siphash24 import siphash13

ALL_READ = 1 << 62
"""The low of a lane that brings no more; later than any event."""
UNKNOWN = -(1 << 62)
"""The clock until all lanes have reported; earlier than any event."""
STAGES = 3
"""Entities, clusters, alerts: each waits one epoch more, because the one before it hands on in its own."""
ROUNDED = 1_000_000
"""Microseconds that share one place among the registered moments."""
HELD_AT_MOST = 200_000
"""Observations that wait in one process; while there are more, only lanes that hold the clock up read on."""
AHEAD = 60_000_000
"""Microseconds by which a lane may always be ahead of the clock."""


def process_keys(processes: int) -> list[str]:
    """For each process a key that bytewax sends to it: by SipHash-1-3 of the key, as Rust's HashMap has it.

    Examples
    --------
    >>> process_keys(2)
    ['4', '0']
    """
    keys: dict[int, str] = {}
    for number in count():
        if len(keys) == processes:
            return [key for _, key in sorted(keys.items())]
        digest = siphash13(f"{number}".encode() + b"\xff", key=bytes(16)).digest()
        keys.setdefault(int.from_bytes(digest, "little") % processes, str(number))
    raise AssertionError


def woken_at(moment: int) -> int:
    """Microseconds: whoever registers a moment is woken, and is no longer registered, when the clock has passed this.

    Examples
    --------
    >>> woken_at(5_900_000)
    5000000
    """
    return moment // ROUNDED * ROUNDED


class Report(NamedTuple):
    """What a lane says of itself in an epoch."""

    lane: str
    epoch: int
    low: int
    """Microseconds."""
    idle: bool
    """All its inputs go on, and have nothing at the moment: it does not hold up the others."""
    came: int = UNKNOWN
    """The newest time that it has read, not after the present (microseconds); of files only if it is idle or at its
    end."""
    paused: int = 0
    """For how long it has been idle (microseconds of real time)."""


class Wait(NamedTuple):
    """How long a step waits for events that are late."""

    stage: int
    lateness: int
    """Microseconds."""


class Tick(NamedTuple):
    """Tells a key of a step that the clock has passed everything before `until` (microseconds)."""

    key: str
    until: int


class Clock:
    """The clock as one process sees it, and the keys of this process that wait for it.

    Parameters
    ----------
    lanes
        How many there are in all processes.
    waits
        By step.
    """

    def __init__(self, lanes: int, waits: Mapping[str, Wait]) -> None:
        self.lanes = lanes
        self.waits = waits
        self.held = 0
        """Observations that wait in this process."""
        self.low = UNKNOWN
        """The least of all lanes, as of the last epoch."""
        self.newest = UNKNOWN
        """The newest time that any lane has read, as of the last epoch."""
        self._epoch = -1
        self._reports: dict[str, Report] = {}
        self._stages = deque([UNKNOWN] * STAGES, STAGES)
        self._registered: dict[str, dict[int, set[str]]] = {step: {} for step in waits}
        self._moments: dict[str, list[int]] = {step: [] for step in waits}

    def allows(self, low: int) -> bool:
        """Whether a lane that has come so far may read on."""
        return self.held < HELD_AT_MOST or low <= self.low + AHEAD

    def passed(self, step: str) -> int:
        """Microseconds: a step may take what is before this."""
        stage, lateness = self.waits[step]
        return self._stages[stage] - lateness

    def wake(self, step: str, key: str, moment: int) -> None:
        """Have this key of this process told when the clock has passed the moment."""
        place = moment // ROUNDED
        registered = self._registered[step]
        if place in registered:
            registered[place].add(key)
        else:
            registered[place] = {key}
            heapq.heappush(self._moments[step], place)

    def __call__(self, reports: Iterable[Report]) -> list[tuple[str, str, Tick]]:
        """Take reports; the ticks that are due if a new epoch begins with them: step, key and tick."""
        ticks: list[tuple[str, str, Tick]] = []
        for report in reports:
            if report.epoch > self._epoch:
                self._epoch = report.epoch
                ticks += self._begun()
            self._reports[report.lane] = report
        return ticks

    def _begun(self) -> Iterator[tuple[str, str, Tick]]:
        """A new epoch: the reports of all before it are complete."""
        self.low = max(self.low, self._least())
        self.newest = max(report.came for report in self._reports.values()) if self._reports else UNKNOWN
        self._stages.appendleft(self.low)
        for step in self.waits:
            until = self.passed(step)
            moments, registered = self._moments[step], self._registered[step]
            while moments and moments[0] * ROUNDED < until:
                for key in sorted(registered.pop(heapq.heappop(moments))):
                    yield step, key, Tick(key, until)

    def _least(self) -> int:
        """While all pause, time goes on from the newest that was read, for as long as none has had anything."""
        if len(self._reports) < self.lanes:
            return UNKNOWN
        reports = self._reports.values()
        busy = [report.low for report in reports if not report.idle and report.low != ALL_READ]
        if busy:
            return min(busy)
        paused = min((report.paused for report in reports if report.idle), default=None)
        return ALL_READ if paused is None else max(report.came for report in reports) + paused
