"""The replay property across Kafka: what a live job found, through stalls, is what a run over files finds.

The records of a simulated world come through topics of eight partitions at many times the speed of their time, the
cluster as key, as `simulate --kafka` writes them, but in another order within what may come late. The producer, the
job and the broker stop for a while, and what one topic gets comes later than the rest. `HYPOTHESIS_PROFILE=deep` plays
a whole day at a hundred times its speed.

Seconds of a stall are minutes of event time here, so the allowed lateness is larger as well, in both runs: while one
topic is behind, the job takes it for silent, and time goes on with the others. What comes within the lateness of its
source then is judged in order all the same. More than that is not promised.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from operator import attrgetter, itemgetter
from pathlib import Path

import pytest
from confluent_kafka import Producer
from hypothesis import settings as hypothesis
from msgspec import Struct

from flows.configuration import configure
from simulation.clock import moment
from tests.flows.following import quick_folder
from tests.flows.kafka.jobs import Job, await_read, job, kafka
from tests.flows.replay.alerts import Delivered, assert_same, delivered, without_origins
from tests.flows.replay.capture import BEGIN, CHAINED, CHAINS, write
from tests.flows.replay.rearrange import File, read, shaken
from tests.kafka.broker import Broker

DEEP = hypothesis.default is not None and hypothesis.default.max_examples > 100
HOURS, SPEED = (24.0, 100.0) if DEEP else (1.0, 200.0)
STALL = 4.0 if DEEP else 1.5
"""Seconds that something stands still at most."""
ROUNDS = 8 if DEEP else 1
"""Each thing that can stall does so once in each."""
SLACK = 20 if DEEP else 10
MINUTES = {"audit": SLACK, "runtime": SLACK, "arm": 20 + SLACK}
"""That records may come late: their own lateness, `STALL` at this speed, and as much again for a busy machine."""
PARTITIONS = 8
TURNS = 5
SETTINGS = {
    "own_detectors": [str(CHAINS)],
    "lateness": {source: f"{minutes}m" for source, minutes in MINUTES.items()},
    "detectors": {
        "K8S_ServiceAccountRareOperation": {"parameters": {"warm_up": "30m", "threshold": 6}},
        "K8S_KubeSystemContainer": {"parameters": {"learning": "30m"}},
    },
}


class Sent(Struct, frozen=True):
    """A message, and when it is due."""

    due: float
    """Seconds of real time from the beginning."""
    source: str
    cluster: str
    value: bytes
    at: int
    """Microseconds of event time."""


class Stall(Struct, frozen=True):
    """Something stands still, in real time from the beginning."""

    begin: float
    seconds: float
    what: str

    @property
    def end(self) -> float:
        return self.begin + self.seconds


def stalls(chance: random.Random, length: float) -> list[Stall]:
    """One of each kind in each of the rounds, one after the other."""
    kinds = [kind for _ in range(ROUNDS) for kind in chance.sample(["producer", "job", "broker", *MINUTES], 6)]
    apart = length / len(kinds)
    assert apart > 1.4 * STALL
    return [
        Stall(apart * (place + chance.uniform(0.1, 0.2)), chance.uniform(0.5, 1.0) * STALL, kind)
        for place, kind in enumerate(kinds)
    ]


def shuffled(capture: Path, chance: random.Random) -> dict[tuple[str, str], File]:
    """The records of each log, in another order within their own lateness."""
    return {
        (cluster, name.partition("-")[0]): shaken(lines, chance, 0.9)
        for cluster, files in read(capture).items()
        for name, lines in files.items()
    }


def plan(logs: dict[tuple[str, str], File], standing: list[Stall]) -> list[Sent]:
    """All messages in the order in which they are due: at the pace of their log, later while that stands still."""
    sent = []
    for (cluster, source), lines in logs.items():
        held = [stall for stall in standing if stall.what in ("producer", source)]
        newest = BEGIN
        for record in lines:
            newest = max(newest, record.newest)
            due = (newest - BEGIN) / 1_000_000 / SPEED
            due = next((stall.end for stall in held if stall.begin <= due < stall.end), due)
            sent.append(Sent(due, source, cluster, record.data, newest))
    return sorted(sent, key=attrgetter("due", "at"))


def play(broker: Broker, topic: str, running: Job, sent: list[Sent], standing: list[Stall]) -> float:
    """Send what is due, and let the job and the broker stand still between; the most seconds that it was behind."""
    actions: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "job": (running.hold, running.go_on),
        "broker": (broker.pause, broker.resume),
    }
    acts = [(stall.begin, actions[stall.what][0]) for stall in standing if stall.what in actions]
    acts += [(stall.end, actions[stall.what][1]) for stall in standing if stall.what in actions]
    begun = time.monotonic()
    stalling = threading.Thread(target=_act, args=(begun, sorted(acts, key=itemgetter(0))))
    stalling.start()
    producer = Producer({**broker.client(), "linger.ms": 5, "enable.idempotence": True})
    behind = 0.0
    for one in sent:
        while (left := one.due - (time.monotonic() - begun)) > 0:
            producer.poll(min(left, 0.05))
        behind = max(behind, -left)
        key = one.cluster.encode()
        producer.produce(f"{topic}-{one.source}", one.value, key, timestamp=one.at // 1000)
    stalling.join()
    assert producer.flush(30) == 0
    return behind


def _act(begun: float, acts: list[tuple[float, Callable[[], None]]]) -> None:
    for at, act in acts:
        time.sleep(max(0.0, begun + at - time.monotonic()))
        act()


CLOSING = {
    "process_exit": {"process": {"exec_id": "Y2xvc2luZw==", "pid": 7, "binary": "/bin/true"}},
    "node_name": "closing",
}
"""The end of a process, which no detector asks for."""


def closing(turn: int) -> bytes:
    """An event behind all windows."""
    return json.dumps({**CLOSING, "time": f"2026-09-19T07:00:{turn:02}Z"}).encode()


def close(broker: Broker, topic: str, running: Job) -> None:
    """One message more in each partition, dated days later, so that the clock passes all before.

    What was read is durable an epoch later; three epochs later the last step has heard of the clock.
    """
    keys = [(f"{topic}-{source}", partition) for source in MINUTES for partition in range(PARTITIONS)]
    for turn in range(TURNS):
        for name, partition in keys:
            at = moment(f"2026-09-19T07:00:{turn:02}Z") // 1000
            broker.produce(name, closing(turn), "closing", partition=partition, timestamp=at)
        await_read(broker, running, topic, *keys)


@pytest.fixture(scope="module")
def capture() -> Iterator[Path]:
    """What is played, with the events that close it."""
    with quick_folder() as folder:
        made = write(folder / "capture", {detector.alert_type for detector in configure().detectors}, HOURS)
        yield made


def of_files(capture: Path, folder: Path) -> Delivered:
    """What a run over the same records as files finds."""
    folder.mkdir()
    with job(folder, SETTINGS, capture, checkpoint=False) as running:
        assert running.process.wait(120) == 0, running.said
    return delivered(running.alerts)


def test_a_live_job_finds_what_a_run_over_files_finds(own_broker: Broker, topic: str, capture: Path) -> None:
    chance = random.Random(11)
    length = HOURS * 3600 / SPEED
    standing = stalls(chance, length)
    sent = plan(shuffled(capture, chance), standing)
    topics = [own_broker.create(f"{topic}-{source}", PARTITIONS) for source in MINUTES]
    with quick_folder() as folder:
        expected = of_files(capture, folder / "files")
        settings = {
            **SETTINGS,
            **kafka(own_broker, *({"name": name, "cluster_from": "key"} for name in topics), group=topic),
        }
        with job(folder, settings, "--processes", 2) as running:
            running.await_(lambda: running.metric("kafka_lag") >= 0, "it reads")
            behind = play(own_broker, topic, running, sent, standing)
            assert behind < STALL, "this machine cannot keep the pace"
            close(own_broker, topic, running)
            summary = running.stop()
        found = delivered(running.alerts)
        dead = running.dead()
    assert dead == []
    assert {alert["alert_type"] for alert in expected.last.values()} > CHAINED
    assert_same(without_origins(found.last), without_origins(expected.last))
    assert summary["late"] == 0
