"""Alerts and dead letters in topics, against librdkafka's mock broker."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError

from alerts import Alert
from alerts.signal import Origin
from events import Malformed
from flows.judge import DeadLetter
from flows.kafka import patience
from flows.kafka.errors import KafkaFailedError
from flows.kafka.sink import KafkaAlerts, KafkaDeadLetters, alert_key, check_topics
from flows.sinks import Both, Nowhere, Sink
from tests.alerts.samples import ENTITIES, alert
from tests.flows.kafka.mock import MockCluster, mock_cluster, read
from tests.flows.kafka.outputs import numbered, said, settings


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with mock_cluster() as made:
        made.create("alerts", 4)
        made.create("letters", 4)
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.8)
    monkeypatch.setattr(patience, "SIGN_EVERY", 0.2)
    monkeypatch.setattr("flows.failing._noticed", [])


def test_an_ordinary_consumer_reads_all_alerts_back_in_order_by_entity(cluster: MockCluster) -> None:
    output = KafkaAlerts(settings(cluster.brokers))
    written = numbered(900)
    for place in range(0, 900, 90):
        output.write(written[place : place + 90])
        output.settle()
    output.close()
    found = read(cluster.brokers, "alerts", 900)
    assert len(found) == 900
    assert len({message.partition() for message in found}) > 1
    by_key: dict[bytes, list[Alert]] = {}
    for message in found:
        key: Any = message.key()
        by_key.setdefault(key, []).append(Alert.model_validate_json(message.value() or b""))
    assert {key: [one.revision for one in read_back] for key, read_back in by_key.items()} == {
        alert_key(one): list(range(1, 101)) for one in written[: len(ENTITIES)]
    }
    assert sorted(one.model_dump_json() for ones in by_key.values() for one in ones) == sorted(
        one.model_dump_json() for one in written
    )


def test_a_message_says_in_its_headers_what_it_is_about_and_when_it_was_written(cluster: MockCluster) -> None:
    before = time.time() * 1000
    output = KafkaAlerts(settings(cluster.brokers, form="ocsf"))
    output.write([alert()])
    output.settle()
    (message,) = read(cluster.brokers, "alerts", 1)
    assert message.key() == b"prod/cluster_role_binding//ops-admin"
    assert said(message) == {
        "id": alert().id.encode(),
        "alert_type": b"K8S_ClusterAdminBinding",
        "severity": b"Informational",
        "revision": b"1",
    }
    assert json.loads(message.value() or b"")["class_uid"] == 2004
    assert before - 1 <= message.timestamp()[1] <= time.time() * 1000 + 1


def test_without_a_broker_settling_raises_in_time_and_not_before(
    cluster: MockCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    signs: list[float] = []
    output = KafkaAlerts(settings(cluster.brokers, within=3), lambda: signs.append(time.monotonic()))
    output.write([alert()])
    output.settle()
    cluster.down()
    output.write([alert()])
    begun = time.monotonic()
    with pytest.raises(KafkaFailedError, match=f"topic alerts: alert {alert().id}: not acknowledged within 3 s"):
        output.settle()
    assert 2.9 < time.monotonic() - begun < 5
    assert len(signs) > 5
    assert "no write acknowledged" in capsys.readouterr().err
    with pytest.raises(KafkaFailedError):
        output.write([alert()])
    begun = time.monotonic()
    output.close()
    output.close()
    assert time.monotonic() - begun < 1


def test_what_is_written_while_the_broker_is_away_is_there_when_it_is_back_before_the_epoch_ends(
    cluster: MockCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Sink(KafkaAlerts(settings(cluster.brokers)))
    part = sink.build_part("output", "all", None)
    part.write_batch([alert()])
    part.snapshot()
    cluster.down()
    part.write_batch(numbered(40))
    ending = threading.Thread(target=part.snapshot, daemon=True)
    ending.start()
    ending.join(1.5)
    assert ending.is_alive()
    cluster.up()
    ending.join(15)
    assert not ending.is_alive()
    assert len(read(cluster.brokers, "alerts", 41)) == 41
    first, second = capsys.readouterr().err.splitlines()
    assert "no write acknowledged" in first
    assert "acknowledged again" in second


def test_an_epoch_whose_alerts_are_not_delivered_does_not_end(cluster: MockCluster) -> None:
    part = Sink(KafkaAlerts(settings(cluster.brokers, within=1))).build_part("output", "all", None)
    cluster.down()
    part.write_batch([alert()])
    with pytest.raises(KafkaFailedError, match="not acknowledged"):
        part.snapshot()


def test_settling_costs_nothing_where_nothing_was_written() -> None:
    output = KafkaAlerts(settings("127.0.0.1:9"))
    output.write([])
    output.settle()
    output.close()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "this client may not write to it"),
        (KafkaError.INVALID_TIMESTAMP, "INVALID_TIMESTAMP"),
    ],
)
def test_a_refusal_is_said_at_once(cluster: MockCluster, code: int, sentence: str) -> None:
    output = KafkaAlerts(settings(cluster.brokers))
    cluster.fail_next([code])
    output.write([alert()])
    begun = time.monotonic()
    with pytest.raises(KafkaFailedError, match=f"topic alerts: alert {alert().id}: .*{sentence}"):
        output.settle()
    assert time.monotonic() - begun < 3


def test_what_passes_is_tried_again(cluster: MockCluster) -> None:
    output = KafkaAlerts(settings(cluster.brokers))
    cluster.fail_next([KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.REQUEST_TIMED_OUT])
    output.write(numbered(30))
    output.settle()
    assert len(read(cluster.brokers, "alerts", 30)) == 30


def test_a_client_that_is_not_let_in_is_not_waited_for(cluster: MockCluster) -> None:
    output = KafkaAlerts(settings(cluster.brokers))
    cluster.down()
    output.write([alert()])
    output.writer._patience.heard(KafkaError(KafkaError._AUTHENTICATION, "wrong password"))
    output.writer._patience.heard(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    output.writer._patience.look(output.writer.waiting)
    time.sleep(patience.PATIENCE)
    with pytest.raises(KafkaFailedError, match="wrong password"):
        output.writer._patience.look(output.writer.waiting)


def test_dead_letters_say_where_they_stood(cluster: MockCluster) -> None:
    output = KafkaDeadLetters(settings(cluster.brokers))
    output.write(
        [
            DeadLetter(Origin(topic="audit", partition=3, offset=7, item=0), Malformed("not JSON", b"\xff{", "why")),
            DeadLetter(Origin(path="a\udcff.log", line=9), Malformed("no time", b"{}")),
        ]
    )
    output.settle()
    found = {message.key(): message for message in read(cluster.brokers, "letters", 2)}
    first, second = found[b"audit/3"], found[b"a\\udcff.log"]
    assert said(first) == {
        "reason": b"not JSON",
        "topic": b"audit",
        "partition": b"3",
        "offset": b"7",
        "item": b"0",
    }
    assert json.loads(first.value() or b"") == {
        "reason": "not JSON",
        "detail": "why",
        "origin": {"topic": "audit", "partition": 3, "offset": 7, "item": 0},
        "head_base64": "/3s=",
    }
    assert said(second) == {"reason": b"no time", "path": b"a\\udcff.log", "line": b"9"}


def test_topics_that_are_not_there_are_found_before_anything_is_read(cluster: MockCluster) -> None:
    check_topics(settings(cluster.brokers))
    cluster.refuse("letters", KafkaError.UNKNOWN_TOPIC_OR_PART)
    with pytest.raises(KafkaFailedError, match="topic letters: there is no such topic"):
        check_topics(settings(cluster.brokers))
    cluster.refuse("alerts", KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaFailedError, match="topic alerts: this client may not"):
        check_topics(settings(cluster.brokers))


class _Failing(Nowhere):
    closed = 0

    def close(self) -> None:
        self.closed += 1
        raise OSError("disk full")


def test_both_outputs_are_closed_even_if_one_fails(cluster: MockCluster) -> None:
    failing, output = _Failing(), KafkaAlerts(settings(cluster.brokers))
    both = Both([failing, output])
    both.write([alert()])
    with pytest.raises(OSError, match="disk full"):
        both.close()
    assert failing.closed == 1
    assert len(read(cluster.brokers, "alerts", 1)) == 1
