"""Kafka topics as a place to write to."""

from __future__ import annotations

import logging
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from simulation.journal import Told

REACHED_WITHIN = 10.0
"""Seconds in which a broker must answer at the start."""
DELIVERED_WITHIN_MS = 60_000


class TopicError(Exception):
    """Something could not be written to Kafka; the message is for the user."""


class Topics:
    """A connection to Kafka. Messages of a topic and a key keep their order.

    Parameters
    ----------
    brokers
        `host:port`, several by commas.

    Raises
    ------
    TopicError
        No broker answers.
    """

    def __init__(self, brokers: str) -> None:
        self._failed: str | None = None
        settings = {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "linger.ms": 20,
            "compression.type": "lz4",
            "delivery.timeout.ms": DELIVERED_WITHIN_MS,
            "logger": _silent(),
        }
        self._producer = Producer(settings)
        try:
            self._producer.list_topics(timeout=REACHED_WITHIN)
        except KafkaException as error:
            raise TopicError(f"kafka {brokers}: {error.args[0].str()}") from None

    def write(self, topic: str, key: str, value: bytes, at: int, told: Told | None) -> None:
        """Hand over a message of this time (microseconds since 1970); `told` hears where it stands once it is there.

        Raises
        ------
        TopicError
            An earlier message could not be delivered.
        """

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._failed = self._failed or f"topic {topic}: {error.str()}"
            elif told is not None:
                told({"topic": message.topic(), "partition": message.partition(), "offset": message.offset()})

        while True:
            self._raise()
            try:
                self._producer.produce(topic, value, key, timestamp=at // 1000, on_delivery=delivered)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise TopicError(f"topic {topic}: {error.args[0].str()}") from None
            else:
                self._producer.poll(0)
                return

    def close(self) -> None:
        """Wait until everything is delivered.

        Raises
        ------
        TopicError
            Something could not be.
        """
        left = self._producer.flush(DELIVERED_WITHIN_MS / 1000)
        self._raise()
        if left:
            raise TopicError(f"kafka: {left} messages were not acknowledged")

    def _raise(self) -> None:
        if self._failed is not None:
            raise TopicError(self._failed)


def _silent() -> Any:
    logger = logging.getLogger("middlewatch.kafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
