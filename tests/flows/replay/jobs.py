"""Runs of `middlewatch detect`, one after the other, until one comes to its end."""

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM

import msgspec
from msgspec import Struct

from tests.flows.replay.alerts import Delivered, delivered
from tests.flows.replay.knobs import Ending, Knobs
from tests.flows.replay.rearrange import rotate
from tests.flows.replay.server import Call, Ended

ROOT = Path(__file__).parents[3]
NEVER = 71
CODES: dict[tuple[int, str], set[int]] = {
    (SIGKILL, "parent"): {-SIGKILL},
    (SIGKILL, "group"): {-SIGKILL},
    (SIGKILL, "worker"): {1, -SIGKILL},
    (SIGTERM, "parent"): {128 + SIGTERM, -SIGTERM},
    (SIGTERM, "group"): {128 + SIGTERM, -SIGTERM},
}
"""How a run may end on a signal, if it did not come too late."""


class Server:
    """The process that runs them."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.replay.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def __call__(self, call: Call) -> Ended:
        """One run."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(msgspec.json.encode(call) + b"\n")
        self.process.stdin.flush()
        return msgspec.json.decode(self.process.stdout.readline(), type=Ended)


@contextlib.contextmanager
def served() -> Iterator[Server]:
    """A server, ended at the end."""
    server = Server()
    with server.process:
        try:
            yield server
        finally:
            assert server.process.stdin is not None
            server.process.stdin.close()


class Stage(Struct, frozen=True):
    """One run of several with one checkpoint."""

    processes: int = 1
    ending: Ending | None = None
    then: Sequence[str] = ()
    """What is done before the next: `rotate`, `copy`, `rebalance N`."""


class Plan(Struct, frozen=True):
    """How the same events are run."""

    knobs: Knobs = Knobs()
    stages: Sequence[Stage] = (Stage(),)
    every: float | None = None
    """Seconds between two checkpoints; None: no checkpoint."""
    seed: int = 0


def detect(
    server: Server, capture: Path, folder: Path, plan: Plan, *, silent: bool = True
) -> tuple[Delivered, list[Ended]]:
    """Run it as planned, and to its end; what was delivered, and how each run ended.

    `folder` takes what it writes, and must be empty. `silent`: whether a run that is done may say nothing.
    """
    chance = random.Random(plan.seed)
    ended, kept = [], folder / "kept"
    for number, stage in enumerate(plan.stages):
        arguments = ["detect", str(capture), "--settings", str(capture / "settings.yaml"), "--format", "jsonl"]
        arguments += ["--output", str(folder / "alerts.jsonl"), "--processes", str(stage.processes)]
        arguments += ["--summary", str(folder / "summary.json"), "--dead-letters", str(folder / "letters.jsonl")]
        settings = {}
        if plan.every is not None:
            arguments += ["--checkpoint", str(kept)]
            settings["MIDDLEWATCH_CHECKPOINT__EVERY"] = f"{round(plan.every * 1000)}ms"
        ended.append(server(Call(arguments, settings, plan.knobs, stage.ending)))
        _check(ended[-1], stage, silent=silent)
        if plan.every is not None and kept.exists() and number < len(plan.stages) - 1:
            kept = _between(server, stage, kept, capture, chance)
    return delivered(folder / "alerts.jsonl"), ended


def _check(ended: Ended, stage: Stage, *, silent: bool) -> None:
    allowed = {0}
    if stage.ending is not None:
        allowed |= CODES[stage.ending.signal, stage.ending.target]
    assert ended.code != NEVER, f"it hung: {stage} {ended}"
    assert ended.code in allowed, f"{stage} {ended}"
    assert ended.survivors == 0, f"{stage} {ended}"
    assert ended.said.count("\n") <= (ended.code == 1) or not silent, ended


def _between(server: Server, stage: Stage, kept: Path, capture: Path, chance: random.Random) -> Path:
    """What is done between two runs; gives where the checkpoint is then."""
    for act in stage.then:
        name, _, number = act.partition(" ")
        if name == "rotate":
            rotate(capture, chance)
        elif not (kept / "middlewatch.json").exists():
            continue
        elif name == "copy":
            copied = kept.with_name(f"{kept.name}-copy")
            _done(server(Call(["checkpoint", "copy", str(kept), str(copied)])))
            kept = copied
        else:
            _done(server(Call(["checkpoint", "rebalance", str(kept), "--partitions", number])))
    return kept


def _done(ended: Ended) -> None:
    assert ended.code == 0, ended
