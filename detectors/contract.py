"""What a detector is: one decorated function of one event, with its selection, its conditions and its words."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar, cast

from msgspec import Struct
from pydantic import BaseModel

from alerts.signal import Actor, Entity
from detectors.selection import Selector
from events import Event

E = TypeVar("E", bound=Event)


class Match(Struct, frozen=True):
    """What a detector answers when it fires."""

    entity: Entity
    occurrence: str
    """What makes this occurrence this one and no other: the same for a repeated record."""
    because: str
    """Why, in one sentence that names the values."""
    fields: Mapping[str, Any]
    """The fields that decided, with their values: plain JSON values, small."""
    actor: Actor | None = None


class Quiet(Struct, frozen=True):
    """What a detector answers when it stays quiet and can say why."""

    condition: str
    """What was required, and did not hold: `the role is cluster-admin`."""
    saw: Any = None
    """The value that was there instead."""


Verdict: TypeAlias = Match | Quiet | None


class DetectorKind(StrEnum):
    """How a detector decides (alert reference)."""

    RULE = "rule"
    WINDOW = "window"
    JOIN = "join"
    BASELINE = "baseline"
    MODEL = "model"


class State(StrEnum):
    """What a detector remembers between events."""

    NONE = "none"
    OBJECT = "object"
    TREE = "tree"
    INVENTORY = "inventory"
    CLUSTER = "cluster"


class Condition(Generic[E]):
    """A named predicate over an event. Its docstring is the sentence that `explain` prints.

    Parameters
    ----------
    test
        The predicate.
    saw
        The value it looks at, for people.
    """

    def __init__(self, test: Callable[[E], bool], saw: Callable[[E], Any]) -> None:
        self.test = test
        self.saw = saw
        sentence = (test.__doc__ or test.__name__.replace("_", " ")).strip().splitlines()[0].rstrip(".")
        self.sentence = sentence[0].lower() + sentence[1:]
        functools.update_wrapper(self, test)

    __name__: str

    def __call__(self, event: E) -> bool:
        return self.test(event)


def condition(saw: Callable[[Any], Any]) -> Callable[[Callable[[E], bool]], Condition[E]]:
    """Make a named condition of a predicate; `saw` gives the value that it looks at."""
    return lambda test: Condition(test, saw)


class Detector(Generic[E]):
    """What the decorators of this package make of a function; calling it judges one event.

    Parameters
    ----------
    function
        The decorated function: `(event)`, or `(event, parameters)` if it has parameters.
    alert_type
        A row of the catalogue.
    on
        Which events it wants. Events that are not selected never reach it.
    unless
        Conditions that keep it quiet, tested in order before the function.
    parameters
        Its settings, a frozen pydantic model whose defaults are the recommended ones.
    revision
        Counts up when the same event may get another answer.
    misses
        How the same could be done unseen.
    noise
        Which ordinary activity looks the same.
    """

    kind = DetectorKind.RULE
    state = State.NONE
    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __init__(
        self,
        function: Callable[..., Any],
        alert_type: str,
        on: Selector | tuple[Selector, ...],
        unless: tuple[Condition[E], ...] = (),
        parameters: BaseModel | None = None,
        revision: int = 1,
        misses: str = "",
        noise: str = "",
    ) -> None:
        functools.update_wrapper(self, function)
        self.alert_type = alert_type
        self.on = on if isinstance(on, tuple) else (on,)
        self.unless = unless
        self.parameters = parameters
        self.revision = revision
        self.misses = misses
        self.noise = noise

    def __call__(self, event: E) -> Verdict:
        return self.excused(event) or cast("Verdict", self.evaluate(event))

    def excused(self, event: E) -> Quiet | None:
        """The first condition that keeps it quiet."""
        for condition in self.unless:
            if condition.test(event):
                return Quiet(f"not: {condition.sentence}", condition.saw(event))
        return None

    def evaluate(self, event: E) -> Any:
        """The function's own answer, conditions aside."""
        if self.parameters is None:
            return self.__wrapped__(event)
        return self.__wrapped__(event, self.parameters)

    def with_parameters(self, values: Mapping[str, Any]) -> Detector[E]:
        """The same detector with other parameters.

        Raises
        ------
        pydantic.ValidationError
            A parameter is unknown, or its value is not allowed.
        """
        if self.parameters is None:
            raise ValueError(f"{self.alert_type} has no parameters")
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.parameters = type(self.parameters).model_validate({**self.parameters.model_dump(), **values})
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return _find, (self.__module__, self.__qualname__, self.parameters)


def _find(module: str, name: str, parameters: BaseModel | None) -> Detector[Any]:
    found = cast("Detector[Any]", getattr(importlib.import_module(module), name))
    return found if parameters is None else found.with_parameters(parameters.model_dump())


def rule(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    unless: tuple[Condition[Any], ...] = (),
    parameters: BaseModel | None = None,
    revision: int = 1,
    misses: str = "",
    noise: str = "",
) -> Callable[[Callable[..., Verdict]], Detector[Any]]:
    """Make a detector of a function that decides on one event: it returns a Match, or Quiet (or None)."""
    return lambda function: Detector(function, alert_type, on, unless, parameters, revision, misses, noise)
