"""`middlewatch detect` over Kafka, as a process that a stranger starts, watches and stops."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from tests.kafka.broker import Broker
from tests.kafka.cluster import await_
from tests.kafka.properties import free_ports

START = """
import importlib, json, sys
from flows.cli import main
for name, value in json.loads(sys.argv.pop(1)).items():
    module, _, constant = name.rpartition(".")
    setattr(importlib.import_module(module), constant, value)
main()
"""
"""Runs the program with other values for what is named first, such as `flows.kafka.ends.GONE_AFTER`."""
PATIENCE = 60.0
"""Seconds for anything that a job is to do: other tests run meanwhile."""
Key = tuple[str, int]


def kafka(broker: Broker, *topics: Mapping[str, Any] | str, group: str, **more: Any) -> dict[str, Any]:
    """Settings of a quick job; topics are names, or what the settings may say of one."""
    said = [{"name": one} if isinstance(one, str) else dict(one) for one in topics]
    place = {"brokers": broker.brokers(), "topics": said, "group": group, "quiet": "1s"}
    return {"checkpoint": {"every": "100ms"}, "kafka": {**place, **more}}


class Job:
    """A running job: what it has said and written so far.

    Parameters
    ----------
    folder
        Of its own: settings, outputs and checkpoint are kept in it, for the next run as well.
    settings
        As the file says them.
    tuned
        Constants of modules that are to be otherwise, by name.
    checkpoint
        Whether it keeps one.
    environment
        Added to that of the tests.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        *arguments: object,
        tuned: Mapping[str, float] | None = None,
        checkpoint: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_ports(1)[0]
        self.alerts, self.letters = folder / "alerts.jsonl", folder / "letters.jsonl"
        self._summary, self._errors = folder / "summary.json", folder / "stderr"
        given = {"health": {"port": self.port}, **settings}
        (folder / "settings.yaml").write_text(json.dumps(given))
        kept = ["--checkpoint", folder / "checkpoint"] if checkpoint else []
        command = [sys.executable, "-c", START, json.dumps(tuned or {}), "detect", *arguments, *kept]
        command += ["--settings", folder / "settings.yaml", "--summary", self._summary]
        command += ["--output", self.alerts, "--format", "jsonl", "--dead-letters", self.letters]
        self._summary.unlink(missing_ok=True)
        with self._errors.open("wb") as stderr:
            self.process = subprocess.Popen(
                [str(one) for one in command],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )

    @property
    def said(self) -> str:
        """What it has told people so far."""
        return self._errors.read_text()

    def found(self) -> list[dict[str, Any]]:
        """The alerts that were delivered so far, those of the same id once."""
        return list({alert["id"]: alert for alert in _read(self.alerts)}.values())

    def dead(self) -> list[dict[str, Any]]:
        """The dead letters so far."""
        return _read(self.letters)

    def origins(self) -> list[dict[str, Any]]:
        """Of the first evidence of each alert, in order."""
        places = [alert["evidence"][0]["origin"] for alert in self.found()]
        return sorted(
            places, key=lambda place: (place["topic"], place["partition"], place["offset"], place.get("item"))
        )

    def offsets(self) -> list[int]:
        """The same of one partition, as numbers."""
        return [place["offset"] for place in self.origins()]

    def await_(self, holds: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
        """Wait until something holds, while the job runs."""

        def so() -> bool:
            if holds():
                return True
            assert self.process.poll() is None, f"ended, before {what}: {self.said}"
            return False

        try:
            await_(so, what, within)
        except AssertionError:
            raise AssertionError(f"not within {within} s: {what}; it said: {self.said}") from None

    def await_alerts(self, number: int, within: float = PATIENCE) -> None:
        """Wait until so many were delivered."""
        self.await_(lambda: len(self.found()) >= number, f"{number} alerts", within)

    def await_said(self, text: str, within: float = PATIENCE) -> None:
        """Wait until it has said this."""
        self.await_(lambda: text in self.said, f"to hear {text!r}", within)

    def metrics(self) -> dict[str, float]:
        """What /metrics shows now, by name and labels; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
                lines = page.read().decode().splitlines()
        except OSError:
            return {}
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def metric(self, name: str) -> float:
        """One of them; -1 if it is not there."""
        return self.metrics().get(f"middlewatch_{name}", -1.0)

    def hold(self) -> None:
        """Let it stand still, all its processes."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self) -> dict[str, Any]:
        """Ask it to end, as Kubernetes does; its summary."""
        os.kill(self.process.pid, signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 143, self.said
        summary: dict[str, Any] = json.loads(self._summary.read_text())
        assert summary["read"] == summary["events"] + summary["skipped"] + summary["malformed"]
        return summary

    def fails(self, within: float = PATIENCE) -> str:
        """Wait until it ends by itself; the exit code and what it said, which is no trace."""
        code = self.process.wait(within)
        assert "Traceback" not in self.said
        return f"exit {code}: {self.said}"


@contextlib.contextmanager
def job(folder: Path, settings: Mapping[str, Any], *arguments: object, **more: Any) -> Iterator[Job]:
    """Start one; it ends with the block, however that ends."""
    running = Job(folder, settings, *arguments, **more)
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def committed(broker: Broker, group: str, partitions: Sequence[Key]) -> dict[Key, int]:
    """Positions of a group; -1001 where it has none."""
    asking = Consumer({**broker.client(), "group.id": group})
    try:
        found = asking.committed([TopicPartition(*key) for key in partitions], timeout=PATIENCE)
        return {(one.topic, one.partition): one.offset for one in found}
    finally:
        asking.close()


def ends(broker: Broker, partitions: Sequence[Key]) -> dict[Key, int]:
    """Where partitions end for those that read what is committed."""
    asking = Consumer({**broker.client(), "group.id": "ends"})
    try:
        return {key: asking.get_watermark_offsets(TopicPartition(*key), timeout=PATIENCE)[1] for key in partitions}
    finally:
        asking.close()


def await_read(broker: Broker, running: Job, group: str, *partitions: Key) -> None:
    """Wait until partitions are read to their ends, and that is durable and told to the group."""
    wanted = ends(broker, partitions)
    running.await_(lambda: running.metric("kafka_lag") >= 0, "it reads")
    running.await_(lambda: committed(broker, group, partitions) == wanted, f"positions {wanted}")


def milliseconds(after: float = 0.0) -> int:
    """Of the time now and so many seconds, as messages have it."""
    return int((time.time() + after) * 1000)


def _read(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
