"""Alerts and dead letters in topics of a real Apache Kafka."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import timedelta

import pytest

from alerts import Alert
from alerts.signal import Origin
from events import Malformed
from flows.judge import DeadLetter
from flows.kafka import patience
from flows.kafka.errors import KafkaFailedError
from flows.kafka.settings import AlertTopic, DeadLetterTopic, KafkaSettings, TopicSettings
from flows.kafka.sink import KafkaAlerts, KafkaDeadLetters, alert_key, check_topics
from flows.sinks import Sink
from tests.alerts.samples import ENTITIES, alert, signal
from tests.kafka.broker import Broker


def settings(
    broker: Broker,
    topic: str,
    client: dict[str, str] | None = None,
    *,
    within: float = 30.0,
    listener: str = "PLAINTEXT",
) -> KafkaSettings:
    return KafkaSettings(
        brokers=broker.brokers(listener),
        topics=[TopicSettings(name="audit")],
        alerts=AlertTopic(topic=topic),
        dead_letters=DeadLetterTopic(topic=topic),
        deliver_within=timedelta(seconds=within),
        client=client or {},
    )


def bob(password: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanisms": "PLAIN",
        "sasl.username": "bob",
        "sasl.password": password,
    }


def numbered(count: int) -> list[Alert]:
    """Alerts of several entities, each revised again and again."""
    made = [alert(signal(entity=entity)) for entity in ENTITIES.values()]
    return [made[place % len(made)].model_copy(update={"revision": place // len(made) + 1}) for place in range(count)]


def noise(size: int) -> str:
    """What no compression makes smaller."""
    return os.urandom(size // 2).hex()


def large() -> Alert:
    """Over 800 KB."""
    return alert(signal(fields={"paths": [noise(400) for _ in range(2_000)]}))


def alerts(broker: Broker, topic: str) -> list[Alert]:
    return [Alert.model_validate_json(message.value() or b"") for message in broker.read_all(topic)]


def test_alerts_are_read_back_without_loss_and_in_order_by_entity(broker: Broker, topic: str) -> None:
    broker.create(topic, 4)
    check_topics(settings(broker, topic))
    output = KafkaAlerts(settings(broker, topic))
    written = numbered(1_800)
    output.write(written)
    output.settle()
    by_key: dict[object, list[int]] = {}
    for message in broker.read_all(topic):
        by_key.setdefault(message.key(), []).append(Alert.model_validate_json(message.value() or b"").revision)
    assert by_key == {alert_key(one): list(range(1, 201)) for one in written[: len(ENTITIES)]}


def test_a_topic_that_is_not_there_is_said(broker: Broker, topic: str) -> None:
    with pytest.raises(KafkaFailedError, match=f"topic {topic}: there is no such topic"):
        check_topics(settings(broker, topic))
    output = KafkaAlerts(settings(broker, topic, {"topic.metadata.propagation.max.ms": "500"}))
    output.write([alert()])
    with pytest.raises(KafkaFailedError, match=f"topic {topic}: alert {alert().id}: there is no such topic"):
        output.settle()


def test_a_topic_that_refuses_is_said(broker: Broker, topic: str) -> None:
    broker.create(topic)
    broker.deny(topic, "bob")
    denied = settings(broker, topic, bob("bob-secret"), listener="SASL_PLAINTEXT")
    with pytest.raises(KafkaFailedError, match=f"topic {topic}: this client may not"):
        check_topics(denied)
    output = KafkaAlerts(denied)
    output.write([alert()])
    begun = time.monotonic()
    with pytest.raises(KafkaFailedError, match=rf"topic {topic}: .*this client may not write to it"):
        output.settle()
    assert time.monotonic() - begun < 10


def test_a_wrong_password_is_said_long_before_the_time_is_up(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.create(topic)
    monkeypatch.setattr(patience, "PATIENCE", 1.0)
    output = KafkaAlerts(settings(broker, topic, bob("wrong"), listener="SASL_PLAINTEXT"))
    output.write([alert()])
    begun = time.monotonic()
    with pytest.raises(KafkaFailedError, match=r"(?i)authentication"):
        output.settle()
    assert time.monotonic() - begun < 10


def test_alerts_larger_than_the_topic_takes_are_cut_and_small_ones_stay_whole(
    broker: Broker, topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broker.create(topic, 1, {"max.message.bytes": "20000"})
    output = KafkaAlerts(settings(broker, topic, {"linger.ms": "200"}))
    small = [alert(signal(because=noise(2_000), occurrence=str(place))) for place in range(100)]
    output.write([*small[:50], large(), *small[50:]])
    output.settle()
    found = alerts(broker, topic)
    assert sorted(one.id for one in found if one.trimmed is None) == sorted(one.id for one in small)
    assert [one.trimmed for one in found if one.trimmed] == [("explanation",)]
    assert "max.message.bytes" in capsys.readouterr().err
    output.write(small)
    output.settle()
    assert len(alerts(broker, topic)) == 201


def test_the_largest_alert_fits_an_ordinary_topic(broker: Broker, topic: str) -> None:
    broker.create(topic)
    output = KafkaAlerts(settings(broker, topic))
    output.write([large(), alert(signal(fields={"paths": [noise(4_000) for _ in range(1_000)]}))])
    output.settle()
    assert [one.trimmed for one in alerts(broker, topic)] == [None, ("explanation",)]


def test_a_topic_that_takes_no_form_of_an_alert_is_an_error(broker: Broker, topic: str) -> None:
    broker.create(topic, 1, {"max.message.bytes": "500"})
    output = KafkaAlerts(settings(broker, topic, {"compression.type": "none"}))
    output.write([alert()])
    with pytest.raises(KafkaFailedError, match=r"larger than the topic takes \(max\.message\.bytes\)"):
        output.settle()


def test_dead_letters_in_masses_are_all_there(broker: Broker, topic: str) -> None:
    broker.create(topic, 4)
    output = KafkaDeadLetters(settings(broker, topic))
    malformed = Malformed("not JSON", b"x" * 400)
    output.write([DeadLetter(Origin(topic="audit", partition=n % 8, offset=n), malformed) for n in range(20_000)])
    output.settle()
    found = [json.loads(message.value() or b"")["origin"]["offset"] for message in broker.read_all(topic)]
    assert sorted(found) == list(range(20_000))


def test_a_broker_that_dies_and_comes_back_has_every_alert_once_when_the_epoch_ends(
    own_broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 1.0)
    own_broker.create(topic, 2)
    part = Sink(KafkaAlerts(settings(own_broker, topic, within=90))).build_part("output", "all", None)
    written = numbered(900)
    part.write_batch(written[:300])
    part.snapshot()
    part.write_batch(written[300:600])
    own_broker.kill()
    part.write_batch(written[600:])
    ending = threading.Thread(target=part.snapshot, daemon=True)
    ending.start()
    ending.join(2.5)
    assert ending.is_alive()
    own_broker.start()
    ending.join(30)
    assert not ending.is_alive()
    found = [(one.id, one.revision) for one in alerts(own_broker, topic)]
    assert sorted(found) == sorted((one.id, one.revision) for one in written)
    assert "acknowledged again" in capsys.readouterr().err


def test_a_broker_that_hangs_is_given_up_in_time(own_broker: Broker, topic: str) -> None:
    own_broker.create(topic)
    output = KafkaAlerts(settings(own_broker, topic, within=6))
    output.write([alert()])
    output.settle()
    own_broker.pause()
    output.write([alert()])
    begun = time.monotonic()
    try:
        with pytest.raises(KafkaFailedError, match="not acknowledged within 6 s"):
            output.settle()
        assert 5.5 < time.monotonic() - begun < 6 + patience.GRACE
        closing = time.monotonic()
        output.close()
        assert time.monotonic() - closing < 5
    finally:
        own_broker.resume()
