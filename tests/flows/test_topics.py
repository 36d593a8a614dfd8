"""A simulation in Kafka, against librdkafka's mock broker."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.kafka.errors import KafkaFailedError
from flows.topics import Topic, opened
from simulation.errors import UnusableError
from tests.flows.kafka.mock import mock_cluster, read


@pytest.fixture
def brokers() -> Iterator[str]:
    """Address of a mock broker."""
    with mock_cluster() as made:
        yield made.brokers


def test_messages_arrive_in_order_with_their_time_and_place(brokers: str) -> None:
    places: list[dict[str, object]] = []
    writer = opened(brokers, ["audit"])
    topic = Topic(writer, "audit", "prod-1")
    for place in range(500):
        told = places.append if place % 100 == 0 else None
        topic.write(json.dumps({"n": place}), 1_700_000_000_000_000 + place * 1000, told)
    writer.close()
    found = read(brokers, "audit", 500)
    assert [json.loads(message.value() or b"")["n"] for message in found] == list(range(500))
    assert {message.key() for message in found} == {b"prod-1"}
    assert found[7].timestamp()[1] == 1_700_000_000_007
    assert [place["offset"] for place in places] == [0, 100, 200, 300, 400]
    assert {place["topic"] for place in places} == {"audit"}


def test_a_broker_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.topics.AWAY", timedelta(0))
    monkeypatch.setattr("flows.topics.ASKED_WITHIN", 0.5)
    with pytest.raises(KafkaFailedError, match=r"127\.0\.0\.1:9"):
        opened("127.0.0.1:9", ["audit"])


def test_a_topic_of_an_impossible_name_is_a_wrong_call() -> None:
    with pytest.raises(UnusableError, match="a b"):
        opened("127.0.0.1:9", ["a b"])


def test_a_message_that_no_broker_takes_is_an_error(brokers: str) -> None:
    writer = opened(brokers, ["audit"])
    Topic(writer, "audit", "prod-1").write("x" * 2_000_000, 0, None)
    with pytest.raises(KafkaFailedError, match="topic audit: larger than"):
        writer.close()


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
    records = {(message.partition(), message.offset()): message for message in read(brokers, "t-runtime", len(runtime))}
    assert runtime
    for label in runtime:
        origin = label["origin"]
        message = records[origin["partition"], origin["offset"]]
        assert origin["topic"] == "t-runtime"
        assert (message.key() or b"").decode() == label["cluster"]
        assert label["event_id"].encode() in (message.value() or b"") or label["event_id"].endswith("/exit")
