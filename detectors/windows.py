"""Correlations in sliding windows of event time, in Sigma's terms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

from msgspec import Struct
from pydantic import BaseModel

from alerts.signal import Entity, Evidence
from detectors.contract import Condition, Detector, DetectorKind, Match, Quiet, State
from detectors.selection import Selector
from events import RuntimeEvent


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


class CountParameters(BaseModel, frozen=True, extra="forbid"):
    """How many different values, of how many groups, within which span."""

    values: int
    groups: int
    within: timedelta


class ValueCount(Detector[RuntimeEvent]):
    """Fires when enough different values were seen of one entity within a span (Sigma: `value_count`).

    The function gives the sightings of one event; `by` gives the entity that they are counted for,
    and the key of its window. A burst begins with the first window that holds enough, and ends when
    nothing is seen for the span; all of it is one occurrence.
    """

    kind = DetectorKind.WINDOW
    state = State.TREE
    by: Callable[[RuntimeEvent], tuple[Entity, str] | None]
    parameters: CountParameters

    def observe(self, event: RuntimeEvent, evidence: Evidence) -> tuple[str, Observation] | None:
        """The key of the window and what to keep there; None if the event adds nothing."""
        sightings = self.sightings(event)
        place = self.by(event)
        if isinstance(sightings, Quiet) or place is None:
            return None
        entity, key = place
        return f"{event.cluster}|{key}", Observation(event.time, event.event_id, sightings, entity, evidence)

    def sightings(self, event: RuntimeEvent) -> tuple[Sighting, ...] | Quiet:
        """What the event adds to the window, or why nothing."""
        for condition in self.unless:
            if condition.test(event):
                return Quiet(f"not: {condition.sentence}", condition.saw(event))
        answer: tuple[Sighting, ...] | Quiet = self.evaluate(event)
        return answer

    def step(self, window: Window, observation: Observation) -> tuple[Match, tuple[Evidence, ...]] | None:
        """Take one observation, in order of (time, event id), and alter the window.

        Returns the burst as it stands, with the evidence that is new in it; None while there is none.
        """
        oldest = observation.time - self.parameters.within // timedelta(microseconds=1)
        window.seen = {value: seen for value, seen in window.seen.items() if seen[0] >= oldest}
        if not window.seen:
            window.burst, window.values = "", {}
        for sighting in observation.sightings:
            seen = (observation.time, observation.event_id, sighting.group, observation.evidence)
            window.seen[sighting.value] = seen
        if window.burst:
            window.values |= {sighting.value: sighting.group for sighting in observation.sightings}
            return self.match(window, observation), (observation.evidence,)
        if not self.enough(window):
            return None
        window.burst = min(window.seen.values())[1]
        window.values = {value: seen[2] for value, seen in window.seen.items()}
        evidence = {event_id: kept for _, event_id, _, kept in sorted(window.seen.values(), key=lambda seen: seen[:2])}
        return self.match(window, observation), tuple(evidence.values())

    def enough(self, window: Window) -> bool:
        """Whether the window holds enough values of enough groups."""
        groups = {group for _, _, group, _ in window.seen.values()}
        return len(window.seen) >= self.parameters.values and len(groups) >= self.parameters.groups

    def match(self, window: Window, observation: Observation) -> Match:
        """The burst as it stands after this observation."""
        values, groups = sorted(window.values), sorted(set(window.values.values()))
        because = f"{len(values)} different commands of {len(groups)} kinds in one burst: {', '.join(values)}"
        return Match(observation.entity, window.burst, because, {"commands": values, "kinds": groups})


def value_count(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    by: Callable[[RuntimeEvent], tuple[Entity, str] | None],
    parameters: CountParameters,
    unless: tuple[Condition[Any], ...] = (),
    revision: int = 1,
    misses: str = "",
    noise: str = "",
) -> Callable[[Callable[[RuntimeEvent, Any], tuple[Sighting, ...] | Quiet]], ValueCount]:
    """Make a value count of a function that gives what one event adds to the window."""

    def decorate(function: Callable[[RuntimeEvent, Any], tuple[Sighting, ...] | Quiet]) -> ValueCount:
        made = ValueCount(function, alert_type, on, unless, parameters, revision, misses, noise)
        made.by = by
        return made

    return decorate
