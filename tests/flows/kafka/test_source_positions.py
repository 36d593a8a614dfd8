"""Where a job over Kafka begins, and where it goes on: its checkpoint, and what the group is told."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import pytest

from tests.flows.following import add, binding, burst
from tests.flows.kafka.jobs import Job, await_read, committed, job, kafka
from tests.kafka.broker import CONSUMER_GROUPS, Broker

NOW = 1_790_000_000
"""Seconds, for messages of known times."""
SOON = {"flows.kafka.ends.LISTED_EVERY": 0.3}
WRITTEN = datetime.fromtimestamp(NOW + 1, UTC).isoformat()


def quiet(name: str) -> bytes:
    """An event that is no alert."""
    return json.dumps({**json.loads(binding(name)), "verb": "get"}).encode()


@pytest.mark.parametrize(
    ("start", "begins"),
    [("latest", [3, 1]), (WRITTEN, [1, 1])],
    ids=["latest", "time"],
)
def test_where_it_begins_is_where_it_begins_after_a_restart_as_well(
    broker: Broker, topic: str, tmp_path: Path, start: str, begins: list[int]
) -> None:
    """In two partitions, of which one has no message as new as the time."""
    broker.create(topic, 2)
    for number in range(3):
        broker.produce(topic, binding(f"old-{number}"), partition=0, timestamp=(NOW + number) * 1000)
    broker.produce(topic, binding("older"), partition=1, timestamp=(NOW - 1) * 1000)
    keys = [(topic, 0), (topic, 1)]
    settings = kafka(broker, topic, group=topic, start=start)
    with job(tmp_path, settings, tuned=SOON) as running:
        await_read(broker, running, topic, *keys)
        first = running.stop()
    assert first["read"] == 4 - sum(begins)
    broker.produce(topic, binding("new"), partition=0)
    broker.produce(topic, binding("new as well"), partition=1)
    with job(tmp_path, settings, tuned=SOON) as running:
        running.await_alerts(6 - sum(begins))
        if start == "latest":
            grown(broker, topic, running)
        assert running.stop()["read"] == 2
    wanted = [(0, offset) for offset in range(begins[0], 4)] + [(1, offset) for offset in range(begins[1], 2)]
    assert places(running) == wanted
    if start == "latest":
        with job(tmp_path, settings) as running:
            await_read(broker, running, topic, *keys, (topic, 2))
            assert "new since the last run, read from their beginning: " in running.said
            running.stop()
        assert places(running) == [*wanted, (2, 0), (2, 1)]


def grown(broker: Broker, topic: str, running: Job) -> None:
    """One partition more, with messages in it before and after it is noticed."""
    broker.grow(topic, 3)
    broker.produce(topic, binding("in a new one"), partition=2)
    running.await_said(f"topic {topic}: partition 2 is new, and is read from the next start on")
    running.await_(lambda: running.metric("kafka_unread_partitions") == 1, "a partition that is not read is counted")
    broker.produce(topic, binding("in a new one, later"), partition=2)
    assert running.said.count("is new") == 1


def places(running: Job) -> list[tuple[int, int]]:
    """Partition and offset of each alert."""
    return [(place["partition"], place["offset"]) for place in running.origins()]


def test_a_new_topic_of_a_pattern_is_said_and_read_after_a_restart(broker: Broker, topic: str, tmp_path: Path) -> None:
    first, second, out = f"{topic}-1", f"{topic}-2", f"{topic}-alerts"
    settings = kafka(broker, {"pattern": f"{topic}-.*"}, group=topic, start="latest", alerts={"topic": out}, away="20s")
    broker.create(first)
    broker.create(out)
    with job(tmp_path, settings, tuned=SOON) as running:
        await_read(broker, running, topic, (first, 0))
        broker.create(second)
        broker.produce(second, binding("new"))
        running.await_said(f"topic {second}: partition 0 is new")
        time.sleep(0.7)
        assert running.said.count("is new") == 1
        running.stop()
    assert running.found() == []
    with job(tmp_path, settings) as running:
        running.await_alerts(1)
        running.stop()


@pytest.mark.parametrize("processes", [1, 2])
def test_what_it_has_read_when_it_is_stopped_is_what_the_group_says(
    broker: Broker, topic: str, tmp_path: Path, processes: int
) -> None:
    """Stopped in the middle; what is read before and after it is all, once."""
    broker.create(topic, 4)
    number = 24_000
    event = quiet("x")
    lines = [binding(f"{n}") if n % 400 == 0 else event for n in range(number)]
    broker.produce_all(topic, [{"value": line, "partition": n % 4} for n, line in enumerate(lines)])
    keys = [(topic, partition) for partition in range(4)]
    settings = kafka(broker, topic, group=topic)
    with job(tmp_path, settings, "--processes", processes) as running:
        running.await_alerts(1)
        read = running.stop()["read"]
    positions = {key: max(0, offset) for key, offset in committed(broker, topic, keys).items()}
    assert sum(positions.values()) == read
    if processes == 1:
        told = broker.tool(CONSUMER_GROUPS, "--describe", "--group", topic)
        rows = [line.split() for line in told.splitlines() if topic in line]
        assert {(row[1], int(row[2])): int(row[3]) for row in rows if row[3] != "-"} == positions
    with job(tmp_path, settings, "--processes", processes) as running:
        await_read(broker, running, topic, *keys)
        assert read + running.stop()["read"] == number
    assert len(running.found()) == number // 400
    assert places(running) == sorted((n % 4, n // 4) for n in range(0, number, 400))


def test_a_checkpoint_keeps_the_positions_of_files_and_of_topics(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.create(topic)
    log = tmp_path / "audit.log"
    add(log, binding("file 1"))
    broker.produce(topic, binding("topic 1"))
    settings = kafka(broker, topic, group=topic)

    def of_files() -> int:
        with job(tmp_path, settings, log) as running:
            assert running.process.wait(30) == 0, running.said
        return int(json.loads((tmp_path / "summary.json").read_text())["read"])

    def of_topics() -> int:
        with job(tmp_path, settings) as running:
            await_read(broker, running, topic, (topic, 0))
            return int(running.stop()["read"])

    assert (of_files(), of_topics()) == (1, 1)
    add(log, binding("file 2"))
    broker.produce(topic, binding("topic 2"))
    assert (of_topics(), of_files()) == (1, 1)


def test_a_topic_made_anew_is_read_from_its_beginning(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Between two runs: its position says nothing about the new one, however long that is."""
    settings = kafka(broker, topic, group=topic, start="latest")
    broker.create(topic)
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, (topic, 0))
        broker.produce_all(topic, [{"value": binding(f"old-{n}")} for n in range(2)])
        await_read(broker, running, topic, (topic, 0))
        running.stop()
    broker.delete(topic)
    broker.create(topic)
    broker.produce_all(topic, [{"value": binding(f"new-{n}")} for n in range(3)])
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, (topic, 0))
        assert f"topic {topic}: made anew since it was read; read from its beginning" in running.said
        assert running.stop()["read"] == 3
    assert len(running.found()) == 5


