"""How fast the whole flow reads, against the rate at which orjson alone parses the same bytes.

The ratio is of processor time, since other programs on a machine change it less than the time on the clock, and
without the start of the program, which is a cost of its own. The two are measured in turn, several times.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.inputs import inputs, simulated
from bench.measure import Spread, detect, parse, start
from bench.report import Table

EVENTS = 100_000


def throughput(rounds: int, _long: bool) -> Table:
    """Each source and form, against orjson; AKS envelopes also against native audit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = inputs(folder, EVENTS)
        begun = start(folder)
        ratios: dict[str, list[float]] = {what: [] for what in files}
        costs: dict[str, list[float]] = {what: [] for what in files}
        for _ in range(rounds):
            for what, file in files.items():
                parsed, flowed = parse([file]), detect([file]).without(begun)
                ratios[what].append(parsed.processor / flowed.processor)
                costs[what].append(flowed.processor)
        rows = [[what, str(Spread.of(ratios[what])), _each(costs[what], _events(what))] for what in files]
        enveloped = [native / aks for native, aks in zip(costs["native audit"], costs["AKS envelopes"], strict=True)]
        rows.append(["AKS envelopes to native audit, by event", str(Spread.of(enveloped)), ""])
    note = f"{EVENTS:,} events each ({EVENTS // 4:,} of Azure). The start is {begun.processor:.2f} s and not counted."
    return Table("throughput", ("input", "ratio", "us an event"), rows, f"{note} {_said(rounds)}")


def processes(rounds: int, _long: bool) -> Table:
    """Two processes against one, on two and on four inputs: time on the clock, without the start."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        audit = [simulated(folder / f"audit-{seed}", "audit", EVENTS, seed=seed) for seed in range(4)]
        runtime = [simulated(folder / f"runtime-{seed}", "runtime", EVENTS, seed=seed) for seed in range(2)]
        begun = {number: start(folder, "--processes", str(number)) for number in (1, 2)}
        for what, files in (("2 audit logs", audit[:2]), ("4 audit logs", audit), ("2 runtime logs", runtime)):
            gained = []
            for _ in range(rounds):
                one, two = (detect(files, "--processes", str(n)).without(begun[n]).wall for n in (1, 2))
                gained.append(one / two)
            rows.append([what, str(Spread.of(gained))])
    note = f"{EVENTS:,} events in each log; it means something where nothing else uses the machine. {_said(rounds)}"
    return Table("processes", ("inputs", "times as fast"), rows, note)


def checkpoints(rounds: int, _long: bool) -> Table:
    """With a checkpoint, written as often as the settings say by default, against without."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = {
            "native audit": simulated(folder / "audit", "audit", EVENTS),
            "runtime (Tetragon)": simulated(folder / "runtime", "runtime", EVENTS),
        }
        kept = folder / "checkpoint"
        bare = start(folder)
        for what, file in logs.items():
            ratios = []
            for _ in range(rounds):
                without = detect([file]).without(bare).processor
                shutil.rmtree(kept, ignore_errors=True)
                begun = detect([folder / "empty.jsonl"], "--checkpoint", kept)
                shutil.rmtree(kept)
                ratios.append(without / detect([file], "--checkpoint", kept).without(begun).processor)
                shutil.rmtree(kept)
            rows.append([what, str(Spread.of(ratios))])
    note = f"Rate with a checkpoint to rate without; {count_said()}. {_said(rounds)}"
    return Table("checkpoints", ("input", "ratio"), rows, note)


def count_said() -> str:
    """How much is read."""
    return f"{EVENTS:,} events each, much faster than they happened: each epoch alters the state of most keys"


def _events(what: str) -> int:
    return EVENTS // 4 if what == "Azure Activity" else EVENTS


def _each(costs: list[float], events: int) -> str:
    return f"{Spread.of(costs).median / events * 1e6:.1f}"


def _said(rounds: int) -> str:
    return f"Median of {rounds} rounds, least and most in brackets."
