"""One partition of a topic as a lane of the source."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bytewax.inputs import StatefulSourcePartition
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message
from msgspec import Struct

from alerts.signal import Origin
from detectors.stateful import Plain
from events import Malformed
from flows.clock import ALL_READ, UNKNOWN, Clock, Report
from flows.console import complain
from flows.failing import noticed
from flows.in_order import known
from flows.judge import DeadLetter, Decode, Found, Judge
from flows.kafka.consumer import Came, Gap, Reader, Waiting
from flows.kafka.errors import KafkaFailedError
from flows.kafka.messages import Messages, TopicStream, cluster_of
from flows.kafka.plan import PlannedPartition, lane_name
from flows.leaving import BLOCKED, Leaving
from flows.stepnames import CLOCK, DEAD_LETTERS, SOURCE

VERSION = 1
"""Of a partition's state."""
JUDGED_AT_ONCE = 500
"""Messages."""
JUDGED_BYTES = 1 << 20
PAUSE = timedelta(milliseconds=4)
PAUSE_EACH = timedelta(microseconds=200)
"""Between two looks of a partition whether something has come; longer for each that the process reads."""
SAID_EVERY = 10_000_000
"""Nanoseconds between two reports in one epoch."""


class State(NamedTuple):
    """What is kept of a partition."""

    offset: int
    """Of the next message."""
    newest: int
    """Microseconds of event time."""
    identity: str
    """Of its topic."""


class Kept(Struct):
    """What all partitions of a process share."""

    reader: Reader
    judge: Judge
    clock: Clock
    leaving: Leaving
    decoder: Callable[[str], Decode]
    """For a cluster the function that decodes values."""
    cluster: str
    """Of events that neither they, their message nor the settings say."""
    longest: int
    """Bytes of a message that are looked at."""


def resumed(state: Plain) -> State | None:
    """What a checkpoint keeps of a partition; None if it is the state of a lane that reads files.

    Raises
    ------
    UnknownStateError
        Another release wrote it in another form.
    """
    if state is None or len(state) < len(("version", "low", "files", "kept")):
        return None
    known(SOURCE, state[0], VERSION)
    return State(*state[3])


