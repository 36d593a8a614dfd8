"""Writing to Kafka, against librdkafka's mock broker."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, Producer
from typer.testing import CliRunner

from flows.cli import app
from flows.topics import TopicError, Topics

EARLIEST = {"group.id": "readers", "auto.offset.reset": "earliest"}


@pytest.fixture
def brokers() -> Iterator[str]:
    """Address of a mock broker, which lives as long as the client that holds it."""
    holder = Producer({"test.mock.num.brokers": 1})
    found = [f"{broker.host}:{broker.port}" for broker in holder.list_topics(timeout=10).brokers.values()]
    assert all(address.startswith("127.0.0.1:") for address in found)
    yield ",".join(found)
    holder.flush(1)


def read(brokers: str, topic: str) -> list[Message]:
    """All messages of a topic, each partition in its order."""
    consumer = Consumer({"bootstrap.servers": brokers, **EARLIEST})
    consumer.subscribe([topic])
    found: list[Message] = []
    silent = 0
    while silent < (10 if found else 100):
        message = consumer.poll(0.2)
        silent = silent + 1 if message is None else 0
        if message is not None and message.error() is None:
            found.append(message)
    consumer.close()
    return found


def test_messages_arrive_in_order_with_their_time_and_place(brokers: str) -> None:
    places: list[dict[str, object]] = []
    topics = Topics(brokers)
    for place in range(500):
        told = places.append if place % 100 == 0 else None
        topics.write("audit", "prod-1", json.dumps({"n": place}).encode(), 1_700_000_000_000_000 + place * 1000, told)
    topics.close()
    found = read(brokers, "audit")
    assert [json.loads(message.value() or b"")["n"] for message in found] == list(range(500))
    assert {message.key() for message in found} == {b"prod-1"}
    assert found[7].timestamp()[1] == 1_700_000_000_007
    assert [place["offset"] for place in places] == [0, 100, 200, 300, 400]


def test_a_broker_that_is_not_there_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.topics.REACHED_WITHIN", 0.5)
    with pytest.raises(TopicError, match=r"127\.0\.0\.1:9"):
        Topics("127.0.0.1:9")


def test_a_message_that_no_broker_takes_is_an_error(brokers: str) -> None:
    topics = Topics(brokers)
    with pytest.raises(TopicError, match="audit"):
        topics.write("audit", "prod-1", b"x" * 2_000_000, 0, None)


def test_a_simulation_goes_to_a_topic_for_each_source_and_its_labels_name_the_offsets(
    brokers: str, tmp_path: Path
) -> None:
    called = [
        "simulate",
        str(tmp_path / "a"),
        "--days",
        "0.1",
        "--clusters",
        "2",
        "--events",
        "4000",
        "--kafka",
        brokers,
        "--topics",
        "t-",
    ]
    done = CliRunner().invoke(app, called)
    assert done.exit_code == 0, done.output
    labels = [json.loads(line) for line in (tmp_path / "a" / "labels.jsonl").read_text().splitlines()]
    runtime = [label for label in labels if label["source"] == "runtime"]
    records = {(message.partition(), message.offset()): message for message in read(brokers, "t-runtime")}
    assert runtime
    for label in runtime:
        origin = label["origin"]
        message = records[origin["partition"], origin["offset"]]
        assert origin["topic"] == "t-runtime"
        assert (message.key() or b"").decode() == label["cluster"]
        assert label["event_id"].encode() in (message.value() or b"") or label["event_id"].endswith("/exit")
