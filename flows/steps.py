"""The keyed steps: entities and clusters that judge what they did in order of time, and alerts that grow."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter, itemgetter
from typing import Any, Literal

import msgspec
from bytewax.operators import StatefulBatchLogic

from alerts import Alert
from alerts.catalogue import AlertType, Severity
from alerts.merge import Merged, merge, to_alert
from alerts.signal import Signal
from detectors.stateful import Observation, Plain, Stateful
from flows.checkpoints.plain import read_plain
from flows.clock import Clock, Report
from flows.in_order import InOrder, Keeping, known
from flows.judge import DeadLetter, Found, failure, told
from flows.stepnames import ALERTS, DEAD_LETTERS
from flows.tally import Tally

UPDATE_EVERY = 60_000_000
"""Microseconds of event time between two revisions of an alert."""
KEY = Observation._fields.index("key")
QUIET_AFTER = 86_400_000_000
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
        self.packed: dict[int, bytes] = {}
        """What is held as it stands in a snapshot, by `id`: most of it stands in many."""
        if state is not None:
            version, key, last, held, parts = state
            known(step, version, self.VERSION)
            self.last = tuple(last)
            self.parts = {name: detectors[name].from_plain(*part) for name, part in parts.items() if name in detectors}
            self.resumed(key, [one for one in (_unpacked(one, key) for one in held) if one.detector in detectors])

    def take(self, taken: list[Observation], until: int) -> Iterator[Found]:
        before: tuple[Any, ...] = ()
        for observation in taken:
            self.packed.pop(id(observation), None)
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
        return self.VERSION, self.key, self.last, [self.pack(one) for one in self.held], parts

    def pack(self, observation: Observation) -> bytes:
        """What is held, for a snapshot, which says the key once."""
        packed = self.packed.get(id(observation))
        if packed is None:
            plain = (*observation[:KEY], *observation[KEY + 1 :])
            packed = self.packed[id(observation)] = pickle.dumps(plain, pickle.HIGHEST_PROTOCOL)
        return packed


def _unpacked(held: bytes | tuple[Any, ...], key: str) -> Observation:
    """What was held of a key; an earlier release wrote it as it is."""
    if not isinstance(held, bytes):
        return Observation(*held)
    plain = list(read_plain(held))
    plain.insert(KEY, key)
    return Observation(*plain)


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