class Partition(StatefulSourcePartition[Found, Plain]):
    """One partition, read from where the checkpoint says.

    Parameters
    ----------
    planned
        Which, and where it begins if the checkpoint does not know it.
    kept
        What all partitions of this process share.
    state
        What `snapshot` gave.
    """

    def __init__(self, planned: PlannedPartition, kept: Kept, state: Plain) -> None:
        self.planned = planned
        self.kept = kept
        self.name = lane_name(planned.topic, planned.partition)
        self.key = planned.topic, planned.partition
        before = resumed(state)
        if before is not None and planned.identity and before.identity not in ("", planned.identity):
            complain(f"topic {planned.topic}: made anew since it was read; read from its beginning")
            before = State(0, before.newest, planned.identity)
        self.identity = planned.identity or ("" if before is None else before.identity)
        self.position = planned.begins if before is None else before.offset
        self.stream = TopicStream(kept.decoder(planned.cluster), UNKNOWN if before is None else before.newest)
        self.whole = UNKNOWN
        """Event time up to which it was read when it was at its end."""
        self.epoch = 0
        self.said: Report | None = None
        self.said_at = 0
        self.ended = False
        self.awake: datetime | None = None
        kept.reader.add(self.key, self.position)

    @noticed
    def next_batch(self) -> list[Found]:
        if self.ended:
            raise StopIteration
        self.awake = None
        self.kept.reader.settle(self.key)
        if self.kept.leaving.asked:
            return self.stop()
        found = self.read()
        report = self.report()
        if self.is_news(report):
            self.said, self.said_at = report, time.monotonic_ns()
            found.append((CLOCK, "", report))
        return found

    def read(self) -> list[Found]:
        """Judge what has come."""
        reader = self.kept.reader
        waiting = reader.waiting[self.key]
        if not waiting.messages:
            reader.come()
        if not waiting.messages:
            self.whole = max(self.whole, reader.whole_until(self.key, self.position))
            self.awake = datetime.now(UTC) + PAUSE + PAUSE_EACH * len(reader.waiting)
            return []
        if not self.kept.clock.allows(self.low):
            self.awake = datetime.now(UTC) + BLOCKED
            return []
        found: list[Found] = []
        for batch in self.taken(waiting):
            if isinstance(batch, Gap):
                found.append(self.lost(batch))
                continue
            self.stream.decode = self.kept.decoder(batch.cluster)
            found += self.kept.judge(self.stream, batch)
            self.kept.judge.tally.input_bytes += sum(map(len, batch.lines))
        reader.regulate(self.key)
        return found

    def taken(self, waiting: Waiting) -> list[Messages | Gap]:
        """What waits, as far as it is judged at once; the position is behind it then."""
        batches: list[Messages | Gap] = []
        number = size = 0
        while waiting.messages and number < JUDGED_AT_ONCE and size < JUDGED_BYTES:
            came = waiting.take()
            if isinstance(came, Came):
                self.position = came.offset
                if came.gap is not None:
                    batches.append(came.gap)
                continue
            number, size = number + 1, size + len(came)
            self.position = (came.offset() or 0) + 1
            cluster = self.cluster_of(came)
            last = batches[-1] if batches else None
            if not isinstance(last, Messages) or last.cluster != cluster:
                last = Messages(*self.key, cluster, [], [], [])
                batches.append(last)
            kind, stamp = came.timestamp()
            last.offsets.append(self.position - 1)
            last.times.append(time.time_ns() // 1_000 if kind == TIMESTAMP_NOT_AVAILABLE else stamp * 1_000)
            last.lines.append((came.value() or b"")[: self.kept.longest + 1])
        return batches

    def cluster_of(self, message: Message) -> str:
        """The cluster of events that do not say theirs."""
        planned = self.planned
        said = cluster_of(message, planned.cluster_from) if planned.cluster_from else ""
        return said or planned.cluster or self.kept.cluster

    def lost(self, gap: Gap) -> Found:
        """Say that messages were deleted before they were read; to go on is what the settings say.

        Raises
        ------
        KafkaFailedError
            They say to stop.
        """
        topic, partition = self.key
        where = f"topic {topic}, partition {partition}: "
        missing = max(0, gap.last - gap.first + 1)
        if missing:
            why = f"offsets {gap.first} to {gap.last} were deleted before they were read"
        else:
            why = f"ends before offset {gap.first}, up to which it was read; read again from {gap.next}"
        if self.kept.reader.settings.on_gap == "stop":
            raise KafkaFailedError(f"{where}{why}; kafka.on_gap says to stop")
        complain(where + why)
        self.kept.judge.tally.gaps += 1
        self.kept.judge.tally.missing_offsets += missing
        origin = Origin(topic=topic, partition=partition, offset=gap.first)
        return DEAD_LETTERS, "", DeadLetter(origin, Malformed("gap", b"", why))

    @property
    def low(self) -> int:
        """Event time (microseconds) up to which it was read."""
        return max(self.stream.newest, self.whole)

    def report(self) -> Report:
        """How far this partition has come in this epoch."""
        return Report(self.name, self.epoch, self.low, idle=False, came=self.stream.newest)

    def is_news(self, report: Report) -> bool:
        """Whether it says more than the last one did; within an epoch that matters little."""
        if self.said is None or self.said.epoch != report.epoch:
            return True
        return report != self.said and time.monotonic_ns() - self.said_at >= SAID_EVERY

    def stop(self) -> list[Found]:
        """End as if all were read; with a checkpoint, stand still until it is written, and leave."""
        leaving = self.kept.leaving
        if leaving.to_checkpoint:
            self.awake = leaving.stand_still(self.name, self.epoch)
            return []
        self.ended = True
        return [(CLOCK, "", Report(self.name, self.epoch, ALL_READ, idle=False, came=self.stream.newest))]

    def next_awake(self) -> datetime | None:
        return self.awake

    def snapshot(self) -> Plain:
        self.epoch += 1
        self.kept.reader.written[self.key] = self.position
        kept = State(self.position, self.stream.newest, self.identity)
        return VERSION, self.stream.newest, {}, tuple(kept)
