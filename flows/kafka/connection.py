"""A connection to Kafka that hears why a broker does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError

from flows.kafka.client import Refusals, consumer, reached
from flows.kafka.settings import KafkaSettings

T = TypeVar("T")


class Connection:
    """A consumer that joins no group.

    Parameters
    ----------
    settings
        Where Kafka is, and how long a broker may be away.
    leave
        Whether to stop now.

    Raises
    ------
    KafkaSettingsError
        librdkafka does not take a property.
    """

    def __init__(self, settings: KafkaSettings, leave: Callable[[], bool] = lambda: False) -> None:
        self.settings = settings
        self.leave = leave
        self.refusals = Refusals()
        self.trouble: KafkaError | None = None
        """What was heard last."""
        self.consumer = consumer(settings, error_cb=self._hear)

    def ask(self, question: Callable[[Consumer], T]) -> T:
        """What a broker answers; only before anything is assigned, for messages that come meanwhile are lost.

        Raises
        ------
        KafkaFailedError
            None has answered for as long as the settings allow, or one refuses.
        """
        return reached(self.settings, lambda: question(self.consumer), self.leave, self._refused)

    def _refused(self) -> KafkaError | None:
        self.consumer.poll(0)
        return self.refusals.last

    def _hear(self, error: KafkaError) -> None:
        self.trouble = error
        self.refusals(error)
