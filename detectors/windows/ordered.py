"""Events of several kinds of one entity, one after the other within a span (Sigma: `temporal_ordered`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Unpack

from detectors.parameters import written
from detectors.selection import Selector
from detectors.stateful import E, Plain
from detectors.windows.correlation import Burst, Bursting, By, Choices, Correlation, Named, Seen, SpanParameters
from detectors.windows.values import Names, checked_kinds, of_kinds


class OrderedWindow(Bursting, array_like=True):
    """For each beginning of the sequence the events that make it, of those that began last."""

    chains: list[list[Seen]] = []
    """The first holds one event, the next two, and so on; an empty one was not seen."""


class TemporalOrdered(Correlation[E, OrderedWindow]):
    """Fires when events of several kinds followed each other within a span (Sigma: `temporal_ordered`).

    Others may lie between them. Order is that of (time, event id); one event that is of several kinds is so in
    the order in which the function names them. For each beginning of the sequence only the one that began
    last is remembered: whatever an earlier one could still become within the span, this one can too.
    """

    form = OrderedWindow
    kinds: tuple[str, ...]

    def named(self, told: Any) -> Iterable[Named]:
        return of_kinds(self.__name__, self.kinds, super().named(told))

    def remember(self, state: OrderedWindow, names: Iterable[Named], seen: Seen, oldest: int) -> bool:
        chains = [
            chain if chain and chain[0].time >= oldest else [] for chain in state.chains or [[]] * len(self.kinds)
        ]
        complete = False
        for name, _ in names:
            for place in reversed(range(len(self.kinds))):
                if self.kinds[place] == name and (place == 0 or chains[place - 1]):
                    chains[place] = [*(chains[place - 1] if place else ()), seen]
                    complete = complete or place == len(self.kinds) - 1
        state.chains = chains
        return complete

    def held(self, state: OrderedWindow) -> Iterable[tuple[Named, Seen]]:
        return (((kind, ""), seen) for kind, seen in zip(self.kinds, state.chains[-1], strict=True))

    def newest(self, state: OrderedWindow) -> int:
        return max((chain[0].time for chain in state.chains if chain), default=0)

    @property
    def required(self) -> str:
        return f"{', then '.join(self.kinds)} within {written(self.parameters.within)}"

    @property
    def depends_on(self) -> dict[str, Plain]:
        return {**super().depends_on, "kinds": list(self.kinds)}

    def told(self, burst: Burst) -> tuple[str, dict[str, Any]]:
        because = f"{', then '.join(self.kinds)}: in one burst of {burst.events} events"
        return because, {"kinds": list(self.kinds), "events": burst.events}


def temporal_ordered(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    of: tuple[str, ...],
    by: By[E],
    parameters: SpanParameters,
    **choices: Unpack[Choices],
) -> Callable[[Callable[..., Names]], TemporalOrdered[E]]:
    """Make a detector that wants the kinds in `of` in this order, from a function that says what one event is.

    A kind may stand in it more than once. The other parameters are those of `detectors.windows.value_count`.

    Raises
    ------
    ValueError
        `of` names too few or too many kinds.
    """
    kinds = checked_kinds(of)

    def decorate(function: Callable[..., Names]) -> TemporalOrdered[E]:
        made = TemporalOrdered(function, alert_type, on, by, parameters, **choices)
        made.kinds = kinds
        return made

    return decorate
