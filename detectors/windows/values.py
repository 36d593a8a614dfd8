"""Different values of one entity within a span (Sigma: `value_count`), or all of several kinds (`temporal`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias, Unpack

from detectors.contract import Quiet
from detectors.parameters import written
from detectors.selection import Selector
from detectors.stateful import E, Plain
from detectors.windows.correlation import (
    AtLeast,
    Burst,
    Bursting,
    By,
    Choices,
    Correlation,
    CountParameters,
    Named,
    Seen,
    SpanParameters,
    bounded,
)

MOST_KINDS = 16
"""As many kinds of events may have to come together."""


class Sighting(NamedTuple):
    """One value that a window counts, and the group it belongs to: always the same for one value."""

    value: str
    group: str = ""


class Latest(NamedTuple):
    """When a value was seen last."""

    group: str
    seen: Seen


class Window(Bursting, array_like=True):
    """The last sighting of each value, oldest first."""

    values: dict[str, Latest] = {}


class Distinct(Correlation[E, Window]):
    """Remembers the last sighting of each value.

    Counted are at most `LARGEST` values and as many groups. So the newest values are kept, and of others the
    newest of their group: what falls out could never decide.
    """

    form = Window

    def remember(self, state: Window, names: Iterable[Named], seen: Seen, oldest: int) -> bool:
        for value, group in names:
            state.values.pop(value, None)
            state.values[value] = Latest(group, seen)
        if next(iter(state.values.values())).seen.time < oldest:
            state.values = {value: latest for value, latest in state.values.items() if latest.seen.time >= oldest}
        if len(state.values) > self.largest:
            state.values = _counted(state.values, self.largest)
        return self.enough(state.values)

    def held(self, state: Window) -> Iterable[tuple[Named, Seen]]:
        return (((value, latest.group), latest.seen) for value, latest in state.values.items())

    def newest(self, state: Window) -> int:
        return next((latest.seen.time for latest in reversed(state.values.values())), 0)

    @abstractmethod
    def enough(self, values: dict[str, Latest]) -> bool:
        """Whether these, within one span, are a burst."""


def _counted(values: dict[str, Latest], largest: int) -> dict[str, Latest]:
    kept: list[tuple[str, Latest]] = []
    groups: set[str] = set()
    for place, (value, latest) in enumerate(reversed(values.items())):
        if place < largest or (latest.group not in groups and len(groups) < largest):
            groups.add(latest.group)
            kept.append((value, latest))
    return dict(reversed(kept))


class ValueCount(Distinct[E]):
    """Fires when enough different values were seen of one entity within a span (Sigma: `value_count`).

    The function gives the sightings of one event. A value that goes on alone, such as a health check, does
    not keep a burst open.
    """

    names: tuple[str, str]
    """What values and groups are called in the alert: `commands`, `categories`; the second may be empty."""
    parameters: CountParameters

    def named(self, told: Any) -> Iterable[Named]:
        if not isinstance(told, tuple) or not all(isinstance(one, Sighting) for one in told):
            raise TypeError(f"{self.__name__} gives {told!r} for an event; expected Sightings, Quiet or None")
        return [(bounded(value), bounded(group)) for value, group in told]

    def enough(self, values: dict[str, Latest]) -> bool:
        return self.parameters.enough(len(values), len({latest.group for latest in values.values()}))

    @property
    def required(self) -> str:
        if isinstance(self.parameters, AtLeast):
            wanted = f"{self.parameters.at_least} different {self.names[0]}"
            return f"at least {wanted} within {written(self.parameters.within)}"
        return self.parameters.required

    def told(self, burst: Burst) -> tuple[str, dict[str, Any]]:
        values, groups = sorted(burst.names), sorted(set(burst.names.values()))
        one, other = self.names
        of = f" of {len(groups)} {other}" if other else ""
        because = f"{len(values)} different {one}{of} in one burst: {', '.join(values)}"
        return because, {one: values, other: groups} if other else {one: values}


class Temporal(Distinct[E]):
    """Fires when events of all of several kinds were seen of one entity within a span, in any order (`temporal`)."""

    kinds: tuple[str, ...]

    def named(self, told: Any) -> Iterable[Named]:
        return of_kinds(self.__name__, self.kinds, super().named(told))

    def enough(self, values: dict[str, Latest]) -> bool:
        return len(values) == len(self.kinds)

    @property
    def required(self) -> str:
        return f"all of {', '.join(self.kinds)} within {written(self.parameters.within)}"

    @property
    def depends_on(self) -> dict[str, Plain]:
        return {**super().depends_on, "kinds": list(self.kinds)}

    def told(self, burst: Burst) -> tuple[str, dict[str, Any]]:
        because = f"{', '.join(self.kinds)}: all in one burst of {burst.events} events"
        return because, {"kinds": list(self.kinds), "events": burst.events}


def of_kinds(detector: str, kinds: tuple[str, ...], names: Iterable[Named]) -> Iterable[Named]:
    """The names, if they are kinds that a detector declares.

    Raises
    ------
    ValueError
        One is not.
    """
    for name, group in names:
        if name not in kinds:
            raise ValueError(f"{detector} calls an event {name!r}; it declares {', '.join(kinds)}")
        yield name, group


def checked_kinds(of: tuple[str, ...] | str) -> tuple[str, ...]:
    """Kinds that a decorator was given.

    Raises
    ------
    ValueError
        They are too few, too many or too long.
    """
    if isinstance(of, str) or not 2 <= len(of) <= MOST_KINDS or any(not kind or bounded(kind) != kind for kind in of):
        raise ValueError(f"`of` names 2 to {MOST_KINDS} kinds of events, not {of!r}")
    return tuple(of)


Names: TypeAlias = str | tuple[str, ...] | Quiet | None
"""What a function says that an event is; None and Quiet: it does not count."""


def value_count(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    by: By[E],
    names: str | tuple[str, str],
    parameters: CountParameters,
    **choices: Unpack[Choices],
) -> Callable[[Callable[..., tuple[Sighting, ...] | Quiet | None]], ValueCount[E]]:
    """Make a value count of a function that gives what one event adds to the window.

    Parameters
    ----------
    alert_type, on
        As for every detector.
    by
        Gives the entity that an event counts for, and the key of its window.
    names
        What values, and perhaps groups, are called in the alert.
    parameters
        The span, and how much is enough.
    choices
        `unless`, `revision`, `misses`, `noise` as for every detector; `scope`, whose state it is.
    """

    def decorate(function: Callable[..., tuple[Sighting, ...] | Quiet | None]) -> ValueCount[E]:
        made = ValueCount(function, alert_type, on, by, parameters, **choices)
        made.names = (names, "") if isinstance(names, str) else names
        return made

    return decorate


def temporal(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    of: tuple[str, ...],
    by: By[E],
    parameters: SpanParameters,
    **choices: Unpack[Choices],
) -> Callable[[Callable[..., Names]], Temporal[E]]:
    """Make a detector that wants events of all the kinds in `of`, from a function that says what one event is.

    The other parameters are those of `value_count`.

    Raises
    ------
    ValueError
        `of` names too few or too many kinds, or one of them twice.
    """
    kinds = checked_kinds(of)
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"`of` names a kind twice: {of!r}")

    def decorate(function: Callable[..., Names]) -> Temporal[E]:
        made = Temporal(function, alert_type, on, by, parameters, **choices)
        made.kinds = kinds
        return made

    return decorate
