"""A job as a process, over inputs that go on while it runs."""

import base64
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.flows.test_cli import BINDING, MIDDLEWATCH

BURST = Path(__file__).parents[1] / "captures" / "K8S.NODE_ReconnaissanceArtifactsBurst" / "fires-burst.jsonl"
CONTAINER = "551e161c47d8ff0eb665438a7bcd5b4e3ef5a297282b40a92b7c77d6bd168eb3"
NODE = base64.b64encode(b"kind-node").decode()


def burst(container: str, day: str = "2020-11-24") -> list[bytes]:
    """Five commands in a container, from 12:00:00 to 12:04:50: an alert of state."""
    digest = hashlib.sha256(container.encode()).hexdigest()
    node = base64.b64encode(digest[:9].encode()).decode()
    text = BURST.read_text().replace("2026-11-24", day).replace(CONTAINER, digest).replace(CONTAINER[:31], digest[:31])
    return text.replace(NODE, node).encode().splitlines(keepends=True)


def binding(name: str, second: int = 0, day: str = "2020-11-24") -> bytes:
    """A request that is an alert by itself, at 12:00 and so many seconds."""
    time_ = f"{day}T12:{second // 60:02}:{second % 60:02}.000000Z"
    return json.dumps({**BINDING, "auditID": name, "stageTimestamp": time_}).encode() + b"\n"


class Job:
    """A running `middlewatch detect`; its alerts go to a file."""

    def __init__(self, folder: Path, *arguments: object, stdin: int, output: Path | None) -> None:
        self.alerts = output or folder / "alerts.jsonl"
        self.errors = folder / "stderr"
        command = [*MIDDLEWATCH, "detect", *map(str, arguments), "--output", str(self.alerts), "--format", "jsonl"]
        with self.errors.open("wb") as stderr:
            self.process = subprocess.Popen(command, stdin=stdin, stderr=stderr, start_new_session=True)

    def found(self) -> list[dict[str, Any]]:
        """The alerts that were delivered, those of the same id once."""
        lines = self.alerts.read_bytes().splitlines(keepends=True) if self.alerts.exists() else []
        alerts = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return list({alert["id"]: alert for alert in alerts}.values())

    def origins(self) -> list[tuple[str, int]]:
        """File name and line of the first evidence of each alert, in order."""
        places = [alert["evidence"][0]["origin"] for alert in self.found()]
        return sorted((Path(place["path"]).name, place["line"]) for place in places)

    def await_(self, is_so: Callable[[], bool], within: float = 12) -> None:
        """Wait until something holds."""
        until = time.monotonic() + within
        while not is_so():
            assert time.monotonic() < until, self.errors.read_text()
            assert self.process.poll() is None, self.errors.read_text()
            time.sleep(0.02)

    def await_alerts(self, number: int) -> None:
        """Wait until so many were delivered."""
        self.await_(lambda: len(self.found()) >= number)

    def leave(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        os.kill(self.process.pid, number)
        return self.process.wait(20)


@contextlib.contextmanager
def job(folder: Path, *arguments: object, stdin: int = subprocess.DEVNULL, output: Path | None = None) -> Iterator[Job]:
    """Start one; it ends with the test."""
    running = Job(folder, *arguments, stdin=stdin, output=output)
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        if running.process.stdin is not None:
            running.process.stdin.close()


def add(path: Path, *lines: bytes) -> None:
    """Write at the end of a file."""
    with path.open("ab") as file:
        file.writelines(lines)


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """In memory, where that can be: making a checkpoint waits for the disk a hundred times."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
