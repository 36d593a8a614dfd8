"""The one way in which this project writes to Kafka: nothing counts as written before all of it is acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report
from msgspec import Struct

from flows.console import complain
from flows.kafka.client import producer, words
from flows.kafka.errors import KafkaFailedError
from flows.kafka.patience import Patience, nothing
from flows.kafka.settings import KafkaSettings

PROPERTIES: dict[str, Any] = {
    "batch.size": 256 << 10,
    "partitioner": "murmur2_random",
    "queue.buffering.max.kbytes": 64 << 10,
}
"""For writing, unless the settings say otherwise. A broker measures whole batches, so they are not large. Keys go to
the partitions to which Kafka's own clients send them."""
WAITED = 0.2
"""Seconds after which a wait looks up."""
REASONS = {
    KafkaError._UNKNOWN_TOPIC: "there is no such topic",  # noqa: SLF001  as above
    KafkaError.UNKNOWN_TOPIC_OR_PART: "there is no such topic",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this client may not write to it",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this client may not write",
    KafkaError.INVALID_TIMESTAMP: "the clock of this machine is ahead of the broker's",
    KafkaError.INVALID_RECORD: "the clock of this machine is ahead of the broker's, or the topic is compacted",
    KafkaError.MSG_SIZE_TOO_LARGE: "larger than the topic takes (max.message.bytes)",
}

Headers: TypeAlias = list[tuple[str, bytes]]


class Message(Struct, frozen=True):
    """What is to be written."""

    topic: str
    value: bytes
    key: bytes
    headers: Headers = []
    at: int = 0
    """Milliseconds since 1970; 0: when it is written."""
    name: str = ""
    """What it is, for the user."""
    smaller: Callable[[int], bytes | None] | None = None
    """Gives a value of at most so many bytes; None if there is none."""
    placed: Callable[[int, int], None] | None = None
    """Told partition and offset, once it is there."""
    alone: bool = False
    """Whether it is sent in a batch of its own, because another batch was too large."""


class Writer:
    """A producer, made in the process that first writes: librdkafka's threads do not survive a fork.

    Messages of a topic and a key keep their order, but for those that are too large for the topic: they are
    sent again, smaller, behind what was written by then.

    Parameters
    ----------
    settings
        Of Kafka.
    waiting
        Called about every second while a broker is waited for.
    """

    def __init__(self, settings: KafkaSettings, waiting: Callable[[], None] = nothing) -> None:
        self.settings = settings
        self.waiting = waiting
        self.within = settings.deliver_within.total_seconds()
        self._made: Producer | None = None
        self._failed: str | None = None
        self._refused: deque[Message] = deque()
        self._warned = False
        self._patience = Patience(f"kafka {settings.brokers}", self.within)

    def write(self, message: Message) -> None:
        """Hand a message over; while the local queue is full, wait.

        Raises
        ------
        KafkaFailedError
            This one or an earlier one was not delivered.
        KafkaSettingsError
            librdkafka does not take the settings.
        """
        if self._refused:
            self._send_again()
        self._hand_over(message)

    def settle(self) -> None:
        """Wait until everything that was written is acknowledged.

        Raises
        ------
        KafkaFailedError
            Something was not, or no broker has acknowledged anything for `deliver_within`.
        """
        if self._made is None:
            return
        self._serve(self._made.poll, 0)
        self._drain()
        self._send_again()

    def close(self) -> None:
        """Settle, and let go of the brokers; a second time does nothing. After a failure nothing is waited for."""
        try:
            if self._failed is None:
                self.settle()
        finally:
            made, self._made = self._made, None
            if made is not None and len(made):
                made.purge()

    def _hand_over(self, message: Message) -> None:
        made = self._producer()
        self._patience.begin()
        while True:
            try:
                made.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=message.headers,  # type: ignore[arg-type]  # a list is invariant
                    timestamp=message.at,
                    on_delivery=partial(self._reported, message),
                )
            except BufferError:
                self._wait(made.poll)
            except KafkaException as error:
                self._not_delivered(message, error.args[0])
                self._raise()
                return
            else:
                self._serve(made.poll, 0)
                return

    def _producer(self) -> Producer:
        if self._made is None:
            self._raise()
            chosen = {name: value for name, value in PROPERTIES.items() if name not in self.settings.client}
            self._made = producer(self.settings, error_cb=self._patience.heard, **chosen)
        return self._made

    def _send_again(self) -> None:
        """Send what was too large, each in a batch of its own."""
        while self._refused:
            self._drain()
            self._hand_over(self._refused.popleft())
            self._drain()

    def _drain(self) -> None:
        made = self._producer()
        self._patience.begin()
        while len(made):
            self._wait(made.flush)

    def _wait(self, serve: Callable[[float], int]) -> None:
        self._serve(serve, WAITED)
        self._patience.look(self.waiting)

    def _serve(self, serve: Callable[[float], int], seconds: float) -> None:
        try:
            serve(seconds)
        except KafkaException as error:
            self._failed = self._failed or f"kafka {self.settings.brokers}: {words(error)}"
        self._raise()

    def _reported(self, message: Message, error: KafkaError | None, report: Report) -> None:
        if error is not None:
            self._not_delivered(message, error)
            return
        self._patience.acknowledged()
        if message.placed is not None:
            partition, offset = report.partition(), report.offset()
            assert partition is not None
            assert offset is not None
            message.placed(partition, offset)

    def _not_delivered(self, message: Message, error: KafkaError) -> None:
        code = error.code()
        if code == KafkaError.MSG_SIZE_TOO_LARGE and (again := _again(message)) is not None:
            self._patience.acknowledged()
            self._refused.append(again)
            if again.value is not message.value and not self._warned:
                self._warned = True
                complain(
                    f"kafka topic {message.topic}: {message.name} is larger than it takes (max.message.bytes); it, and"
                    " what follows of such a size, is cut until it fits"
                )
            return
        timed_out = code == KafkaError._MSG_TIMED_OUT  # noqa: SLF001  code of librdkafka
        reason = self._patience.why() if timed_out else REASONS.get(code, "")
        parts = (f"kafka topic {message.topic}", message.name, reason, words(error))
        self._failed = self._failed or ": ".join(part for part in parts if part)

    def _raise(self) -> None:
        if self._failed is not None:
            raise KafkaFailedError(self._failed)


def _again(message: Message) -> Message | None:
    """The message in a batch of its own; if it was that, smaller."""
    if not message.alone:
        return msgspec.structs.replace(message, alone=True)
    value = None if message.smaller is None else message.smaller(len(message.value) - 1)
    if value is None or len(value) >= len(message.value):
        return None
    return msgspec.structs.replace(message, value=value)
