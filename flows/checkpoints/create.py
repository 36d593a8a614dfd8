"""New checkpoints."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from bytewax.recovery import init_db_dir

from flows.checkpoints.errors import UNWRITTEN, CheckpointError
from flows.checkpoints.manifest import BEGUN, MANIFEST, MAX_PARTITIONS, UNFINISHED, Manifest, sync, write_manifest
from flows.checkpoints.parts import FIRST_EPOCH, connect_to_write, part_path
from flows.checkpoints.routing import partition_of_execution
from flows.checkpoints.runs import Stamp, stamp
from flows.console import without_panic_traces
from flows.stepnames import STEPS

_BEGUN = "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, ?)"
PARTITIONS = 32
"""Enough for a million keys: bytewax resumes in a time that grows with the square of the keys in one."""


def create(folder: Path, partitions: int = PARTITIONS, *, pod: int = 0, pods: int = 1) -> Manifest:
    """Make an empty checkpoint, or a pod's share of one, in a folder that is empty or not there yet.

    Only its owner may read it.

    What a creation that was cut off has left there is removed first.

    Raises
    ------
    CheckpointError
        Something else is in the folder, another process makes a checkpoint there, or the number of partitions is not
        allowed.
    """
    if is_unfinished(folder):
        _clear(folder)
    claim(folder)
    manifest = Manifest(
        release=version("middlewatch"),
        checkpoint=new_identity(),
        partitions=partitions,
        pod=pod,
        pods=pods,
        steps=STEPS,
        detectors={},
    )
    with _marked(folder):
        lay_out(folder, manifest, FIRST_EPOCH, -1)
        sync(folder)
        write_manifest(folder, manifest)
    return manifest


def is_missing(folder: Path) -> bool:
    """Whether a run has to make a checkpoint there first: nothing is there, or half of one that was being made.

    Raises
    ------
    CheckpointError
        The folder cannot be read.
    """
    try:
        return not folder.exists() or not any(_names(folder)) or is_unfinished(folder)
    except OSError as error:
        raise CheckpointError(f"{folder}: {error.strerror or error}") from None


def is_unfinished(folder: Path) -> bool:
    """Whether a creation was cut off there: no state has ever been kept in it."""
    return (folder / BEGUN).exists() and not (folder / MANIFEST).exists()


@contextlib.contextmanager
def _marked(folder: Path) -> Iterator[None]:
    """A file stands in the folder, and is locked, until the checkpoint is there."""
    mark = folder / BEGUN
    try:
        descriptor = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CheckpointError(f"{folder}: {error.strerror or error}") from None
    try:
        _lock(folder, descriptor)
        if (folder / MANIFEST).exists():
            mark.unlink()
            raise CheckpointError(f"{folder}: not empty")
        sync(folder)
        try:
            yield
        except CheckpointError:
            _remove(folder)
            raise
        mark.unlink()
    finally:
        os.close(descriptor)


def _lock(folder: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CheckpointError(f"{folder}: another process makes a checkpoint there") from None


def _clear(folder: Path) -> None:
    """Remove what a creation that was cut off has left, and nothing else; the mark goes last."""
    descriptor = os.open(folder / BEGUN, os.O_RDWR)
    try:
        _lock(folder, descriptor)
        _remove(folder)
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    for path in [*folder.glob("part-*.sqlite3*"), folder / UNFINISHED, folder / BEGUN]:
        path.unlink(missing_ok=True)


def _names(folder: Path) -> Iterator[str]:
    return (path.name for path in folder.iterdir() if path.name != "lost+found")


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
        if any(_names(folder)):
            raise CheckpointError(f"{folder}: not empty")
    except OSError as error:
        raise CheckpointError(f"{folder}: {error.strerror or error}") from None


def lay_out(folder: Path, manifest: Manifest, resume: int, kept: int) -> None:
    """Write partitions without state; a run goes on with the epoch `resume`, and has no history up to `kept`.

    Raises
    ------
    CheckpointError
        The number of partitions is not allowed, or too small for the pods.
    """
    count = manifest.partitions
    if count < manifest.pods:
        raise CheckpointError(f"{folder}: {count} partitions are too few for {manifest.pods} pods")
    if not 1 <= count <= MAX_PARTITIONS:
        raise CheckpointError(f"{folder}: 1 to {MAX_PARTITIONS} partitions, not {count}")
    _make_partitions(folder, count)
    for index in set(range(count)).difference(manifest.indices):
        part_path(folder, index).unlink()
    for index in manifest.indices:
        path = part_path(folder, index)
        path.chmod(0o600)
        try:
            with contextlib.closing(connect_to_write(path)) as connection:
                connection.execute("BEGIN")
                stamp(connection, Stamp(manifest.checkpoint, manifest.run, kept))
                if index == partition_of_execution(0, count):
                    connection.execute(_BEGUN, (resume,))
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise CheckpointError(f"{path}: {error}") from None


def _make_partitions(folder: Path, count: int) -> None:
    """Let bytewax make empty partitions; where it cannot, it panics."""
    try:
        with without_panic_traces():
            init_db_dir(folder, count)  # type: ignore[no-untyped-call]  # bytewax has no types here
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            found = UNWRITTEN.search(str(error))
            raise CheckpointError(f"{folder}: cannot be made: {found[1] if found else error}") from None
        raise
