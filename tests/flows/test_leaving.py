"""A job that is asked to leave: what it has read is delivered or is in the checkpoint; a limit holds."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.flows.following import add, binding, burst, job, quick_folder


@pytest.fixture
def tmp_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is quick to write, and checkpoints that are written often."""
    monkeypatch.setenv("MIDDLEWATCH_CHECKPOINT__EVERY", "200ms")
    with quick_folder() as folder:
        yield folder


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_was_read_is_judged_to_its_end(tmp_path: Path, number: int, code: int) -> None:
    """The state that waits for the clock as well, of a pipe that stays open."""
    (tmp_path / "s.yaml").write_text("lateness:\n  runtime: 1h\n")
    with job(tmp_path, "-", "--settings", tmp_path / "s.yaml", stdin=subprocess.PIPE) as running:
        assert running.process.stdin is not None
        running.process.stdin.write(b"".join([*burst("one"), binding("a", 300)]))
        running.process.stdin.flush()
        running.await_alerts(1)
        assert running.leave(number) == code
        assert len(running.found()) == 2
        assert running.errors.read_text() == ""


def test_a_job_that_follows_drains_into_its_checkpoint(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    add(first, binding("a"))
    add(second, *burst("one")[:3])
    kept = [first, second, "--checkpoint", tmp_path / "kept", "--processes", 2]
    with job(tmp_path, *kept, "--follow") as running:
        running.await_alerts(1)
        assert running.leave() == 143
    before = (tmp_path / "alerts.jsonl").read_bytes()
    add(second, *burst("one")[3:])
    with job(tmp_path, *kept) as running:
        assert running.process.wait(20) == 0
        assert len(running.found()) == 2
        assert (tmp_path / "alerts.jsonl").read_bytes().startswith(before)
        assert running.errors.read_text() == ""


class Unread(NamedTuple):
    """A pipe that somebody has opened, and does not read."""

    path: Path
    descriptor: int

    def is_full(self) -> bool:
        """Whether so much was written that the rest of some 200 alerts does not fit: whoever writes hangs."""
        return int.from_bytes(fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4)), sys.byteorder) > 30_000


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[Unread]:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    yield Unread(pipe, descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("kept", [True, False])
def test_the_limit_holds_even_if_nobody_takes_the_alerts(tmp_path: Path, unread: Unread, kept: bool) -> None:
    add(tmp_path / "a.log", *(binding(f"a-{number}") for number in range(200)))
    (tmp_path / "s.yaml").write_text("shutdown: 1s\n")
    arguments = [tmp_path / "a.log", "--settings", tmp_path / "s.yaml", "--follow"]
    arguments += ["--checkpoint", tmp_path / "kept"] if kept else []
    with job(tmp_path, *arguments, output=unread.path) as running:
        running.await_(unread.is_full)
        began = time.monotonic()
        assert running.leave() == 1
        assert 0.9 < time.monotonic() - began < 4
        assert "before all that was found was delivered" in running.errors.read_text()


def test_whoever_asks_twice_does_not_wait(tmp_path: Path, unread: Unread) -> None:
    add(tmp_path / "a.log", *(binding(f"a-{number}") for number in range(200)))
    with job(tmp_path, tmp_path / "a.log", "--follow", output=unread.path) as running:
        running.await_(unread.is_full)
        os.kill(running.process.pid, signal.SIGINT)
        time.sleep(1.3)
        assert running.process.poll() is None
        assert running.leave(signal.SIGINT) == 1
