"""What all correlations share: the span, the burst, what is remembered of an event, and when it is forgotten."""

from __future__ import annotations

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Any, Generic, NamedTuple, TypeAlias, TypedDict, TypeVar

from msgspec import Struct
from msgspec.structs import astuple
from pydantic import BaseModel, Field

from alerts.redaction import redact, shortened
from alerts.signal import Entity, Evidence, Origin
from detectors.contract import Condition, Match, Quiet, State
from detectors.parameters import Duration, written
from detectors.selection import Operations, Requests, Selector
from detectors.stateful import E, Finding, Noted, Observation, Plain, Scope, Stateful

LARGEST = 256
"""As many events, values or groups are counted; no parameter may ask for more."""
LONGEST_NAME = 256
"""Characters of a name, value or group; what is longer is cut and ends in a digest of the whole."""
LONGEST_SUMMARY = 512
"""Characters of the summary of an event that is remembered."""

Span: TypeAlias = Annotated[Duration, Field(gt=timedelta(0), le=timedelta(days=1))]
"""Length of a window; state is kept for as long."""
Named: TypeAlias = tuple[str, str]
"""A name or value, and its group; the group may be empty."""


class SpanParameters(BaseModel, frozen=True, extra="forbid"):
    """Within which span it has to come together."""

    within: Span = Field(description="Length of the sliding window.")


class CountParameters(SpanParameters, ABC, frozen=True, extra="forbid"):
    """How much within which span is a burst."""

    @abstractmethod
    def enough(self, values: int, groups: int) -> bool:
        """Whether so many different values, of so many groups, are a burst.

        More must never be less than enough, and neither may need more than `LARGEST`.
        """

    @property
    @abstractmethod
    def required(self) -> str:
        """What is required, in words: `5 different commands of 3 categories within 5m`."""


class AtLeast(CountParameters, frozen=True, extra="forbid"):
    """As many within a span, of whatever groups (Sigma: `gte`)."""

    at_least: int = Field(ge=1, le=LARGEST, description="As many make a burst.")

    def enough(self, values: int, groups: int) -> bool:
        return values >= self.at_least

    @property
    def required(self) -> str:
        return f"at least {self.at_least} within {written(self.within)}"


class Seen(NamedTuple):
    """An event that a window remembers."""

    time: int
    """Microseconds since 1970, UTC."""
    event_id: str
    origin: tuple[str | int, ...]
    summary: str

    @property
    def evidence(self) -> Evidence:
        """The event as an alert shows it."""
        return Evidence(self.event_id, self.time, Origin.from_plain(self.origin), self.summary)


class Burst(Struct, array_like=True):
    """What belongs together, and is one occurrence."""

    occurrence: str
    """Event id of the first event in the first window that held enough."""
    entity: Entity
    """As the burst began: later records may know less of it, and the alert must stay the same."""
    enough_at: int
    """When a window last held enough."""
    events: int
    names: dict[str, str]
    """What was seen in it, each with its group: the first `LARGEST`."""


class Bursting(Struct, array_like=True):
    """Base of what correlations remember of one entity."""

    burst: Burst | None = None
    """The one that goes on."""


class Choices(TypedDict, total=False):
    """What the decorators of all correlations take besides."""

    unless: tuple[Condition[Any], ...]
    revision: int
    misses: str
    noise: str
    scope: Scope | None
    """By default of the container for runtime events, of the account for audit events and Azure operations."""


W = TypeVar("W", bound=Bursting)
By: TypeAlias = Callable[[E], tuple[Entity, str]]
"""Gives the entity that an event counts for, and the key of its window (Sigma: `group-by`)."""


