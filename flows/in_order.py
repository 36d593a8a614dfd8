"""Keyed steps that take what comes for a key in order of time, when the clock has passed it."""

from __future__ import annotations

import bisect
import marshal
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from bytewax.operators import StatefulBatchLogic
from msgspec import Struct

from detectors.stateful import Plain, UnknownStateError
from flows.clock import ALL_READ, Clock, Tick, woken_at
from flows.failing import noticed
from flows.tally import Tally

W = TypeVar("W")
O = TypeVar("O")  # noqa: E741  what comes out
HOUR = 3_600_000_000
"""Microseconds to whose multiples the moment of forgetting is rounded: it decides nothing, and need not be exact."""


class Keeping(Struct, frozen=True):
    """What is done with state besides using it."""

    checkpoint: bool = False
    """Whether it is written."""
    sweep: bool = True
    """Whether what has expired is forgotten. It alters nothing but the memory in use."""


class InOrder(StatefulBatchLogic[W | Tick | list[W | Tick], O, Plain], Generic[W, O]):
    """Holds what comes for one key, alone or many at once, until the clock has passed it, then takes it in order.

    Parameters
    ----------
    step
        Its name.
    clock
        Of this process.
    tally
        Told what is kept, and of what went wrong.
    keeping
        What is done with state besides using it.
    """

    VERSION = 1

    def __init__(self, step: str, clock: Clock, tally: Tally, keeping: Keeping) -> None:
        self.step = step
        self.clock = clock
        self.tally = tally
        self.keeping = keeping
        tally.keys[step] += 1
        self.size = 0
        """Bytes of the state when it was last written."""
        self.key = ""
        self.held: list[W] = []
        self._first = self._wakes = self._forgets = ALL_READ
        """Times: of the first that is held, and for which the clock was asked to wake this key."""

    def on_batch(self, values: list[W | Tick | list[W | Tick]]) -> tuple[Iterable[O], bool]:
        until = None
        came: list[O] = []
        for value in values:
            several: list[Any] = value if isinstance(value, list) else [value]
            if isinstance(several[-1], Tick):
                self.key, until = several[-1]
            else:
                came += self.come(several)
        if until is None:
            self.wait()
            return came, False
        came += self.release(until)
        gone = self.keeping.sweep and not self.held and self.expires() < until
        if gone:
            self.tally.keys[self.step] -= 1
            self.tally.bytes[self.step] -= self.size
        else:
            self.wait()
        return came, gone

    def come(self, values: list[W]) -> Iterable[O]:
        """Hold them; whether something leaves at once is for the step to say."""
        if not self.key:
            self.key = self.key_of(values[0])
        self.held += values
        self.clock.held += len(values)
        self._first = min(self._first, *map(self.time_of, values))
        return ()

    def wait(self) -> None:
        """Ask the clock to be woken for what is held, and to be forgotten."""
        if self._first < self._wakes:
            self._wakes = self._first
            self.clock.wake(self.step, self.key, self._first)
        if self.keeping.sweep and not self.held and self._forgets == ALL_READ:
            self._forgets = -(-self.expires() // HOUR) * HOUR
            self.clock.wake(self.step, self.key, self._forgets)

    def release(self, until: int) -> Iterator[O]:
        """Take what is held from before `until` (microseconds), in order; a repeated one once."""
        self._wakes = ALL_READ if woken_at(self._wakes) < until else self._wakes
        self._forgets = ALL_READ if woken_at(self._forgets) < until else self._forgets
        self.held.sort(key=self.order_of)
        due = bisect.bisect_left(self.held, until, key=self.time_of)
        taken, self.held = self.held[:due], self.held[due:]
        self._first = self.time_of(self.held[0]) if self.held else ALL_READ
        self.clock.held -= due
        yield from self.take(taken, until)

    @noticed
    def on_eof(self) -> tuple[Iterable[O], bool]:
        return list(self.release(ALL_READ)), False

    @noticed
    def snapshot(self) -> Plain:
        if not self.keeping.checkpoint:
            return None
        plain = self.to_plain()
        size = len(marshal.dumps(plain))
        self.tally.bytes[self.step] += size - self.size
        self.size = size
        return plain

    def resumed(self, key: str, held: list[W]) -> None:
        """Go on after a checkpoint."""
        self.key = key
        if held:
            InOrder.come(self, held)
        self.wait()

    @abstractmethod
    def to_plain(self) -> Plain:
        """All that a resumed run needs."""

    key_of: Callable[[W], str]
    """The key that a value has in the flow."""
    time_of: Callable[[W], int]
    """Microseconds since 1970."""
    order_of: Callable[[W], tuple[Any, ...]]
    """By time, then only to be the same in every run."""

    @abstractmethod
    def take(self, taken: list[W], until: int) -> Iterable[O]:
        """Judge these, in their order. The clock is at `until`."""

    @abstractmethod
    def expires(self) -> int:
        """Microseconds after which all state is as good as none."""


def known(step: str, version: int, own: int) -> None:
    """Raises UnknownStateError if the state of a step has another version than this program reads."""
    if version != own:
        raise UnknownStateError(f"the state of step {step} has version {version!r}, and this program reads {own}")