def test_positions_of_a_topic_that_is_away_for_a_run_are_kept(broker: Broker, topic: str, tmp_path: Path) -> None:
    stays, goes = f"{topic}-stays", f"{topic}-goes"
    for one in (stays, goes):
        broker.create(one)
        broker.produce(one, binding(one))
    both = kafka(broker, {"pattern": f"{topic}-.*"}, group=topic)
    with job(tmp_path, both) as running:
        await_read(broker, running, topic, (stays, 0), (goes, 0))
        running.stop()
    with job(tmp_path, kafka(broker, stays, group=topic)) as running:
        broker.produce(stays, binding("2"))
        await_read(broker, running, topic, (stays, 0))
        assert f"not there or not in the settings any more, positions are kept: {goes}[0]" in running.said
        running.stop()
    broker.produce(goes, binding("3"))
    with job(tmp_path, both) as running:
        await_read(broker, running, topic, (stays, 0), (goes, 0))
        assert running.stop()["read"] == 1


def test_partitions_that_wait_for_others_keep_their_order(broker: Broker, topic: str, tmp_path: Path) -> None:
    """What each container does is in two partitions by turns, and few observations may wait: partitions pause."""
    broker.create(topic, 2)
    bursts = [burst(f"container {number}") for number in range(40)]
    steps = [[one[step] for one in bursts] for step in range(5)]
    messages = [{"value": line, "partition": n % 2} for n, lines in enumerate(steps) for line in lines]
    broker.produce_all(topic, sorted(messages, key=itemgetter("partition")))
    tuned = {"flows.clock.HELD_AT_MOST": 20, "flows.clock.AHEAD": 1_000_000, "flows.kafka.partition.JUDGED_AT_ONCE": 7}
    with job(tmp_path, kafka(broker, topic, group=topic), tuned=tuned) as running:
        running.await_alerts(len(bursts))
        summary = running.stop()
    assert summary["alerts"] == {"K8S.NODE_ReconnaissanceArtifactsBurst": len(bursts)}
    assert (summary["read"], summary["late"]) == (200, 0)
