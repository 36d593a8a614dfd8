"""What `middlewatch simulate --list` prints: every alert type with its attacks and near misses."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.table import Table

from alerts import CATALOGUE
from flows.console import PeopleConsole
from simulation.attacks.plan import ALL, chosen
from simulation.attacks.register import Episode, episodes
from simulation.labels import Variant

WIDTH = 160
"""Columns, where the output is no terminal."""


def listing(asked: str) -> str:
    """Of all attacks: how many there are for each alert type, and for each class; of some: each, with its story.

    Raises
    ------
    UnusableError
        Nothing is called so.
    """
    return _told(chosen(asked)) if asked != ALL else "\n\n".join([_by_type(episodes()), _by_class(episodes())])


def _by_type(known: Sequence[Episode]) -> str:
    grid = _grid("ALERT TYPE", "STRAIGHT", "CAREFUL", "NEAR MISSES")
    counted = Counter((name, episode.variant) for episode in known for name in episode.alert_types)
    for name in CATALOGUE:
        grid.add_row(name, *(str(counted[name, variant]) for variant in Variant))
    total = Counter(episode.variant for episode in known)
    grid.add_section()
    grid.add_row(f"{len(CATALOGUE)} types, {len(known)} episodes", *(str(total[variant]) for variant in Variant))
    return _printed(grid)


def _by_class(known: Sequence[Episode]) -> str:
    grid = _grid("CLASS", "EPISODES", "ALERT TYPES")
    for kind in sorted({episode.kind for episode in known if episode.kind}):
        mine = [episode for episode in known if episode.kind == kind]
        types = sorted({name for episode in mine for name in episode.alert_types})
        grid.add_row(kind, str(len(mine)), "\n".join(types))
    return _printed(grid)


def _told(asked: Sequence[Episode]) -> str:
    grid = _grid("EPISODE", "VARIANT", "ALERT TYPES", "WHAT HAPPENS")
    for episode in asked:
        grid.add_row(episode.name, str(episode.variant), "\n".join(episode.alert_types), episode.story)
    return _printed(grid)


def _grid(*columns: str) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        grid.add_column(column, overflow="fold")
    return grid


def _printed(grid: Table) -> str:
    stream = io.StringIO()
    PeopleConsole(stream, shutil.get_terminal_size((WIDTH, 24)).columns).print(grid)
    return "\n".join(line.rstrip() for line in stream.getvalue().strip("\n").split("\n"))
