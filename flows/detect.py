"""The dataflow: records in, alerts out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.operators import KeyedStream

from alerts import Alert
from alerts.signal import Signal
from detectors.windows import ValueCount
from events.decoder import Decoder
from flows.configuration import Configuration
from flows.files import Chunk
from flows.inputs import cluster_of
from flows.judge import DeadLetter, Decode, Judge, Observed
from flows.sinks import Sink
from flows.steps import AlertStep, EntityStep
from flows.tally import Tally

T = TypeVar("T")
Deliver = Callable[[Sequence[Any]], None]
CORRELATED_AFTER = timedelta(seconds=5)
"""How long a live input may pause before what is held is judged."""
UPDATED_AFTER = timedelta(seconds=60)
"""How long an alert that has changed waits for more before it leaves again, on a live input."""


def build(
    source: Source[Chunk],
    configuration: Configuration,
    *,
    cluster: str,
    alerts: Deliver,
    dead_letters: Deliver,
    tally: Tally,
    live: bool = False,
) -> Dataflow:
    """The whole job, not yet running.

    Parameters
    ----------
    source
        Gives chunks of lines.
    configuration
        The detectors that run, and how.
    cluster
        Name for events that do not say theirs, and do not come from a capture folder, which says it.
    alerts, dead_letters
        Deliver a batch of Alert or DeadLetter, or raise.
    tally
        Counts what is read and raised.
    live
        Whether the input may pause while it goes on: then nothing waits for its end.
    """
    judge = Judge(_decoders(cluster, configuration.settings.limits.item), configuration.dispatch, tally)
    flow = Dataflow("middlewatch")
    found = op.flat_map_batch("rules", op.input("source", flow, source), judge)
    entities = _entity_step(configuration, tally, live=live)
    correlated = op.stateful_batch("containers", _only(Observed, "observations", found), entities)
    rekeyed = op.map("by_alert", _only(Signal, "completed", correlated), lambda keyed: (keyed[1].alert_id, keyed[1]))
    signals = op.merge("signals", _only(Signal, "direct", found), rekeyed)
    held = op.stateful_batch("alerts", signals, _alert_step(configuration, UPDATED_AFTER if live else None))

    def deliver(keyed: Sequence[tuple[str, Alert]]) -> None:
        batch = [alert for _, alert in keyed]
        tally.alerts.update(alert.alert_type for alert in batch if alert.revision == 1)
        alerts(batch)

    letters = op.merge("letters", _only(DeadLetter, "unread", found), _only(DeadLetter, "failed", correlated))
    op.output("sink", held, Sink(deliver))
    op.output("dead_letters", letters, Sink(lambda keyed: dead_letters([letter for _, letter in keyed])))
    return flow


def _decoders(cluster: str, largest: int) -> Callable[[str], Decode]:
    """For a path the function that decodes its records; files of one cluster share one."""

    @cache
    def named(name: str) -> Decode:
        return Decoder(name, largest).decode

    return lambda path: named(cluster_of(path, cluster))


def _entity_step(configuration: Configuration, tally: Tally, *, live: bool) -> Callable[[Any], EntityStep]:
    windows = {detector.__name__: detector for detector in configuration.detectors if isinstance(detector, ValueCount)}
    lateness = configuration.settings.lateness.runtime // timedelta(microseconds=1)
    waits = (lateness, CORRELATED_AFTER) if live else (None, None)
    return lambda state: EntityStep(windows, tally, state, *waits)


def _alert_step(configuration: Configuration, patience: timedelta | None) -> Callable[[Any], AlertStep]:
    return lambda state: AlertStep(configuration.types, configuration.severities, patience, state)


def _only(kind: type[T], step_id: str, found: KeyedStream[Any]) -> KeyedStream[T]:
    """What of this kind the judge found."""
    return op.filter(step_id, found, lambda keyed: isinstance(keyed[1], kind))
