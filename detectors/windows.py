"""Correlations in sliding windows of event time, in Sigma's terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Annotated, Any, NamedTuple, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import astuple
from pydantic import BaseModel, Field

from alerts.signal import Entity, Evidence
from detectors.contract import Condition, Match, Quiet, State
from detectors.parameters import Duration
from detectors.selection import Selector
from detectors.stateful import Finding, Noted, Observation, Plain, Scope, Stateful
from events import RuntimeEvent

LARGEST = 256
"""Different values that a window or a burst remembers; beyond it the oldest of a window fall out."""


class Sighting(NamedTuple):
    """One value that a window counts, and the group it belongs to."""

    value: str
    group: str


Seen: TypeAlias = tuple[int, str, str, Evidence]
"""Time, event id, group and evidence of the last sighting of a value."""


class Window(Struct, array_like=True):
    """What a value count remembers of one entity: the last sighting of each value, and the open burst."""

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


class ValueCount(Stateful[RuntimeEvent, Window]):
    """Fires when enough different values were seen of one entity within a span (Sigma: `value_count`).

    The function gives the sightings of one event; `by` gives the entity that they are counted for,
    and the key of its window. Both edges of the span belong to it. A burst begins with the first
    window that holds enough, and ends when none did for the length of the span; all of it is one
    occurrence. A value that goes on alone, such as a health check, does not keep a burst open.
    """

    state = State.TREE
    scope = Scope.CONTAINER
    form = Window
    by: Callable[[RuntimeEvent], tuple[Entity, str]]
    names: tuple[str, str]
    """What values and groups are called in the alert: `commands`, `categories`."""
    parameters: CountParameters

    def observe(self, event: RuntimeEvent) -> Noted | Quiet:
        sightings: tuple[Sighting, ...] | Quiet = self.excused(event) or self.evaluate(event)
        if isinstance(sightings, Quiet):
            return sightings
        entity, key = self.by(event)
        return Noted(key, (astuple(entity), tuple((value, group) for value, group in sightings)))

    @property
    def required(self) -> str:
        return self.parameters.required

    def shown(self, told: Noted) -> list[str]:
        return sorted(value for value, _ in told.what[1])

    def step(self, state: Window, observation: Observation) -> Iterator[Finding | Noted]:
        """Yields the burst as it stands, with the evidence that is new in it; nothing while there is none."""
        entity, sightings = observation.what
        _remember(state, observation, sightings, observation.time - self._span)
        began = self._turn(state, Entity(*entity), observation.time)
        if state.entity is None:
            return
        for value, group in sightings:
            if len(state.values) < LARGEST:
                state.values.setdefault(value, group)
        yield Finding(self._match(state, state.entity), _evidence(state) if began else (observation.evidence,))

    def expires(self, state: Window) -> int:
        return max((seen[0] for seen in state.seen.values()), default=0) + self._span

    @property
    def depends_on(self) -> dict[str, Plain]:
        return {"within": self._span}

    @property
    def _span(self) -> int:
        return self.parameters.within // timedelta(microseconds=1)

    def _turn(self, window: Window, entity: Entity, now: int) -> bool:
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
        window.entity = entity
        return True

    def _match(self, window: Window, entity: Entity) -> Match:
        values, groups = sorted(window.values), sorted(set(window.values.values()))
        one, other = self.names
        because = f"{len(values)} different {one} of {len(groups)} {other} in one burst: {', '.join(values)}"
        return Match(entity, window.burst, because, {one: values, other: groups})


def _remember(window: Window, observation: Observation, sightings: Plain, oldest: int) -> None:
    """Keep the newest sighting of each value that is not older than `oldest`."""
    seen = {value: known for value, known in window.seen.items() if known[0] >= oldest}
    for value, group in sightings:
        seen.pop(value, None)
        seen[value] = (observation.time, observation.event_id, group, observation.evidence)
    window.seen = dict(list(seen.items())[-LARGEST:])


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
