"""What a job over Kafka does: from append to alert, catching up, and for half an hour.

The broker is a real one and runs on the same machine, as do the process that feeds it and the one that listens.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alerts.alert import rfc3339
from bench.feed import NAMED, PARTITIONS, TOPICS, Fed, Feeding, Pace, attack
from bench.inputs import simulated, written
from bench.job import ALERTS, Heard, KafkaJob, Listener
from bench.measure import Spread, detect, start
from bench.report import Table
from events.times import micros
from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster
from tests.kafka.jars import NoKafkaError

RATE = 10_000
SECONDS, LONG_SECONDS = 30.0, 120.0
SETTLING = 35.0
"""Seconds at the beginning that do not count: what waits for late events becomes as much as it will be."""
LATENESS = 2.0
"""Seconds that records of processes may be late: so long a burst waits."""
EVERY = {"none": "", "every 1 s": "1s", "every 100 ms": "100ms"}
"""Checkpoints."""
BURST = "web-"
"""What the names of bursts begin with."""
CAUGHT_UP = 100_000
"""Events of each source that wait for a job that catches up."""
CATCHES_UP_WITHIN = 300.0
QUICK = {"log.retention.check.interval.ms": "5000", "log.segment.delete.delay.ms": "1000"}
SMALL = {
    "message.timestamp.type": "LogAppendTime",
    "segment.bytes": str(32 << 20),
    "retention.bytes": str(64 << 20),
}
"""Of topics whose records are dated now; the broker keeps its logs in memory."""


@contextlib.contextmanager
def broker() -> Iterator[Cluster]:
    """A broker with the topics.

    Raises
    ------
    SystemExit
        There is no Java, or Maven cannot get Kafka.
    """
    try:
        running = Broker(settings=QUICK)
    except NoKafkaError as error:
        raise SystemExit(f"Kafka cannot be measured: {error}") from None
    with running:
        for topic in TOPICS:
            running.create(topic, PARTITIONS, SMALL)
        running.create(ALERTS)
        yield running


def latency(_rounds: int, long: bool) -> Table:
    """From the append of an event to its alert, at a steady rate, with checkpoints and without."""
    rows = []
    pace = Pace(RATE, SETTLING + (LONG_SECONDS if long else SECONDS))
    for checkpoint, every in EVERY.items():
        with tempfile.TemporaryDirectory() as name, broker() as place:
            folder = Path(name)
            with KafkaJob(place, TOPICS, folder, every) as job, Listener(place) as listener:
                job.await_reading()
                fed, heard, cores = _listened(place, folder, pace, job, listener)
                behind = job.metric("kafka_lag")
                job.stop()
        for kind, burst in (("decided at once", False), ("a burst", True)):
            delays, missing = _delays(fed, heard, burst=burst)
            figures = [_share(delays, share) for share in (0.5, 0.99, 1.0)]
            rows.append([checkpoint, kind, *figures, f"{len(delays)}", f"{missing}", f"{behind:,.0f}", f"{cores:.2f}"])
    note = (
        f"{RATE:,} events/s for {pace.seconds:.0f} s, half of them audit, half of them runtime, in {2 * PARTITIONS}"
        f" partitions; the first {SETTLING:.0f} s do not count. From the time that the broker gave an event to that"
        f" at which an ordinary consumer of the alerts has its alert. Bursts wait {LATENESS:.0f} s for what may be"
        " late, which is in their figures. Missing: not there 5 s after the last event. Behind: events not read then."
    )
    head = ("checkpoint", "alert", "p50 ms", "p99 ms", "most ms", "alerts", "missing", "behind", "cores of the job")
    return Table("latency", head, rows, note)


def _listened(
    place: Cluster, folder: Path, pace: Pace, job: KafkaJob, listener: Listener
) -> tuple[Fed, list[Heard], float]:
    """What was fed and heard, and the processors that the job has used."""
    heard: list[Heard] = []
    with Feeding(place.brokers(), folder, pace) as feeding:
        feeding.await_begin()
        begun, before = time.monotonic(), job.processor()
        while (fed := feeding.done(0.0)) is None:
            heard += listener.more(0.1)
        cores = (job.processor() - before) / (time.monotonic() - begun)
    until = time.monotonic() + LATENESS + 3.0
    while time.monotonic() < until:
        heard += listener.more(0.1)
    return fed, heard, cores


def _delays(fed: Fed, heard: Sequence[Heard], *, burst: bool) -> tuple[list[float], int]:
    """Seconds, in order, and how many alerts are missing; the last bursts do not count, for time stands still then."""
    first, last = min(fed.attacks.values()) + SETTLING, max(fed.attacks.values()) - LATENESS - 1.0
    asked = {name: at for name, at in fed.attacks.items() if first <= at <= last and name.startswith(BURST) == burst}
    came: dict[str, float] = {}
    for one in heard:
        came.setdefault(one.name, one.at)
    return sorted(came[name] - at for name, at in asked.items() if name in came), len(asked.keys() - came.keys())


def _share(delays: Sequence[float], share: float) -> str:
    """The delay that this share does not pass, in milliseconds."""
    return f"{delays[min(len(delays) - 1, int(len(delays) * share))] * 1000:,.0f}" if delays else "-"


def catching_up(rounds: int, _long: bool) -> Table:
    """How fast one process takes what waits in topics, against the same records in files."""
    with tempfile.TemporaryDirectory() as name, broker() as place:
        folder = Path(name)
        logs = {topic: simulated(folder / topic, topic, CAUGHT_UP).read_bytes().splitlines() for topic in TOPICS}
        files = [written(folder / f"{topic}.jsonl", (line + b"\n" for line in logs[topic])) for topic in TOPICS]
        bare = start(folder)
        measured, flowed = [], []
        for number in range(rounds):
            measured.append(_caught_up(place, folder, logs, number))
            flowed.append(detect(files).without(bare))
    events = len(TOPICS) * CAUGHT_UP
    walls = [file.wall / wall for file, (wall, _) in zip(flowed, measured, strict=True)]
    costs = [file.processor / cost for file, (_, cost) in zip(flowed, measured, strict=True)]
    rows = [
        ["events/s, from topics", _rates(events, [wall for wall, _ in measured])],
        ["events/s, from files", _rates(events, [file.wall for file in flowed])],
        ["rate from topics to rate from files", str(Spread.of(walls))],
        ["the same by processor time", str(Spread.of(costs))],
        ["us an event, from topics", str(Spread.of(cost / events * 1e6 for _, cost in measured))],
    ]
    note = (
        f"{events:,} events, half of them audit, half of them runtime, in {2 * PARTITIONS} partitions and in two"
        f" files; one process, no checkpoint. Median of {rounds} rounds, least and most in brackets."
    )
    return Table("catching-up", ("what", "figure"), rows, note)


def _rates(events: int, seconds: Sequence[float]) -> str:
    found = Spread.of(events / one for one in seconds)
    return f"{found.median:,.0f} ({found.least:,.0f} to {found.most:,.0f})"


def _caught_up(place: Cluster, folder: Path, logs: Mapping[str, Sequence[bytes]], number: int) -> tuple[float, float]:
    """Seconds from the first alert to the last, by the clock and of the processor: an attack is first and last."""
    left: set[str] = set()
    topics = [f"{topic}-{number}" for topic in TOPICS]
    for topic, name in zip(TOPICS, topics, strict=True):
        marks = [f"{name}-{end}-{part}" for end in ("first", "last") for part in range(PARTITIONS)]
        left |= set(marks)
        place.create(name, PARTITIONS)
        place.produce_all(name, _marked(logs[topic], marks), **{"compression.type": "lz4"})
    own = folder / f"round-{number}"
    own.mkdir()
    begun = before = 0.0
    until = time.monotonic() + CATCHES_UP_WITHIN
    with Listener(place) as listener, KafkaJob(place, topics, own) as job:
        while left:
            if time.monotonic() > until:
                raise SystemExit(f"the job does not catch up within {CATCHES_UP_WITHIN:.0f} s")
            for heard in listener.more(0.1):
                begun, before = (begun, before) if begun else (heard.at, job.processor())
                left.discard(heard.name)
        ended, after = time.time(), job.processor()
        job.stop()
    return ended - begun, after - before


def _marked(lines: Sequence[bytes], marks: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Records over all partitions, dated as they are, and an attack first and last in each."""
    times = [(micros(NAMED.findall(line)[-1].decode()) or 0) for line in lines]
    for at, mark in enumerate(marks):
        if at == PARTITIONS:
            for place, (line, time_) in enumerate(zip(lines, times, strict=True)):
                yield {"value": line, "partition": place % PARTITIONS, "timestamp": time_ // 1000}
        time_ = times[0] if at < PARTITIONS else times[-1]
        yield {"value": attack(mark, rfc3339(time_)), "partition": at % PARTITIONS, "timestamp": time_ // 1000}
