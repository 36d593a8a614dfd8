"""One run at a time has a checkpoint, and what happens when its disk is full."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.checkpoints.verify import verify
from tests.flows.checkpoints.toy import ROOT

EVENTS = ROOT / "tests" / "captures"
OPEN = "a run has it open"


def started(folder: Path, output: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "flows.cli", "detect", str(EVENTS), "--checkpoint", str(folder), "-o", str(output)]
    given = {**os.environ, "MIDDLEWATCH_CHECKPOINT__EVERY": "100ms"}
    return subprocess.Popen([*command, *options], cwd=ROOT, env=given, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("times", [5])
def test_two_at_the_same_moment(tmp_path: Path, times: int) -> None:
    for number in range(times):
        folder = tmp_path / str(number)
        both = [started(folder, tmp_path / f"{number}-{one}.jsonl", "--follow") for one in range(2)]
        refused = _first_ended(both)
        assert refused.returncode == 1
        assert refused.communicate()[1] == f"middlewatch: {folder}: {OPEN}\n"
        (runs,) = [one for one in both if one is not refused]
        assert runs.poll() is None
        runs.send_signal(signal.SIGKILL)
        runs.communicate()
    after = started(folder, tmp_path / "after.jsonl")
    assert after.communicate()[1].count(OPEN) == 0
    assert after.returncode == 0
    assert verify(folder) == []


def _first_ended(both: "list[subprocess.Popen[str]]") -> "subprocess.Popen[str]":
    while True:
        for one in both:
            try:
                one.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            return one


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own; where none can be mounted the test is skipped."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2600k", "none", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_full_disk_loses_nothing(disk: Path, tmp_path: Path, processes: str) -> None:
    output = tmp_path / "alerts.jsonl"
    full = started(disk / "state", output, "--processes", processes)
    _, said = full.communicate(timeout=60)
    assert full.returncode == 1
    assert said.count("\n") == 1
    assert "disk is full" in said or "disk may be full" in said
    subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
    again = started(disk / "state", output, "--processes", processes)
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert verify(disk / "state") == []
    expected = tmp_path / "expected.jsonl"
    whole = started(tmp_path / "whole", expected)
    whole.communicate(timeout=60)
    assert _ids(output) == _ids(expected)


def test_no_room_for_a_new_one(disk: Path, tmp_path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=200k", str(disk)], check=True)
    for _ in range(2):
        full = started(disk / "state", tmp_path / "alerts.jsonl")
        _, said = full.communicate(timeout=60)
        assert full.returncode == 1
        assert said.startswith(f"middlewatch: {disk / 'state'}")
        assert said.count("\n") == 1


def _ids(path: Path) -> set[str]:
    return {json.loads(line)["id"] for line in path.read_text().splitlines()}
