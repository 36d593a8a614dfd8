"""Kafka as a source, as a stranger would check it: a real job as a process, on a real broker."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.flows.following import binding
from tests.flows.kafka.jobs import await_read, ends, job, kafka, milliseconds
from tests.kafka.broker import Broker
from tests.kafka.cluster import WITHIN, await_

MEGABYTE = 1 << 20


def padded(name: str, size: int) -> bytes:
    """A binding of so many bytes."""
    event = json.loads(binding(name))
    event["annotations"] = {"x": ""}
    event["annotations"]["x"] = "x" * (size - len(json.dumps(event)))
    return json.dumps(event).encode()


def test_what_a_message_may_hold(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.create(topic, 1, dict.fromkeys(("max.message.bytes", "segment.bytes"), str(8 * MEGABYTE)))
    large = {"message.max.bytes": 8 * MEGABYTE}
    for kind in ("none", "gzip", "snappy", "lz4", "zstd"):
        batch = [{"value": binding(f"{kind}-{n}")} for n in range(3)]
        broker.produce_all(topic, batch, **{"compression.type": kind, "linger.ms": 50})
    broker.produce(topic, None, key="tombstone")
    broker.produce(topic, b"")
    broker.produce(topic, b"\n")
    broker.produce(topic, b"not json", key=b"\xff\xfe", headers=[("h", None), ("h", b"\xff"), ("", b"")])
    broker.produce(topic, binding("of two, 1") + binding("of two, 2"))
    broker.produce_all(topic, [{"value": padded("1 MiB", MEGABYTE)}], **large)
    broker.produce_all(topic, [{"value": padded("over item", MEGABYTE + 1)}], **large)
    broker.produce_all(topic, [{"value": padded("over line", 2 * MEGABYTE + 1)}], **large)
    broker.produce(topic, binding("last"))
    settings = {"limits": {"item": MEGABYTE, "line": 2 * MEGABYTE}, **kafka(broker, topic, group=topic)}
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, (topic, 0))
        summary = running.stop()
    place = {"topic": topic, "partition": 0}
    assert running.origins() == [
        *({**place, "offset": offset} for offset in range(15)),
        *({**place, "offset": 19, "item": item} for item in range(2)),
        {**place, "offset": 20},
        {**place, "offset": 23},
    ]
    letters = [(letter["origin"]["offset"], letter["reason"]) for letter in running.dead()]
    assert letters == [(18, "not JSON"), (21, "too long"), (22, "too long")]
    assert (summary["read"], summary["events"], summary["skipped_by_reason"]) == (25, 19, {"empty message": 3})


def test_a_transaction_counts_when_it_is_committed(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.requires("transactions")
    broker.create(topic)
    with job(tmp_path, kafka(broker, topic, group=topic)) as running:
        producers = [Producer({**broker.client(), "transactional.id": f"{topic}-{n}"}) for n in range(3)]
        for producer in producers:
            producer.init_transactions(WITHIN)
        committed_, aborted, open_ = producers
        committed_.begin_transaction()
        committed_.produce(topic, binding("committed"))
        committed_.commit_transaction(WITHIN)
        aborted.begin_transaction()
        aborted.produce(topic, binding("aborted"))
        aborted.flush(WITHIN)
        aborted.abort_transaction(WITHIN)
        await_(lambda: ends(broker, [(topic, 0)]) == {(topic, 0): 4}, "both have ended")
        await_read(broker, running, topic, (topic, 0))
        open_.begin_transaction()
        open_.produce(topic, binding("open"))
        open_.flush(WITHIN)
        broker.produce(topic, binding("behind what is open"))
        time.sleep(0.3)
        assert running.offsets() == [0]
        assert running.metric("kafka_lag") == 0
        open_.commit_transaction(WITHIN)
        await_(lambda: ends(broker, [(topic, 0)]) == {(topic, 0): 7}, "it has ended")
        await_read(broker, running, topic, (topic, 0))
        running.stop()
    assert running.offsets() == [0, 4, 5]


def test_topics_by_name_and_pattern_and_the_cluster_that_each_event_gets(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    named, keyed, headed = f"{topic}-named", f"{topic}-keyed", f"{topic}-headed"
    matched = [f"{topic}-of-{cluster}" for cluster in ("weu", "neu")]
    written = [f"{topic}-of-alerts", f"{topic}-of-letters"]
    for one in (named, keyed, headed, *matched, *written, f"not-{topic}-of-x"):
        broker.create(one)
    hostile = "\x1b[2J\u202e" + "x" * 1_000_000
    broker.produce(named, binding("named"))
    broker.produce(keyed, binding("keyed"), key="Key")
    broker.produce(keyed, binding("without key"))
    broker.produce(keyed, binding("not UTF-8"), key=b"\xff\xfe")
    broker.produce_all(keyed, [{"value": binding("hostile"), "key": hostile}], **{"message.max.bytes": 2_000_000})
    broker.produce(headed, binding("headed"), headers=[("cluster", b"first"), ("other", b"x"), ("cluster", b"last")])
    broker.produce(headed, binding("without header"), headers=[("cluster", None)])
    for one in matched:
        broker.produce(one, binding(one))
    broker.produce(f"not-{topic}-of-x", binding("not ours"))
    settings = kafka(
        broker,
        {"name": named, "cluster": "said"},
        {"name": keyed, "cluster_from": "key"},
        {"name": headed, "cluster_from": "header:cluster"},
        {"pattern": f"{topic}-of-(?P<cluster>.+)"},
        {"pattern": f"{topic}.*", "cluster": "never: the first that fits counts"},
        group=topic,
        alerts={"topic": written[0]},
        dead_letters={"topic": written[1]},
    )
    with job(tmp_path, settings, "--cluster", "fallback") as running:
        running.await_alerts(9)
        time.sleep(0.5)
        summary = running.stop()
    clusters = [(one["evidence"][0]["origin"]["topic"], one["cluster"]) for one in running.found()]
    [cut] = [cluster for _, cluster in clusters if len(cluster) > 50]
    assert sorted(clusters) == sorted(
        [
            (named, "said"),
            (keyed, "key"),
            (keyed, "fallback"),
            (keyed, "\ufffd\ufffd"),
            (keyed, cut),
            (headed, "last"),
            (headed, "fallback"),
            (matched[0], "weu"),
            (matched[1], "neu"),
        ]
    )
    assert len(cut) <= 253
    assert "\x1b" not in running.alerts.read_text()
    assert (summary["read"], summary["events"]) == (9, 9)
    kept = [json.loads(message.value() or b"")["id"] for message in broker.read_all(written[0])]
    assert sorted(set(kept)) == sorted(one["id"] for one in running.found())


def test_a_pattern_that_fits_no_topic_and_a_name_that_is_not_there_are_said(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    with job(tmp_path, kafka(broker, topic, group=topic)) as running:
        assert f"exit 1: middlewatch: kafka {broker.brokers()}: topic {topic} is not there" in running.fails()
    with job(tmp_path, kafka(broker, {"pattern": f"{topic}-.*"}, group=topic)) as running:
        assert f"exit 1: middlewatch: kafka {broker.brokers()}: no topic fits kafka.topics" in running.fails()


def test_a_property_that_librdkafka_does_not_know_is_a_wrong_setting(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    broker.create(topic)
    for client, said in (
        ({"no.such.property": "1"}, 'kafka.client: No such configuration property: "no.such.property"'),
        ({"fetch.min.bytes": "many"}, "fetch.min.bytes"),
    ):
        with job(tmp_path, kafka(broker, topic, group=topic, client=client)) as running:
            told = running.fails()
        assert told.startswith("exit 2: ")
        assert said in told
        assert len(told.splitlines()) == 1


def test_event_time_is_bounded_by_that_of_the_message(broker: Broker, topic: str, tmp_path: Path) -> None:
    """A node with a fast clock, and one that lies; one whose shipper lies as well is stopped by LogAppendTime only."""
    broker.create(topic)
    now = time.time()

    def at(name: str, seconds: float, written: float) -> dict[str, Any]:
        stamp = datetime.fromtimestamp(now + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        event = {**json.loads(binding(name)), "stageTimestamp": stamp}
        return {"value": json.dumps(event), "timestamp": int((now + written) * 1000)}

    broker.produce_all(
        topic,
        [
            at("first", -600, -600),
            at("fast by 4 minutes", -359, -599),
            at("in time", -598, -598),
            at("dated ahead", -200, -597),
            at("in time again", -596, -596),
            at("in time still", -595, -595),
        ],
    )
    with job(tmp_path, kafka(broker, topic, group=topic)) as running:
        await_read(broker, running, topic, (topic, 0))
        summary = running.stop()
    assert [(one["origin"]["offset"], one["reason"]) for one in running.dead()] == [(3, "future")]
    assert (summary["late"], summary["malformed_by_reason"]) == (0, {"future": 1})
    assert running.offsets() == [0, 1, 2, 4, 5]


def test_the_time_of_the_broker_counts_where_the_topic_says_so(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.create(topic, 1, {"message.timestamp.type": "LogAppendTime"})
    late = json.dumps({**json.loads(binding("x")), "stageTimestamp": rfc(60)})
    ahead = json.dumps({**json.loads(binding("y")), "stageTimestamp": rfc(1000)})
    broker.produce_all(topic, [{"value": one, "timestamp": milliseconds(3000)} for one in (late, ahead)])
    with job(tmp_path, kafka(broker, topic, group=topic)) as running:
        await_read(broker, running, topic, (topic, 0))
        running.stop()
    assert [one["origin"]["offset"] for one in running.dead()] == [1]
    assert running.offsets() == [0]


def rfc(seconds: float) -> str:
    """The time in so many seconds."""
    return datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
