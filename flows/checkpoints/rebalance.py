"""Change the number of recovery partitions of a checkpoint that no run has open."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

from msgspec.structs import replace

from flows.checkpoints.create import lay_out, new_identity
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import (
    MANIFEST,
    MAX_PARTITIONS,
    Manifest,
    read_manifest,
    refuse_share,
    sync,
    write_manifest,
)
from flows.checkpoints.parts import REBALANCE, connect_to_write, part_path
from flows.checkpoints.routing import partition_of_row
from flows.checkpoints.soundness import part_paths
from flows.checkpoints.store import Cut, cut

_ROW = "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)"
_BATCH = 2_000


def rebalance(folder: Path, partitions: int) -> int:
    """Put the rows of a checkpoint, with their history, into another number of partitions; gives how many rows.

    All is written beside the old partitions first. What is cut off after that is ended by the same call.

    Raises
    ------
    CheckpointError
        It is no checkpoint or not whole, a run has it open, or the number of partitions is not allowed.
    """
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise CheckpointError(f"{folder}: 1 to {MAX_PARTITIONS} partitions, not {partitions}")
    manifest = read_manifest(folder)
    beside = folder / REBALANCE
    if (beside / MANIFEST).exists():
        _swap(folder, beside)
        manifest = read_manifest(folder)
        if manifest.partitions == partitions:
            return 0
    refuse_share(folder, manifest, "what is in the others")
    refuse_open(folder, manifest)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    try:
        with cut(folder) as taken:
            moved = _place(taken, beside, partitions)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    _swap(folder, beside)
    return moved


def refuse_open(folder: Path, manifest: Manifest) -> None:
    """Make sure that no run has a checkpoint open; what is in -wal files is moved into the partitions.

    They are left in the mode that bytewax uses: processes that change it at the same time stop each other.

    Raises
    ------
    CheckpointError
        One has.
    """
    for path in part_paths(folder, manifest):
        if not path.exists():
            continue
        try:
            with contextlib.closing(connect_to_write(path)) as connection:
                connection.execute("PRAGMA busy_timeout = 1000")
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise CheckpointError(f"{folder}: a run has it open") from None
            raise CheckpointError(f"{path}: {error}") from None
        except sqlite3.Error as error:
            raise CheckpointError(f"{path}: {error}") from None


def _place(taken: Cut, beside: Path, partitions: int) -> int:
    """Write new partitions with all rows; the manifest comes last, and says that they are whole."""
    manifest = replace(taken.manifest, partitions=partitions, checkpoint=new_identity())
    lay_out(beside, manifest, taken.resume, taken.oldest - 1)
    moved = 0
    with contextlib.ExitStack() as stack:
        targets = [
            stack.enter_context(contextlib.closing(connect_to_write(part_path(beside, index))))
            for index in range(partitions)
        ]
        for target in targets:
            target.execute("PRAGMA journal_mode = DELETE")
            target.execute("BEGIN")
        sql = "SELECT step_id, state_key, snap_epoch, ser_change FROM snaps WHERE snap_epoch < ?"
        for connection in taken.connections:
            rows = connection.execute(sql, (taken.resume,))
            while batch := rows.fetchmany(_BATCH):
                moved += len(batch)
                for row in batch:
                    targets[partition_of_row(row[0], row[1], partitions)].execute(_ROW, row)
        for target in targets:
            target.execute("COMMIT")
    write_manifest(beside, manifest)
    return moved


def _swap(folder: Path, beside: Path) -> None:
    """Put the new partitions in the place of the old; each step can be done again."""
    fresh = read_manifest(beside)
    new = {part_path(beside, index).name for index in range(fresh.partitions)}
    for path in folder.glob("part-*.sqlite3*"):
        if path.name not in new:
            path.unlink()
    for name in sorted(new):
        if (beside / name).exists():
            for ending in ("-wal", "-shm", "-journal"):
                (folder / (name + ending)).unlink(missing_ok=True)
            (beside / name).replace(folder / name)
    sync(folder)
    (beside / MANIFEST).replace(folder / MANIFEST)
    shutil.rmtree(beside)
    sync(folder)
