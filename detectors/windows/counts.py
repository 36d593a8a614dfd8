"""As many events of one entity within a span (Sigma: `event_count`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Unpack

from detectors.parameters import written
from detectors.selection import Selector
from detectors.stateful import E, Plain
from detectors.windows.correlation import AtLeast, Burst, Bursting, By, Choices, Correlation, Named, Seen
from detectors.windows.values import Names


class EventWindow(Bursting, array_like=True):
    """The last events, as many as are wanted, with their names."""

    events: list[tuple[tuple[Named, ...], Seen]] = []


class EventCount(Correlation[E, EventWindow]):
    """Fires when as many events as wanted were seen of one entity within a span (Sigma: `event_count`).

    The last ones decide: so of N wanted events it remembers N, and an older one could never count again.
    """

    form = EventWindow
    called: str
    """What the events are called in the alert: `requests`."""
    parameters: AtLeast

    def remember(self, state: EventWindow, names: Iterable[Named], seen: Seen, oldest: int) -> bool:
        wanted = self.parameters.at_least
        state.events = [*state.events[-wanted + 1 :], (tuple(names), seen)] if wanted > 1 else [(tuple(names), seen)]
        return len(state.events) == wanted and state.events[0][1].time >= oldest

    def held(self, state: EventWindow) -> Iterable[tuple[Named, Seen]]:
        return ((name, seen) for names, seen in state.events for name in names)

    def newest(self, state: EventWindow) -> int:
        return state.events[-1][1].time if state.events else 0

    @property
    def required(self) -> str:
        return f"at least {self.parameters.at_least} {self.called} within {written(self.parameters.within)}"

    @property
    def depends_on(self) -> dict[str, Plain]:
        return {**super().depends_on, "at_least": self.parameters.at_least}

    def told(self, burst: Burst) -> tuple[str, dict[str, Any]]:
        names = sorted(burst.names)
        because = f"{burst.events} {self.called} in one burst: {', '.join(names)}"
        return because, {"events": burst.events, self.called: names}


def event_count(
    alert_type: str,
    on: Selector | tuple[Selector, ...],
    *,
    by: By[E],
    called: str,
    parameters: AtLeast,
    **choices: Unpack[Choices],
) -> Callable[[Callable[..., Names]], EventCount[E]]:
    """Make an event count of a function that says what one event is; it counts once, whatever it is called.

    Parameters
    ----------
    alert_type, on
        As for every detector.
    by
        Gives the entity that an event counts for, and the key of its window.
    called
        What the events are called in the alert: `requests`.
    parameters
        How many within which span.
    choices
        `unless`, `revision`, `misses`, `noise` as for every detector; `scope`, whose state it is.
    """

    def decorate(function: Callable[..., Names]) -> EventCount[E]:
        made = EventCount(function, alert_type, on, by, parameters, **choices)
        made.called = called
        return made

    return decorate
