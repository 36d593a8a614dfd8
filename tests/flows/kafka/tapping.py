"""What tests of `middlewatch tap` need: events, settings, the command, and what it wrote."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.flows.kafka.mock import MockCluster

MIDDLEWATCH = [sys.executable, "-m", "flows.cli"]


def audit(number: int, **more: Any) -> bytes:
    record = {
        "kind": "Event",
        "auditID": f"a-{number}",
        "stage": "ResponseComplete",
        "verb": "create",
        "user": {"username": "jane"},
        "objectRef": {"resource": "clusterrolebindings", "name": "x", "apiGroup": "rbac.authorization.k8s.io"},
        "responseStatus": {"code": 201},
        "requestObject": {
            "metadata": {"name": "x"},
            "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "User", "name": "mallory"}],
        },
        "stageTimestamp": f"2026-01-01T12:00:{number % 60:02}Z",
        **more,
    }
    return json.dumps(record).encode()


def middlewatch(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [*MIDDLEWATCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def configured(folder: Path, brokers: str, topics: list[dict[str, str]], **more: Any) -> Path:
    path = folder / "s.yaml"
    path.write_text(json.dumps({"kafka": {"brokers": brokers, "topics": topics, **more}}))
    return path


def records(out: Path) -> dict[str, list[bytes]]:
    """Lines by path of all files of a capture."""
    return {str(file.relative_to(out)): file.read_bytes().splitlines() for file in sorted(out.glob("*/*.jsonl"))}


def ids(out: Path) -> list[str]:
    return [json.loads(line)["auditID"] for lines in records(out).values() for line in lines]


def everything(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


def detected(*arguments: object) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Alerts by id without their origins, and dead letters."""
    letters = Path(str(arguments[0])).with_suffix(".letters")
    done = middlewatch("detect", *arguments, "--dead-letters", letters)
    assert done.returncode == 0, done.stderr
    alerts = {}
    for line in done.stdout.splitlines():
        alert = json.loads(line)
        for evidence in alert["evidence"]:
            del evidence["origin"]
        alerts[alert["id"]] = alert
    return alerts, [json.loads(line) for line in letters.read_text().splitlines()]


def send(mock: MockCluster, topic: str, messages: list[bytes | None], **more: Any) -> None:
    producer = Producer({"bootstrap.servers": mock.brokers})
    for message in messages:
        producer.produce(topic, message, **more)
    assert producer.flush(10) == 0


@contextlib.contextmanager
def tapping(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [*MIDDLEWATCH, "tap", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Callable[[], object], within: float = 20) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
