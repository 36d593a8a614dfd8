"""Alerts and dead letters of any size, against librdkafka's mock broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from alerts import Alert, Entity
from alerts.signal import Origin
from events import Malformed
from flows.judge import DeadLetter
from flows.kafka.errors import KafkaFailedError, KafkaSettingsError
from flows.kafka.sink import LONGEST_HEADER, LONGEST_KEY, KafkaAlerts, KafkaDeadLetters, alert_key
from tests.alerts.samples import alert, signal
from tests.flows.kafka.mock import MockCluster, mock_cluster, read
from tests.flows.kafka.outputs import large, numbered, said, settings

TOO_LARGE = KafkaError.MSG_SIZE_TOO_LARGE


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with mock_cluster() as made:
        made.create("alerts", 4)
        made.create("letters", 4)
        yield made


def test_small_alerts_whose_batch_is_too_large_are_sent_one_by_one_and_whole(cluster: MockCluster) -> None:
    output = KafkaAlerts(settings(cluster.brokers))
    cluster.fail_next([TOO_LARGE])
    output.write([alert()] * 10)
    output.settle()
    found = read(cluster.brokers, "alerts", 10)
    assert len(found) == 10
    assert {Alert.model_validate_json(message.value() or b"").trimmed for message in found} == {None}


def test_an_alert_that_the_topic_does_not_take_is_cut_until_it_does(
    cluster: MockCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    output = KafkaAlerts(settings(cluster.brokers))
    cluster.fail_next([TOO_LARGE] * 3)
    output.write([large()])
    output.settle()
    (message,) = read(cluster.brokers, "alerts", 1)
    assert Alert.model_validate_json(message.value() or b"").trimmed == ("explanation", "evidence")
    assert len(message.value() or b"") < 100_000
    assert "max.message.bytes" in capsys.readouterr().err


def test_a_topic_that_takes_no_form_of_an_alert_is_an_error(cluster: MockCluster) -> None:
    output = KafkaAlerts(settings(cluster.brokers))
    cluster.fail_next([TOO_LARGE] * 50)
    output.write([large()])
    with pytest.raises(KafkaFailedError, match=r"larger than the topic takes \(max\.message\.bytes\)"):
        output.settle()


@pytest.mark.parametrize("form", ["jsonl", "ocsf"])
def test_an_alert_is_cut_before_any_broker_sees_it(cluster: MockCluster, form: str) -> None:
    output = KafkaAlerts(settings(cluster.brokers, form=form, message_max_bytes="100000"))
    output.write([large(), alert()])
    output.settle()
    values = [message.value() or b"" for message in read(cluster.brokers, "alerts", 2)]
    assert [b'"trimmed":["explanation"]' in value for value in values] == [True, False]
    assert len(values[0]) < 100_000


def test_messages_so_small_that_no_alert_fits_are_refused_at_once() -> None:
    with pytest.raises(KafkaSettingsError, match=r"message\.max\.bytes"):
        KafkaAlerts(settings("127.0.0.1:9", message_max_bytes="5000"))


def test_a_full_local_queue_is_waited_for(cluster: MockCluster) -> None:
    output = KafkaAlerts(settings(cluster.brokers, queue_buffering_max_messages="10"))
    output.write(numbered(500))
    output.settle()
    assert len(read(cluster.brokers, "alerts", 500)) == 500


def test_dead_letters_of_any_size_are_delivered(cluster: MockCluster) -> None:
    output = KafkaDeadLetters(settings(cluster.brokers))
    letter = DeadLetter(Origin(path="\x01" * 4_096, line=1), Malformed("r" * 900, b"\x01" * 512, "\x01" * 300_000))
    output.write([letter])
    cluster.fail_next([TOO_LARGE] * 3)
    output.write([letter] * 2)
    output.settle()
    found = read(cluster.brokers, "letters", 3)
    assert len(found) == 3
    assert all(len(message.value() or b"") < 20_000 for message in found)
    assert all(len(value or b"") <= LONGEST_HEADER for message in found for value in said(message).values())


def test_keys_of_any_length_are_bounded_and_differ() -> None:
    keys = {alert_key(alert(signal(entity=Entity("user", "é" * 5_000 + ending)))) for ending in "ab"}
    assert len(keys) == 1  # cut to the same text in the alert itself
    keys = {alert_key(alert(signal(entity=Entity("user", ending + "é" * 2_000)))) for ending in "ab"}
    keys |= {alert_key(alert(signal(entity=Entity("user", "é" * 2_000 + ending)))) for ending in "ab"}
    assert len(keys) == 4
    assert all(len(key) <= LONGEST_KEY and key.decode() for key in keys)
