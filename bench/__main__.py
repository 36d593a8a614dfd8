"""Measures what the budgets are about: `python -m bench [SECTION ...] [--rounds N] [--long] [--write PAGE]`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.forgetting import forgetting
from bench.kafka import catching_up, latency
from bench.keys import growth, resume
from bench.report import Table, machine, write
from bench.soak import soak
from bench.state import state
from bench.throughput import checkpoints, processes, throughput

SECTIONS: Mapping[str, Callable[[int, bool], Table]] = {
    "throughput": throughput,
    "processes": processes,
    "checkpoints": checkpoints,
    "growth": growth,
    "resume": resume,
    "state": state,
    "forgetting": forgetting,
    "latency": latency,
    "catching-up": catching_up,
    "soak": soak,
}


def main() -> None:
    """Print a table for each section; with a page, put them into it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"Of {', '.join(SECTIONS)}; all by default.")
    parser.add_argument("--rounds", type=int, default=3, help="Times that each figure is measured (default: 3).")
    parser.add_argument("--long", action="store_true", help="A million entities, and more days.")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="A page with places for the figures.")
    given = parser.parse_args()
    unknown = sorted(set(given.sections) - set(SECTIONS))
    if unknown or given.rounds < 1:
        parser.error(f"no section {', '.join(unknown)}" if unknown else "--rounds must be at least 1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(machine())
    for name in given.sections or SECTIONS:
        table = SECTIONS[name](given.rounds, given.long)
        print("\n" + "\n".join(table.lines()), flush=True)
        if given.write is not None:
            write(given.write, table, f" --rounds {given.rounds}{' --long' * given.long}")


if __name__ == "__main__":
    main()
