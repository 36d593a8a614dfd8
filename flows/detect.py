"""The dataflow: records in, alerts out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
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
from flows.dispatch import Dispatch
from flows.files import Chunk
from flows.judge import DeadLetter, Judge, Observed
from flows.sinks import Sink
from flows.steps import AlertStep, EntityStep
from flows.tally import Tally

T = TypeVar("T")
Deliver = Callable[[Sequence[Any]], None]


def build(
    source: Source[Chunk],
    configuration: Configuration,
    *,
    cluster: str,
    alerts: Deliver,
    dead_letters: Deliver,
    tally: Tally,
) -> Dataflow:
    """The whole job, not yet running.

    Parameters
    ----------
    source
        Gives chunks of lines.
    configuration
        The detectors that run, and how.
    cluster
        Name for events that do not say theirs.
    alerts, dead_letters
        Deliver a batch of Alert or DeadLetter, or raise.
    tally
        Counts what is read and raised.
    """
    limits = configuration.settings.limits
    judge = Judge(Decoder(cluster, limits.item).decode, Dispatch(configuration.detectors), tally)
    windows = {detector.__name__: detector for detector in configuration.detectors if isinstance(detector, ValueCount)}
    lateness = configuration.settings.lateness.runtime // timedelta(microseconds=1)

    flow = Dataflow("middlewatch")
    found = op.flat_map_batch("rules", op.input("source", flow, source), judge)
    observed = _only(Observed, "observations", found)
    correlated = op.stateful_batch(
        "containers", observed, lambda state: EntityStep(windows, lateness, tally.count_late, state)
    )
    rekeyed = op.map("by_alert", correlated, lambda keyed: (keyed[1].alert_id, keyed[1]))
    signals = op.merge("signals", _only(Signal, "direct", found), rekeyed)
    held = op.stateful_batch(
        "alerts", signals, lambda state: AlertStep(configuration.types, configuration.severities, state)
    )

    def deliver(keyed: Sequence[tuple[str, Alert]]) -> None:
        batch = [alert for _, alert in keyed]
        tally.alerts.update(alert.alert_type for alert in batch if alert.revision == 1)
        alerts(batch)

    op.output("sink", held, Sink(deliver))
    letters = _only(DeadLetter, "unread", found)
    op.output("dead_letters", letters, Sink(lambda keyed: dead_letters([letter for _, letter in keyed])))
    return flow


def _only(kind: type[T], step_id: str, found: KeyedStream[Any]) -> KeyedStream[T]:
    """What of this kind the judge found."""
    return op.filter(step_id, found, lambda keyed: isinstance(keyed[1], kind))
