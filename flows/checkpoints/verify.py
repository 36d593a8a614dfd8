"""Everything that can be found wrong with a checkpoint, with all of its rows read."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from flows.checkpoints.errors import CheckpointError, UnreadableRowError
from flows.checkpoints.manifest import read_manifest
from flows.checkpoints.parts import connect, part_path
from flows.checkpoints.plain import read_plain
from flows.checkpoints.routing import partition_of_row
from flows.checkpoints.soundness import part_paths, problems
from flows.checkpoints.store import Cut, cut, short
from flows.stepnames import STEPS, step_id

SHOWN = 5
"""Rows of one partition that are named; of more, their number."""


def verify(folder: Path) -> list[str]:
    """One line for each thing that is wrong; none if a run would go on where the last one was.

    While a run writes it, the files are looked at in two moments, and what is wrong in both is told.
    """
    try:
        manifest = read_manifest(folder)
        found = problems(folder, manifest)
        found += [line for path in part_paths(folder, manifest) if path.exists() for line in _damage(path)]
        if found:
            return list(dict.fromkeys(found))
        with cut(folder) as taken:
            return [*unknown_steps(taken), *_rows(taken)]
    except CheckpointError as error:
        return [str(error)]


def _damage(path: Path) -> Iterator[str]:
    """What SQLite finds wrong with its file."""
    try:
        with contextlib.closing(connect(path)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as error:
        found = [str(error)]
    if found != ["ok"]:
        yield f"{path}: damaged: {' '.join('; '.join(found).split())}"


def unknown_steps(taken: Cut) -> Iterator[str]:
    """Steps of which there is state, and which the flow does not have."""
    known = {step_id(name) for name in STEPS}
    for name in taken.step_ids():
        if name not in known:
            yield (
                f"{taken.folder}: holds state of a step {short(name)!r} that this flow does not have:"
                " it was renamed or removed, and its state would be lost in silence"
            )


def _rows(taken: Cut) -> Iterator[str]:
    sql = "SELECT step_id, state_key, snap_epoch, ser_change FROM snaps WHERE snap_epoch < ?"
    for index, connection in zip(taken.manifest.indices, taken.connections, strict=True):
        path = part_path(taken.folder, index)
        wrong = 0
        try:
            for step, key, epoch, data in connection.execute(sql, (taken.resume,)):
                reason = _wrong(step, key, data, index, taken.manifest.partitions)
                wrong += reason is not None
                if reason is not None and wrong <= SHOWN:
                    yield f"{path}: step {short(step)}, key {key!r}, epoch {epoch}: {reason}"
        except sqlite3.Error as error:
            yield f"{path}: damaged: {error}"
        if wrong > SHOWN:
            yield f"{path}: {wrong - SHOWN} more rows are wrong"


def _wrong(step: str, key: str, data: bytes | None, index: int, partitions: int) -> str | None:
    if partition_of_row(step, key, partitions) != index:
        return f"belongs into partition {partition_of_row(step, key, partitions)}"
    if data is None:
        return None
    try:
        read_plain(data)
    except UnreadableRowError as error:
        return f"unreadable: {error}"
    return None
