"""Kafka as a source when something is wrong: what was deleted, moved, taken away, and brokers that do not answer."""

from __future__ import annotations

import time
from pathlib import Path

from tests.flows.following import binding
from tests.flows.kafka.jobs import Job, await_read, job, kafka
from tests.kafka.broker import Broker
from tests.kafka.fixtures import started

QUICK = {"flows.kafka.client.ASKED_WITHIN": 1.0}


def written(broker: Broker, topic: str, number: int, name: str = "n") -> None:
    """So many messages more, each of which is an alert."""
    broker.produce_all(topic, [{"value": binding(f"{name}-{n}")} for n in range(number)])


def test_a_gap_is_named_and_passed_or_stops_the_job(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Between two runs, and in mid-run while it is slow."""
    broker.create(topic)
    written(broker, topic, 3)
    settings = kafka(broker, topic, group=topic)
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, (topic, 0))
        running.stop()
    written(broker, topic, 7, "later")
    broker.delete_records(topic, 0, 8)
    where = f"topic {topic}, partition 0: offsets 3 to 7 were deleted before they were read"
    with job(tmp_path, kafka(broker, topic, group=topic, on_gap="stop")) as running:
        assert running.fails() == f"exit 1: middlewatch: {where}; kafka.on_gap says to stop\n"
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, (topic, 0))
        assert where in running.said
        assert "on_gap" not in running.said
        passed_in_mid_run(broker, topic, running)
        summary = running.stop()
    assert (summary["read"], summary["gaps"], summary["missing_offsets"]) == (4, 2, 5 + 8)
    assert [(one["reason"], one["origin"]["offset"]) for one in running.dead()] == [("gap", 3), ("gap", 10)]
    assert running.offsets() == [0, 1, 2, 8, 9, 18, 19]


def passed_in_mid_run(broker: Broker, topic: str, running: Job) -> None:
    """It is slow for a while, and retention is faster."""
    running.hold()
    time.sleep(0.5)  # a fetch that waits at the broker is answered by then, with nothing
    written(broker, topic, 10, "much later")
    broker.delete_records(topic, 0, 18)
    running.go_on()
    await_read(broker, running, topic, (topic, 0))
    assert f"topic {topic}, partition 0: offsets 10 to 17 were deleted before they were read" in running.said
    running.await_(lambda: running.metric("kafka_missing_offsets_total") == 13, "metrics count what is missing")
    assert running.metric("kafka_gaps_total") == 2


def test_a_topic_that_is_deleted_and_made_anew_in_mid_run(broker: Broker, topic: str, tmp_path: Path) -> None:
    """It is said that it is gone; another one is read from its beginning, if it ends before the position."""
    stays = f"{topic}-stays"
    broker.create(topic)
    broker.create(stays)
    written(broker, topic, 3)
    settings = kafka(broker, {"pattern": f"{topic}.*"}, group=topic)
    with job(tmp_path, settings, tuned={"flows.kafka.ends.GONE_AFTER": 1.0}) as running:
        await_read(broker, running, topic, (topic, 0))
        broker.delete(topic)
        running.await_said(f"topic {topic}: partition 0 is gone; what was read of it stays")
        written(broker, stays, 1, "still read")
        await_read(broker, running, topic, (stays, 0))
        broker.create(topic)
        written(broker, topic, 2, "anew")
        running.await_alerts(6)
        assert f"topic {topic}, partition 0: ends before offset 3, up to which it was read" in running.said
        summary = running.stop()
    assert (summary["read"], summary["gaps"], summary["missing_offsets"]) == (6, 1, 0)
    broker.delete(topic)
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, (stays, 0))
        assert f"positions are kept: {topic}[0]" in running.said
        running.stop()


def test_a_broker_that_is_away_is_waited_for_and_then_read(own_broker: Broker, topic: str, tmp_path: Path) -> None:
    """At the start, and in mid-run; for too long at the start, it ends."""
    broker, address = own_broker, own_broker.brokers()
    broker.create(topic)
    written(broker, topic, 2)
    broker.stop()
    with job(tmp_path, kafka(broker, topic, group=topic, away="1s"), checkpoint=False, tuned=QUICK) as running:
        told = running.fails()
    assert told.startswith("exit 1: middlewatch: ")
    assert address in told
    with job(
        tmp_path, kafka(broker, topic, group=topic), tuned=QUICK | {"flows.kafka.ends.GONE_AFTER": 0.1}
    ) as running:
        running.await_said(f"kafka {address}: ")
        assert "trying again for 59" in running.said
        broker.start()
        await_read(broker, running, topic, (topic, 0))
        broker.kill()
        running.await_said(f"kafka {address}: no answer: ")
        running.await_(lambda: running.metric("kafka_unreachable_seconds") > 1, "metrics count the outage")
        broker.start()
        running.await_said(f"kafka {address}: answers again after ")
        written(broker, topic, 2, "later")
        await_read(broker, running, topic, (topic, 0))
        running.await_(lambda: running.metric("kafka_unreachable_seconds") == 0, "the outage is over")
        running.stop()
    assert "is gone" not in running.said
    assert running.offsets() == [0, 1, 2, 3]


def test_a_leader_that_moves_loses_nothing(topic: str, tmp_path: Path) -> None:
    with started(nodes=2) as broker:
        broker.requires("a process of its own")
        broker.create(topic, 4, replication=2)
        keys = [(topic, partition) for partition in range(4)]
        moved = [partition for partition in range(4) if broker.leader(topic, partition) == 2]
        assert moved
        with job(tmp_path, kafka(broker, topic, group=topic)) as running:
            for round_ in range(2):
                messages = [{"value": binding(f"{round_}-{n}"), "partition": n % 4} for n in range(40)]
                broker.produce_all(topic, messages)
                await_read(broker, running, topic, *keys)
                if not round_:
                    broker.stop(2)
                    broker.await_leaders(topic, 4)
            summary = running.stop()
    assert (summary["read"], summary["gaps"], len(running.found())) == (80, 0, 80)


def test_what_has_not_come_yet_is_the_lag(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.create(topic)
    messages = [{"value": binding(f"{n}")} for n in range(60)]
    broker.produce_all(topic, messages, **{"batch.num.messages": 1})
    slow = {"max.partition.fetch.bytes": 500, "queued.min.messages": 1, "fetch.queue.backoff.ms": 300}
    with job(tmp_path, kafka(broker, topic, group=topic, client=slow)) as running:
        running.await_alerts(1)
        running.await_(lambda: 0 < running.metric("kafka_lag") < 60, "a lag")
        read = running.stop()["read"]
        assert 0 < read < 60
    with job(tmp_path, kafka(broker, topic, group=topic)) as running:
        await_read(broker, running, topic, (topic, 0))
        running.await_(lambda: running.metric("kafka_lag") == 0, "no lag")
        assert running.stop()["read"] == 60 - read
