"""A simulated capture as messages, sent to topics at a given pace while a job reads them.

The key is the cluster, as of `simulate --kafka`. What happened within `TICK` is sent together, and nothing that came
later is sent before all of it is acknowledged, so that producers keep what docs/decisions/0013 asks of them, however
long a broker is away.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer
from msgspec import Struct

from simulation.clock import moment
from tests.flows.replay.rearrange import read
from tests.kafka.broker import Broker

SOURCES = ("audit", "runtime", "arm")
PARTITIONS = 8
"""Of each topic."""
TICK = 10_000_000
"""Microseconds; less than the lateness of any source."""
ACKNOWLEDGED_WITHIN = 150.0
"""Seconds."""
PROPERTIES = {
    "enable.idempotence": True,
    "linger.ms": 0,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200,
    "topic.metadata.refresh.interval.ms": 2_000,
}
"""A broker that comes back is found at once."""
CLOSING = "2026-09-28T07:00:00Z"
"""Two weeks after what happened: all windows have ended by then."""


class Record(Struct, frozen=True):
    """A record of the capture."""

    source: str
    cluster: str
    value: bytes
    at: int
    """Microseconds of event time: the newest of its log by then."""


class Place(Struct, frozen=True):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


def recorded(capture: Path) -> list[Record]:
    """All records of a capture in the order in which they were written."""
    found: list[Record] = []
    for cluster, files in read(capture).items():
        for name, lines in files.items():
            newest = 0
            for line in lines:
                newest = max(newest, line.newest)
                found.append(Record(name.partition("-")[0], cluster, line.data, newest))
    return sorted(found, key=attrgetter("at"))


def write_files(records: Iterable[Record], capture: Path, folder: Path) -> Path:
    """Some records of a capture as another one."""
    folder.mkdir()
    shutil.copy(capture / "world.yaml", folder)
    for one in records:
        path = folder / one.cluster / f"{one.source}-1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(one.value + b"\n")
    return folder


class Feed(threading.Thread):
    """Sends records; `places` says where each of them stands.

    Parameters
    ----------
    broker
        Whose listener without a proxy is used.
    topics
        By source.
    records
        In order.
    seconds
        That it takes at least, acknowledgements not counted.
    """

    def __init__(self, broker: Broker, topics: Mapping[str, str], records: Sequence[Record], seconds: float) -> None:
        super().__init__(daemon=True)
        self.topics = topics
        self.places: dict[Place, Record] = {}
        self._ticks = [list(tick) for _, tick in groupby(records, key=lambda one: one.at // TICK)]
        self._pause = seconds / len(self._ticks)
        self._hurry = threading.Event()
        self._failed: str | None = None
        self._producer = Producer({**broker.client(), **PROPERTIES})

    def send_first(self, share: float) -> None:
        """Send the first of them at once, before it is started."""
        number = int(len(self._ticks) * share)
        for tick in self._ticks[:number]:
            self._send(tick)
        del self._ticks[:number]

    def run(self) -> None:
        """Send the rest at its pace."""
        for tick in self._ticks:
            self._hurry.wait(self._pause)
            self._send(tick)
            if self._failed is not None:
                return

    def finish(self) -> None:
        """Send what is left as quickly as it goes."""
        self._hurry.set()
        self.join(2 * ACKNOWLEDGED_WITHIN)
        assert self._failed is None, self._failed
        assert not self.is_alive()

    def _send(self, tick: Sequence[Record]) -> None:
        for one in tick:
            self._producer.produce(
                self.topics[one.source],
                one.value,
                one.cluster.encode(),
                timestamp=one.at // 1_000,
                on_delivery=partial(self._sent, one),
            )
        if left := self._producer.flush(ACKNOWLEDGED_WITHIN):
            self._failed = f"{left} messages were not acknowledged"

    def _sent(self, record: Record, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed = error.str()
            return
        self.places[Place(message.topic() or "", message.partition() or 0, message.offset() or 0)] = record


def close(broker: Broker, topics: Iterable[str]) -> None:
    """One message more in each partition: the end of a process, which no detector asks for, long after all else."""
    ended = {"process": {"exec_id": "Y2xvc2luZw==", "pid": 7, "binary": "/bin/true"}}
    value = json.dumps({"process_exit": ended, "node_name": "closing", "time": CLOSING})
    for topic in topics:
        broker.produce_all(
            topic,
            [
                {"value": value, "key": "closing", "partition": partition, "timestamp": moment(CLOSING) // 1_000}
                for partition in range(PARTITIONS)
            ],
            **PROPERTIES,
        )
