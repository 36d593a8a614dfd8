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
import signal
import time
from pathlib import Path

import pytest

from tests.flows.kafka.delivered import Row
from tests.flows.kafka.faults import (
    DEEP,
    Played,
    Stage,
    ended,
    fresh,
    last_run,
    unexpected,
    workers,
)
from tests.kafka.broker import Broker

pytestmark = pytest.mark.timeout(900 if DEEP else 180)
KILLS, TERMS, RESTARTS, TIMES = (50, 20, 10, 5) if DEEP else (5, 3, 2, 1)
IN_A_RUN = 5
"""Faults in one run at most."""
AWAY = 60.0 if DEEP else 4.0
"""Seconds."""


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
                assert not unexpected(running), running.said
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
        assert not unexpected(running), running.said
    stage.count(row)
