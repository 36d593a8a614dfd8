"""Baselines: what is unusual in a cluster, measured by what it did in its first days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Annotated, Any, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import astuple
from pydantic import BaseModel, Field

from alerts.signal import Actor, Entity
from detectors.contract import Condition, DetectorKind, Match, Quiet, State
from detectors.parameters import Duration, written
from detectors.selection import Selector
from detectors.stateful import Finding, Noted, Observation, Scope, Stateful
from events import AuditEvent
from events.names import digest

LARGEST = 1024
"""Values that are learned of one cluster."""
MOST_PLACES = 4096
"""Values that were seen where they are, of one cluster; beyond it the oldest are forgotten."""
SHOWN = 20
RETENTION = 90 * 24 * 3600 * 1_000_000
"""Microseconds for which a cluster is remembered of which nothing is seen."""
Learning: TypeAlias = Annotated[Duration, Field(le=timedelta(days=365))]
_MICROSECOND = timedelta(microseconds=1)


class Learned(Struct, array_like=True):
    """What a baseline remembers of one cluster."""

    first: int | None = None
    """Microseconds: the cluster's first event."""
    last: int = 0
    usual: dict[str, int] = {}
    """What it learned, and when."""
    placed: dict[str, int] = {}
    """Values that counted, each with its place, and when first."""
    counted: dict[str, int] = {}
    """Values that counted while it learned: they are not learned of what comes of them."""


class Candidate(NamedTuple):
    """Values that one event shows. Without values it only tells that the cluster is there."""

    values: tuple[str, ...] = ()
    place: str = ""
    """Where they are: a value counts once in each place."""
    teaches: bool = False
    """Whether they are learned, inside the learning time."""
    entity: Entity = Entity("cluster", "")
    instance: str = ""
    """What tells this place from a later one of its name; empty if nothing has to."""
    because: str = ""
    """The beginning of a sentence that the new values end."""
    actor: Actor | None = None


class BaselineParameters(BaseModel, frozen=True, extra="forbid"):
    """How long a cluster shows what is usual."""

    learning: Learning = Field(
        timedelta(days=7), description="Event time from the cluster's first event in which is learned; 0 learns nothing"
    )


class Baseline(Stateful[AuditEvent, Learned]):
    """Fires when a cluster shows a value that is not among those of its learning time.

    The function gives the values of one event, without those that are usual everywhere. Inside the learning
    time values that teach are learned, all others count; after it all count that were not learned. A value
    that counted is never learned, and counts once in each place.
    """

    kind = DetectorKind.BASELINE
    state = State.CLUSTER
    scope = Scope.CLUSTER
    form = Learned
    parameters: BaselineParameters
    names: str
    """What the values are called in the alert: `repositories`."""

    def observe(self, event: AuditEvent) -> Noted | Quiet:
        candidate: Candidate | Quiet = self.excused(event) or self.evaluate(event)
        if isinstance(candidate, Quiet):
            return candidate
        if not candidate.values:
            return Noted("", None)
        values, place, teaches, entity, instance, because, actor = candidate
        by = None if actor is None else astuple(actor)
        return Noted("", (values, place, teaches, astuple(entity), instance, because, by))

    @property
    def required(self) -> str:
        learning = self.parameters.learning
        if not learning:
            return f"{self.names} that are not listed"
        return f"{self.names} that are not listed, and that no controller showed in the first {written(learning)}"

    def shown(self, told: Noted) -> list[str]:
        return [] if told.what is None else list(told.what[0])

    def step(self, state: Learned, observation: Observation) -> Iterator[Finding | Noted]:
        if observation.time > self.expires(state):
            state.first, state.usual, state.placed, state.counted = None, {}, {}, {}
        if state.first is None:
            state.first = observation.time
        state.last = observation.time
        if observation.what is None:
            return
        values, place, teaches, entity, instance, because, by = observation.what
        new = [value for value in values if not self._is_known(state, value, place)]
        learning = observation.time < state.first + self._learning
        if learning and teaches:
            _learn(state, new, observation.time)
        elif new:
            _remember(state, new, place, observation.time, learning=learning)
            yield Finding(self._match(new, Entity(*entity), instance, because, by), (observation.evidence,))

    def expires(self, state: Learned) -> int:
        return state.last + RETENTION

    @property
    def _learning(self) -> int:
        return self.parameters.learning // _MICROSECOND

    def _is_known(self, state: Learned, value: str, place: str) -> bool:
        if self._learning and value in state.usual:
            return True
        return f"{place}|{value}" in state.placed

    def _match(self, new: list[str], entity: Entity, instance: str, because: str, by: Any) -> Match:
        actor = None if by is None else Actor(by[0], by[1], tuple(by[2]), *by[3:])
        shown = sorted(new)[:SHOWN]
        fields = {self.names: shown, "learning": written(self.parameters.learning)}
        occurrence = f"{instance}:{digest(*(value.encode() for value in sorted(new)))}"
        return Match(entity, occurrence, f"{because}: {', '.join(shown)}", fields, actor)


def _learn(state: Learned, values: list[str], now: int) -> None:
    """Learn values, but for those that counted: what comes of a finding is not usual."""
    for value in values:
        if value not in state.counted and len(state.usual) < LARGEST:
            state.usual[value] = now


def _remember(state: Learned, values: list[str], place: str, now: int, *, learning: bool) -> None:
    """Remember which values counted, and where; beyond the most that are kept the oldest go."""
    for value in values:
        state.placed[f"{place}|{value}"] = now
        if learning:
            state.counted[value] = now
    for kept in (state.placed, state.counted):
        while len(kept) > MOST_PLACES:
            del kept[next(iter(kept))]


def baseline(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    names: str,
    parameters: BaselineParameters,
    unless: tuple[Condition[Any], ...] = (),
    revision: int = 1,
    misses: str = "",
    noise: str = "",
) -> Callable[[Callable[..., Candidate | Quiet]], Baseline]:
    """Make a baseline of a function that gives the values of one event."""

    def decorate(function: Callable[..., Candidate | Quiet]) -> Baseline:
        made = Baseline(function, alert_type, on, unless, parameters, revision, misses, noise)
        made.names = names
        return made

    return decorate
