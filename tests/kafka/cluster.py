"""What tests do with a broker, whichever it is: topics, and messages in and out."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not in __all__
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

WITHIN = 20.0
"""Seconds for anything that is asked of a broker."""
Headers = list[tuple[str, bytes | None]]

_silent = logging.getLogger("tests.kafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Cluster(ABC):
    """One broker or several."""

    name: str
    """For the header of a test run."""

    @abstractmethod
    def brokers(self, listener: str = "PLAINTEXT") -> str:
        """`host:port` of this listener at each node, by commas."""

    @abstractmethod
    def requires(self, what: str) -> None:
        """Skip the test, or in CI fail it, if this broker cannot serve `what`, one of `mock.CANNOT`."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    def client(self, listener: str = "PLAINTEXT", mechanism: str = "", user: str = "alice") -> dict[str, Any]:
        """Properties of librdkafka for a client of this listener.

        Parameters
        ----------
        mechanism
            PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER, for the two SASL listeners.
        """
        if listener != "PLAINTEXT" or mechanism or user != "alice":
            self.requires("other listeners than PLAINTEXT")
        return {"bootstrap.servers": self.brokers(listener), "logger": _silent}

    @cached_property
    def admin(self) -> AdminClient:
        """A client for what has no method here."""
        return AdminClient({**self.client(), "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200})

    def create(
        self, topic: str, partitions: int = 1, config: Mapping[str, str] | None = None, replication: int = 1
    ) -> str:
        """Make a topic and wait until every partition has a leader. Its name."""
        self.requires("topics with settings")
        wanted = NewTopic(topic, partitions, replication, config=dict(config or {}))
        _done(self.admin.create_topics([wanted]))
        self.await_leaders(topic, partitions, replication)
        return topic

    def delete(self, topic: str) -> None:
        """Delete a topic and wait until it is gone."""
        self.requires("topics with settings")
        _done(self.admin.delete_topics([topic]))
        await_(lambda: topic not in self.admin.list_topics(timeout=WITHIN).topics, f"{topic} is deleted")

    def alter(self, topic: str, config: Mapping[str, str]) -> None:
        """Change settings of a topic, for example `retention.ms`."""
        self.requires("topics with settings")
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in config.items()
        ]
        _done(
            self.admin.incremental_alter_configs(
                [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)]
            )
        )

    def grow(self, topic: str, partitions: int) -> None:
        """Add partitions up to this number."""
        self.requires("topics with settings")
        _done(self.admin.create_partitions([NewPartitions(topic, partitions)]))
        self.await_leaders(topic, partitions)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Delete all before this offset, as retention would."""
        self.requires("deletion of records")
        _done(self.admin.delete_records([TopicPartition(topic, partition, before)]))

    def deny(self, topic: str, user: str) -> None:
        """Refuse this user anything to do with a topic."""
        self.requires("access control")
        where = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
        rights = [("User:*", AclPermissionType.ALLOW), (f"User:{user}", AclPermissionType.DENY)]
        _done(self.admin.create_acls([AclBinding(*where, who, "*", AclOperation.ALL, what) for who, what in rights]))

    def await_leaders(self, topic: str, partitions: int, replicas: int = 1) -> None:
        """Wait until so many partitions have a leader and so many replicas in sync."""

        def there() -> bool:
            for asked in self._everyone():
                found = asked.list_topics(topic, timeout=WITHIN).topics[topic].partitions.values()
                if len(found) < partitions or not all(one.leader > 0 and len(one.isrs) >= replicas for one in found):
                    return False
            return True

        await_(there, f"{topic} has leaders")

    def leader(self, topic: str, partition: int = 0) -> int:
        """The node that leads a partition; -1 if none does."""
        found = self.admin.list_topics(topic, timeout=WITHIN).topics[topic].partitions
        return found[partition].leader if partition in found else -1

    def _everyone(self) -> list[AdminClient]:
        """Clients that ask each running node: what one knows, another may not know yet."""
        return [self.admin]

    def produce(
        self,
        topic: str,
        value: bytes | str | None,
        key: bytes | str | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
        timestamp: int | None = None,
    ) -> tuple[int, int]:
        """Deliver one message; its partition and offset.

        Parameters
        ----------
        timestamp
            Milliseconds since 1970; now, if not given.
        """
        where = {} if partition is None else {"partition": partition}
        when = {} if timestamp is None else {"timestamp": timestamp}
        [place] = self.produce_all(topic, [{"value": value, "key": key, "headers": headers or [], **where, **when}])
        return place

    def produce_all(
        self, topic: str, messages: Iterable[Mapping[str, Any]], **properties: Any
    ) -> list[tuple[int, int]]:
        """Deliver messages, given as arguments of `Producer.produce`; partition and offset of each, as acknowledged.

        Raises
        ------
        KafkaException
            One was not delivered.
        """
        producer = Producer({**self.client(), "linger.ms": 5, "enable.idempotence": True, **properties})
        places: list[tuple[int, int]] = []
        failed: list[KafkaError] = []

        def told(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failed.append(error)
            else:
                places.append((message.partition() or 0, message.offset() or 0))

        for message in messages:
            while True:
                try:
                    producer.produce(topic, on_delivery=told, **message)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        left = producer.flush(WITHIN)
        if failed:
            raise KafkaException(failed[0])
        assert not left, f"{left} messages were not acknowledged in {WITHIN} s"
        return places

    def read_all(self, topic: str, isolation: str = "read_committed", **properties: Any) -> list[Message]:
        """All messages that a topic has now: partition by partition, each in its order."""
        if isolation == "read_committed":
            self.requires("transactions")
        more = {
            "group.id": "read-all",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
        }
        consumer = Consumer({**self.client(), **more, "isolation.level": isolation, **properties})
        try:
            partitions = consumer.list_topics(topic, timeout=WITHIN).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
            return _until_ends(consumer, len(partitions))
        finally:
            consumer.close()


def await_(holds: Callable[[], bool], what: str, within: float = WITHIN) -> None:
    """Wait until something holds."""
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until, f"not within {within} s: {what}"
        time.sleep(0.02)


def _until_ends(consumer: Consumer, partitions: int) -> list[Message]:
    found: list[Message] = []
    ended: set[int | None] = set()
    until = time.monotonic() + WITHIN
    while len(ended) < partitions:
        assert time.monotonic() < until, f"not read within {WITHIN} s"
        for message in consumer.consume(1000, 0.1):
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            elif not error.retriable():
                raise KafkaException(error)
    return sorted(found, key=lambda message: (message.partition() or 0, message.offset() or 0))


def _done(futures: Mapping[Any, Any]) -> None:
    for future in futures.values():
        future.result(WITHIN)
