"""What a process reads of Kafka, partition by partition."""

import time

import pytest
from confluent_kafka import Message

from events import Malformed
from flows.clock import UNKNOWN
from flows.kafka import consumer
from flows.kafka.consumer import Reader
from flows.kafka.messages import MOST_LINES, decoders
from flows.kafka.settings import KafkaSettings, TopicSettings
from tests.kafka.broker import Broker

MESSAGES = 4_000


def test_a_partition_that_is_not_taken_is_paused_and_loses_nothing(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "WAIT_AT_MOST", 0)
    monkeypatch.setattr(consumer, "LEAST", 100_000)
    broker.create(topic, 2)
    broker.produce_all(topic, [{"value": "x" * 500, "partition": n % 2} for n in range(2 * MESSAGES)])
    settings = KafkaSettings(brokers=broker.brokers(), topics=[TopicSettings(name=topic)])
    reader = Reader(settings, lambda: UNKNOWN, False, ())
    read: dict[int, list[int]] = {0: [], 1: []}
    most = paused = 0
    for number in read:
        reader.add((topic, number), 0)
    until = time.monotonic() + 60
    while sum(map(len, read.values())) < 2 * MESSAGES:
        assert time.monotonic() < until
        reader.come()
        slow = len(read[0]) < MESSAGES
        for number, some in ((0, 500), (1, 7 if slow else 500)):
            waiting = reader.waiting[topic, number]
            most, paused = max(most, waiting.bytes), paused + waiting.paused
            while waiting.messages and some:
                taken = waiting.take()
                if isinstance(taken, Message):
                    read[number].append(taken.offset() or 0)
                    some -= 1
            reader.regulate((topic, number))
    reader.close()
    assert read == {0: list(range(MESSAGES)), 1: list(range(MESSAGES))}
    assert paused
    assert most < 100_000 + consumer.TAKEN_AT_ONCE * (500 + consumer.AROUND)


def test_a_message_of_very_many_lines_is_one_dead_letter() -> None:
    decode = decoders(1 << 20)("default")
    assert [type(item) for item in decode(b"{\n" * MOST_LINES + b"{")] == [Malformed] * (MOST_LINES + 1)
    assert [type(item) for item in decode(b"{\r\n" * MOST_LINES + b"{")] == [Malformed]
