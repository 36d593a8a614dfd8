"""Events through detectors in plain Python: the reference for whatever runs them faster, and what examples use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from alerts.signal import Evidence, Origin
from detectors.contract import Detector, Match
from detectors.stateful import Finding, Noted, Observation, Stateful, handed_on, noted
from events import Event


def findings(detector: Detector[Any], events: Iterable[Event]) -> list[Finding]:
    """What one detector finds in events, whatever their order."""
    if not isinstance(detector, Stateful):
        verdicts = ((event, detector(event)) for event in events)
        return [
            Finding(verdict, (Evidence(event.event_id, event.time, Origin(), ""),))
            for event, verdict in verdicts
            if isinstance(verdict, Match)
        ]
    told = ((event, detector.observe(event)) for event in events)
    observed = [noted(detector, event, note, Origin(), "") for event, note in told if isinstance(note, Noted)]
    return list(judged(detector, observed))


def judged(detector: Stateful[Any, Any], observed: Iterable[Observation]) -> Iterator[Finding]:
    """What a detector that remembers, and the one behind it, make of these observations."""
    states: dict[str, Any] = {}
    later: list[Observation] = []
    for observation in sorted(observed, key=Observation.order.fget):  # type: ignore[attr-defined]  # a property
        state = states.setdefault(observation.key, detector.form())
        for found in detector.step(state, observation):
            if isinstance(found, Noted):
                later.append(handed_on(detector, found, observation))
            else:
                yield found
    if detector.then is not None:
        yield from judged(detector.then, later)
