"""A job over Kafka as a process: what it raises, and what it takes of the machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson
from confluent_kafka import Consumer, TopicPartition

from tests.kafka.cluster import Cluster
from tests.kafka.properties import free_ports

ALERTS = "alerts"
PATIENCE = 120.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Size(NamedTuple):
    """How large a process is."""

    resident: float
    """MB."""
    descriptors: int
    threads: int


class KafkaJob:
    """A job that reads topics of a broker and writes alerts to another; it ends with the block.

    Parameters
    ----------
    broker, topics
        What it reads.
    folder
        For its settings, and its checkpoint.
    every
        From one checkpoint to the next, as the settings have it; without it there is none.
    """

    def __init__(self, broker: Cluster, topics: Iterable[str], folder: Path, every: str = "") -> None:
        self.port = free_ports(1)[0]
        settings: dict[str, Any] = {
            "health": {"port": self.port},
            "kafka": {
                "brokers": broker.brokers(),
                "topics": [{"name": topic} for topic in topics],
                "group": f"bench-{folder.name}",
                "alerts": {"topic": ALERTS},
            },
        }
        arguments: list[str] = []
        if every:
            settings["checkpoint"] = {"every": every}
            arguments = ["--checkpoint", str(folder / "kept")]
        (folder / "settings.yaml").write_text(json.dumps(settings))
        self.errors = (folder / "stderr").open("w+b")
        self.process = subprocess.Popen(  # noqa: S603  our own
            [sys.executable, "-m", "flows.cli", "detect", "--settings", str(folder / "settings.yaml"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self.errors,
            stderr=self.errors,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.errors.close()

    def await_reading(self) -> None:
        """Wait until it knows how far it is behind.

        Raises
        ------
        SystemExit
            It has ended, or takes too long.
        """
        until = time.monotonic() + PATIENCE
        while self.metric("kafka_lag") < 0:
            if self.process.poll() is not None or time.monotonic() > until:
                self.errors.seek(0)
                raise SystemExit(f"the job does not read: {self.errors.read().decode(errors='replace')}")
            time.sleep(0.1)

    def metric(self, name: str) -> float:
        """What /metrics shows; -1 if it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
                lines = page.read().decode().splitlines()
        except OSError:
            return -1.0
        values = [
            float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == f"middlewatch_{name}"
        ]
        return sum(values) if values else -1.0

    def pids(self) -> list[int]:
        """The parent, then its workers."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
        return [parent, *map(int, children)]

    def processor(self) -> float:
        """Seconds that all its processes have used."""
        return sum(_used(pid) for pid in self.pids())

    def sizes(self) -> list[Size]:
        """Of each process."""
        return [_size(pid) for pid in self.pids()]

    def stop(self) -> None:
        """Ask it to end."""
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)


class Heard(NamedTuple):
    """An alert as an ordinary consumer got it."""

    name: str
    """Event id of a request, name of the pod of a burst."""
    at: float
    """Seconds since 1970."""


class Listener:
    """An ordinary consumer of the alerts that are written from now on."""

    def __init__(self, broker: Cluster) -> None:
        self.consumer = Consumer({**broker.client(), "group.id": "bench", "enable.auto.commit": False})
        partitions = self.consumer.list_topics(ALERTS, timeout=PATIENCE).topics[ALERTS].partitions
        ends = [
            self.consumer.get_watermark_offsets(TopicPartition(ALERTS, one), timeout=PATIENCE)[1] for one in partitions
        ]
        self.consumer.assign([TopicPartition(ALERTS, one, end) for one, end in zip(partitions, ends, strict=True)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close()

    def more(self, within: float) -> list[Heard]:
        """The alerts that have come, waited for so many seconds if there are none."""
        message = self.consumer.poll(within)
        if message is None or message.error() is not None:
            return []
        now = time.time()
        alert = orjson.loads(message.value() or b"")
        pod = alert["entity"].get("pod")
        return [Heard(pod or alert["evidence"][-1]["event_id"], now)]


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _size(pid: int) -> Size:
    resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / 1e6
    return Size(resident, len(list(Path(f"/proc/{pid}/fd").iterdir())), len(list(Path(f"/proc/{pid}/task").iterdir())))
