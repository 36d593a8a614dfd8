"""What a run costs: the whole command in a process of its own, and orjson over the same bytes in this one."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson


class Cost(NamedTuple):
    """What one run took."""

    wall: float
    """Seconds."""
    processor: float
    """Seconds, of all processes, in the program and in the kernel."""
    events: float = 0.0

    def without(self, start: Cost) -> Cost:
        """What it took besides its start."""
        return Cost(self.wall - start.wall, self.processor - start.processor, self.events)


class Spread(NamedTuple):
    """Several measurements of one figure."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Their median and their ends."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def command(*arguments: str | Path, module: str = "flows.cli") -> Cost:
    """Run a command of this program to its end.

    Raises
    ------
    SystemExit
        It failed.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  our own
        [sys.executable, "-m", module, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))} failed: {said.decode(errors='replace')}")
    return Cost(time.perf_counter() - begun, used.ru_utime + used.ru_stime)


def detect(files: Sequence[Path], *options: str | Path) -> Cost:
    """Run `middlewatch detect` with everything on; alerts go nowhere."""
    return command("detect", *files, "--output", os.devnull, "--format", "jsonl", *options)


def start(folder: Path, *options: str | Path) -> Cost:
    """What `middlewatch detect` takes over nothing: the median of three runs."""
    empty = folder / "empty.jsonl"
    empty.touch()
    costs = [detect([empty], *options) for _ in range(3)]
    return Cost(*(statistics.median(part) for part in zip(*costs, strict=True)))


def parse(files: Iterable[Path]) -> Cost:
    """Let orjson parse each line of these files, which is all that is done with it."""
    wall, processor = time.perf_counter(), time.process_time()
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                orjson.loads(line)
    return Cost(time.perf_counter() - wall, time.process_time() - processor)


def count(file: Path) -> int:
    """Lines of a file."""
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
