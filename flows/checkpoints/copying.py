"""Copies of a checkpoint: also of one that is being written, also as it was earlier."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from flows.checkpoints.create import claim, new_identity
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import Manifest, refuse_share, sync, write_manifest
from flows.checkpoints.parts import part_path
from flows.checkpoints.routing import partition_of_execution
from flows.checkpoints.runs import Stamp, stamp
from flows.checkpoints.store import Cut, cut
from flows.stepnames import SOURCE, step_id


class Copied(NamedTuple):
    """What a copy holds."""

    keys: int
    clock: int | None
    """Least time (microseconds) that a lane may still bring."""


def copy(source: Path, target: Path, as_of: int | None = None, *, without_sources: bool = False) -> Copied:
    """Copy a checkpoint into an empty folder; a run of the copy goes on as one of the original would.

    Parameters
    ----------
    source
        May be written meanwhile.
    target
        Empty, or not there yet.
    as_of
        Microseconds: the copy is the newest state in which the clock of events had not passed this.
    without_sources
        Leave out how far the inputs were read, so that a run of the copy reads what it is given from its beginning.

    Raises
    ------
    CheckpointError
        The original is no checkpoint or not whole, its history does not reach back so far, or the target is not empty.
    """
    if target.resolve().is_relative_to(source.resolve()):
        raise CheckpointError(f"{target}: lies in {source}")
    with cut(source) as taken:
        refuse_share(source, taken.manifest, "where a run would go on")
        before = taken.resume if as_of is None else taken.at(as_of)
        copied = Copied(sum(step.keys for step in taken.steps(before)), taken.clock(before))
        claim(target)
        try:
            fresh = replace(taken.manifest, checkpoint=new_identity())
            write_copy(taken, target, before, fresh, without_sources=without_sources)
        except BaseException:
            empty(target)
            raise
    return copied


def write_copy(taken: Cut, target: Path, before: int, manifest: Manifest, *, without_sources: bool = False) -> None:
    """Write the partitions that belong to a manifest, as a run of the copy goes on with the epoch `before`.

    Raises
    ------
    CheckpointError
        The target cannot be written.
    """
    manifest = replace(manifest, run=0)
    mark = Stamp(manifest.checkpoint, manifest.run, taken.oldest - 1)
    for index in manifest.indices:
        connection = taken.connections[index]
        path = part_path(target, index)
        path.touch(mode=0o600)
        try:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copied:
                connection.backup(copied)
                copied.execute("PRAGMA journal_mode = DELETE")
                copied.execute("BEGIN")
                _cut_off(copied, before, without_sources=without_sources)
                _begin(copied, index, len(taken.connections), before)
                stamp(copied, mark)
                copied.execute("COMMIT")
                if before < taken.resume or without_sources:
                    copied.execute("VACUUM")
        except sqlite3.Error as error:
            raise CheckpointError(f"{path}: {error}") from None
    try:
        sync(target)
        write_manifest(target, manifest)
    except OSError as error:
        raise CheckpointError(f"{target}: {error.strerror or error}") from None


def _cut_off(copied: sqlite3.Connection, before: int, *, without_sources: bool) -> None:
    copied.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (before,))
    if without_sources:
        copied.execute("DELETE FROM snaps WHERE step_id = ?", (step_id(SOURCE),))


def _begin(copied: sqlite3.Connection, index: int, partitions: int, resume: int) -> None:
    """Let a run go on with the epoch `resume`, as if no other had been."""
    for table in ("exs", "fronts"):
        copied.execute(f"DELETE FROM {table}")  # noqa: S608  names of our own
    if index == partition_of_execution(0, partitions):
        copied.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, ?)", (resume,))


def empty(folder: Path) -> None:
    """Remove what a copy that failed has left in its folder."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "lost+found":
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            path.unlink()
