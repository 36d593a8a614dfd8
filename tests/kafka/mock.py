"""librdkafka's mock broker, for machines without Java: what it serves, and what it does not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NoReturn, Self

import pytest
from confluent_kafka import Producer

from tests.kafka.cluster import WITHIN, Cluster

PARTITIONS = 4
"""Of every topic; a topic is there as soon as someone asks for it."""
CANNOT = {
    "topics with settings": "topics are as they are: four partitions, nothing else can be set",
    "deletion of records": "nothing is ever deleted, except what is above 5 MB a partition",
    "transactions": "aborted messages are read like others",
    "access control": "everyone may do everything",
    "other listeners than PLAINTEXT": "there is no TLS, no SASL and no proxy",
    "a process of its own": "it lives in a thread of the test, and can be neither killed nor stopped",
    "Kafka's tools": "they are part of Apache Kafka",
}
"""Why a test that needs this does not run."""


def in_ci() -> bool:
    """Whether a test that cannot run must fail."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


class Mock(Cluster):
    """The same as `Broker`, as far as it goes. What does not go skips the test, and fails it in CI.

    Parameters
    ----------
    why
        Why the real broker is not used.
    nodes
        How many.
    """

    def __init__(self, why: str, nodes: int = 1) -> None:
        self.name = f"librdkafka's mock broker ({why})"
        self._why = why
        self._holder = Producer({"test.mock.num.brokers": nodes})

    def requires(self, what: str) -> None:
        """Skip or fail; `what` it can is not in the list."""
        if what in CANNOT:
            self._cannot(what)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.flush(1)

    def brokers(self, listener: str = "PLAINTEXT") -> str:
        if listener != "PLAINTEXT":
            self._cannot("other listeners than PLAINTEXT")
        found = self._holder.list_topics(timeout=WITHIN).brokers.values()
        return ",".join(f"{broker.host}:{broker.port}" for broker in found)

    def create(
        self, topic: str, partitions: int = 1, config: Mapping[str, str] | None = None, replication: int = 1
    ) -> str:
        """Topics of up to four partitions get four; the rest stays empty if messages name their partition."""
        if partitions > PARTITIONS or config or replication > 1:
            self._cannot("topics with settings")
        self.await_leaders(topic, PARTITIONS)
        return topic

    def read_all(self, topic: str, isolation: str = "read_uncommitted", **properties: Any) -> list[Any]:
        return super().read_all(topic, isolation, **properties)

    def __getattr__(self, name: str) -> NoReturn:
        """What only `Broker` has."""
        if name.startswith("__"):
            raise AttributeError(name)
        self._cannot(
            {"tool": "Kafka's tools", "proxy": "other listeners than PLAINTEXT"}.get(name, "a process of its own")
        )

    def _cannot(self, what: str) -> NoReturn:
        reason = f"needs {what}: with librdkafka's mock broker {CANNOT[what]} ({self._why})"
        if in_ci():
            pytest.fail(reason)
        pytest.skip(reason)
