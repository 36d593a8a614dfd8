"""From what actors do to records in order of time, in the envelope of the platform, in a file or a topic."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from simulation.chance import Chance
from simulation.clock import SECOND, micro_time
from simulation.labels import Label, Mark, Variant, Verdict

Told: TypeAlias = Callable[[dict[str, Any]], None]
"""Called with where a message stands, once that is known."""
HELD = 5 * SECOND
"""How long an envelope that is not full waits for more."""


class Outlet(Protocol):
    """Where messages of one source of one cluster go: files, or a topic."""

    def write(self, message: str, at: int, told: Told | None) -> None:
        """Write one line or message of this time."""


class Packing(Protocol):
    """How a platform packs several records into one message."""

    sizes: tuple[int, int]
    """The fewest and the most records in a message."""

    def pack(self, records: list[str]) -> str:
        """The message that holds them."""


class EnoughError(Exception):
    """As many events are written as were asked for."""


class Count:
    """Events written so far, in all journals, and how many are wanted."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.events = 0

    def stop(self) -> None:
        """What is written is enough; may be called at any time, from a signal too: the next event ends the run."""
        self.limit = self.events


class Journal:
    """The log of one source of one cluster.

    Records are handed over when what they tell of begins, and written in the order in which it ended, as servers and
    sensors do.

    Parameters
    ----------
    cluster, source
        Whose log it is; `audit`, `runtime` or `arm`.
    packing
        How records are packed into messages.
    outlet
        Where the messages go.
    label
        Called with the label of every record that has one.
    count
        Counts what is written.
    """

    def __init__(
        self,
        cluster: str,
        source: str,
        packing: Packing,
        outlet: Outlet,
        label: Callable[[Label], None],
        count: Count,
    ) -> None:
        self.cluster = cluster
        self.source = source
        self.packing = packing
        self.outlet = outlet
        self.label = label
        self.count = count
        self._chance = Chance("packing", cluster, source)
        self._coming: list[tuple[int, int, str, str, Mark | None]] = []
        self._entered = 0
        self._packed: list[tuple[int, str, str, Mark | None]] = []
        self._size = packing.sizes[1]
        self._is_plain = packing.sizes == (1, 1)

    def add(self, now: int, done: int, record: str, event_id: str, mark: Mark | None) -> None:
        """Take a record of something that begins now and ends at `done`."""
        self._entered += 1
        coming = self._coming
        heapq.heappush(coming, (done, self._entered, record, event_id, mark))
        while coming[0][0] < now:
            done, _, record, event_id, mark = heapq.heappop(coming)
            self._write(done, record, event_id, mark)

    def close(self, until: int) -> None:
        """Write what ended before this time; the rest would come after the end of the log."""
        while self._coming and self._coming[0][0] < until:
            done, _, record, event_id, mark = heapq.heappop(self._coming)
            self._write(done, record, event_id, mark)
        self._flush()

    def stop(self) -> None:
        """Write what is packed already, and nothing more."""
        self._flush()

    def _write(self, done: int, record: str, event_id: str, mark: Mark | None) -> None:
        count = self.count
        if count.events == count.limit:
            raise EnoughError
        count.events += 1
        if self._is_plain:
            told = None if mark is None else self._teller([(None, done, event_id, mark)])
            self.outlet.write(record, done, told)
            return
        if self._packed and done - self._packed[0][0] > HELD:
            self._flush()
        self._packed.append((done, record, event_id, mark))
        if len(self._packed) >= self._size:
            self._flush()

    def _flush(self) -> None:
        if not self._packed:
            return
        packed, self._packed = self._packed, []
        self._size = self._chance.between(*self.packing.sizes)
        alone = len(packed) == 1
        marked = [
            (None if alone else place, at, event_id, mark)
            for place, (at, _, event_id, mark) in enumerate(packed)
            if mark is not None
        ]
        message = self.packing.pack([record for _, record, _, _ in packed])
        told = self._teller(marked) if marked else None
        self.outlet.write(message, packed[-1][0], told)

    def _teller(self, marked: list[tuple[int | None, int, str, Mark]]) -> Told:
        def tell(origin: dict[str, Any]) -> None:
            for place, at, event_id, mark in marked:
                where = origin if place is None else {**origin, "item": place}
                self.label(
                    Label(
                        event_id=event_id,
                        time=micro_time(at),
                        cluster=self.cluster,
                        source=self.source,
                        origin=where,
                        verdict=Verdict.ORDINARY if mark.variant is Variant.NEAR_MISS else Verdict.ATTACK,
                        variant=mark.variant,
                        alert_types=mark.alert_types,
                        near_miss_of=mark.near_miss_of,
                        kind=mark.kind,
                        episode=mark.episode,
                        name=mark.name,
                    )
                )

        return tell
