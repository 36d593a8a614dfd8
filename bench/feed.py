"""A process that appends records to topics at a steady rate: dated now, with attacks between whose times are kept."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import orjson
from confluent_kafka import KafkaError, Message, Producer
from msgspec import Struct

from alerts.alert import rfc3339
from bench.inputs import execution, simulated

PARTITIONS = 4
"""Of each topic."""
TOPICS = ("audit", "runtime")
STAMP, PASS = b"\x01", b"\x02"
"""Stand in a record for the time, and for eight digits of the pass over all records."""
TICK = 0.005
"""Seconds between two handfuls."""
NAMED = re.compile(rb'"(?:stageTimestamp|requestReceivedTimestamp|time)":"([^"]*)"')
AUDIT_ID = re.compile(rb'(?<="auditID":")[0-9a-f]{8}')
BINARIES = ("/usr/bin/id", "/usr/bin/uname", "/usr/bin/hostname", "/bin/ps", "/usr/bin/whoami")
DELIVERED_WITHIN = 30.0
Spawned = multiprocessing.get_context("spawn")


class Pace(Struct, frozen=True):
    """How fast, and how long."""

    rate: float
    """Events a second."""
    seconds: float
    attack_every: float = 0.2
    """Seconds between two requests that are an alert by themselves."""
    burst_every: float = 1.0
    """Seconds between two bursts of commands."""


class Fed(Struct):
    """What was appended."""

    events: int
    seconds: float
    attacks: dict[str, float]
    """When an attack was appended (seconds since 1970, by the broker, to the millisecond), by its name."""


def templates(folder: Path, source: str, events: int) -> list[bytes]:
    """Records of one source, with places for the time and for the pass."""
    lines = simulated(folder / source, source, events).read_bytes().splitlines()
    return [_template(line) for line in lines]


def _template(line: bytes) -> bytes:
    """All times that are in the second of the event become the time; a request began when it was done."""
    for found in set(NAMED.findall(line)):
        line = line.replace(b'"%b"' % found, b'"%b"' % STAMP)
        line = re.sub(rb'"%b[^"]*"' % re.escape(found[:19]), b'"%b"' % STAMP, line)
    return AUDIT_ID.sub(PASS, line)


def attack(name: str, stamp: str) -> bytes:
    """A request that is an alert by itself: its event id is its name."""
    binding = {"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}
    return orjson.dumps(
        {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "auditID": name,
            "stage": "ResponseComplete",
            "verb": "create",
            "user": {"username": "jane"},
            "objectRef": {"resource": "clusterrolebindings", "name": name, "apiGroup": "rbac.authorization.k8s.io"},
            "responseStatus": {"code": 201},
            "requestObject": {"kind": "ClusterRoleBinding", "subjects": [{"kind": "User", "name": name}], **binding},
            "stageTimestamp": stamp,
        }
    )


def burst(number: int, micros: int) -> list[bytes]:
    """Commands in a container of its own by which somebody looks around: an alert at the last of them."""
    first = micros - len(BINARIES) + 1
    return [execution(number, first + at, binary, "").rstrip() for at, binary in enumerate(BINARIES)]


class Feeding:
    """The process; it ends by itself, or with the block.

    Parameters
    ----------
    brokers, folder
        Where to, and where records are made.
    pace
        How fast.
    """

    def __init__(self, brokers: str, folder: Path, pace: Pace) -> None:
        self.pace = pace
        self._told, tells = Spawned.Pipe(duplex=False)
        self._process = Spawned.Process(target=_feed, args=(brokers, folder, pace, tells), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def await_begin(self) -> None:
        """Wait until the first records are appended."""
        self._next(120.0)

    def done(self, within: float | None = None) -> Fed | None:
        """What was appended; None if it is not done within so many seconds."""
        if within is not None and not self._told.poll(within):
            return None
        found: Fed = self._next(self.pace.seconds + DELIVERED_WITHIN)
        return found

    def _next(self, within: float) -> Any:
        if not self._told.poll(within):
            raise SystemExit(f"nothing was appended for {within:.0f} s")
        return self._told.recv()


def _feed(brokers: str, folder: Path, pace: Pace, tells: Any) -> None:
    records = [templates(folder, topic, 20_000) for topic in TOPICS]
    feeder = _Feeder(brokers, records, pace)
    tells.send("begun")
    tells.send(feeder.run())


class _Feeder:
    def __init__(self, brokers: str, records: Sequence[list[bytes]], pace: Pace) -> None:
        self.pace = pace
        properties = {"bootstrap.servers": brokers, "linger.ms": 5, "compression.type": "lz4", "log_level": 0}
        self.producer = Producer(properties)
        self.parent = os.getppid()
        self.records = _endless(records)
        self.fed = Fed(0, 0.0, {})

    def run(self) -> Fed:
        """Keep the pace to its end, or to that of the process that measures."""
        begun = time.monotonic()
        attacks = bursts = 0
        while (passed := time.monotonic() - begun) < self.pace.seconds and os.getppid() == self.parent:
            micros = time.time_ns() // 1_000
            stamp = rfc3339(micros)
            for _ in range(int(passed * self.pace.rate) - self.fed.events):
                self._append(*next(self.records), stamp.encode())
            if passed >= attacks * self.pace.attack_every:
                attacks += 1
                self._watched("audit", attacks % PARTITIONS, attack(f"attack-{attacks}", stamp), f"attack-{attacks}")
            if passed >= bursts * self.pace.burst_every:
                bursts += 1
                *before, last = burst(bursts, micros)
                for line in before:
                    self.producer.produce("runtime", line, partition=bursts % PARTITIONS)
                self._watched("runtime", bursts % PARTITIONS, last, f"web-{bursts:07}")
            self.producer.poll(TICK)
        self.fed.seconds = time.monotonic() - begun
        self.producer.flush(DELIVERED_WITHIN)
        return self.fed

    def _append(self, topic: str, partition: int, line: bytes, number: bytes, stamp: bytes) -> None:
        self.fed.events += 1
        value = line.replace(STAMP, stamp).replace(PASS, number)
        while True:
            try:
                self.producer.produce(topic, value, partition=partition)
                return
            except BufferError:
                self.producer.poll(0.1)

    def _watched(self, topic: str, partition: int, line: bytes, name: str) -> None:
        def told(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            self.fed.attacks[name] = message.timestamp()[1] / 1_000

        self.producer.produce(topic, line, partition=partition, on_delivery=told)


def _endless(records: Sequence[list[bytes]]) -> Iterator[tuple[str, int, bytes, bytes]]:
    """Topic, partition, record and pass: a record of each topic in turn, again and again."""
    for number in range(1 << 32):
        for at in range(min(map(len, records))):
            for topic, lines in zip(TOPICS, records, strict=True):
                yield topic, at % PARTITIONS, lines[at], b"%08x" % number
