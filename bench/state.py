"""How large the state of one entity is, after some simulated days with a checkpoint."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

from bench.measure import command, detect
from bench.report import Table
from flows.checkpoints.store import cut, short

DAYS, LONG_DAYS = 2, 14


def state(_rounds: int, long: bool) -> Table:
    """Bytes of the rows of a checkpoint by step: median, 95 % at most, largest."""
    days = LONG_DAYS if long else DAYS
    sizes: dict[str, list[int]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        capture, kept = Path(name, "capture"), Path(name, "checkpoint")
        command("simulate", capture, "--days", str(days), "--clusters", "1", "--scale", "medium")
        detect([capture], "--checkpoint", kept)
        with cut(kept) as taken:
            for row in taken.rows():
                sizes[short(row.step)].append(len(row.data))
    rows = [[step, f"{len(found):,}", *_figures(found)] for step, found in sorted(sizes.items())]
    note = (
        f"Bytes of the pickled plain state of one key, as the checkpoint holds it at the end of {days} simulated days"
        " of one medium cluster, all attacks played. Budget: 10 kB of a service account at the median, 2 kB of a"
        " container."
    )
    return Table("state", ("step", "keys", "median", "95 % at most", "largest"), rows, note)


def _figures(sizes: list[int]) -> list[str]:
    ordered = sorted(sizes)
    return [f"{ordered[len(ordered) * share // 100]:,}" for share in (50, 95)] + [f"{ordered[-1]:,}"]
