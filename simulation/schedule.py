"""What happens when: actors act, wait, and act again, in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Generator
from typing import TypeAlias

Life: TypeAlias = Generator[int, None, None]
"""What one actor does: it acts, and yields for how long it then waits, in microseconds."""


class Schedule:
    """The one clock of a simulated world.

    Parameters
    ----------
    start
        When it begins, in microseconds since 1970.

    Examples
    --------
    >>> def bell(schedule, heard):
    ...     while True:
    ...         yield 10
    ...         heard.append(schedule.now)
    >>> schedule, heard = Schedule(100), []
    >>> schedule.start(bell(schedule, heard))
    >>> schedule.run(until=130)
    >>> heard
    [110, 120]
    """

    def __init__(self, start: int) -> None:
        self.now = start
        self._waiting: list[tuple[int, int, Life]] = []
        self._entered = 0

    def start(self, life: Life, after: int = 0) -> None:
        """Let an actor live, from now on or after a while. Of two at the same time, the first entered acts first."""
        self._entered += 1
        heapq.heappush(self._waiting, (self.now + after, self._entered, life))

    def run(self, until: int) -> None:
        """Let everybody act until this time, which is not included."""
        waiting = self._waiting
        while waiting and waiting[0][0] < until:
            self.now, _, life = waiting[0]
            # What the actor starts comes after it in the heap: it stays the first.
            wait = next(life, None)
            if wait is None:
                heapq.heappop(waiting)
            else:
                self._entered += 1
                heapq.heapreplace(waiting, (self.now + wait, self._entered, life))
        self.now = until
