"""The keyed steps: entities and clusters that judge what they did in order of time, and alerts that grow."""

from __future__ import annotations

import bisect
import marshal
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter, itemgetter
from typing import Any, Generic, Literal, TypeVar

import msgspec
from bytewax.operators import StatefulBatchLogic
from msgspec import Struct

from alerts import Alert
from alerts.catalogue import AlertType, Severity
from alerts.merge import Merged, merge, to_alert
from alerts.signal import Signal
from detectors.stateful import Observation, Plain, Stateful, UnknownStateError
from flows.clock import ALL_READ, Clock, Report, Tick, woken_at
from flows.failing import noticed
from flows.judge import DeadLetter, Found, failure, told
from flows.stepnames import ALERTS, DEAD_LETTERS
from flows.tally import Tally

W = TypeVar("W")
O = TypeVar("O")  # noqa: E741  what comes out
HOUR = 3_600_000_000
"""Microseconds to whose multiples the moment of forgetting is rounded: it decides nothing, and need not be exact."""
UPDATE_EVERY = 60_000_000
"""Microseconds of event time between two revisions of an alert."""
QUIET_AFTER = 24 * HOUR
"""Microseconds without an event after which an alert is told for the last time; the same again is a new one."""


class ClockStep(StatefulBatchLogic[Report, Found, None]):
    """One in each process: what the clock makes of the reports of all lanes. It remembers nothing.

    Parameters
    ----------
    clock
        Of this process.
    heard
        Called for every batch of reports.
    """

    def __init__(self, clock: Clock, heard: Callable[[], None]) -> None:
        self.clock = clock
        self.heard = heard

    def on_batch(self, values: list[Report]) -> tuple[Iterable[Found], bool]:
        self.heard()
        return self.clock(values), False

    def snapshot(self) -> None:
        return None


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


class EntityStep(InOrder[Observation, Found]):
    """What one entity, or one cluster, did: each detector that keeps state of it takes what it noted.

    Parameters
    ----------
    detectors
        Of this step, by name.
    state
        What `snapshot` gave.

    Raises
    ------
    UnknownStateError
        The state was written by a version that this one does not know.
    """

    def __init__(
        self,
        step: str,
        clock: Clock,
        detectors: Mapping[str, Stateful[Any, Any]],
        tally: Tally,
        keeping: Keeping,
        state: Plain = None,
    ) -> None:
        super().__init__(step, clock, tally, keeping)
        self.detectors = detectors
        self.last = (0, "")
        """Time and event id of the last that was taken."""
        self.parts: dict[str, Any] = {}
        if state is not None:
            version, key, last, held, parts = state
            known(step, version, self.VERSION)
            self.last = tuple(last)
            self.parts = {name: detectors[name].from_plain(*part) for name, part in parts.items() if name in detectors}
            self.resumed(key, [Observation(*one) for one in held if one[2] in detectors])

    def take(self, taken: list[Observation], until: int) -> Iterator[Found]:
        before: tuple[Any, ...] = ()
        for observation in taken:
            same = observation[:3]
            if same == before:
                continue
            before, place = same, observation[:2]
            if place < self.last:
                self.tally.count_late(self.step, self.last[0] - observation.time)
                continue
            self.last = place
            detector = self.detectors[observation.detector]
            try:
                part = self.parts.get(observation.detector)
                if part is None:
                    part = self.parts[observation.detector] = detector.form()
                for found in detector.step(part, observation):
                    yield told(detector, found, observation)
            except (Exception, SystemExit) as error:  # noqa: BLE001  one poisoned event must not end the flow; it is kept and counted
                self.tally.failed[detector.alert_type] += 1
                origin = observation.evidence.origin
                yield DEAD_LETTERS, "", DeadLetter(origin, failure(detector.alert_type, error, b""))

    def expires(self) -> int:
        return max(map(self._expires, self.parts), default=self.last[0])

    def _expires(self, name: str) -> int:
        try:
            return self.detectors[name].expires(self.parts[name])
        except Exception:  # noqa: BLE001  state that cannot say when it ends ends with what it took last
            self.tally.failed[self.detectors[name].alert_type] += 1
            return self.last[0]

    key_of = staticmethod(attrgetter("key"))
    time_of = staticmethod(itemgetter(0))
    order_of = staticmethod(itemgetter(0, 1, 2, 3))

    def to_plain(self) -> Plain:
        parts = {
            name: (self.detectors[name].version, self.detectors[name].to_plain(p)) for name, p in self.parts.items()
        }
        return self.VERSION, self.key, self.last, [tuple(one) for one in self.held], parts


