"""What audit logs are made of, side by side: `python -m bench.mix REAL SIMULATED` prints a Markdown table.

Each is a file or a folder of native audit logs (plain or gzip); shares are of events, sizes of lines.
"""

from __future__ import annotations

import gzip
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import orjson

from events.times import micros

SHOWN = 8
"""Values of a field that are listed."""


class Mix:
    """Counts of one log."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events = 0
        self.shares: dict[str, Counter[str]] = {
            field: Counter() for field in ("kind of request", "verb", "resource", "code", "stage", "user agent")
        }
        self.sizes: dict[str, list[int]] = {}
        self.times: list[int] = []

    def add(self, line: bytes) -> None:
        """Count one event."""
        event = orjson.loads(line)
        reference = event.get("objectRef") or {}
        resource = "/".join(filter(None, (reference.get("resource", "(page)"), reference.get("subresource"))))
        verb = event["verb"]
        kind = kind_of(verb, resource)
        self.events += 1
        for field, value in (
            ("kind of request", kind),
            ("verb", verb),
            ("resource", resource),
            ("code", str(event.get("responseStatus", {}).get("code", ""))),
            ("stage", event.get("stage", "")),
            ("user agent", event.get("userAgent", "").partition("/")[0]),
        ):
            self.shares[field][value] += 1
        self.sizes.setdefault(f"{verb} {resource}", []).append(len(line))
        time = micros(event.get("stageTimestamp", ""))
        if time is not None:
            self.times.append(time)

    def gaps(self) -> list[float]:
        """Seconds between one event and the next, sorted."""
        times = sorted(self.times)
        return sorted((after - before) / 1e6 for before, after in pairwise(times))


def kind_of(verb: str, resource: str) -> str:
    """Read, upkeep (leases, events, status) or change: the three parts of a log's mix."""
    if verb in {"get", "list", "watch"}:
        return "read"
    upkeep = resource in {"leases", "events"} or resource.endswith("/status")
    return "upkeep" if upkeep else "change"


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, or of the audit logs in a folder."""
    if path.is_dir():
        for file in sorted(path.rglob("audit-*.jsonl*")):
            yield from lines(file)
        return
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        yield from filter(None, map(bytes.strip, stream))


def rows(mixes: Sequence[Mix]) -> Iterator[str]:
    """The lines of the table."""
    yield "| | " + " | ".join(mix.name for mix in mixes) + " |"
    yield "|---|" + "---|" * len(mixes)
    yield "| events | " + " | ".join(f"{mix.events:,}" for mix in mixes) + " |"
    for field in mixes[0].shares:
        top = Counter[str]()
        for mix in mixes:
            for value, count in mix.shares[field].most_common(SHOWN):
                top[value] += count * 1_000_000 // mix.events
        for value, _ in top.most_common(SHOWN + 4):
            cells = (f"{mix.shares[field][value] / mix.events:.1%}" for mix in mixes)
            yield f"| {field} `{value}` | " + " | ".join(cells) + " |"
    shared = set.intersection(*(set(mix.sizes) for mix in mixes))
    for what in sorted(shared, key=lambda what: (-min(len(mix.sizes[what]) for mix in mixes), what))[:16]:
        cells = (f"{statistics.median(mix.sizes[what]):,.0f}" for mix in mixes)
        yield f"| median bytes `{what}` | " + " | ".join(cells) + " |"
    for share in (50, 90, 99):
        cells = (f"{gaps[len(gaps) * share // 100]:.3f}" for gaps in (mix.gaps() for mix in mixes))
        yield f"| seconds between events, {share} % at most | " + " | ".join(cells) + " |"


def main(paths: Sequence[str]) -> None:
    """Print the table."""
    mixes = []
    for path in paths:
        mix = Mix(Path(path).name)
        for line in lines(Path(path)):
            mix.add(line)
        mixes.append(mix)
    for row in rows(mixes):
        print(row)


if __name__ == "__main__":
    main(sys.argv[1:])
