"""The keyed steps: entities that correlate what they did, and alerts that are held while they grow."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from bytewax.operators import StatefulBatchLogic

from alerts import Alert
from alerts.catalogue import AlertType, Severity
from alerts.merge import Merged, merge, to_alert
from alerts.signal import Signal
from detectors.windows import ValueCount, Window
from flows.judge import DeadLetter, Observed, failure, signal
from flows.tally import Tally

HELD = 1_000
"""Observations of one entity that are held; of more, the oldest are taken."""
UPDATE_EVERY = 60_000_000
"""Microseconds of event time between two revisions of an alert."""


class UnknownStateError(ValueError):
    """A checkpoint holds entities in a form that this version does not know."""


class EntityStep(StatefulBatchLogic[Observed, Signal | DeadLetter, Any]):
    """Observations of one entity, taken in order of (time, event id) by each detector that keeps state of it.

    Files are held to their end, so that their order and that of their lines does not matter. On a live
    input an observation waits until the entity has seen one that is later by the allowed lateness, and
    no longer than `patience`.

    Parameters
    ----------
    detectors
        The stateful detectors by name.
    tally
        Told of what came too late to be taken in order (it is taken no more), and of failures.
    state
        What `snapshot` gave.
    lateness
        Microseconds, for a live input; None for files.
    patience
        Wall-clock time after which a live input counts as read to its end; None for files.

    Raises
    ------
    UnknownStateError
        The state was written by a version that this one does not know.
    """

    VERSION = 1

    def __init__(
        self,
        detectors: Mapping[str, ValueCount],
        tally: Tally,
        state: Any,
        lateness: int | None = None,
        patience: timedelta | None = None,
    ) -> None:
        self.detectors = detectors
        self.tally = tally
        self.lateness = lateness
        self.patience = patience
        self.held: list[Observed] = []
        self.windows: dict[str, Window] = {}
        self.newest = self.passed = -1 << 63
        self.due: datetime | None = None
        if state is not None:
            version, self.newest, self.passed, held, windows = state
            if version != self.VERSION:
                raise UnknownStateError(f"entity state has version {version!r}, and this program reads {self.VERSION}")
            self.held = msgspec.convert(held, list[Observed])
            self.windows = msgspec.convert(windows, dict[str, Window])

    def on_batch(self, values: list[Observed]) -> tuple[Iterable[Signal | DeadLetter], bool]:
        found: list[Signal | DeadLetter] = []
        for observed in values:
            if observed.observation.time < self.passed:
                self.tally.count_late()
            else:
                self.hold(observed)
                found += self.take(self.settled())
        if self.patience is not None:
            self.due = datetime.now(UTC) + self.patience if self.held else None
        return found, False

    def hold(self, observed: Observed) -> None:
        """Keep it until its turn; a repeated one is kept once."""
        place = bisect.bisect_left(self.held, _order(observed), key=_order)
        if place == len(self.held) or _order(self.held[place]) != _order(observed):
            self.held.insert(place, observed)
        self.newest = max(self.newest, observed.observation.time)

    def settled(self) -> int:
        """What is older (microseconds) waits no longer."""
        if self.lateness is not None:
            return self.newest - self.lateness
        return self.held[-HELD].observation.time + 1 if len(self.held) > HELD else self.passed

    def on_notify(self) -> tuple[Iterable[Signal | DeadLetter], bool]:
        return self.on_eof()

    def on_eof(self) -> tuple[Iterable[Signal | DeadLetter], bool]:
        self.due = None
        return self.take(self.newest + 1), False

    def take(self, until: int) -> list[Signal | DeadLetter]:
        """Judge what is held from before `until` (microseconds), in order; forget what no longer matters."""
        if until <= self.passed:
            return []
        self.passed = until
        due = bisect.bisect_left(self.held, until, key=lambda observed: observed.observation.time)
        taken, self.held = self.held[:due], self.held[due:]
        found = [one for observed in taken if (one := self.judged(observed)) is not None]
        self.windows = {
            name: window
            for name, window in self.windows.items()
            if name in self.detectors and self.detectors[name].expires(window) >= until
        }
        return found

    def judged(self, observed: Observed) -> Signal | DeadLetter | None:
        """What one observation completes. A detector that fails is counted and reported, and stops nothing."""
        detector, observation = self.detectors.get(observed.detector), observed.observation
        if detector is None:
            return None
        try:
            found = detector.step(self.windows.setdefault(observed.detector, Window()), observation)
            return None if found is None else signal(detector, observed.cluster, *found)
        except (Exception, SystemExit) as error:  # noqa: BLE001  one poisoned event must not end the flow; it is kept and counted
            self.tally.failed[detector.alert_type] += 1
            return DeadLetter(observation.evidence.origin, failure(detector.alert_type, error, b""))

    def notify_at(self) -> datetime | None:
        return self.due

    def snapshot(self) -> Any:
        return self.VERSION, self.newest, self.passed, msgspec.to_builtins(self.held), msgspec.to_builtins(self.windows)


def _order(observed: Observed) -> tuple[int | str, ...]:
    return observed.observation.time, observed.observation.event_id, observed.detector


class AlertStep(StatefulBatchLogic[Signal, Alert, Any]):
    """Signals of one alert id become one alert: it leaves at once, and again when more is known of it.

    An update leaves at most once a minute of event time, and at the end of the input; on a live input
    also when nothing more was known for `patience`. A repeated event changes nothing.

    Parameters
    ----------
    types
        The catalogue, with the user's own types.
    severities
        The severities that the settings override, by alert type.
    patience
        Wall-clock time; None for files.
    state
        What `snapshot` gave.
    """

    def __init__(
        self,
        types: Mapping[str, AlertType],
        severities: Mapping[str, Severity],
        patience: timedelta | None,
        state: Any,
    ) -> None:
        self.types = types
        self.severities = severities
        self.patience = patience
        self.due: datetime | None = None
        self.merged: Merged | None = None
        self.told: Merged | None = None
        self.revision = 0
        if state is not None:
            merged, told, self.revision = state
            self.merged, self.told = Merged.from_plain(merged), Merged.from_plain(told)

    def on_batch(self, signals: list[Signal]) -> tuple[Iterable[Alert], bool]:
        for found in signals:
            self.merged = merge(self.merged, found)
        told = self.tell(UPDATE_EVERY)
        if self.patience is not None:
            self.due = datetime.now(UTC) + self.patience if self.merged != self.told else None
        return told, False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        self.due = None
        return self.tell(0), False

    def tell(self, after: int) -> list[Alert]:
        """The alert, if it is new, or has changed and its last event is `after` microseconds later than told."""
        merged, told = self.merged, self.told
        if merged is None or merged == told:
            return []
        if told is not None and merged.newest[0] - told.newest[0] < after:
            return []
        self.told = merged
        self.revision += 1
        severity = self.severities.get(merged.signal.alert_type)
        activity: Literal["create", "update"] = "create" if told is None else "update"
        return [to_alert(merged, severity, self.revision, activity, self.types)]

    def on_notify(self) -> tuple[Iterable[Alert], bool]:
        return self.on_eof()

    def notify_at(self) -> datetime | None:
        return self.due

    def snapshot(self) -> Any:
        assert self.merged is not None
        assert self.told is not None
        return self.merged.to_plain(), self.told.to_plain(), self.revision
