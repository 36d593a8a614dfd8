"""What a process asks brokers beside reading: where partitions end, what is new; and where it commits how far it is.

A thread of its own asks, over a connection of its own: on that of the messages a broker answers only when the fetch
before it is answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from flows.console import complain
from flows.kafka.client import consumer, may_pass, words
from flows.kafka.plan import Key, chosen_by
from flows.kafka.settings import KafkaSettings

ASKED_EVERY = 0.1
"""Seconds between two questions where partitions end; longer if there are very many."""
ASKED_EVERY_EACH = 0.0005
ANSWERED_WITHIN = 2.0
"""Seconds after which a question without an answer counts as an outage."""
COMMITTED_EVERY = 1.0
GONE_AFTER = 30.0
"""Seconds for which no broker must know a partition."""
NOT_THERE = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  codes of librdkafka
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)
LISTED_EVERY = 10.0
"""Seconds between two looks for new partitions."""


class End(NamedTuple):
    """Where a partition ended, and until when it was known to be whole."""

    offset: int
    """What is written later gets this one or a higher one."""
    until: int
    """Microseconds of event time that the job had read anywhere before the broker was asked."""


class Ends:
    """Asks while it runs; any thread may look at what it knows.

    Parameters
    ----------
    settings
        Of Kafka.
    read_until
        Event time (microseconds) up to which the job has read, before the question is sent.
    partitions
        Those that this process reads.
    commits
        Whether positions are committed to the group.
    planned
        Partitions that the job reads, in all processes; empty if another process looks for new ones.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        read_until: Callable[[], int],
        partitions: Collection[Key],
        commits: bool,
        planned: Collection[Key],
    ) -> None:
        self.settings = settings
        self.read_until = read_until
        self.partitions = partitions
        self.commits = commits
        self.known: dict[Key, End] = {}
        self.lost: dict[Key, tuple[int, int]] = {}
        """Of partitions whose position is not there any more: where they begin and where they end."""
        self.durable: dict[Key, int] = {}
        """Positions to commit."""
        self.unreachable_since: float | None = None
        """Monotonic seconds."""
        self.settled = 0.0
        """Monotonic seconds after which producers have delivered what an outage has held up."""
        self.failed: BaseException | None = None
        """Why it does not look any more."""
        self.unread: set[Key] = set()
        """Partitions that are not read before the next start."""
        self._planned = set(planned)
        self._missing: dict[Key, float] = {}
        """Partitions that no broker knows (any more), and since when."""
        self._lost: set[Key] = set()
        self._committed: dict[Key, int] = {}
        self._said = False
        self._done = threading.Event()
        self._consumer: Consumer | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="kafka-ends")

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def look_for(self, key: Key) -> None:
        """A partition's position is not there any more: `lost` will tell what is."""
        self._lost.add(key)

    def close(self, within: float) -> None:
        """Commit once more, and end; what takes longer is left."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join(within)

    def _run(self) -> None:
        try:
            self._look()
        except BaseException as error:  # noqa: BLE001  raised again by whoever reads: without ends the clock stands still
            self.failed = error

    def _look(self) -> None:
        self._consumer = consumer(self.settings)
        committed = listed = time.monotonic()
        while not self._done.wait(max(ASKED_EVERY, ASKED_EVERY_EACH * len(self.partitions))):
            self._ask()
            now = time.monotonic()
            if now - committed >= COMMITTED_EVERY:
                committed = now
                self._commit()
            if self._planned and now - listed >= LISTED_EVERY and self.unreachable_since is None:
                listed = now
                self._look_for_new()
        self._commit()
        self._consumer.close()

    def _ask(self) -> None:
        until = self.read_until()
        try:
            failed = None
            for key, end, error in self._offsets(list(self.partitions), OFFSET_END):
                if error is None:
                    self._missing.pop(key, None)
                    self.known[key] = End(end, until)
                elif error.code() not in NOT_THERE or self._is_there(key):
                    failed = error
                elif self._is_gone(key):
                    self.known[key] = End(0, until)
            for key, begin, error in self._offsets(list(self._lost), OFFSET_BEGINNING):
                if error is None and key in self.known:
                    self.lost[key] = begin, self.known[key].offset
                    self._lost.discard(key)
        except KafkaException as unanswered:
            failed = unanswered.args[0]
        if failed is None:
            self._answered()
        else:
            self._failed(failed)

    def _offsets(self, keys: Sequence[Key], which: int) -> Iterator[tuple[Key, int, KafkaError | None]]:
        """Where partitions begin or end, or an error; one that was deleted fails the question about all.

        Raises
        ------
        KafkaException
            No broker answers.
        """
        if not keys:
            return
        assert self._consumer is not None
        asked = [TopicPartition(*key, which) for key in keys]
        try:
            answered = self._consumer.offsets_for_times(asked, timeout=ANSWERED_WITHIN)
        except KafkaException as error:
            if error.args[0].code() not in NOT_THERE:
                raise
            if len(keys) == 1:
                yield keys[0], 0, error.args[0]
            else:
                middle = len(keys) // 2
                yield from self._offsets(keys[:middle], which)
                yield from self._offsets(keys[middle:], which)
            return
        for one in answered:
            yield (one.topic, one.partition), one.offset, one.error

    def _is_there(self, key: Key) -> bool:
        """Whether a broker knows a partition; that its leader is away looks to librdkafka as if it were not there.

        Raises
        ------
        KafkaException
            No broker answers.
        """
        assert self._consumer is not None
        topic = self._consumer.list_topics(key[0], timeout=ANSWERED_WITHIN).topics.get(key[0])
        return topic is not None and topic.error is None and key[1] in topic.partitions

    def _is_gone(self, key: Key) -> bool:
        """Whether a partition that no broker knows was deleted: those that have just started do not know all yet."""
        now = time.monotonic()
        since = self._missing.setdefault(key, now)
        if now - since < GONE_AFTER:
            return False
        if since:
            self._missing[key] = 0.0
            complain(f"topic {key[0]}: partition {key[1]} is gone; what was read of it stays")
        return True

    def _failed(self, error: KafkaError) -> None:
        now = time.monotonic()
        if self.unreachable_since is None:
            self.unreachable_since = now
        elif not self._said and now - self.unreachable_since >= ANSWERED_WITHIN:
            self._said = True
            complain(f"kafka {self.settings.brokers}: no answer: {words(error)}; reading goes on when there is one")

    def _answered(self) -> None:
        if self.unreachable_since is None:
            return
        now = time.monotonic()
        if self._said:
            complain(f"kafka {self.settings.brokers}: answers again after {now - self.unreachable_since:.0f} s")
        self.settled = now + self.settings.quiet.total_seconds()
        self.unreachable_since, self._said = None, False

    def _commit(self) -> None:
        """Tell the group; it decides nothing, so that a failure is only tried again."""
        fresh = {key: offset for key, offset in self.durable.copy().items() if self._committed.get(key) != offset}
        if not self.commits or not fresh:
            return
        assert self._consumer is not None
        try:
            self._consumer.commit(offsets=[TopicPartition(*key, at) for key, at in fresh.items()], asynchronous=False)
        except KafkaException as error:
            if not self._committed and not may_pass(error.args[0]):
                complain(f"kafka group {self.settings.group}: positions are not committed: {words(error)}")
                self.commits = False
            return
        self._committed |= fresh

    def _look_for_new(self) -> None:
        assert self._consumer is not None
        try:
            topics = self._consumer.list_topics(timeout=ANSWERED_WITHIN).topics
        except KafkaException:
            return
        for name, topic in topics.items():
            if topic.error is None and chosen_by(self.settings, name) is not None:
                new = {(name, number) for number in topic.partitions} - self._planned
                if new:
                    self._planned |= new
                    self.unread |= new
                    numbers = ", ".join(str(number) for _, number in sorted(new))
                    complain(f"topic {name}: partition {numbers} is new, and is read from the next start on")
