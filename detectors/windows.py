"""Correlations in sliding windows of event time, in Sigma's terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeAlias, cast

from msgspec import Struct
from pydantic import BaseModel, Field

from alerts.signal import Entity, Evidence, Origin
from detectors.contract import Condition, Detector, DetectorKind, Match, Quiet, State, Verdict
from detectors.parameters import Duration
from detectors.selection import Selector
from events import RuntimeEvent

LARGEST = 256
"""Different values that a window or a burst remembers; beyond it the oldest of a window fall out."""


class Sighting(Struct, frozen=True):
    """One value that a window counts, and the group it belongs to."""

    value: str
    group: str


class Observation(Struct, frozen=True, array_like=True):
    """What a stateful detector keeps of one event: small, and in order of (time, event id)."""

    time: int
    """Microseconds since 1970, UTC."""
    event_id: str
    sightings: tuple[Sighting, ...]
    entity: Entity
    evidence: Evidence


Seen: TypeAlias = tuple[int, str, str, Evidence]
"""Time, event id, group and evidence of the last sighting of a value."""


class Window(Struct, array_like=True):
    """What a value count remembers of one entity: the last sighting of each value, and the open burst."""

    version: int = 1
    seen: dict[str, Seen] = {}
    burst: str = ""
    """Occurrence key of the burst that goes on: its first event; empty between bursts."""
    values: dict[str, str] = {}
    """All values of the burst, each with its group."""
    entity: Entity | None = None
    """As the burst began: later records may know less of it, and the alert must stay the same."""
    enough_at: int = 0
    """When the window last held enough."""


Span: TypeAlias = Annotated[Duration, Field(gt=timedelta(0), le=timedelta(days=1))]
"""Length of a window; state is kept for as long."""


class CountParameters(BaseModel, ABC, frozen=True, extra="forbid"):
    """How much within which span is a burst."""

    within: Span = Field(description="Length of the sliding window.")

    @abstractmethod
    def enough(self, values: int, groups: int) -> bool:
        """Whether so many different values, of so many groups, are a burst."""

    @property
    @abstractmethod
    def required(self) -> str:
        """What is required, in words: `5 different commands of 3 categories within 5m`."""


class ValueCount(Detector[RuntimeEvent]):
    """Fires when enough different values were seen of one entity within a span (Sigma: `value_count`).

    The function gives the sightings of one event; `by` gives the entity that they are counted for,
    and the key of its window. Both edges of the span belong to it. A burst begins with the first
    window that holds enough, and ends when none did for the length of the span; all of it is one
    occurrence. A value that goes on alone, such as a health check, does not keep a burst open.
    """

    kind = DetectorKind.WINDOW
    state = State.TREE
    by: Callable[[RuntimeEvent], tuple[Entity, str]]
    names: tuple[str, str]
    """What values and groups are called in the alert: `commands`, `categories`."""
    parameters: CountParameters

    def __call__(self, event: RuntimeEvent) -> Verdict:
        """What this event alone amounts to, with nothing seen before it."""
        observed = self.observe(event, Evidence(event.event_id, event.time, Origin(), ""))
        if observed is None:
            return cast("Quiet", self.sightings(event))
        window = Window()
        found = self.step(window, observed[1])
        return Quiet(self.parameters.required, sorted(window.seen)) if found is None else found[0]

    def observe(self, event: RuntimeEvent, evidence: Evidence) -> tuple[str, Observation] | None:
        """The key of the window and what to keep there; None if the event adds nothing."""
        sightings = self.sightings(event)
        if isinstance(sightings, Quiet):
            return None
        entity, key = self.by(event)
        return f"{event.cluster}|{key}", Observation(event.time, event.event_id, sightings, entity, evidence)

    def sightings(self, event: RuntimeEvent) -> tuple[Sighting, ...] | Quiet:
        """What the event adds to the window (never empty), or why nothing."""
        for condition in self.unless:
            if condition.test(event):
                return Quiet(f"not: {condition.sentence}", condition.saw(event))
        answer: tuple[Sighting, ...] | Quiet = self.evaluate(event)
        return answer

    def step(self, window: Window, observation: Observation) -> tuple[Match, tuple[Evidence, ...]] | None:
        """Take one observation, in order of (time, event id), and alter the window.

        A late one counts as long as its time is inside the window. Returns the burst as it stands,
        with the evidence that is new in it; None while there is none.
        """
        now = max([observation.time, *(seen[0] for seen in window.seen.values())])
        oldest = now - self._span
        if observation.time < oldest:
            return None
        _remember(window, observation, oldest)
        began = self._turn(window, observation, now)
        if window.entity is None:
            return None
        for sighting in observation.sightings:
            if len(window.values) < LARGEST:
                window.values.setdefault(sighting.value, sighting.group)
        return self._match(window, window.entity), _evidence(window) if began else (observation.evidence,)

    def expires(self, window: Window) -> int:
        """Microseconds since 1970 after which the window is as good as a new one."""
        return max((seen[0] for seen in window.seen.values()), default=0) + self._span

    @property
    def _span(self) -> int:
        return self.parameters.within // timedelta(microseconds=1)

    def _turn(self, window: Window, observation: Observation, now: int) -> bool:
        """End the burst if it is over, and begin one if there is enough; whether one began."""
        if now - window.enough_at > self._span:
            window.burst, window.values, window.entity = "", {}, None
        if not self.parameters.enough(len(window.seen), len({seen[2] for seen in window.seen.values()})):
            return False
        window.enough_at = now
        if window.burst:
            return False
        window.burst = min(window.seen.values(), key=_place)[1]
        window.values = {value: seen[2] for value, seen in window.seen.items()}
        window.entity = observation.entity
        return True

    def _match(self, window: Window, entity: Entity) -> Match:
        values, groups = sorted(window.values), sorted(set(window.values.values()))
        one, other = self.names
        because = f"{len(values)} different {one} of {len(groups)} {other} in one burst: {', '.join(values)}"
        return Match(entity, window.burst, because, {one: values, other: groups})


def _remember(window: Window, observation: Observation, oldest: int) -> None:
    """Keep the newest sighting of each value that is not older than `oldest`."""
    seen = {value: known for value, known in window.seen.items() if known[0] >= oldest}
    for sighting in observation.sightings:
        new = (observation.time, observation.event_id, sighting.group, observation.evidence)
        seen[sighting.value] = max(seen.get(sighting.value, new), new, key=_place)
    window.seen = dict(sorted(seen.items(), key=lambda item: _place(item[1]))[-LARGEST:])


def _place(seen: Seen) -> tuple[int, str]:
    return seen[:2]


def _evidence(window: Window) -> tuple[Evidence, ...]:
    """One for each event that the window rests on, in order."""
    return tuple({known[1]: known[3] for known in sorted(window.seen.values(), key=_place)}.values())


def value_count(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    by: Callable[[RuntimeEvent], tuple[Entity, str]],
    names: tuple[str, str],
    parameters: CountParameters,
    unless: tuple[Condition[Any], ...] = (),
    revision: int = 1,
    misses: str = "",
    noise: str = "",
) -> Callable[[Callable[[RuntimeEvent, Any], tuple[Sighting, ...] | Quiet]], ValueCount]:
    """Make a value count of a function that gives what one event adds to the window."""

    def decorate(function: Callable[[RuntimeEvent, Any], tuple[Sighting, ...] | Quiet]) -> ValueCount:
        made = ValueCount(function, alert_type, on, unless, parameters, revision, misses, noise)
        made.by, made.names = by, names
        return made

    return decorate
