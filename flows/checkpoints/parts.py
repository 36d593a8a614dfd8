"""The files of a checkpoint, as bytewax 0.21 lays them out: one SQLite database for each recovery partition."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import BEGUN, MANIFEST, UNFINISHED

FIRST_EPOCH = 1 << 40
"""A new checkpoint begins with this epoch, so that bytewax marks every partition in every epoch from the first on:
it marks what is older than the history that it keeps, and of small epochs nothing is."""
SCHEMA = 5
"""`user_version` of bytewax 0.21."""
BUSY = 5.0
"""Seconds to wait for a lock."""
REBALANCE = ".rebalance"
_TABLES = {"parts", "exs", "fronts", "commits", "snaps"}


class Execution(NamedTuple):
    """One run, as bytewax counts them."""

    number: int
    workers: int
    begun: int
    """Its first epoch."""


class Part(Struct, frozen=True):
    """What one partition says of itself and of the runs."""

    path: Path
    index: int
    count: int
    checkpoint: str | None
    run: int
    """By which it was last written, as the manifest counts."""
    kept: int
    """Epoch up to which it had no history when that run began."""
    executions: tuple[Execution, ...]
    fronts: tuple[tuple[int, int, int], ...]
    """Of (execution, worker): the first epoch that is not whole."""
    mark: int | None
    """Epoch up to which it keeps no history; None before the first epoch of a run is whole.
    bytewax moves it in every epoch, in all partitions alike."""


class Progress(NamedTuple):
    """Where a run would go on."""

    execution: int
    begun: int
    resume: int
    """The first epoch that is not whole: state is the newest row before it."""


def part_path(folder: Path, index: int) -> Path:
    """The file of a partition."""
    return folder / f"part-{index}.sqlite3"


def wal_path(part: Path) -> Path:
    """The file that has what was written last, until it is moved into the partition."""
    return part.with_name(part.name + "-wal")


def strangers(folder: Path, indices: Iterable[int]) -> list[str]:
    """Names in a folder that do not belong to a checkpoint."""
    ours = {MANIFEST, UNFINISHED, BEGUN, "lost+found", REBALANCE}
    for index in indices:
        name = part_path(folder, index).name
        ours |= {name, f"{name}-wal", f"{name}-shm", f"{name}-journal"}
    return sorted(path.name for path in folder.iterdir() if path.name not in ours)


def connect(path: Path) -> sqlite3.Connection:
    """Open a partition to read it; nothing is written, not even beside it if nobody has it open.

    A mere reader would leave an empty -wal, and with it the impression that none is missing.
    """
    mode = "mode=ro" if wal_path(path).exists() else "immutable=1"
    place = f"{path.resolve().as_uri()}?{mode}"
    connection = sqlite3.connect(place, uri=True, timeout=BUSY, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open a partition that exists to alter it."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY, isolation_level=None)


def read_part(path: Path, connection: sqlite3.Connection) -> Part:
    """What a partition says.

    Raises
    ------
    CheckpointError
        It is torn, or no partition.
    """
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if version > SCHEMA:
            raise CheckpointError(f"{path}: written by a newer bytewax (schema {version})")
        if version != SCHEMA or not tables >= _TABLES:
            raise CheckpointError(f"{path}: no recovery partition")
        named = connection.execute("SELECT part_index, part_count FROM parts LIMIT 2").fetchall()
        if len(named) != 1:
            raise CheckpointError(f"{path}: says {len(named)} times which partition it is")
        index, count = named[0]
        return Part(path, index, count, *_stamp(connection, tables), *_runs(connection))
    except sqlite3.Error as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None


def _stamp(connection: sqlite3.Connection, tables: set[str]) -> tuple[str | None, int, int]:
    if "middlewatch" not in tables:
        return None, 0, -1
    row = connection.execute("SELECT checkpoint, run, kept FROM middlewatch LIMIT 1").fetchone()
    return (None, 0, -1) if row is None else row


def _runs(
    connection: sqlite3.Connection,
) -> tuple[tuple[Execution, ...], tuple[tuple[int, int, int], ...], int | None]:
    executions = connection.execute("SELECT ex_num, worker_count, resume_epoch FROM exs ORDER BY ex_num").fetchall()
    fronts = connection.execute("SELECT ex_num, worker_index, worker_frontier FROM fronts").fetchall()
    mark = connection.execute("SELECT max(commit_epoch) FROM commits").fetchone()[0]
    return tuple(Execution(*row) for row in executions), tuple(fronts), mark


def keys_of(folder: Path, step: str) -> set[str]:
    """All keys that any state of a step was kept of, in the partitions that are there.

    Raises
    ------
    CheckpointError
        A partition cannot be read.
    """
    found: set[str] = set()
    for path in sorted(folder.glob("part-*.sqlite3")):
        try:
            with contextlib.closing(connect(path)) as connection:
                rows = connection.execute("SELECT DISTINCT state_key FROM snaps WHERE step_id = ?", (step,))
                found |= {key for (key,) in rows}
        except sqlite3.Error as error:
            raise CheckpointError(f"{path}: cannot be read: {error}") from None
    return found


def progress(parts: Iterable[Part]) -> Progress:
    """Where a run would go on, reckoned as bytewax does.

    Raises
    ------
    CheckpointError
        No partition tells of a run.
    """
    parts = list(parts)
    executions = {one.number: one for part in parts for one in part.executions}
    if not executions:
        raise CheckpointError(f"{parts[0].path.parent}: no partition says where to go on")
    last = executions[max(executions)]
    reached = dict.fromkeys(range(last.workers), last.begun)
    for part in parts:
        for number, worker, front in part.fronts:
            if number == last.number and worker in reached:
                reached[worker] = max(reached[worker], front)
    return Progress(last.number, last.begun, min(reached.values()))


def epoch_name(epoch: int) -> int:
    """The epoch as people count it: from 1."""
    return epoch - FIRST_EPOCH + 1 if epoch >= FIRST_EPOCH else epoch
