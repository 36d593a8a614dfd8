"""What a capture should raise, without bytewax, clock, lanes or steps: all of it read, then judged in order of time."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alerts.encoders import to_json
from alerts.merge import Merged, merge, to_alert
from alerts.signal import Origin, Signal
from detectors.replay import judged
from detectors.stateful import Observation, Stateful
from events import Event, Malformed, Skipped
from events.decoder import Decoder
from flows.configuration import configure
from flows.judge import evaluated, signal
from flows.stepnames import ALERTS
from tests.flows.replay.alerts import Alerts, content
from tests.flows.replay.capture import records

QUIET = 24 * 3_600_000_000
"""Microseconds after which the same alert is a new one."""


def reference(capture: Path) -> Alerts:
    """The last content of each alert."""
    configuration = configure(capture / "settings.yaml")
    signals: list[Signal] = []
    observed: dict[tuple[Stateful[Any, Any], str], list[Observation]] = defaultdict(list)
    for event, origin in events(capture):
        for detector in configuration.dispatch.reached(event):
            for step, _, item in evaluated(detector, event, origin):
                if step == ALERTS:
                    signals.append(item)
                else:
                    assert isinstance(detector, Stateful)
                    observed[detector, event.cluster].append(item)
    for (detector, cluster), seen in observed.items():
        signals += _found(detector, cluster, seen)
    last = _merged(signals)
    types = configuration.types
    return {
        name: content(json.loads(to_json(to_alert(merged, None, 1, "create", types)))) for name, merged in last.items()
    }


def _found(detector: Stateful[Any, Any], cluster: str, seen: list[Observation]) -> Iterator[Signal]:
    judging = detector

    def before(stage: Stateful[Any, Any], state: Any, _: Observation) -> Any:
        nonlocal judging
        judging = stage
        return state

    for found in judged(detector, seen, before):
        yield signal(judging, cluster, found.match, found.evidence)


def events(capture: Path) -> Iterator[tuple[Event, Origin]]:
    """All events, and where they stand."""
    for path in records(capture):
        decode = Decoder(path.parent.name).decode
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            items = decode(line)
            for index, item in enumerate(items):
                assert not isinstance(item, Malformed | Skipped)
                yield item, Origin(str(path), number, index if len(items) > 1 else None)


def _merged(signals: list[Signal]) -> dict[str, Merged]:
    alerts: dict[str, Merged] = {}
    for one in sorted(signals, key=lambda one: one.evidence[-1].time):
        before = alerts.get(one.alert_id)
        if before is not None and one.evidence[-1].time > before.newest[0] + QUIET:
            before = None
        alerts[one.alert_id] = merge(before, one)
    return alerts
