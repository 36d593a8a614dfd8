"""A small dataflow with the step names and the rows of the real one: python -m tests.flows.checkpoints.toy DIR ..."""

import argparse
import contextlib
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig
from bytewax.testing import TestingSink, cluster_main

from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import read_manifest
from flows.checkpoints.runs import begin_run
from flows.checkpoints.store import ALL_READ, cut
from flows.stepnames import FLOW, SOURCE
from simulation.clock import moment

ROOT = Path(__file__).parents[3]
BEGIN = moment("2026-03-02T09:00:00Z")
SECOND = 1_000_000
KEYS = 23
"""Of each lane."""
LANES = 3


class Lane(StatefulSourcePartition[tuple[str, int], Any]):
    """Counts to `last`; what it brings has a second for each number."""

    def __init__(self, name: str, state: Any, last: int, pause: float) -> None:
        self.name, self.last, self.pause = name, last, pause
        self.at: int = state[2]["counter"][1] if state is not None else 0

    def next_batch(self) -> list[tuple[str, int]]:
        if self.at >= self.last:
            raise StopIteration
        time.sleep(self.pause)
        self.at += 1
        return [(f"prod|{self.name}/{self.at * 7 % KEYS}", self.at)]

    def snapshot(self) -> Any:
        ended = self.at >= self.last
        low = ALL_READ if ended else BEGIN + self.at * SECOND
        return 1, low, {"counter": ("counter", self.at, low, ended)}


class Lanes(FixedPartitionedSource[tuple[str, int], Any]):
    """Some counters."""

    def __init__(self, last: int, pause: float) -> None:
        self.last, self.pause = last, pause

    def list_parts(self) -> list[str]:
        return [f"lane-{number:02}" for number in range(LANES)]

    def build_part(self, _step: str, name: str, state: Any) -> Lane:
        return Lane(name, state, self.last, self.pause)


class Chain(StatefulBatchLogic[int, int, Any]):
    """What came in which order; of some keys it is forgotten again and again."""

    def __init__(self, state: Any) -> None:
        chain: tuple[int, int] = state[4]["chain"][1] if state is not None else (0, 0)
        self.seen, self.hash = chain

    def on_batch(self, values: list[int]) -> tuple[list[int], bool]:
        for value in values:
            self.seen, self.hash = self.seen + 1, (self.hash * 31 + value) % 1_000_003
        return [], values[-1] % KEYS == 5

    def snapshot(self) -> Any:
        return 1, "", (0, ""), [], {"chain": (1, (self.seen, self.hash))}


def build(last: int, pause: float, scope: str = "objects") -> Dataflow:
    flow = Dataflow(FLOW)
    read = op.input(SOURCE, flow, Lanes(last, pause))
    op.output("output", op.stateful_batch(scope, read, Chain), TestingSink([]))
    return flow


def run(
    folder: Path, last: int, pause: float = 0.0, epoch: float = 0.2, history: float = 3600.0, scope: str = "objects"
) -> None:
    """Run it in this process, to the end."""
    with cut(folder) as taken:
        resume = taken.resume
    begin_run(folder, read_manifest(folder), resume)
    recovery = RecoveryConfig(folder, timedelta(seconds=history))  # type: ignore[no-untyped-call]  # bytewax's own, not typed
    cluster_main(  # type: ignore[no-untyped-call]  # bytewax's own, not typed
        build(last, pause, scope), [], 0, epoch_interval=timedelta(seconds=epoch), recovery_config=recovery
    )


def started(folder: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Run it in a process of its own, until there is state of some epochs."""
    command = [sys.executable, "-m", "tests.flows.checkpoints.toy", str(folder), "--last", "1000000", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        time.sleep(0.05)
        with contextlib.suppress(CheckpointError):
            if reached(folder) >= 30:
                return process
    process.kill()
    raise AssertionError("the run wrote nothing")


def killed(folder: Path, *options: str) -> None:
    """Run it for some epochs and kill it."""
    process = started(folder, *options)
    process.kill()
    process.wait()


def reached(folder: Path) -> int:
    """Numbers that the lane that is behind has brought."""
    with cut(folder) as taken:
        clock = taken.clock()
    return 0 if clock is None else (clock - BEGIN) // SECOND


def state(folder: Path) -> dict[tuple[str, str], bytes]:
    """All of it, where a run would go on."""
    with cut(folder) as taken:
        return {(row.step, row.key): row.data for row in taken.rows()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--last", type=int)
    parser.add_argument("--pause", type=float, default=0.001)
    parser.add_argument("--epoch", type=float, default=0.05)
    parser.add_argument("--history", type=float, default=3600.0)
    given = parser.parse_args()
    run(given.folder, given.last, given.pause, given.epoch, given.history)
