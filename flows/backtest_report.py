"""What a backtest found, as a table for people and as JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import IO, Any

import msgspec
from rich import box
from rich.table import Table as Grid
from rich.text import Text

from flows.backtest import Result
from flows.console import PeopleConsole, printable
from flows.scoring import Score, Scores
from flows.table import WIDTH

COUNTS = ("alerts", "right", "further", "near_miss", "unlabelled", "episodes", "found")
DIGITS = 4
"""Of precision and recall in JSON."""


def as_json(result: Result) -> str:
    """The report as one JSON object."""
    told: dict[str, Any] = {
        "start": result.start,
        "clock": result.clock,
        "summary": result.summary,
        "alerts": [{"alert_type": name, "day": day, "alerts": n} for (name, day), n in result.days.items()],
        "told_before": result.before,
    }
    scores = result.scores
    if scores is not None:
        told |= {
            "types": [_plain(name, one) for name, one in scores.types.items()],
            "without_detector": scores.without_detector,
            "begun_before": scores.begun_before,
            "labels_outside": scores.outside,
        }
    return json.dumps(told, indent=2)


def _plain(name: str, one: Score) -> dict[str, Any]:
    shares = {
        share: None if (value := getattr(one, share)) is None else round(value, DIGITS)
        for share in ("precision", "recall")
    }
    counted = {count: getattr(one, count) for count in COUNTS}
    return {"alert_type": name, **counted, **shares, "missed": msgspec.to_builtins(one.missed)}


def write_table(result: Result, stream: IO[str]) -> None:
    """The report for people."""
    console = PeopleConsole(stream, None if stream.isatty() else WIDTH)
    for sentence in _began(result):
        console.print(Text(printable(sentence)))
    if result.days:
        console.print(_by_day(result))
    if result.before:
        console.print(f"{result.before:,} of these were told before the start; more is known of them now.")
    if result.scores is not None:
        _write_scores(result.scores, console)
    console.file.flush()


def _began(result: Result) -> Iterable[str]:
    if result.start is not None:
        yield f"From {result.start}, as of {result.clock or 'its beginning'}."
    total = sum(result.days.values())
    yield f"{result.summary['events']:,} events read, {total:,} alerts."
    if result.start is not None and not result.summary["read"]:
        yield "Nothing was left to read: the state knows all of this input. Go back with --as-of."


def _by_day(result: Result) -> Grid:
    """A row for each type; the days in one cell, which may be many."""
    years = {day[:4] for _, day in result.days}
    cells: dict[str, list[str]] = defaultdict(list)
    totals: Counter[str] = Counter()
    for (name, day), count in result.days.items():
        cells[name].append(f"{day[5:] if len(years) == 1 else day}: {count:,}")
        totals[name] += count
    grid = _grid(("ALERT", "ALERTS", "BY DAY OF THE FIRST EVENT (UTC)"), numbers={1})
    for name, days in cells.items():
        grid.add_row(name, f"{totals[name]:,}", ", ".join(days))
    return grid


def _grid(names: Sequence[str], numbers: set[int]) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for index, name in enumerate(names):
        grid.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
    return grid


def _write_scores(scores: Scores, console: PeopleConsole) -> None:
    if scores.types:
        console.print(_scored(scores))
    if scores.begun_before:
        console.print(f"Begun before the start, and not counted: {scores.begun_before:,} episodes.")
    if scores.without_detector:
        listed = ", ".join(f"{name} ({count:,})" for name, count in scores.without_detector.items())
        console.print(Text(printable(f"No detector, not counted as missed (episodes): {listed}")))
    missed = {name: one.missed for name, one in scores.types.items() if one.missed}
    if missed:
        console.print("\nMissed; middlewatch explain FILE:LINE tells why an event raised nothing:")
    for name, episodes in missed.items():
        console.print(Text(printable(f"  {name}"), style="bold"))
        for one in episodes:
            line = f"    {one.place}  {one.name} ({one.variant or 'no variant'}, {one.episode})"
            console.print(Text(printable(line)), soft_wrap=True)


def _scored(scores: Scores) -> Grid:
    names = ("ALERT", "ALERTS", "RIGHT", "FURTHER", "NEAR MISS", "UNLABELLED", "PRECISION", "FOUND", "RECALL")
    grid = _grid(names, numbers=set(range(1, len(names))))
    for name, one in scores.types.items():
        grid.add_row(name, *_cells(one))
    everything = scores.types.values()
    sums = {count: sum(getattr(one, count) for one in everything) for count in COUNTS if count != "found"}
    missed = tuple(missed for one in everything for missed in one.missed)
    grid.add_section()
    grid.add_row("all", *_cells(Score(**sums, missed=missed)))
    return grid


def _cells(one: Score) -> tuple[str, ...]:
    numbers = [f"{getattr(one, count):,}" for count in COUNTS[:5]]
    return (*numbers, _share(one.precision), f"{one.found:,}/{one.episodes:,}", _share(one.recall))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
