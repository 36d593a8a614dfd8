"""What many entities cost: an event as they become more, and the start of a run that goes on from a checkpoint."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.inputs import BEGIN, download, request, visits, written
from bench.measure import Spread, command, detect, start
from bench.report import Table
from flows import workers
from flows.checkpoints.create import PARTITIONS
from flows.configuration import configure
from flows.run import run
from flows.work import Options, Worker
from simulation.clock import moment

STEP = 3_000
"""Microseconds between two events: no entity is forgotten meanwhile."""


def growth(rounds: int, long: bool) -> Table:
    """Cost of an event as the entities that have state become more."""
    begin, counts = moment(BEGIN), (1_000, 10_000, 100_000, *((1_000_000,) if long else ()))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = start(folder)
        least = 0.0
        for keys in counts:
            events = max(2 * keys, 200_000)
            made = visits(keys, events, begin, STEP)
            file = written(folder / f"{keys}.jsonl", (download(key, at) for key, at in made))
            costs = [detect([file]).without(bare).processor / events * 1e6 for _ in range(rounds)]
            file.unlink()
            least = least or Spread.of(costs).median
            rows.append([f"{keys:,}", f"{events:,}", str(Spread.of(costs)), f"{Spread.of(costs).median / least:.2f}"])
    note = (
        "Each event is a download in one of these containers, so that all have state; us of processor time an event."
        " Of few containers many events come at once, and share what a batch costs."
    )
    return Table("growth", ("containers", "events", "us an event", "to the first"), rows, note)


def resume(rounds: int, long: bool) -> Table:
    """How long a run takes that goes on from so many entities, until its first epoch begins."""
    counts = (100_000, *((1_000_000,) if long else ()))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for keys in counts:
            kept, file = folder / f"checkpoint-{keys}", folder / f"{keys}.jsonl"
            written(file, _life(keys))
            made = detect([file], "--checkpoint", kept)
            size = sum(part.stat().st_size for part in kept.glob("*") if part.is_file())
            costs = [_resumed(file, kept) for _ in range(rounds)]
            walls, processor, there = (Spread.of(part) for part in zip(*costs, strict=True))
            assert there.least >= keys
            rows.append([f"{keys:,}", f"{size / 1e6:,.0f}", f"{made.wall:.1f}", str(walls), str(processor)])
            file.unlink()
            shutil.rmtree(kept)
    note = (
        f"{PARTITIONS} partitions. Made by a run of the real flow: of 100 entities 99 are containers with a download,"
        " one is a service account. From the start of the program to the first epoch, in which all state is there;"
        " nothing new is in the input. Budget: one million in under 60 s."
    )
    head = ("entities", "MB", "s to make", "s to resume", "of these on the processor")
    return Table("resume", head, rows, note)


def _life(keys: int) -> Iterator[bytes]:
    for number, at in visits(keys, keys, moment(BEGIN), STEP):
        yield download(number, at) if number % 100 else request(number, at)


def _resumed(file: Path, kept: Path) -> tuple[float, float, int]:
    """Seconds on the clock and of the processor, and the entities that were there then."""
    told = kept.with_suffix(".told")
    told.unlink(missing_ok=True)
    command(file, kept, told, str(time.time()), module=__name__)
    wall, processor, there = json.loads(told.read_text(encoding="ascii"))
    return wall, processor, there


def _resume(file: str, kept: str, told: str, begun: str) -> int:
    """Run the job; its worker tells when the first epoch begins."""

    class Telling(Worker):
        def _heard(self) -> None:
            if not Path(told).exists():
                parent = float(Path(f"/proc/{os.getppid()}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
                spent = [time.time() - float(begun), time.process_time() + parent, self.tally.keys.total()]
                Path(told).write_text(json.dumps(spent), encoding="ascii")
            super()._heard()

    workers.__dict__["Worker"] = Telling  # the worker is made in a fork of this process
    return run(Options([file], output=os.devnull, checkpoint=kept), configure())


if __name__ == "__main__":
    sys.exit(_resume(*sys.argv[1:]))
