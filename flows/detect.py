"""The dataflow: records in, alerts out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from operator import itemgetter
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import KeyedStream
from bytewax.outputs import Sink
from msgspec import Struct

from detectors.contract import Detector
from detectors.selection import Operations, Requests
from detectors.stateful import Scope, Stateful
from flows.clock import Clock, Report, Wait, process_keys
from flows.configuration import Configuration
from flows.failing import noticed
from flows.in_order import Keeping
from flows.judge import Found
from flows.settings import Lateness
from flows.stepnames import ALERTS, CLOCK, DEAD_LETTERS, FLOW, OUTPUT, SOURCE
from flows.steps import AlertStep, ClockStep, EntityStep
from flows.tally import Tally

MICROSECOND = timedelta(microseconds=1)
Sorted = tuple[str, dict[str, list[Any]]]
"""A step, and what it is to take, by key."""
Keepers = Mapping[Scope, Mapping[str, Stateful[Any, Any]]]
"""The detectors that remember, by whose state it is and by name."""


class Job(Struct, frozen=True):
    """What all steps of one process share."""

    configuration: Configuration
    clock: Clock
    tally: Tally
    processes: int = 1
    keeping: Keeping = Keeping()
    heard: Callable[[], None] = lambda: None
    """Called at least once in every epoch."""


def build(source: Source[Found], job: Job, alerts: Sink[Any], dead_letters: Sink[Any]) -> Dataflow:
    """The whole job, not yet running.

    Parameters
    ----------
    source
        Gives what was found in the input, and reports on how far it has come.
    job
        What the steps share.
    alerts, dead_letters
        Take (key, Alert) and (key, DeadLetter).
    """
    flow = Dataflow(FLOW)
    read = _sorted("read", op.input(SOURCE, flow, source))
    ticks = _sorted("told", _ticks(read, job))
    keepers = remembering(job.configuration.detectors)
    found: list[Stream[Sorted]] = [read]
    for scope in Scope:
        if scope in keepers:
            came = _for(scope, [*(found if scope is Scope.CLUSTER else [read]), ticks])
            found.append(_entities(scope, came, job, keepers[scope]))
    signals = _for(ALERTS, [*found, ticks])
    held = op.stateful_batch(ALERTS, signals, _alert_step(job))
    op.output(OUTPUT, held, alerts)
    letters = op.flat_map_value("letters", _for(DEAD_LETTERS, found), list)
    op.output(DEAD_LETTERS, letters, dead_letters)
    return flow


def _sorted(name: str, stream: Stream[Found]) -> Stream[Sorted]:
    """What was found, by step and key: every step looks at the few steps, instead of at all that was found."""

    def by_step(found: list[Found]) -> list[Sorted]:
        steps: dict[str, dict[str, list[Any]]] = {}
        for step, key, item in found:
            keys = steps.get(step)
            if keys is None:
                keys = steps[step] = {}
            items = keys.get(key)
            if items is None:
                keys[key] = [item]
            else:
                items.append(item)
        return list(steps.items())

    return op.flat_map_batch(f"{name}_sorted", stream, by_step)


def _ticks(read: Stream[Sorted], job: Job) -> Stream[Found]:
    """The reports of all lanes, to all processes; of each process what its clock tells its keys."""
    everywhere = process_keys(job.processes)

    def spread(found: list[Sorted]) -> list[tuple[str, Report]]:
        said = [report for step, keys in found if step == CLOCK for reports in keys.values() for report in reports]
        return [(key, report) for report in said for key in everywhere]

    reports = op.flat_map_batch("reports", read, spread)
    told = op.stateful_batch(CLOCK, reports, lambda _: ClockStep(job.clock, job.heard))
    return op.map("ticks", told, itemgetter(1))


def _for(step: str, streams: Iterable[Stream[Sorted]]) -> KeyedStream[Any]:
    """What of these streams a step is to take: under each key what came at once."""

    def chosen(found: list[Sorted]) -> list[tuple[str, list[Any]]]:
        return [pair for name, keys in found if name == step for pair in keys.items()]

    picked = [op.flat_map_batch(f"{step}_{number}", stream, chosen) for number, stream in enumerate(streams)]
    return op.merge(f"to_{step}", *picked)


def _entities(
    scope: Scope, came: KeyedStream[Any], job: Job, detectors: Mapping[str, Stateful[Any, Any]]
) -> Stream[Sorted]:
    @noticed
    def step(state: Any) -> EntityStep:
        return EntityStep(scope, job.clock, detectors, job.tally, job.keeping, state)

    return _sorted(scope, op.map(f"{scope}_found", op.stateful_batch(scope, came, step), itemgetter(1)))


def _alert_step(job: Job) -> Callable[[Any], AlertStep]:
    configuration = job.configuration

    @noticed
    def step(state: Any) -> AlertStep:
        return AlertStep(job.clock, configuration.types, configuration.severities, job.tally, job.keeping, state)

    return step


def remembering(detectors: Iterable[Detector[Any]]) -> Keepers:
    """The detectors that remember, with their second stages."""
    found: dict[Scope, dict[str, Stateful[Any, Any]]] = {}
    for detector in detectors:
        stage = detector if isinstance(detector, Stateful) else None
        while stage is not None:
            found.setdefault(stage.scope, {})[stage.__name__] = stage
            stage = stage.then
    return found


def waits(configuration: Configuration) -> dict[str, Wait]:
    """How long each step waits: for the latest of the sources of its detectors, and of the step before it."""
    lateness = allowed(configuration.settings.lateness)
    longest: dict[str, int] = {}
    for detector in configuration.detectors:
        own = max(lateness[source] for source in sources(detector))
        for step in (*remembering([detector]), ALERTS):
            longest[step] = max(longest.get(step, 0), own)
    if Scope.CLUSTER in longest:
        longest[Scope.CLUSTER] = max(longest[step] for step in longest if step != ALERTS)
    stages: dict[str, int] = {Scope.CLUSTER: 1, ALERTS: 2}
    return {step: Wait(stages.get(step, 0), waited) for step, waited in longest.items()}


def allowed(lateness: Lateness) -> dict[str, int]:
    """Microseconds by source."""
    return {source: given // MICROSECOND for source, given in lateness}


def sources(detector: Detector[Any]) -> set[str]:
    """Where the events that a detector wants come from."""
    kinds = {Requests: "audit", Operations: "arm"}
    return {kinds.get(type(selector), "runtime") for selector in detector.on}
