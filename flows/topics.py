"""Kafka topics as a place for a simulation to write to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from flows.kafka.client import ASKED_WITHIN, producer, reached
from flows.kafka.settings import KafkaSettings, TopicSettings
from flows.kafka.writing import Message, Writer
from simulation.errors import UnusableError
from simulation.journal import Told

AWAY = timedelta(seconds=10)
"""How long a broker may be away at the start."""
DELIVER_WITHIN = timedelta(minutes=1)


def opened(brokers: str, topics: Sequence[str]) -> Writer:
    """A writer to brokers that answer.

    Raises
    ------
    UnusableError
        A topic cannot have such a name.
    KafkaFailedError
        No broker answers.
    KafkaSettingsError
        librdkafka does not take the addresses.
    """
    try:
        named = [TopicSettings(name=topic) for topic in topics]
    except ValidationError:
        raise UnusableError(f"no topics can be called {', '.join(topics)}") from None
    packed = {"compression.type": "lz4"}
    settings = KafkaSettings(brokers=brokers, topics=named, client=packed, away=AWAY, deliver_within=DELIVER_WITHIN)
    asking = producer(settings)
    reached(settings, lambda: asking.list_topics(timeout=ASKED_WITHIN))
    return Writer(settings)


class Topic:
    """One source of one cluster in a topic; its messages have the cluster's name as key, and the time of the event.

    Parameters
    ----------
    writer
        Writes them.
    name
        Of the topic.
    cluster
        Name of the cluster.
    """

    def __init__(self, writer: Writer, name: str, cluster: str) -> None:
        self.writer = writer
        self.name = name
        self.key = cluster.encode()

    def write(self, message: str, at: int, told: Told | None) -> None:
        """Hand over a message of this time, in microseconds since 1970; `told` hears where it stands once it is there.

        Raises
        ------
        KafkaFailedError
            An earlier message could not be delivered.
        """
        placed = None if told is None else self._placed(told)
        self.writer.write(Message(self.name, message.encode(), self.key, at=at // 1000, placed=placed))

    def _placed(self, told: Told) -> Callable[[int, int], None]:
        def placed(partition: int, offset: int) -> None:
            where: dict[str, Any] = {"topic": self.name, "partition": partition, "offset": offset}
            told(where)

        return placed
