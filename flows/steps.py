"""The keyed steps: entities that correlate what they did, and alerts that are held while they grow."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from bytewax.operators import StatefulBatchLogic

from alerts import Alert
from alerts.catalogue import AlertType, Severity
from alerts.merge import Merged, merge, to_alert
from alerts.signal import Signal
from detectors.windows import ValueCount, Window
from flows.judge import Observed, signal

UPDATE_EVERY = 60_000_000
"""Microseconds of event time between two revisions of an alert."""


class EntityStep(StatefulBatchLogic[Observed, Signal, Any]):
    """Observations of one entity, taken in order of (time, event id) by each detector that keeps state of it.

    An observation waits until the entity has seen one that is later by the allowed lateness, or the
    end of the input: so two events cannot swap roles by arriving swapped.

    Parameters
    ----------
    detectors
        The stateful detectors by name.
    lateness
        Microseconds.
    late
        Told of each observation that came too late to be taken in order; it is taken no more.
    state
        What `snapshot` gave.
    """

    VERSION = 1

    def __init__(
        self, detectors: Mapping[str, ValueCount], lateness: int, late: Callable[[], None], state: Any
    ) -> None:
        self.detectors = detectors
        self.lateness = lateness
        self.late = late
        self.held: list[Observed] = []
        self.windows: dict[str, Window] = {}
        self.newest = -1 << 63
        if state is not None:
            _, self.newest, held, windows = state
            self.held = msgspec.convert(held, list[Observed])
            self.windows = msgspec.convert(windows, dict[str, Window])

    def on_batch(self, values: list[Observed]) -> tuple[Iterable[Signal], bool]:
        taken_until = self.newest - self.lateness
        for observed in values:
            if observed.observation.time < taken_until:
                self.late()
            else:
                self.hold(observed)
        return self.take(self.newest - self.lateness), False

    def hold(self, observed: Observed) -> None:
        """Keep it until its turn; a repeated one is kept once."""
        place = bisect.bisect_left(self.held, _order(observed), key=_order)
        if place == len(self.held) or _order(self.held[place]) != _order(observed):
            self.held.insert(place, observed)
        self.newest = max(self.newest, observed.observation.time)

    def on_eof(self) -> tuple[Iterable[Signal], bool]:
        return self.take(self.newest + 1), False

    def take(self, until: int) -> list[Signal]:
        """Judge what is held from before `until` (microseconds), in order."""
        due = bisect.bisect_left(self.held, until, key=lambda observed: observed.observation.time)
        taken, self.held = self.held[:due], self.held[due:]
        signals = []
        for observed in taken:
            detector = self.detectors[observed.detector]
            found = detector.step(self.windows.setdefault(observed.detector, Window()), observed.observation)
            if found is not None:
                signals.append(signal(detector, observed.cluster, *found))
        return signals

    def on_notify(self) -> tuple[Iterable[Signal], bool]:
        return (), False

    def notify_at(self) -> datetime | None:
        return None

    def snapshot(self) -> Any:
        return self.VERSION, self.newest, msgspec.to_builtins(self.held), msgspec.to_builtins(self.windows)


def _order(observed: Observed) -> tuple[int | str, ...]:
    return observed.observation.time, observed.observation.event_id, observed.detector


class AlertStep(StatefulBatchLogic[Signal, Alert, Any]):
    """Signals of one alert id become one alert: it leaves at once, and again when more is known of it.

    An update leaves at most once a minute of event time, and at the end of the input. A repeated
    event changes nothing.

    Parameters
    ----------
    types
        The catalogue, with the user's own types.
    severities
        The severities that the settings override, by alert type.
    state
        What `snapshot` gave.
    """

    def __init__(self, types: Mapping[str, AlertType], severities: Mapping[str, Severity], state: Any) -> None:
        self.types = types
        self.severities = severities
        self.merged: Merged | None = None
        self.told: Merged | None = None
        self.revision = 0
        if state is not None:
            merged, told, self.revision = state
            self.merged, self.told = Merged.from_plain(merged), Merged.from_plain(told)

    def on_batch(self, signals: list[Signal]) -> tuple[Iterable[Alert], bool]:
        for found in signals:
            self.merged = merge(self.merged, found)
        return self.tell(UPDATE_EVERY), False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
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
        return (), False

    def notify_at(self) -> datetime | None:
        return None

    def snapshot(self) -> Any:
        assert self.merged is not None
        assert self.told is not None
        return self.merged.to_plain(), self.told.to_plain(), self.revision
