"""What is in a checkpoint, read at one moment: also while it is written."""

from __future__ import annotations

import contextlib
import heapq
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flows.checkpoints.errors import CheckpointError, UnreadableRowError
from flows.checkpoints.manifest import Manifest, read_manifest, refuse_share, share_of
from flows.checkpoints.parts import Part, connect, progress, read_part, wal_path
from flows.checkpoints.plain import read_plain
from flows.checkpoints.routing import partition_of_row
from flows.checkpoints.soundness import first_of, part_paths, problems
from flows.stepnames import FLOW, SOURCE, step_id
from simulation.clock import micro_time

ALL_READ = 1 << 62
"""A lane's `low` when it will bring nothing any more."""
EVER = 1 << 62
"""Later than any epoch."""
ATTEMPTS = 40
_NEWEST = (
    "SELECT step_id, state_key, max(snap_epoch), ser_change FROM snaps"
    " WHERE snap_epoch < ? {where} GROUP BY step_id, state_key ORDER BY step_id, state_key"
)


class Row(NamedTuple):
    """The state of one key of a step."""

    step: str
    """Its whole id."""
    key: str
    epoch: int
    data: bytes


class Step(NamedTuple):
    """What a step has in a checkpoint."""

    name: str
    keys: int
    rows: int
    """With those of the history."""
    bytes: int
    """Of the newest state of all keys."""
    epochs: tuple[int, int]
    """Oldest and newest of its rows."""


