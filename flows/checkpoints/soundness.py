"""Whether the files of a checkpoint belong together: one line for each thing that is wrong."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import MANIFEST, Manifest
from flows.checkpoints.parts import (
    REBALANCE,
    Part,
    connect,
    part_path,
    progress,
    read_part,
    strangers,
    wal_path,
)
from flows.checkpoints.routing import partition_of_execution

SKEW = 1
"""Epochs by which one process may be ahead of another in marking its partitions."""


def problems(folder: Path, manifest: Manifest) -> list[str]:
    """All that is wrong with the files, without looking at the state in them."""
    if (folder / REBALANCE / MANIFEST).exists():
        return [f"{folder}: a change of the number of partitions was cut off; do it again to end it"]
    found = [f"{folder / name}: not a file of this checkpoint" for name in strangers(folder, manifest.indices)]
    walless = {path for path in part_paths(folder, manifest) if not wal_path(path).exists()}
    parts, unreadable = read_parts(folder, manifest)
    foreign = list(_foreign(parts, manifest))
    found += unreadable + foreign
    if not foreign and len(parts) == len(manifest.indices):
        found += _runs(parts)
        if list(_old(manifest.run, parts, parts, walless)):
            later, _ = read_parts(folder, manifest)
            found += [] if len(later) < len(parts) else _old(manifest.run, parts, later, walless)
    return found


def first_of(wrong: Sequence[str]) -> str:
    """One sentence for all that is wrong."""
    more = f" (and {len(wrong) - 1} more: middlewatch checkpoint verify)" if len(wrong) > 1 else ""
    return wrong[0] + more


def unlike(parts: Sequence[Part], run: int) -> list[str]:
    """Why partitions that no run has open cannot be the whole of one checkpoint, each of them being sound.

    Parameters
    ----------
    parts
        All of them, in the order of their numbers.
    run
        The last that all pods have begun.
    """
    return [*_runs(parts), *_old(run, parts, parts, set())]


def part_paths(folder: Path, manifest: Manifest) -> list[Path]:
    """The files of all partitions, in their order."""
    return [part_path(folder, index) for index in manifest.indices]


def read_parts(folder: Path, manifest: Manifest) -> tuple[list[Part], list[str]]:
    """What the partitions of a folder say, and those that say nothing."""
    parts: list[Part] = []
    wrong: list[str] = []
    for path in part_paths(folder, manifest):
        if not path.exists():
            wrong.append(f"{path}: missing")
            continue
        try:
            with contextlib.closing(connect(path)) as connection:
                parts.append(read_part(path, connection))
        except CheckpointError as error:
            wrong.append(str(error))
        except (OSError, sqlite3.Error) as error:
            wrong.append(f"{path}: {error}")
    return parts, wrong


def _foreign(parts: Sequence[Part], manifest: Manifest) -> Iterator[str]:
    """Partitions that are of another checkpoint, or in another one's place."""
    for part in parts:
        if part.checkpoint != manifest.checkpoint:
            yield f"{part.path}: a part of another checkpoint"
        elif part.count != manifest.partitions:
            yield f"{part.path}: says that there are {part.count} partitions; {MANIFEST} says {manifest.partitions}"
        elif part_path(part.path.parent, part.index) != part.path:
            yield f"{part.path}: is partition {part.index}, which is there twice or under another's name"


def _runs(parts: Sequence[Part]) -> Iterator[str]:
    seen: dict[int, Part] = {}
    for part in parts:
        for execution in part.executions:
            other = seen.setdefault(execution.number, part)
            if other is not part:
                yield f"{part.path}: tells of run {execution.number}, and so does {other.path.name}: of two checkpoints"
    newest = max((number for part in parts for number, _, _ in part.fronts), default=0)
    tellers = [part for part in parts if part.index == partition_of_execution(newest, part.count)]
    if newest not in seen and tellers and any(part.fronts for part in parts):
        yield f"{tellers[0].path}: older than the other partitions: it does not know of run {newest}"
    elif not seen and _whole(parts):
        yield f"{parts[0].path.parent}: no partition says where to go on"


def _whole(parts: Sequence[Part]) -> bool:
    return len(parts) == parts[0].count


def _old(run: int, parts: Sequence[Part], later: Sequence[Part], walless: set[Path]) -> Iterator[str]:
    """Partitions that are older than the others: of an earlier run, or of an earlier epoch of the same.

    A run is stamped into all partitions before it begins, and bytewax marks all of them in every epoch.

    How far the run was, only all of them together say. While it goes on marks move between two looks: what one
    partition had, all have when they are looked at later.
    """
    folder, newest_run = parts[0].path.parent, max(part.run for part in parts)
    begins = {part.path for part in later if part.run == run + 1 and part.mark is None}
    if newest_run > run and not begins:
        yield f"{folder}: some partitions are of a later run than {MANIFEST}"
    marks = [part.mark for part in parts if part.run == run and part.mark is not None]
    newest, reached = max(marks, default=-1), progress(later) if _whole(later) else None
    if reached is not None and newest >= reached.resume:
        yield f"{folder}: some partitions are newer than what the others say of how far the run was"
    lost = 0 < len(walless) < len(parts)
    for part in later:
        cause = ": its -wal file is missing" if lost and part.path in walless else ""
        if part.run < run:
            yield f"{part.path}: older than the other partitions, by {run - part.run} runs{cause}"
        elif part.path in begins or not marks:
            continue
        elif part.mark is None and reached is not None and reached.resume - reached.begun > SKEW:
            yield f"{part.path}: older than the other partitions, by all epochs of the run{cause}"
        elif part.mark is not None and part.mark < newest - SKEW:
            yield f"{part.path}: older than the other partitions, by {newest - part.mark} epochs{cause}"
