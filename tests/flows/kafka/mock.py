"""librdkafka's mock brokers, which can be taken away and told to refuse."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

PRODUCE = 0
"""Number of the request, in Kafka's protocol."""
_CLIENT = 0


class MockCluster:
    """One broker on 127.0.0.1; topics are made when they are first asked for."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(str(next(_libraries().glob("librdkafka-*.so*"))))
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(self.library, name).restype = ctypes.c_void_p
        self.library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        configuration = ctypes.c_void_p(self.library.rd_kafka_conf_new())
        said = ctypes.create_string_buffer(512)
        self.library.rd_kafka_conf_set(configuration, b"log_level", b"0", said, ctypes.c_size_t(512))
        self.client = ctypes.c_void_p(self.library.rd_kafka_new(_CLIENT, configuration, said, ctypes.c_size_t(512)))
        assert self.client.value, said.value
        self.cluster = ctypes.c_void_p(self.library.rd_kafka_mock_cluster_new(self.client, 1))
        self.brokers: str = self.library.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        assert self.brokers.startswith("127.0.0.1:")

    def create(self, topic: str, partitions: int) -> None:
        assert self.library.rd_kafka_mock_topic_create(self.cluster, topic.encode(), partitions, 1) == 0

    def refuse(self, topic: str, code: int) -> None:
        """From now on metadata says this of the topic."""
        self.library.rd_kafka_mock_topic_set_error(self.cluster, topic.encode(), code)

    def fail_next(self, codes: Sequence[int], request: int = PRODUCE) -> None:
        """The next requests of this kind are answered with these errors."""
        array = (ctypes.c_int * len(codes))(*codes)
        self.library.rd_kafka_mock_push_request_errors_array(
            self.cluster, ctypes.c_int16(request), ctypes.c_size_t(len(codes)), array
        )

    def down(self) -> None:
        assert self.library.rd_kafka_mock_broker_set_down(self.cluster, ctypes.c_int32(1)) == 0

    def up(self) -> None:
        assert self.library.rd_kafka_mock_broker_set_up(self.cluster, ctypes.c_int32(1)) == 0

    def close(self) -> None:
        self.library.rd_kafka_mock_cluster_destroy(self.cluster)
        self.library.rd_kafka_destroy(self.client)


@contextmanager
def mock_cluster() -> Iterator[MockCluster]:
    """A cluster that ends with the block."""
    made = MockCluster()
    try:
        yield made
    finally:
        made.close()


def read(brokers: str, topic: str, count: int) -> list[Message]:
    """As many messages of a topic, each partition in its order, and a moment longer, for more than there should be."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "readers"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    found: list[Message] = []
    silent = 0
    while silent < (3 if len(found) >= count else 100):
        message = consumer.poll(0.1)
        silent = silent + 1 if message is None else 0
        if message is not None and message.error() is None:
            found.append(message)
    consumer.close()
    return found


def _libraries() -> Path:
    return Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
