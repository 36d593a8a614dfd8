"""The messages of some stretches, each partition in its order, and an end that always comes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from flows.console import complain
from flows.kafka.client import ASKED_WITHIN, SAID_EVERY, reached, words
from flows.kafka.connection import Connection
from flows.kafka.errors import KafkaFailedError
from flows.kafka.tapping.stretch import Partition, Stretch

AT_ONCE = 1_000
"""Messages that librdkafka gives at once."""
POLLED = 0.2
"""Seconds in which it gives what it has."""
QUIET = 5.0
"""Seconds without any word from a broker, after which the user is told that it is waited for."""
ASKED_AGAIN = 10
"""How often a partition that ends too early is asked whether it really does."""
REFUSALS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  codes of librdkafka
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError._AUTHENTICATION,  # noqa: SLF001
    }
)
"""What does not pass by waiting."""
DELETED = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})  # noqa: SLF001  as above


class Reading:
    """Reads stretches at the same time; joins no group and commits nothing.

    A stretch ends with its last message or, where offsets hold none that can be read (transactions, their marks,
    compaction), where the partition ends.

    Parameters
    ----------
    connection
        Has nothing assigned.
    wanted
        What is read.
    """

    def __init__(self, connection: Connection, wanted: Sequence[Stretch]) -> None:
        self.connection = connection
        self.consumer = connection.consumer
        self.settings = connection.settings
        self.open = {one.key: one for one in wanted if one.begin < one.end}
        self.positions: dict[Partition, int] = {one.key: one.begin for one in wanted}
        """By partition the offset that comes next."""
        self.cut: dict[Partition, int] = {}
        """Where a partition ended before its stretch."""
        self.lost: Counter[Partition] = Counter()
        """Offsets that were deleted before they were read."""
        self._asked: Counter[Partition] = Counter()
        self._heard = time.monotonic()
        self._said = self._heard - SAID_EVERY

    def __iter__(self) -> Iterator[tuple[Stretch, Message]]:
        """All messages; raises KafkaFailedError where a broker refuses, or is away for too long."""
        self.consumer.assign([TopicPartition(*key, self.positions[key]) for key in self.open])
        while self.open and not self.connection.leave():
            messages = self.consumer.consume(AT_ONCE, POLLED)
            if not messages:
                self._wait()
            for message in messages:
                key = message.topic() or "", message.partition() or 0
                error = message.error()
                stretch = self.open.get(key)
                if error is not None:
                    self._hear(error, stretch, message)
                elif stretch is not None and (message.offset() or 0) >= self.positions[key]:
                    self._heard = time.monotonic()
                    if self._is_in(stretch, message.offset() or 0):
                        yield stretch, message
                    self._end_if_read(stretch)

    def finish(self, stretch: Stretch) -> None:
        """Read no more of a stretch."""
        if self.open.pop(stretch.key, None) is not None:
            self.consumer.pause([TopicPartition(*stretch.key)])

    def _is_in(self, stretch: Stretch, offset: int) -> bool:
        """Whether a message belongs to its stretch, which goes on behind it."""
        self.positions[stretch.key] = min(offset + 1, stretch.end)
        return offset < stretch.end

    def _end_if_read(self, stretch: Stretch) -> None:
        if self.positions[stretch.key] >= stretch.end:
            self.finish(stretch)

    def _hear(self, error: KafkaError, stretch: Stretch | None, message: Message) -> None:
        if error.fatal() or error.code() in REFUSALS:
            where = f"{message.topic()}: " if message.topic() else ""
            raise KafkaFailedError(f"kafka {self.settings.brokers}: {where}{words(error)}")
        if stretch is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  as above
            self._heard = time.monotonic()
            self._at_end(stretch, message.offset() or 0)
        elif stretch is not None and error.code() in DELETED:
            self._behind_gap(stretch)
        else:
            self.connection.trouble = error

    def _at_end(self, stretch: Stretch, offset: int) -> None:
        """The partition holds nothing more now; a leader that is new may not know all yet."""
        self.positions[stretch.key] = max(self.positions[stretch.key], min(offset, stretch.end))
        if offset < stretch.end:
            self._asked[stretch.key] += 1
            if self._asked[stretch.key] <= ASKED_AGAIN:
                self._go_on(stretch)
                return
            self.cut[stretch.key] = offset
        self.finish(stretch)

    def _behind_gap(self, stretch: Stretch) -> None:
        """What was to come is deleted: go on behind it."""
        place = TopicPartition(*stretch.key)
        limits = reached(
            self.settings,
            lambda: self.consumer.get_watermark_offsets(place, timeout=ASKED_WITHIN),
            self.connection.leave,
        )
        before = self.positions[stretch.key]
        low = min(limits[0] if limits is not None else stretch.end, stretch.end)
        self.lost[stretch.key] += max(0, low - before)
        self.positions[stretch.key] = max(low, before)
        if low >= stretch.end:
            self.finish(stretch)
        else:
            self._go_on(stretch)

    def _go_on(self, stretch: Stretch) -> None:
        """Read a partition on from its position, also where librdkafka has given it up."""
        place = TopicPartition(*stretch.key, self.positions[stretch.key])
        try:
            self.consumer.seek(place)
        except KafkaException:
            self.consumer.assign([TopicPartition(*key, self.positions[key]) for key in self.open])

    def _wait(self) -> None:
        """Nothing came: say so after a while, and give up when a broker was away for too long."""
        now = time.monotonic()
        silent = now - self._heard
        away = self.settings.away.total_seconds()
        refusal = self.connection.refusals.last
        if refusal is not None:
            raise KafkaFailedError(f"kafka {self.settings.brokers}: {words(refusal)}")
        heard = self.connection.trouble
        trouble = words(heard) if heard is not None else "no broker answers"
        if silent >= away:
            raise KafkaFailedError(f"kafka {self.settings.brokers}: {trouble}: nothing came for {away:g} s")
        if silent >= QUIET and now - self._said >= SAID_EVERY:
            self._said = now
            rest = ", ".join(map(str, list(self.open.values())[:3])) + (" ..." if len(self.open) > 3 else "")
            complain(f"kafka {self.settings.brokers}: {trouble}; waiting for {rest}, {away - silent:.0f} s at most")
