"""Faults around a job: what it reads is deleted, its disk is full, its connection breaks, its clock is set.

As in test_reliability.py, which says how it is done.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.flows.kafka.delivered import Row, dead_letters
from tests.flows.kafka.faults import (
    DEEP,
    MovedClock,
    Played,
    Stage,
    ended,
    filled,
    fresh,
    last_run,
    of_files,
    share,
    small_disk,
)
from tests.flows.kafka.feeding import Place, write_files
from tests.flows.kafka.jobs import Job, committed
from tests.kafka.broker import Broker

pytestmark = pytest.mark.timeout(600 if DEEP else 180)
TIMES = 5 if DEEP else 1
DAY = 86_400.0


def test_retention_passes_the_position(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    stage = Stage(failing, topic, place / "job", played, 8.0)
    stage.folder.mkdir()
    stage.begin()
    with stage.job() as running:
        time.sleep(1)
        running.stop()
    gaps: list[dict[str, object]] = []
    lost: set[Place] = set()
    stage.feed.join(120)
    for (name, partition), position in committed(failing, topic, stage.partitions).items():
        offsets = [one.offset for one in stage.feed.places if (one.topic, one.partition) == (name, partition)]
        missing = sorted(offset for offset in offsets if offset >= max(0, position))[:30]
        if len(missing) < 2:
            continue
        failing.delete_records(name, partition, missing[-1] + 1)
        lost |= {Place(name, partition, offset) for offset in missing}
        gaps.append({"topic": name, "partition": partition, "first": missing[0], "last": missing[-1]})
    row.times = len(gaps)
    assert row.times > 2
    with stage.job() as running:
        stage.end(running)
        for gap in gaps:
            where = "topic {topic}, partition {partition}: offsets {first} to {last} were deleted".format(**gap)
            assert where in running.said
    told = dead_letters(failing, stage.letters)
    assert sorted((one["origin"]["topic"], one["origin"]["partition"], one["origin"]["offset"]) for one in told) == (
        sorted((gap["topic"], gap["partition"], gap["first"]) for gap in gaps)
    )
    assert {one["reason"] for one in told} == {"gap"}
    left = [record for at, record in stage.feed.places.items() if at not in lost]
    capture = write_files(sorted(left, key=played.records.index), played.capture, place / "left")
    expected = of_files(capture, place / "files")
    assert expected != played.expected
    stage.count(row, expected, len(gaps))


def test_checkpoint_disk_full(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    with small_disk(place / "disk", "400m") as disk:
        if disk is None:
            pytest.skip("mounting is not allowed here")
        (disk / "kept").mkdir()
        share(fresh(place, 0), disk / "kept")
        stage = Stage(failing, topic, place / "0", played, 12.0 * TIMES)
        stage.begin()
        for _ in range(TIMES):
            with stage.job() as running:
                time.sleep(1)
                stage.in_mid_feed()
                with filled(disk):
                    running.process.wait(60)
                ended(running, 1, "is full")
            row.times += 1
        last_run(stage)
        stage.count(row)


@pytest.mark.parametrize("fault", ["stall", "cut", "cut in mid-send", "slow"])
def test_connection(failing: Broker, topic: str, place: Path, played: Played, row: Row, fault: str) -> None:
    stage = Stage(failing, topic, place, played, 10.0 * TIMES, "PROXY")
    with failing.proxy() as proxy:
        stage.begin()
        with stage.job() as running:
            for _ in range(TIMES):
                time.sleep(1)
                stage.in_mid_feed()
                if fault == "stall":
                    proxy.stall()
                elif fault == "cut":
                    proxy.cut()
                elif fault == "slow":
                    proxy.slow(20_000)
                else:
                    proxy.cut_after(3_000)
                time.sleep(4)
                proxy.resume()
                proxy.slow(None)
                proxy.mend()
                row.times += 1
            stage.end(running)
    stage.count(row)


def test_clock_a_day_ahead(
    failing: Broker, topic: str, place: Path, played: Played, row: Row, clock: MovedClock
) -> None:
    """The broker dates alerts."""
    stage = Stage(failing, topic, fresh(place, 0), played, 10.0 * TIMES)
    failing.alter(stage.alerts, {"message.timestamp.type": "LogAppendTime"})
    stage.begin()
    with stage.job(environment=clock.environment) as running:
        for number in range(TIMES):
            stage.in_mid_feed()
            clock.move(DAY * (number + 1))
            read_on(running)
            row.times += 1
        stage.feed.finish()
        running.stop()
    last_run(stage)
    stage.count(row)


def test_clock_a_day_ahead_of_a_broker_that_minds(
    failing: Broker, topic: str, place: Path, played: Played, row: Row, clock: MovedClock
) -> None:
    """It takes no alert from a machine whose clock is more than an hour ahead."""
    stage = Stage(failing, topic, fresh(place, 0), played, 12.0 * TIMES)
    stage.begin()
    for _ in range(TIMES):
        clock.move(0)
        with stage.job(environment=clock.environment) as running:
            stage.in_mid_feed()
            clock.move(DAY)
            ended(running, 1, "the clock of this machine is ahead of the broker's")
        row.times += 1
    last_run(stage)
    stage.count(row)


def test_clock_set_back_a_day(
    failing: Broker, topic: str, place: Path, played: Played, row: Row, clock: MovedClock
) -> None:
    """The job begins again: bytewax would hang for a day."""
    stage = Stage(failing, topic, fresh(place, 0), played, 12.0 * TIMES)
    stage.begin()
    for number in range(TIMES):
        with stage.job(1 + number % 2, environment=clock.environment) as running:
            time.sleep(1)
            stage.in_mid_feed()
            clock.move(-DAY * (number + 1))
            ended(running, 1, "the clock of this machine was set back by 86400 s")
        row.times += 1
    last_run(stage)
    stage.count(row)


def read_on(running: Job) -> None:
    """Wait until it has read more."""
    before = running.metric("items_read_total")
    running.await_(lambda: running.metric("items_read_total") > before + 10, "it reads on")
