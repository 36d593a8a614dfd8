"""The broker that other tests rely on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from tests.kafka.broker import CONSUMER_GROUPS, EVENT_HUBS, OFFSETS, Broker
from tests.kafka.certificates import Authority
from tests.kafka.cluster import await_
from tests.kafka.fixtures import started

ROOT = Path(__file__).parents[2]
WAYS = [
    ("SASL_PLAINTEXT", "PLAIN", "alice"),
    ("SASL_PLAINTEXT", "SCRAM-SHA-256", "alice"),
    ("SASL_PLAINTEXT", "SCRAM-SHA-512", "bob"),
    ("SASL_PLAINTEXT", "OAUTHBEARER", "carol"),
    ("SSL", "", "alice"),
    ("MTLS", "", "alice"),
    ("SASL_SSL", "PLAIN", EVENT_HUBS[0]),
    ("SASL_SSL", "SCRAM-SHA-512", "alice"),
    ("SASL_SSL", "OAUTHBEARER", "alice"),
]


def values(broker: Broker, topic: str) -> list[bytes | None]:
    return [message.value() for message in broker.read_all(topic)]


def test_messages_keep_what_they_were_given(broker: Broker, topic: str) -> None:
    broker.create(topic, partitions=3)
    place = broker.produce(topic, "v", key="k", headers=[("h", b"x")], partition=2, timestamp=1_700_000_000_007)
    assert place == (2, 0)
    [message] = broker.read_all(topic)
    assert (message.key(), message.value(), message.headers()) == (b"k", b"v", [("h", b"x")])
    assert message.timestamp()[1] == 1_700_000_000_007


@pytest.mark.parametrize(("listener", "mechanism", "user"), WAYS, ids=lambda value: value.strip("$"))
def test_every_way_in(broker: Broker, topic: str, listener: str, mechanism: str, user: str) -> None:
    broker.create(topic)
    producer = Producer(broker.client(listener, mechanism, user))
    producer.produce(topic, "hello")
    assert producer.flush(15) == 0
    assert values(broker, topic) == [b"hello"]


def await_refusal(client: dict[str, Any], word: str) -> None:
    """Wait for an error of one broker that has this word in its name or text; others may come first."""
    said: list[KafkaError] = []
    heard: dict[str, Any] = {**client, "error_cb": said.append, "reconnect.backoff.max.ms": 200}
    admin = AdminClient(heard)
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.5)

    def refused() -> bool:
        admin.poll(0.1)
        return any(word in f"{error.name()} {error.str()}" for error in said)

    await_(refused, f"refused for {word}")


def test_a_wrong_password_is_refused(broker: Broker) -> None:
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        await_refusal({**broker.client("SASL_PLAINTEXT", mechanism), "sasl.password": "guess"}, "_AUTHENTICATION")


def test_a_certificate_of_someone_else_is_refused(broker: Broker, tmp_path: Path) -> None:
    other = Authority(tmp_path, "someone else")
    await_refusal({**broker.client("SSL"), "ssl.ca.location": str(other.certificate)}, "certificate verify failed")
    strange = other.sign("alice")
    own = {"ssl.certificate.location": str(strange.certificate), "ssl.key.location": str(strange.key)}
    await_refusal({**broker.client("MTLS"), **own}, "bad certificate")


def test_a_topic_can_be_denied(broker: Broker, topic: str) -> None:
    broker.create(topic)
    broker.deny(topic, "bob")
    with pytest.raises(KafkaException) as refused:
        broker.produce_all(topic, [{"value": "x"}], **broker.client("SASL_PLAINTEXT", "PLAIN", "bob"))
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    broker.produce_all(topic, [{"value": "x"}], **broker.client("SASL_PLAINTEXT", "PLAIN", "alice"))


def test_groups_are_seen_by_kafkas_own_tool(broker: Broker, topic: str) -> None:
    broker.create(topic)
    broker.produce_all(topic, [{"value": str(number)} for number in range(10)])
    consumer = Consumer({**broker.client(), "group.id": f"{topic}-group", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    assert len(consumer.consume(4, 10)) == 4
    consumer.commit(asynchronous=False)
    consumer.close()
    said = broker.tool(CONSUMER_GROUPS, "--describe", "--group", f"{topic}-group").splitlines()
    row = next(line.split() for line in said if topic in line.split())
    assert row[2:6] == ["0", "4", "10", "6"]


def test_retention_passes_in_seconds(broker: Broker, topic: str) -> None:
    broker.create(topic, config={"retention.ms": "100"})
    broker.produce_all(topic, [{"value": str(number)} for number in range(10)])
    await_(lambda: f"{topic}:0:10" in broker.tool(OFFSETS, "--topic", topic, "--time", "earliest"), "retention")
    assert values(broker, topic) == []


def test_records_are_deleted_and_partitions_added(broker: Broker, topic: str) -> None:
    broker.create(topic)
    broker.produce_all(topic, [{"value": str(number)} for number in range(10)])
    broker.delete_records(topic, 0, 7)
    assert values(broker, topic) == [b"7", b"8", b"9"]
    broker.grow(topic, 3)
    assert broker.produce(topic, "new", partition=2) == (2, 0)
    broker.alter(topic, {"retention.ms": "86400000"})
    broker.delete(topic)


def test_a_proxy_stalls_slows_and_cuts(broker: Broker, topic: str) -> None:
    broker.create(topic)
    with broker.proxy() as proxy:
        quick = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 50, "enable.idempotence": True}
        producer = Producer(
            {**broker.client("PROXY"), **quick, "linger.ms": 0, "topic.metadata.refresh.interval.ms": -1}
        )

        def delivers(value: bytes, within: float) -> bool:
            producer.produce(topic, value)
            return producer.flush(within) == 0

        assert delivers(b"a", 10)
        proxy.stall()
        assert not delivers(b"b", 0.5)
        proxy.resume()
        assert producer.flush(10) == 0
        proxy.cut()
        assert not delivers(b"c", 0.5)
        proxy.mend()
        assert producer.flush(10) == 0
        proxy.cut_after(1000)
        begun = proxy.passed
        assert not delivers(b"d" * 5000, 0.5)
        assert proxy.passed - begun == 1000
        proxy.mend()
        assert producer.flush(10) == 0
        proxy.slow(20_000)
        since = time.monotonic()
        assert delivers(b"e" * 20_000, 20)
        assert time.monotonic() - since > 0.8
    assert values(broker, topic) == [b"a", b"b", b"c", b"d" * 5000, b"e" * 20_000]


def test_killed_stopped_and_hanging_it_keeps_address_and_data(own_broker: Broker) -> None:
    address, [pid] = own_broker.brokers(), own_broker.pids.values()
    own_broker.create("kept")
    own_broker.produce("kept", "1")
    own_broker.kill()
    assert own_broker.pids == {}
    own_broker.start()
    assert (own_broker.brokers(), own_broker.pids != {1: pid}) == (address, True)
    own_broker.produce("kept", "2", key="k")
    own_broker.stop()
    own_broker.start()
    own_broker.pause()
    with pytest.raises(KafkaException):
        own_broker.admin.list_topics(timeout=0.5)
    own_broker.resume()
    assert values(own_broker, "kept") == [b"1", b"2"]


def test_with_three_nodes_one_may_be_away() -> None:
    with started(nodes=3) as three:
        three.create("copied", replication=3)
        three.produce("copied", "1")
        before = three.leader("copied")
        three.kill(before)
        await_(lambda: three.leader("copied") not in {before, -1}, "another leads")
        three.produce("copied", "2")
        three.start(before)
        three.await_leaders("copied", 1, 3)
        assert values(three, "copied") == [b"1", b"2"]


def test_it_is_gone_when_the_test_process_is_killed(broker: Broker) -> None:
    assert broker.pids  # the real one
    text = (
        "import time; from tests.kafka.broker import Broker; b = Broker().__enter__();"
        "print(b.pids[1], b.folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        pid, folder = keeper.stdout.readline().split()
        os.kill(int(pid), 0)
        keeper.send_signal(signal.SIGKILL)
    await_(
        lambda: not Path("/proc", pid, "cmdline").exists() or not Path("/proc", pid, "cmdline").read_bytes(),
        "it ended",
        5,
    )
    await_(lambda: not Path(folder).exists(), "its data is gone", 5)
