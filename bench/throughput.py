"""How fast the whole flow reads, against the rate at which orjson alone parses the same bytes.

Both are measured in turn, in one run, several times; what counts is the ratio. Run as
`python -m bench.throughput [FILE ...]`; without files, logs of a simulated cluster.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import orjson

from flows.configuration import configure
from flows.run import run
from flows.work import Options
from simulation.choices import Form, Scale
from simulation.clock import moment
from simulation.journal import Count
from simulation.outlets import RotatedFiles
from simulation.profile import SCALES, SensorKind
from simulation.world import Order, World

ROUNDS = 5
EVENTS = {"audit": 40_000, "runtime": 40_000, "arm": 1_500}
"""In each log."""


def flow_seconds(file: Path) -> float:
    """Seconds that `middlewatch detect` takes over a file, its start aside."""
    configuration = configure()
    options = Options([str(file)], output=os.devnull, summary=os.devnull)
    begun = time.perf_counter()
    if run(options, configuration) != 0:
        raise SystemExit(f"the flow failed on {file}")
    return time.perf_counter() - begun


def orjson_seconds(file: Path) -> float:
    """Seconds that orjson takes to parse the lines of the file."""
    begun = time.perf_counter()
    with file.open("rb") as lines:
        for line in lines:
            orjson.loads(line)
    return time.perf_counter() - begun


def inputs(folder: Path) -> dict[str, Path]:
    """What is measured: the given files, or each source and form of a simulated cluster, whose lines never repeat."""
    if len(sys.argv) > 1:
        return {name: Path(name) for name in sys.argv[1:]}
    return {
        "native audit": simulated(folder / "native", Form.NATIVE, "audit"),
        "AKS diagnostic settings": simulated(folder / "aks", Form.AKS, "audit"),
        "EKS subscription": simulated(folder / "eks", Form.EKS, "audit"),
        "GKE log entries": simulated(folder / "gke", Form.GKE, "audit"),
        "Tetragon": simulated(folder / "tetragon", Form.NATIVE, "runtime", SensorKind.TETRAGON),
        "Falco": simulated(folder / "falco", Form.NATIVE, "runtime", SensorKind.FALCO),
        "Azure Activity": simulated(folder / "arm", Form.AKS, "arm"),
    }


def simulated(folder: Path, form: Form, source: str, sensor: SensorKind = SensorKind.TETRAGON) -> Path:
    """One log of one medium cluster in which nobody attacks."""
    shape = SCALES[Scale.MEDIUM].model_copy(update={"sensor": sensor})
    order = Order(shape, days=365, clusters=1, form=form, sources=(source,), begin=moment("2026-03-02"))
    files = RotatedFiles(folder, source, 1 << 40, compress=False)
    World(order, lambda _cluster, _source: files, lambda _label: None, Count(EVENTS[source])).run()
    files.close()
    return folder / files.path


def main() -> None:
    """Print a line for each input: rates, and the ratio with its spread."""
    print(f"{'input':44} {'lines/s':>9} {'orjson':>9} {'ratio':>6}  (least to most of {ROUNDS})")
    with tempfile.TemporaryDirectory() as folder:
        for name, file in inputs(Path(folder)).items():
            lines = sum(1 for _ in file.open("rb"))
            rounds = [(orjson_seconds(file), flow_seconds(file)) for _ in range(ROUNDS)]
            ratios = sorted(parsed / flowed for parsed, flowed in rounds)
            parsed, flowed = (statistics.median(times) for times in zip(*rounds, strict=True))
            spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
            print(f"{name:44} {lines / flowed:9,.0f} {lines / parsed:9,.0f} {statistics.median(ratios):6.2f}  {spread}")


if __name__ == "__main__":
    main()
