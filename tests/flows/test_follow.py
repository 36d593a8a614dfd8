"""`middlewatch detect --follow` over files that grow and rotate, and over pipes, as processes."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.flows.following import add, binding, burst, job


@pytest.fixture(autouse=True)
def _lateness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDDLEWATCH_LATENESS__RUNTIME", "300ms")


def test_a_file_grows_is_renamed_and_is_truncated(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    add(log, binding("a", 1))
    with job(tmp_path, log, "--follow") as running:
        running.await_alerts(1)
        add(log, binding("b", 2), binding("c", 3)[:40])
        running.await_alerts(2)
        add(log, binding("c", 3)[40:])
        running.await_alerts(3)
        log.rename(tmp_path / "audit.log.1")
        add(tmp_path / "audit.log.1", binding("d", 4))
        running.await_alerts(4)
        add(log, binding("e", 5))
        running.await_alerts(5)
        shutil.copy(log, tmp_path / "audit.log.2")
        os.truncate(log, 0)
        add(log, binding("f", 6))
        running.await_alerts(6)
        assert running.leave() == 143
        places = [("audit.log", line) for line in (1, 1, 1, 2, 3, 4)]
        assert (running.origins(), running.errors.read_text()) == (places, "")


@pytest.mark.parametrize("processes", [1, 2])
def test_alerts_of_state_leave_although_nothing_more_comes(tmp_path: Path, processes: int) -> None:
    """An old file, an idle one of another day, one that is not written to yet, and one that is."""
    (tmp_path / "in").mkdir()
    old, log, empty = (tmp_path / "in" / name for name in ("old.log", "new.log", "empty.log"))
    add(old, binding("a", day="2019-01-01"))
    add(log, *burst("one")[:4])
    empty.touch()
    with job(tmp_path, tmp_path / "in", "--follow", "--processes", processes) as running:
        running.await_alerts(1)
        add(log, burst("one")[4])
        began = time.monotonic()
        running.await_alerts(2)
        waited = time.monotonic() - began
        add(empty, *burst("two", "2020-11-25"))
        running.await_alerts(3)
        assert running.leave() == 143
    assert waited < 3, "the lateness, some epochs, and what else this machine does"


def test_the_pause_of_an_old_log_makes_nothing_late(tmp_path: Path) -> None:
    """Between the commands of a burst the pipe pauses for longer than events may be late; years of them are past."""
    lines = burst("one")
    with job(tmp_path, "-", "--summary", tmp_path / "summary", stdin=subprocess.PIPE) as running:
        pipe = running.process.stdin
        assert pipe is not None
        for line in lines[:3]:
            pipe.write(line)
        pipe.flush()
        time.sleep(1)
        pipe.writelines(lines[3:])
        pipe.close()
        assert running.process.wait(20) == 0
        assert len(running.found()) == 1
        assert '"late": 0' in (tmp_path / "summary").read_text()


def test_a_file_that_was_read_to_its_end_does_not_end_the_clock_of_a_pipe(tmp_path: Path) -> None:
    """If it did, nothing would be remembered of the pipe's commands from one to the next."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    add(tmp_path / "a.log", binding("a"))
    lines = burst("one")
    with job(tmp_path, tmp_path / "a.log", fifo) as running:
        with fifo.open("wb", buffering=0) as pipe:
            running.await_alerts(1)
            for line in lines:
                time.sleep(0.3)
                pipe.write(line)
        assert running.process.wait(20) == 0
        assert len(running.found()) == 2


def test_a_damaged_file_is_told_once_and_its_successor_read(tmp_path: Path) -> None:
    log, other = tmp_path / "a.log", tmp_path / "b.log"
    log.write_bytes(b"\x1f\x8b\x08\x00 this is no gzip, after all: neither block nor checksum")
    add(other, *burst("one"))
    with job(tmp_path, log, other, "--follow") as running:
        running.await_alerts(1)
        log.unlink()
        add(log, binding("a"))
        running.await_alerts(2)
        assert running.leave() == 143
        first, second = running.errors.read_text().splitlines()
        assert first.startswith(f"middlewatch: {log}: Error -3")
        assert "1 of 7 items are malformed" in second


def test_a_followed_file_may_come_later(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    add(log, binding("a"))
    with job(tmp_path, log, "--follow") as running:
        running.await_alerts(1)
        log.unlink()
        time.sleep(0.3)
        add(log, binding("b"))
        running.await_alerts(2)
        assert running.leave() == 143
