"""How fast the whole flow reads, against the rate at which orjson alone parses the same bytes.

Both are measured in turn, in one run, several times; what counts is the ratio. Run as
`python -m bench.throughput [FILE ...]`; without files the bundled demo capture is repeated.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import orjson

from flows.configuration import configure
from flows.demo import capture
from flows.run import Options, run

ROUNDS = 5
SIZE = 40 << 20
"""Bytes of each input: its lines again and again, so what is remembered of them is warm."""


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


def repeated(lines: list[bytes], file: Path) -> Path:
    """A file of these lines, again and again."""
    with file.open("wb") as out:
        for _ in range(SIZE // sum(map(len, lines)) + 1):
            out.writelines(lines)
    return file


def inputs(folder: Path) -> dict[str, Path]:
    """What is measured: the given files, or each part of the demo."""
    sources = [Path(name) for name in sys.argv[1:]] or sorted(path for path in capture().rglob("*.jsonl*"))
    found = {}
    for number, source in enumerate(sources):
        data = source.read_bytes()
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).splitlines(keepends=True)
        if usable := [line for line in lines if whole(line)]:
            found["/".join(source.parts[-2:])] = repeated(usable, folder / str(number))
    return found


def whole(line: bytes) -> bool:
    """Whether orjson can parse it: a capture may hold damaged lines."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


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