def known(step: str, version: int, own: int) -> None:
    """Raises UnknownStateError if the state of a step has another version than this program reads."""
    if version != own:
        raise UnknownStateError(f"the state of step {step} has version {version!r}, and this program reads {own}")


def _place(found: Signal) -> tuple[Any, ...]:
    last = found.evidence[-1]
    return last.time, last.event_id, last.origin.to_plain()


class AlertStep(InOrder[Signal, Alert]):
    """Signals of one alert id become one alert: the first leaves at once, and again when more is known of it.

    An update leaves at most once a minute of event time, and when nothing was added for a day, or at the end of
    the input. A repeated event changes nothing.

    Parameters
    ----------
    types
        The catalogue, with the user's own types.
    severities
        The severities that the settings override, by alert type.
    state
        What `snapshot` gave.
    """

    def __init__(
        self,
        clock: Clock,
        types: Mapping[str, AlertType],
        severities: Mapping[str, Severity],
        tally: Tally,
        keeping: Keeping,
        state: Plain = None,
    ) -> None:
        super().__init__(ALERTS, clock, tally, keeping)
        self.types = types
        self.severities = severities
        self.merged: Merged | None = None
        self.told: Merged | None = None
        self.revision = 0
        if state is not None:
            version, held, merged, told, self.revision = state
            known(ALERTS, version, self.VERSION)
            signals: list[Signal] = msgspec.convert(held, list[Signal])
            self.merged, self.told = (None if one is None else Merged.from_plain(one) for one in (merged, told))
            first = signals[0] if self.merged is None else self.merged.signal
            if first.alert_type in types:
                self.resumed(first.alert_id, signals)
            else:
                self.merged = self.told = None

    def come(self, values: list[Signal]) -> Iterable[Alert]:
        super().come(values)
        if self.merged is None and self.told is None:
            self.told = merge(None, values[0])
            return [self.tell(self.told)]
        return ()

    def take(self, taken: list[Signal], until: int) -> Iterator[Alert]:
        for found in taken:
            merged = self.merged
            if merged is not None and found.evidence[-1].time > merged.newest[0] + QUIET_AFTER:
                yield from self.update(0)
                merged, self.told, self.revision = None, None, 0
            self.merged = merge(merged, found)
            yield from self.update(UPDATE_EVERY)
        if self.expires() < until:
            yield from self.update(0)

    def update(self, after: int) -> Iterator[Alert]:
        """The alert, if it has changed and its last event is `after` microseconds later than told."""
        merged, told = self.merged, self.told
        if merged is None or merged == told:
            return
        if told is None or merged.newest[0] - told.newest[0] >= after:
            self.told = merged
            yield self.tell(merged)

    def tell(self, merged: Merged) -> Alert:
        """The alert as far as it is known."""
        self.revision += 1
        severity = self.severities.get(merged.signal.alert_type)
        activity: Literal["create", "update"] = "create" if self.revision == 1 else "update"
        return to_alert(merged, severity, self.revision, activity, self.types)

    def expires(self) -> int:
        return 0 if self.merged is None else self.merged.newest[0] + QUIET_AFTER

    key_of = staticmethod(attrgetter("alert_id"))
    time_of = staticmethod(lambda found: found.evidence[-1].time)
    order_of = staticmethod(_place)

    def to_plain(self) -> Plain:
        held = msgspec.to_builtins(self.held)
        merged, told = (None if one is None else one.to_plain() for one in (self.merged, self.told))
        return self.VERSION, held, merged, told, self.revision
