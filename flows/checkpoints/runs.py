"""What each partition says of the checkpoint and the run that it was last written by: bytewax leaves that alone."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import Manifest, write_manifest
from flows.checkpoints.parts import connect_to_write, part_path


class Stamp(NamedTuple):
    """The mark of a checkpoint and a run in a partition."""

    checkpoint: str
    run: int
    kept: int
    """Epoch up to which no history was kept when the run began."""


def stamp(connection: sqlite3.Connection, mark: Stamp) -> None:
    """Write a stamp in the place of the one that is there, and forget bytewax's marks of the run before.

    These are worth nothing beside those of another run: how far they lag behind depends on its options.
    """
    connection.execute("DROP TABLE IF EXISTS middlewatch")
    connection.execute(
        "CREATE TABLE middlewatch (checkpoint TEXT NOT NULL, run INTEGER NOT NULL, kept INTEGER NOT NULL) STRICT"
    )
    connection.execute("INSERT INTO middlewatch VALUES (?, ?, ?)", mark)
    connection.execute("DELETE FROM commits")


def begin_run(folder: Path, manifest: Manifest, resume: int, run: int | None = None) -> Manifest:
    """Say in all partitions, and in the manifest last, that a new run begins; nothing may be wrong with them.

    What a run that was killed had written of the epoch `resume`, with which this one begins, is removed. bytewax leaves
    it there and numbers its epochs as the other did: a later run would take it for this one's, of all keys that
    this one did not write before it was killed as well.

    `run` is its number, where pods have agreed on one; else the next.

    Raises
    ------
    CheckpointError
        A partition cannot be written.
    """
    run = manifest.run + 1 if run is None else run
    for index in manifest.indices:
        path = part_path(folder, index)
        try:
            with contextlib.closing(connect_to_write(path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                (kept,) = connection.execute("SELECT max(kept) FROM middlewatch").fetchone()
                (mark,) = connection.execute("SELECT max(commit_epoch) FROM commits").fetchone()
                connection.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (resume,))
                stamp(connection, Stamp(manifest.checkpoint, run, max(kept, -1 if mark is None else mark)))
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise CheckpointError(f"{path}: {error}") from None
    fresh = replace(manifest, run=run)
    write_manifest(folder, fresh)
    return fresh
