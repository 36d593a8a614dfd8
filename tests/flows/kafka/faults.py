"""Where a job and its broker are made to fail: topics that are fed, one checkpoint, and jobs one after the other."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import settings as hypothesis
from msgspec import Struct

from simulation.clock import moment
from tests.flows.kafka.delivered import Row, alerts, dead_letters
from tests.flows.kafka.feeding import CLOSING, PARTITIONS, SOURCES, Feed, Record, close
from tests.flows.kafka.jobs import Job, await_read, job, kafka
from tests.flows.replay.alerts import Alerts, delivered, without_origins
from tests.flows.replay.capture import CHAINS
from tests.kafka.broker import Broker

DEEP = hypothesis.default is not None and hypothesis.default.max_examples > 100
EVERY = 0.2
"""Seconds between two checkpoints."""
BEFORE = 0.2
"""Share of the records that is sent before the first job starts."""
STARTS_WITHIN = 30.0
"""Seconds in which a job that is started again reads."""
SETTLES = 8 * EVERY
"""Seconds in which all steps have heard of the clock: each waits an epoch for the one before."""
SETTINGS: dict[str, Any] = {
    "own_detectors": [str(CHAINS)],
    "lateness": {"runtime": "30s"},
    "detectors": {
        "K8S_ServiceAccountRareOperation": {"parameters": {"warm_up": "30m", "threshold": 6}},
        "K8S_KubeSystemContainer": {"parameters": {"learning": "30m"}},
    },
}
"""`lateness` is for records that are sent together (`feeding.TICK`)."""


class Played(Struct):
    """What is fed, and what it should raise."""

    capture: Path
    records: list[Record]
    expected: Alerts


def of_files(capture: Path, folder: Path) -> Alerts:
    """What a plain run over files finds, wherever its events stand."""
    folder.mkdir()
    with job(folder, SETTINGS, capture, checkpoint=False) as running:
        assert running.process.wait(120) == 0, running.said
    return without_origins(delivered(running.alerts).last)


class Stage:
    """Topics of their own, fed with all records while jobs come and go that share a checkpoint.

    Parameters
    ----------
    name
        That no other has.
    folder
        Empty; for the settings and the checkpoint.
    seconds
        In which all is fed, unless the end comes first.
    listener
        Through which the job reaches the broker.
    """

    def __init__(
        self, broker: Broker, name: str, folder: Path, played: Played, seconds: float, listener: str = "PLAINTEXT"
    ) -> None:
        self.broker = broker
        self.name = name
        self.folder = folder
        self.played = played
        self.topics = {source: broker.create(f"{name}-{source}", PARTITIONS) for source in SOURCES}
        self.alerts = broker.create(f"{name}-alerts", 4)
        self.letters = broker.create(f"{name}-letters")
        self.partitions = [(topic, number) for topic in self.topics.values() for number in range(PARTITIONS)]
        self.feed = Feed(broker, self.topics, played.records, seconds)
        self.slowest = 0.0
        topics = [{"name": topic, "cluster_from": "key"} for topic in self.topics.values()]
        outputs = {"alerts": {"topic": self.alerts}, "dead_letters": {"topic": self.letters}}
        self.settings = SETTINGS | kafka(broker, *topics, group=name, quiet="2s", **outputs)
        self.settings["kafka"]["brokers"] = broker.brokers(listener)
        self.settings["checkpoint"] = {"every": f"{EVERY * 1000:.0f}ms"}

    def begin(self) -> None:
        """Feed the first of it at once, and go on."""
        self.feed.send_first(BEFORE)
        self.feed.start()

    @contextlib.contextmanager
    def job(self, processes: int = 1, *, reads: bool = True, **more: Any) -> Iterator[Job]:
        """A run with the checkpoint, from when it reads, or at once."""
        begun = time.monotonic()
        with job(self.folder, self.settings, "--processes", processes, **more) as running:
            if reads:
                running.await_(lambda: running.metric("kafka_lag") >= 0, "it reads")
                self.slowest = max(self.slowest, time.monotonic() - begun)
            yield running
        assert "Traceback" not in running.said
        assert all(line.startswith("middlewatch: ") for line in running.said.splitlines()), running.said

    @contextlib.contextmanager
    def other(self, folder: Path) -> Iterator[Job]:
        """A second job that somebody starts by mistake, with the checkpoint of the first."""
        share(folder, self.folder / "checkpoint")
        with job(folder, self.settings) as running:
            yield running

    def in_mid_feed(self) -> None:
        """Whether what is done now is done while records come."""
        assert self.feed.is_alive(), "all was fed before the last fault"

    def end(self, running: Job) -> None:
        """Feed the rest, and let time pass all of it; when all alerts have left, so does the job."""
        self.feed.finish()
        close(self.broker, self.topics.values())
        await_read(self.broker, running, self.name, *self.partitions)
        passed = moment(CLOSING) / 1_000_000
        running.await_(lambda: time.time() - running.metric("clock_lag_seconds") >= passed - 1, "time has passed")
        time.sleep(SETTLES)
        assert running.stop()["late"] == 0

    def count(self, row: Row, expected: Alerts | None = None, letters: int = 0) -> None:
        """Compare what was received, and add it up."""
        row.slowest = max(row.slowest, self.slowest)
        row.add(alerts(self.broker, self.alerts), self.played.expected if expected is None else expected)
        assert len(dead_letters(self.broker, self.letters)) == letters
        assert self.slowest < STARTS_WITHIN


def share(folder: Path, checkpoint: Path) -> None:
    """Let the jobs of a folder keep their checkpoint somewhere else."""
    (folder / "checkpoint").symlink_to(checkpoint)


def unexpected(running: Job) -> list[str]:
    """What it said, but that the broker, which has just been ended and started, did not answer for a while."""
    return [one for one in running.said.splitlines() if "no answer: " not in one and "answers again" not in one]


def last_run(stage: Stage, processes: int = 1) -> None:
    """A run that nothing happens to, to the end of all windows."""
    with stage.job(processes) as running:
        stage.end(running)
        assert not unexpected(running), running.said


def fresh(place: Path, number: int) -> Path:
    """A folder for one run of several."""
    made = place / str(number)
    made.mkdir()
    return made


def ended(running: Job, code: int, says: str) -> None:
    """Wait until it has ended so, with one line that says why."""
    assert running.process.wait(60) == code, running.said
    (line,) = running.said.splitlines()
    assert says in line, line


def workers(running: Job) -> list[int]:
    """The processes that a job has started."""
    of = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    return [int(pid) for pid in of.read_text().split()]


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path | None]:
    """A disk of its own; None where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Nothing is left of it meanwhile."""
    filler = disk / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    os.write(file.fileno(), bytes(size))
    try:
        yield
    finally:
        filler.unlink()


class MovedClock:
    """The wall clock of a job, as if root had set it; built from moved_clock.c.

    Parameters
    ----------
    folder
        For what is built.
    """

    def __init__(self, folder: Path) -> None:
        self._by = folder / "moved-by"
        self._by.write_bytes(bytes(8))
        library = folder / "moved_clock.so"
        source = Path(__file__).with_name("moved_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"], check=True)
        self.environment = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(self._by)}

    def move(self, seconds: float) -> None:
        """Set it to the real time and so many seconds."""
        with self._by.open("r+b") as file:
            file.write(int(seconds * 1_000_000_000).to_bytes(8, "little", signed=True))
