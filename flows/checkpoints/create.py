"""New checkpoints."""

from __future__ import annotations

import contextlib
import secrets
from importlib.metadata import version
from pathlib import Path

from bytewax.recovery import init_db_dir

from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import MAX_PARTITIONS, Manifest, write_manifest
from flows.checkpoints.parts import FIRST_EPOCH, connect_to_write, part_path
from flows.checkpoints.routing import partition_of_execution
from flows.checkpoints.runs import Stamp, stamp
from flows.stepnames import STEPS

PARTITIONS = 32
"""Enough for a million keys: bytewax resumes in a time that grows with the square of the keys in one."""


def create(folder: Path, partitions: int = PARTITIONS) -> Manifest:
    """Make an empty checkpoint in a folder that is empty or not there yet; only its owner may read it.

    Raises
    ------
    CheckpointError
        Something is in the folder, or the number of partitions is not allowed.
    """
    claim(folder)
    manifest = Manifest(
        release=version("middlewatch"), checkpoint=new_identity(), partitions=partitions, steps=STEPS, detectors={}
    )
    lay_out(folder, manifest, FIRST_EPOCH, -1)
    write_manifest(folder, manifest)
    return manifest


def new_identity() -> str:
    """What no other checkpoint is called."""
    return secrets.token_hex(8)


def claim(folder: Path) -> None:
    """Make the folder, or take it if it is empty.

    Raises
    ------
    CheckpointError
        Something is in it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.name != "lost+found" for path in folder.iterdir()):
            raise CheckpointError(f"{folder}: not empty")
    except OSError as error:
        raise CheckpointError(f"{folder}: {error.strerror or error}") from None


def lay_out(folder: Path, manifest: Manifest, resume: int, kept: int) -> None:
    """Write partitions without state; a run goes on with the epoch `resume`, and has no history up to `kept`.

    Raises
    ------
    CheckpointError
        The number of partitions is not allowed.
    """
    count = manifest.partitions
    if not 1 <= count <= MAX_PARTITIONS:
        raise CheckpointError(f"{folder}: 1 to {MAX_PARTITIONS} partitions, not {count}")
    init_db_dir(folder, count)  # type: ignore[no-untyped-call]  # bytewax has no types here
    for index in range(count):
        path = part_path(folder, index)
        path.chmod(0o600)
        with contextlib.closing(connect_to_write(path)) as connection:
            connection.execute("BEGIN")
            stamp(connection, Stamp(manifest.checkpoint, manifest.run, kept))
            if index == partition_of_execution(0, count):
                connection.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, ?)", (resume,))
            connection.execute("COMMIT")
