"""Faults while a job reads a broker and writes to it: nothing is lost or invented, whatever is repeated is the same.

In each run a simulated capture with attacks of every type, judged by all detectors and by chains that notice every
observation that is lost or doubled, is fed to topics of eight partitions, partly before and partly while the job runs
and fails. What an ordinary consumer then gets of the topic of alerts is compared with what a plain run over the same
records as files finds: all ids and contents, but where events stand. At the end each partition gets a harmless event
two weeks after all others, so that the clock passes all windows in one last run.

`HYPOTHESIS_PROFILE=deep` does all of it as often as docs/reliability.md says, and `-s` prints its rows.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.configuration import configure
from tests.flows.following import quick_folder
from tests.flows.kafka.delivered import Row, dead_letters
from tests.flows.kafka.faults import (
    DEEP,
    MovedClock,
    Played,
    Stage,
    ended,
    filled,
    of_files,
    share,
    small_disk,
    workers,
)
from tests.flows.kafka.feeding import Place, recorded, write_files
from tests.flows.kafka.jobs import Job, committed
from tests.flows.replay.capture import CHAINED, write
from tests.kafka.broker import Broker
from tests.kafka.fixtures import started
from tests.kafka.mock import in_ci

pytestmark = pytest.mark.timeout(1800 if DEEP else 180)
KILLS, TERMS, RESTARTS, TIMES = (50, 20, 10, 5) if DEEP else (5, 3, 2, 1)
IN_A_RUN = 5
"""Faults in one run at most."""
AWAY = 60.0 if DEEP else 4.0
"""Seconds."""
DAY = 86_400.0


@pytest.fixture(scope="module")
def failing() -> Iterator[Broker]:
    """A broker for this module, which it ends and starts as it likes."""
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """What is fed: attacks of every type that is detected."""
    with quick_folder() as folder:
        capture = write(folder / "capture", {detector.alert_type for detector in configure().detectors})
        expected = of_files(capture, folder / "files")
        assert {alert["alert_type"] for alert in expected.values()} > CHAINED
        yield Played(capture, recorded(capture), expected)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is quick to write."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """What this test finds, printed at its end."""
    found = Row(request.node.name.removeprefix("test_").replace("_", " "))
    yield found
    print(f"\n{found}")  # noqa: T201  for the record


def chunks(number: int) -> list[int]:
    """So many faults, dealt to runs."""
    return [min(IN_A_RUN, number - done) for done in range(0, number, IN_A_RUN)]


def test_kill_9(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    chance = random.Random(9)
    for number, kills in enumerate(chunks(KILLS)):
        stage = Stage(failing, f"{topic}-{number}", fresh(place, number), played, 10.0 * kills)
        stage.begin()
        for _ in range(kills):
            early = chance.random() < 0.2
            with stage.job(chance.randint(1, 3), reads=not early) as running:
                time.sleep(chance.uniform(0.0, 2.5))
                stage.in_mid_feed()
                running.process.kill()
                assert running.process.wait(5) == -signal.SIGKILL
            row.times += 1
        last_run(stage, chance.randint(1, 3))
        stage.count(row)


def test_sigterm(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    chance = random.Random(15)
    for number, terms in enumerate(chunks(TERMS)):
        stage = Stage(failing, f"{topic}-{number}", fresh(place, number), played, 10.0 * terms)
        stage.begin()
        for _ in range(terms):
            with stage.job(chance.randint(1, 3)) as running:
                time.sleep(chance.uniform(0.0, 2.5))
                stage.in_mid_feed()
                running.stop()
                assert running.said == ""
            row.times += 1
        last_run(stage, chance.randint(1, 3))
        stage.count(row)
    assert row.repeated == 0


def test_one_of_three_processes_killed(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    chance = random.Random(3)
    stage = Stage(failing, topic, place, played, 12.0 * TIMES)
    stage.begin()
    for _ in range(TIMES):
        with stage.job(3) as running:
            time.sleep(chance.uniform(0.2, 2.0))
            stage.in_mid_feed()
            os.kill(chance.choice(workers(running)), signal.SIGKILL)
            ended(running, 1, "a worker process ended without a word")
        row.times += 1
    last_run(stage, 3)
    stage.count(row)


def test_broker_killed(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    chance = random.Random(10)
    for number, kills in enumerate(chunks(RESTARTS)):
        stage = Stage(failing, f"{topic}-{number}", fresh(place, number), played, 10.0 * kills)
        stage.begin()
        with stage.job(chance.randint(1, 2)) as running:
            for _ in range(kills):
                time.sleep(chance.uniform(0.5, 2.0))
                stage.in_mid_feed()
                failing.kill()
                time.sleep(chance.uniform(0.0, 2.0))
                failing.start()
                row.times += 1
            stage.end(running)
        stage.count(row)


def test_broker_away(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    stage = Stage(failing, topic, place, played, 30.0)
    stage.begin()
    with stage.job(2) as running:
        time.sleep(1)
        stage.in_mid_feed()
        failing.stop()
        running.await_said("no answer")
        running.await_(lambda: running.metric("kafka_unreachable_seconds") > 2, "metrics say it")
        time.sleep(AWAY - 2)
        failing.start()
        running.await_said("answers again after")
        row.times += 1
        stage.end(running)
        assert len([line for line in running.said.splitlines() if "no answer" in line]) == 1
    stage.count(row)


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


def test_two_jobs_on_one_checkpoint(failing: Broker, topic: str, place: Path, played: Played, row: Row) -> None:
    stage = Stage(failing, topic, place / "job", played, 10.0 * TIMES)
    stage.folder.mkdir()
    stage.begin()
    with stage.job(2) as running:
        for number in range(TIMES):
            stage.in_mid_feed()
            with stage.other(fresh(place, number)) as second:
                ended(second, 1, "a run has it open")
            row.times += 1
        stage.end(running)
        assert running.said == ""
    stage.count(row)


@pytest.fixture
def clock(place: Path) -> MovedClock:
    """The wall clock of jobs."""
    if shutil.which("cc") is None:
        (pytest.fail if in_ci() else pytest.skip)("needs a C compiler for moved_clock.c")
    return MovedClock(place)


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


def last_run(stage: Stage, processes: int = 1) -> None:
    """A run that nothing happens to, to the end of all windows."""
    with stage.job(processes) as running:
        stage.end(running)
        assert running.said == ""


def fresh(place: Path, number: int) -> Path:
    """A folder for one run of several."""
    made = place / str(number)
    made.mkdir()
    return made
