"""A job over Kafka for half an hour, to see whether anything grows."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from bench.feed import TOPICS, Fed, Feeding, Pace
from bench.job import KafkaJob, Listener, Size
from bench.kafka import broker
from bench.report import Table

RATE = 14_000
"""Events a second: half of what one process takes when it catches up."""
MINUTES, LONG_MINUTES = 2, 30
EVERY = "10s"
"""From one checkpoint to the next."""
ATTACK_EVERY, BURST_EVERY = 10.0, 60.0
"""Seconds: few, for alerts stay in memory for a day."""
SHOWN = 10
"""Rows, besides the first."""
BEGINNING = 5.0
"""Minutes in which memory becomes what it will be."""


class Sample(Struct, frozen=True):
    """How the job is at some time."""

    minute: float
    parent: Size
    worker: Size
    behind: float
    """Events that are not read."""
    alerts: int


def soak(_rounds: int, long: bool) -> Table:
    """Half the rate at which it catches up."""
    minutes = LONG_MINUTES if long else MINUTES
    samples: list[Sample] = []
    alerts: set[str] = set()
    pace = Pace(RATE, minutes * 60.0, ATTACK_EVERY, BURST_EVERY)
    with tempfile.TemporaryDirectory() as name, broker() as place:
        folder = Path(name)
        with KafkaJob(place, TOPICS, folder, EVERY) as job, Listener(place) as listener:
            job.await_reading()
            with Feeding(place.brokers(), folder, pace) as feeding:
                feeding.await_begin()
                begun = time.monotonic()
                while (fed := feeding.done(0.0)) is None:
                    alerts |= {heard.name for heard in listener.more(0.1)}
                    passed = (time.monotonic() - begun) / 60.0
                    if passed >= len(samples):
                        parent, worker = job.sizes()
                        samples.append(Sample(passed, parent, worker, job.metric("kafka_lag"), len(alerts)))
            until = time.monotonic() + 30.0
            while alerts < fed.attacks.keys() and time.monotonic() < until:
                alerts |= {heard.name for heard in listener.more(0.1)}
            job.stop()
    return table(samples, fed, alerts)


def table(samples: Sequence[Sample], fed: Fed, alerts: set[str]) -> Table:
    """The samples, and how fast memory grows."""
    shown = [*samples[:1], *samples[1 :: max(1, (len(samples) - 1) // SHOWN)]]
    rows = [
        [
            f"{one.minute:.0f}",
            *(f"{size.resident:,.0f}" for size in (one.parent, one.worker)),
            *(f"{size.descriptors} / {size.threads}" for size in (one.parent, one.worker)),
            f"{one.behind:,.0f}",
            f"{one.alerts}",
        ]
        for one in shown
    ]
    settled = [one for one in samples if one.minute >= BEGINNING] or list(samples)
    slope = 0.0
    if len(settled) > 1:
        slope = statistics.linear_regression(
            [one.minute for one in settled], [one.worker.resident for one in settled]
        ).slope
    note = (
        f"{fed.events:,} events in {fed.seconds / 60:.0f} minutes, {fed.events / fed.seconds:,.0f} a second; a"
        f" checkpoint every {EVERY}. Memory of the worker grows by {slope * 60:+.0f} MB an hour after the first"
        f" {BEGINNING:.0f} minutes. {len(fed.attacks)} attacks, {len(fed.attacks.keys() - alerts)} of them without an"
        " alert in the end."
    )
    head = ("minute", "parent MB", "worker MB", "parent files / threads", "worker files / threads", "behind", "alerts")
    return Table("soak", head, rows, note)
