"""What a process reads of Kafka: one consumer, and for each of its partitions what has come of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from flows.clock import UNKNOWN
from flows.kafka.client import consumer, words
from flows.kafka.ends import Ends
from flows.kafka.errors import KafkaFailedError
from flows.kafka.plan import Key
from flows.kafka.settings import KafkaSettings

TAKEN_AT_ONCE = 2_000
"""Messages that are asked for at once, of all partitions."""
WAIT_AT_MOST = 256 << 20
"""Bytes that wait to be judged; of each partition its part of them, while more wait no more is read of it."""
LEAST = 256 << 10
"""Bytes of a partition that may wait at least."""
ASKED_AGAIN = 0.003
"""Seconds after which librdkafka is asked again that had nothing: each partition of the process would."""
AROUND = 512
"""Bytes that a message takes beside its value."""
PASSING = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  codes of librdkafka
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)
"""Errors after which librdkafka tries again by itself; that nothing comes is seen by `Ends`."""


class Gap(NamedTuple):
    """Messages that were deleted before they were read."""

    first: int
    last: int
    """The last offset that is missing; before `first` if the partition ends before it."""
    next: int
    """Where reading goes on."""


class Came(NamedTuple):
    """How far a partition was read, without a message: behind control records, or behind a gap."""

    offset: int
    gap: Gap | None = None


class Waiting:
    """What has come of one partition and was not taken yet."""

    def __init__(self, position: int) -> None:
        self.messages: deque[Message | Came] = deque()
        self.bytes = 0
        self.read = position
        """The offset behind what has come."""
        self.paused = False

    def add(self, message: Message) -> None:
        """A message has come; one that has come before is not taken again."""
        offset = message.offset() or 0
        if offset < self.read:
            return
        self.read = offset + 1
        self.bytes += len(message) + AROUND
        self.messages.append(message)

    def take(self) -> Message | Came:
        """The next one."""
        taken = self.messages.popleft()
        if not isinstance(taken, Came):
            self.bytes -= len(taken) + AROUND
        return taken


class Reader:
    """All that one process reads of Kafka.

    Parameters
    ----------
    settings
        Of Kafka.
    newest
        Microseconds of event time: the newest that all processes have read, as of the last epoch.
    commits
        Whether positions are committed to the group.
    planned
        Partitions that the job reads, in all processes; empty if another process looks for new ones.
    """

    def __init__(
        self, settings: KafkaSettings, newest: Callable[[], int], commits: bool, planned: Collection[Key]
    ) -> None:
        self.settings = settings
        self.newest = newest
        self.waiting: dict[Key, Waiting] = {}
        self.ends = Ends(settings, self.read_until, self.waiting, commits, planned)
        self.written: dict[Key, int] = {}
        """Positions as the last snapshots have them, until these are durable."""
        self._consumer: Consumer | None = None
        self._newest = UNKNOWN
        self._risen = 0.0
        self._not_before = 0.0

    def report(self) -> dict[str, Any]:
        """How it stands: see `board.WorkerReport`."""
        ends, since = self.ends.known.copy(), self.ends.unreachable_since
        waits = ((end.offset, self.waiting[key]) for key, end in ends.items())
        behind = (max(0, end - one.read) + len(one.messages) for end, one in waits)
        return {
            "lag": sum(behind),
            "unreachable": 0.0 if since is None else time.monotonic() - since,
            "unread_partitions": len(self.ends.unread),
        }

    def add(self, key: Key, position: int) -> None:
        """Read a partition from a position on."""
        if self._consumer is None:
            self._consumer = consumer(self.settings)
            self.ends.start()
        self.waiting[key] = Waiting(position)
        self._consumer.incremental_assign([TopicPartition(*key, position)])

    def come(self) -> None:
        """Take from librdkafka what is there; waits for nothing.

        Raises
        ------
        KafkaFailedError
            A broker refuses what is asked.
        """
        assert self._consumer is not None
        if self.ends.failed is not None:
            raise self.ends.failed
        now = time.monotonic()
        if now < self._not_before:
            return
        messages = self._consumer.consume(TAKEN_AT_ONCE, 0)
        self._not_before = 0.0 if messages else now + ASKED_AGAIN
        for message in messages:
            self._sort(message)
        for key in list(self.ends.lost):
            self._pass_gap(key, *self.ends.lost.pop(key))

    def regulate(self, key: Key) -> None:
        """Read no more of a partition while enough of it waits, and go on when it does not."""
        assert self._consumer is not None
        waiting, most = self.waiting[key], max(LEAST, WAIT_AT_MOST // len(self.waiting))
        if waiting.paused != (waiting.bytes > most // 2 if waiting.paused else waiting.bytes > most):
            waiting.paused = not waiting.paused
            (self._consumer.pause if waiting.paused else self._consumer.resume)([TopicPartition(*key)])

    def _sort(self, message: Message) -> None:
        key = message.topic() or "", message.partition() or 0
        error = message.error()
        if error is None:
            self.waiting[key].add(message)
            self.regulate(key)
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  codes of librdkafka
            waiting, offset = self.waiting[key], message.offset() or 0
            if offset > waiting.read:
                waiting.read = offset
                waiting.messages.append(Came(offset))
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            self.ends.look_for(key)
        elif error.fatal() or not (error.retriable() or error.code() in PASSING):
            where = f"topic {key[0]}, partition {key[1]}: " if key[0] else ""
            raise KafkaFailedError(f"kafka: {where}{words(error)}")

    def _pass_gap(self, key: Key, begins: int, ends: int) -> None:
        """Go on behind what is missing; or from the beginning, if the partition ends before what was read."""
        assert self._consumer is not None
        waiting = self.waiting[key]
        gap = Gap(waiting.read, (begins if waiting.read <= ends else waiting.read) - 1, begins)
        waiting.read = begins
        waiting.messages.append(Came(begins, gap))
        partition = TopicPartition(*key, begins)
        try:
            self._consumer.incremental_unassign([partition])
            self._consumer.incremental_assign([partition])
        except KafkaException as error:
            raise KafkaFailedError(f"kafka: topic {key[0]}, partition {key[1]}: {words(error)}") from None

    def read_until(self) -> int:
        """Event time up to which everything was read that was written by now, of a partition that is read to its end.

        That is the newest time that was read anywhere. When all topics are silent for longer than `quiet`, time goes
        on from there.
        """
        newest, now = self.newest(), time.monotonic()
        if newest > self._newest:
            self._newest, self._risen = newest, now
        silent = now - max(self._risen, self.ends.settled - self.settings.quiet.total_seconds())
        if self._newest == UNKNOWN or silent < self.settings.quiet.total_seconds():
            return self._newest
        return self._newest + int(silent * 1_000_000)

    def whole_until(self, key: Key, position: int) -> int:
        """Event time (microseconds) up to which a partition was read to this position; UNKNOWN if it is behind."""
        end = self.ends.known.get(key)
        if end is None or end.offset > position or time.monotonic() < self.ends.settled:
            return UNKNOWN
        return end.until

    def settle(self, key: Key) -> None:
        """The last snapshot of a partition is durable."""
        if key in self.written:
            self.ends.durable[key] = self.written.pop(key)

    def close(self) -> None:
        """Commit how far was read, within a few seconds: whoever leaves does it when all snapshots are durable."""
        for key in list(self.written):
            self.settle(key)
        self.ends.close(3.0)