class Cut:
    """A checkpoint at one moment, in which all partitions agree; see `cut`.

    Parameters
    ----------
    folder
        Where it is.
    manifest
        What it says of itself.
    connections
        To its partitions, each in a transaction.
    parts
        What these say in it.
    resume
        The first epoch that is not whole; EVER in a share, which does not say.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        connections: Sequence[sqlite3.Connection],
        parts: Sequence[Part],
        resume: int,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.connections = connections
        self.parts = parts
        self.resume = resume

    @property
    def oldest(self) -> int:
        """The least epoch from whose beginning a run could still go on: what is before is not kept."""
        return max(part.kept if part.mark is None else max(part.mark, part.kept) for part in self.parts) + 1

    def rows(self, before: int | None = None, step: str | None = None) -> Iterator[Row]:
        """The newest row of every key before an epoch, in order of step and key."""
        where = "" if step is None else "AND step_id = :2"
        sql = _NEWEST.format(where=where).replace("?", ":1")
        given = {"1": self.resume if before is None else before, "2": step}
        for found in heapq.merge(*(connection.execute(sql, given) for connection in self.connections)):
            if found[3] is not None:
                yield Row(*found)

    def history(self, step: str, key: str, before: int) -> Iterator[tuple[int, bytes | None]]:
        """Epochs and states of one key, the newest first; None where it was forgotten.

        Raises
        ------
        CheckpointError
            The key is in the share of another pod.
        """
        manifest = self.manifest
        index = partition_of_row(step, key, manifest.partitions)
        if index not in manifest.indices:
            raise CheckpointError(f"{self.folder}: step {short(step)}, key {key!r}: {share_of(manifest, index)}")
        connection = self.connections[manifest.indices.index(index)]
        return connection.execute(
            "SELECT snap_epoch, ser_change FROM snaps WHERE step_id = ? AND state_key = ? AND snap_epoch < ?"
            " ORDER BY snap_epoch DESC",
            (step, key, before),
        )

    def step_ids(self) -> list[str]:
        """Ids of the steps that have rows."""
        sql = (
            "WITH RECURSIVE ids(id) AS (SELECT min(step_id) FROM snaps UNION ALL"
            " SELECT (SELECT min(step_id) FROM snaps WHERE step_id > id) FROM ids WHERE id IS NOT NULL)"
            " SELECT id FROM ids WHERE id IS NOT NULL"
        )
        return sorted({name for connection in self.connections for (name,) in connection.execute(sql)})

    def steps(self, before: int | None = None) -> list[Step]:
        """What each step has."""
        before = self.resume if before is None else before
        return [self._step(name, before) for name in self.step_ids()]

    def _step(self, name: str, before: int) -> Step:
        keys = size = rows = 0
        epochs: list[int] = []
        newest = (
            "SELECT count(*), sum(size) FROM (SELECT max(snap_epoch), length(ser_change) AS size FROM snaps"
            " WHERE step_id = ? AND snap_epoch < ? GROUP BY state_key) WHERE size IS NOT NULL"
        )
        for connection in self.connections:
            some, length = connection.execute(newest, (name, before)).fetchone()
            keys, size = keys + some, size + (length or 0)
            count, *ends = connection.execute(
                "SELECT count(*), min(snap_epoch), max(snap_epoch) FROM snaps WHERE step_id = ? AND snap_epoch < ?",
                (name, before),
            ).fetchone()
            rows += count
            epochs += [end for end in ends if end is not None]
        return Step(short(name), keys, rows, size, (min(epochs, default=0), max(epochs, default=0)))

    def state(self, step: str, key: str, before: int | None = None) -> tuple[int, Any]:
        """Epoch and state of one key.

        Raises
        ------
        CheckpointError
            There is none, or it is not plain.
        """
        for epoch, data in self.history(step_id(step), key, self.resume if before is None else before):
            if data is None:
                break
            try:
                return epoch, read_plain(data)
            except UnreadableRowError as error:
                raise UnreadableRowError(f"{self.folder}: step {step}, key {key}: {error}") from None
        raise CheckpointError(f"{self.folder}: step {step} has no key {key!r}")

    def clock(self, before: int | None = None) -> int | None:
        """The least time (microseconds) that a lane may still bring; None if no lane tells."""
        lows = [_low(self.folder, row.data) for row in self.rows(before, step_id(SOURCE))]
        return min(lows, default=None)

    def at(self, moment: int) -> int:
        """The newest epoch to go on from at which the clock had not passed a moment (microseconds).

        Raises
        ------
        CheckpointError
            The history does not reach back so far, or this is a share.
        """
        refuse_share(self.folder, self.manifest, "what it was at a time")
        source = step_id(SOURCE)
        lanes = {row.key: self.history(source, row.key, self.resume) for row in self.rows(step=source)}
        heads = {lane: next(rows) for lane, rows in lanes.items()}
        before, clock = self.resume, None
        while heads:
            lows = [_low(self.folder, data) for _, data in heads.values() if data is not None]
            clock = min(lows, default=clock)
            if lows and clock is not None and clock <= moment:
                return before
            before = max(epoch for epoch, _ in heads.values())
            if before < self.oldest:
                break
            for lane in [lane for lane, (epoch, _) in heads.items() if epoch == before]:
                head = next(lanes[lane], None)
                if head is None:
                    del heads[lane]
                else:
                    heads[lane] = head
        if clock is None:
            raise CheckpointError(f"{self.folder}: no lane has said yet how far it is")
        raise CheckpointError(f"{self.folder}: its history does not reach back so far; it begins at {said(clock)}")


def _low(folder: Path, data: bytes) -> int:
    try:
        state = read_plain(data)
    except UnreadableRowError as error:
        raise UnreadableRowError(f"{folder}: state of the source: {error}") from None
    if isinstance(state, tuple) and len(state) > 1 and isinstance(state[1], int):
        return state[1]
    raise UnreadableRowError(f"{folder}: state of the source: does not say how far a lane is")


def said(clock: int) -> str:
    """A clock for people."""
    if clock >= ALL_READ:
        return "the end of the input"
    try:
        return micro_time(clock)
    except OverflowError:
        return str(clock)


def short(step: str) -> str:
    """A step without the name of the flow."""
    return step.removeprefix(f"{FLOW}.")


@contextlib.contextmanager
def cut(folder: Path) -> Iterator[Cut]:
    """Read a checkpoint at one moment, whether or not it is being written.

    How far the run has come is read first, and all partitions after it: what is whole by then is in all of them.
    Taken again if an epoch ended meanwhile whose end made bytewax forget what that moment needs.

    Raises
    ------
    CheckpointError
        It is no checkpoint, its files do not belong together, or it is written faster than it can be read.
    """
    manifest = read_manifest(folder)
    with cut_of(folder, manifest, part_paths(folder, manifest), lambda: problems(folder, manifest)) as taken:
        yield taken


@contextlib.contextmanager
def cut_of(folder: Path, manifest: Manifest, paths: Sequence[Path], look: Callable[[], list[str]]) -> Iterator[Cut]:
    """As `cut`, of partitions wherever they lie: `paths`, in the order of their numbers; `look` says what is wrong.

    `folder` is how the checkpoint is called in messages.
    """
    for attempt in range(ATTEMPTS):
        wrong = look()
        if not wrong:
            with contextlib.ExitStack() as stack:
                taken = _taken(folder, manifest, paths, stack)
                if taken is not None:
                    try:
                        yield taken
                        _check_untouched(paths, taken)
                    except sqlite3.Error as error:
                        raise CheckpointError(f"{folder}: damaged: {error}") from None
                    return
        elif attempt > 2:
            break
        time.sleep(0.01 * (1 + attempt % 7))
    if wrong:
        raise CheckpointError(first_of(wrong))
    raise CheckpointError(f"{folder}: it is written faster than it can be read; keep more history, or stop the run")


def _taken(folder: Path, manifest: Manifest, paths: Sequence[Path], stack: contextlib.ExitStack) -> Cut | None:
    try:
        connections = [stack.enter_context(contextlib.closing(connect(path))) for path in paths]
        begun = [read_part(path, connection) for path, connection in zip(paths, connections, strict=True)]
        reached = progress(begun).resume if manifest.whole else EVER
        for connection in connections:
            connection.execute("BEGIN")
            connection.execute("SELECT max(commit_epoch) FROM commits").fetchone()
        parts = [read_part(path, connection) for path, connection in zip(paths, connections, strict=True)]
    except sqlite3.Error as error:
        raise CheckpointError(f"{folder}: {error}") from None
    taken = Cut(folder, manifest, connections, parts, reached)
    return taken if taken.oldest <= reached else None


def _check_untouched(paths: Sequence[Path], taken: Cut) -> None:
    """A partition that nobody had open was read as a file at rest: it must have been one to the end."""
    for path, connection in zip(paths, taken.connections, strict=True):
        at_rest = connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal"
        if at_rest and wal_path(path).exists():
            raise CheckpointError(f"{taken.folder}: a run began while it was read; read it again")
