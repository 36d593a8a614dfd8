"""Events through detectors in plain Python: the reference for whatever runs them faster, and what examples use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, TypeAlias

from alerts.signal import Evidence, Origin
from detectors.contract import Detector, Match
from detectors.stateful import Finding, Noted, Observation, Stateful, handed_on, noted
from events import Event

Before: TypeAlias = Callable[[Stateful[Any, Any], Any, Observation], Any]
"""Is given a detector, a state and the observation that it is to take, and gives the state to go on with."""


def findings(detector: Detector[Any], events: Iterable[Event]) -> list[Finding]:
    """What one detector finds in events, whatever their order."""
    if not isinstance(detector, Stateful):
        verdicts = ((event, detector(event)) for event in events)
        return [
            Finding(verdict, (Evidence(event.event_id, event.time, Origin(), ""),))
            for event, verdict in verdicts
            if isinstance(verdict, Match)
        ]
    return list(judged(detector, observations(detector, events)))


def observations(detector: Stateful[Any, Any], events: Iterable[Event]) -> list[Observation]:
    """What a detector that remembers notes of events."""
    told = ((event, detector.observe(event)) for event in events)
    return [noted(detector, event, note, Origin(), "") for event, note in told if isinstance(note, Noted)]


def judged(
    detector: Stateful[Any, Any],
    observed: Iterable[Observation],
    before: Before = lambda _, state, __: state,
) -> Iterator[Finding]:
    """What a detector that remembers, and the one behind it, make of these observations: a repeated one counts once."""
    states: dict[str, Any] = {}
    later: list[Observation] = []
    ordered = sorted(observed, key=lambda one: (one.time, one.event_id, one.key, one.order))
    for _, same in groupby(ordered, key=lambda one: (one.time, one.event_id, one.key)):
        observation = next(same)
        state = states.get(observation.key)
        state = before(detector, detector.form() if state is None else state, observation)
        states[observation.key] = state
        for found in detector.step(state, observation):
            if isinstance(found, Noted):
                later.append(handed_on(detector, found, observation))
            else:
                yield found
    if detector.then is not None:
        yield from judged(detector.then, later, before)
