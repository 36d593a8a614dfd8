"""Detectors that remember: what they note of an event, and what they make of all that was noted of one entity.

One event is only noted. Whoever runs these detectors brings the observations of one key in order of (time, event id),
whatever order the events arrived in; so a detector needs no clock, and swapped arrivals change nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from alerts.signal import Evidence, Origin
from detectors.contract import Detector, DetectorKind, Match, Quiet
from detectors.selection import Selector
from events import Event

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=Struct)
Plain: TypeAlias = Any
"""None, bool, int, float, str, bytes, and tuples, lists and dicts of these: what a checkpoint may hold."""


class Scope(StrEnum):
    """Whose state it is. Each has a keyed step of its own, whose name is part of every checkpoint."""

    OBJECT = "objects"
    CONTAINER = "containers"
    """Or the session on a host, where there is no container."""
    NAMESPACE = "namespaces"
    SERVICE_ACCOUNT = "service_accounts"
    MANAGED_IDENTITY = "managed_identities"
    CLUSTER = "clusters"
    """Also what the other steps hand on: it is judged after them."""


class Noted(NamedTuple):
    """What a detector keeps of one event, and where."""

    key: str
    """Of the entity in its cluster, such as `shop/web`; empty for the cluster itself."""
    what: Plain
    """Small."""


class Observation(NamedTuple):
    """What was noted of one event, on its way to the state."""

    time: int
    """Microseconds since 1970, UTC."""
    event_id: str
    detector: str
    origin: tuple[str | int, ...]
    """`Origin.to_plain`."""
    key: str
    """Of the state, with its cluster: `prod|shop/web`."""
    cluster: str
    what: Plain
    summary: str

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts observations of one key: by time and event id, then only to be the same in every run."""
        return self[:4]

    @property
    def evidence(self) -> Evidence:
        """The event as an alert shows it."""
        return Evidence(self.event_id, self.time, Origin.from_plain(self.origin), self.summary)


class Finding(NamedTuple):
    """What a detector found, and the events that are new in it."""

    match: Match
    evidence: tuple[Evidence, ...]


class UnknownStateError(ValueError):
    """State was written in a form that this version cannot read; the message is for the user."""


class Stateful(Detector[E], ABC, Generic[E, S]):
    """A detector that remembers. Its name is the name of its part of the state: treat it as a schema.

    The decorated function says what one event adds; `step` says what that amounts to.
    """

    kind = DetectorKind.WINDOW
    scope: Scope
    form: type[S]
    """Of its state: a Struct of plain values whose defaults are the state of an entity never seen."""
    version: ClassVar[int] = 1
    """Of that form."""
    then: Stateful[Any, Any] | None = None
    """Judges in the scope of the cluster what `step` hands on."""

    @classmethod
    def detects(
        cls, alert_type: str, on: Selector | tuple[Selector, ...], **more: Any
    ) -> Callable[[Callable[..., Noted | Quiet]], Self]:
        """Make a detector of a function that says what to note of one event; the parameters are those of `Detector`."""
        return lambda function: cls(function, alert_type, on, **more)

    def __call__(self, event: E) -> Match | Quiet:
        """What this event alone amounts to, with nothing seen before it."""
        told = self.observe(event)
        if isinstance(told, Quiet):
            return told
        found = self.step(self.form(), noted(self, event, told, Origin(), ""))
        return next((one.match for one in found if isinstance(one, Finding)), Quiet(self.required, self.shown(told)))

    def observe(self, event: E) -> Noted | Quiet:
        """What to keep of one event, or why nothing."""
        return self.excused(event) or self.evaluate(event)

    @property
    @abstractmethod
    def required(self) -> str:
        """What has to come together until it fires, in words: `5 different commands of 3 categories within 5m`."""

    def shown(self, told: Noted) -> Any:
        """What was noted, for people."""
        return told.what

    @abstractmethod
    def step(self, state: S, observation: Observation) -> Iterator[Finding | Noted]:
        """Take one observation, in order of (time, event id), and alter the state.

        Yields findings, and what `then` is to judge.
        """

    @abstractmethod
    def expires(self, state: S) -> int:
        """Microseconds since 1970 after which the state is as good as a new one: `step` must treat it so itself.

        It may then be forgotten, and need not be.
        """

    def with_parameters(self, values: Mapping[str, Any]) -> Self:
        twin = super().with_parameters(values)
        assert isinstance(twin, type(self))
        twin.then = self.then and self.then.with_parameters(values)
        return twin

    @property
    def depends_on(self) -> dict[str, Plain]:
        """Parameters without which the state means nothing: if they change, it is begun anew."""
        return {}

    def to_plain(self, state: S) -> Plain:
        """The state as plain values that nobody alters any more."""
        return msgspec.to_builtins(state, builtin_types=(bytes,))

    def from_plain(self, version: int, plain: Plain) -> S:
        """The state that `to_plain` wrote. A detector that changes its form migrates older versions here.

        Raises
        ------
        UnknownStateError
            It was written by a version that this one does not know.
        """
        if version != self.version:
            raise UnknownStateError(
                f"state of {self.__name__} has version {version!r}, and this program reads {self.version}"
            )
        try:
            return msgspec.convert(plain, self.form)
        except msgspec.ValidationError as error:
            raise UnknownStateError(f"state of {self.__name__}: {error}") from None


def noted(detector: Stateful[Any, Any], event: Event, told: Noted, origin: Origin, summary: str) -> Observation:
    """The observation that a detector's note of an event makes."""
    return Observation(
        event.time,
        event.event_id,
        detector.__name__,
        origin.to_plain(),
        f"{event.cluster}|{told.key}",
        event.cluster,
        told.what,
        summary,
    )


def handed_on(detector: Stateful[Any, Any], told: Noted, observation: Observation) -> Observation:
    """The observation that `detector.then` is given of what `detector.step` handed on."""
    assert detector.then is not None
    key = f"{observation.cluster}|{told.key}"
    return observation._replace(detector=detector.then.__name__, key=key, what=told.what)