class Correlation(Stateful[E, W], ABC, Generic[E, W]):
    """Fires when enough comes together for one entity within a span.

    Both edges of the span belong to it. A burst begins with the first window that holds enough, and ends
    when none did for longer than the span; all of it is one occurrence, and its alert grows with each
    event that is noted while it goes on.

    Parameters
    ----------
    function
        The decorated function, `(event)` or `(event, parameters)`: what the event is, or why it does not count.
    alert_type, on, unless, revision, misses, noise
        As for every detector.
    by
        Gives the entity that an event counts for, and the key of its window.
    parameters
        The span, and how much is enough.
    scope
        Whose state it is; None: of the container for runtime events, of the account for audit events and Azure
        operations.

    Raises
    ------
    ValueError
        It selects events of several sources, and no scope is chosen.
    """

    largest = LARGEST
    parameters: SpanParameters

    def __init__(
        self,
        function: Callable[..., Any],
        alert_type: str,
        on: Selector | tuple[Selector, ...],
        by: By[E],
        parameters: SpanParameters,
        scope: Scope | None = None,
        unless: tuple[Condition[Any], ...] = (),
        revision: int = 1,
        misses: str = "",
        noise: str = "",
    ) -> None:
        super().__init__(function, alert_type, on, unless, parameters, revision, misses, noise)
        self.by = by
        self.scope = scope or _scope(self.on)
        self.state = _STATES.get(self.scope, State.CLUSTER)
        self.takes_parameters = len(inspect.signature(function).parameters) > 1

    def evaluate(self, event: E) -> Any:
        return self.__wrapped__(event, self.parameters) if self.takes_parameters else self.__wrapped__(event)

    def observe(self, event: E) -> Noted | Quiet:
        told = self.excused(event) or self.evaluate(event)
        if isinstance(told, Quiet):
            return told
        names = tuple(self.named(told)) if told else ()
        if not names:
            return Quiet(f"it is of what has to come together: {self.required}")
        entity, key = self.by(event)
        return Noted(key, (astuple(entity), names))

    def shown(self, told: Noted) -> list[str]:
        return sorted(name for name, _ in told.what[1])

    def step(self, state: W, observation: Observation) -> Iterator[Finding | Noted]:
        """Yields the burst as it stands, with the evidence that is new in it; nothing while there is none."""
        entity, names = observation.what
        now, burst = observation.time, state.burst
        seen = Seen(now, observation.event_id, observation.origin, brief(observation.summary))
        enough = self.remember(state, names, seen, now - self.span)
        if burst is not None and now - burst.enough_at <= self.span:
            burst.events += 1
            evidence: tuple[Evidence, ...] = (seen.evidence,)
        elif not enough:
            state.burst = None
            return
        else:
            held = list(self.held(state))
            names = [name for name, _ in held]
            events = sorted({one for _, one in held}, key=lambda one: one[:2])
            burst = state.burst = Burst(events[0].event_id, Entity(*entity), now, len(events), {})
            evidence = tuple(one.evidence for one in events)
        if enough:
            burst.enough_at = now
        for name, group in names:
            if len(burst.names) < self.largest:
                burst.names.setdefault(name, group)
        because, fields = self.told(burst)
        yield Finding(Match(burst.entity, burst.occurrence, because, fields), evidence)

    def expires(self, state: W) -> int:
        return max(self.newest(state), state.burst.enough_at if state.burst else 0) + self.span

    @property
    def depends_on(self) -> dict[str, Plain]:
        return {"within": self.span}

    @property
    def span(self) -> int:
        """Microseconds."""
        return self.parameters.within // timedelta(microseconds=1)

    def named(self, told: Any) -> Iterable[Named]:
        """The names that the function gave an event.

        Raises
        ------
        TypeError
            It gave something else.
        """
        names = (told,) if isinstance(told, str) else told
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"{self.__name__} gives {told!r} for an event; expected a name, names, Quiet or None")
        return [(bounded(name), "") for name in names]

    @abstractmethod
    def remember(self, state: W, names: Iterable[Named], seen: Seen, oldest: int) -> bool:
        """Take an event into the window that begins at `oldest` (microseconds); whether that holds enough now."""

    @abstractmethod
    def held(self, state: W) -> Iterable[tuple[Named, Seen]]:
        """What the window that holds enough rests on."""

    @abstractmethod
    def newest(self, state: W) -> int:
        """Microseconds: when what may yet be part of a window last came; 0 if nothing is remembered."""

    @abstractmethod
    def told(self, burst: Burst) -> tuple[str, dict[str, Any]]:
        """Why it is one, in a sentence, and the fields that decided."""


_STATES = {Scope.CONTAINER: State.TREE, Scope.OBJECT: State.OBJECT, Scope.NAMESPACE: State.INVENTORY}


def _scope(on: tuple[Selector, ...]) -> Scope:
    scopes = {Requests: Scope.SERVICE_ACCOUNT, Operations: Scope.MANAGED_IDENTITY}
    found = {scopes.get(type(selector), Scope.CONTAINER) for selector in on}
    if len(found) != 1:
        raise ValueError("a correlation of events of several sources needs a `scope`")
    return found.pop()


def bounded(text: str) -> str:
    """A name of at most `LONGEST_NAME` characters: different texts stay different.

    Examples
    --------
    >>> bounded("id"), len(bounded("x" * 1000)), bounded("x" * 1000) == bounded("x" * 1001)
    ('id', 256, False)
    """
    if len(text) <= LONGEST_NAME:
        return text
    digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:32]
    return f"{text[: LONGEST_NAME - 33]}~{digest}"


def brief(summary: str) -> str:
    """A summary short enough to be kept many times; its secrets are removed first, so that none is cut in two."""
    return summary if len(summary) <= LONGEST_SUMMARY else shortened(redact(summary), LONGEST_SUMMARY)
