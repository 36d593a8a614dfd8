"""What is checked, and said, before a run goes on from a checkpoint."""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from detectors.stateful import Stateful
from flows.checkpoints.errors import CheckpointError, UnreadableRowError
from flows.checkpoints.manifest import DetectorState, Manifest, as_json, read_manifest
from flows.checkpoints.parts import connect_to_write
from flows.checkpoints.plain import read_plain
from flows.checkpoints.rebalance import refuse_open
from flows.checkpoints.runs import begin_run
from flows.checkpoints.soundness import first_of, part_paths, problems
from flows.checkpoints.store import cut
from flows.checkpoints.verify import unknown_steps
from flows.configuration import Configuration
from flows.stepnames import SCOPES, STEPS, step_id


class Opened(NamedTuple):
    """A checkpoint that a run may go on from."""

    manifest: Manifest
    empty: bool
    """Nothing has been kept in it yet."""
    anew: frozenset[str]
    """Detectors whose state meant nothing any more and was taken out."""
    sentences: tuple[str, ...]
    """For the user."""


def open_for(folder: Path, configuration: Configuration) -> Opened:
    """Make sure that the flow can go on from a checkpoint, and ready it for that.

    To be called once, before any process has it open. State that other parameters made meaningless is taken out
    of every row; the manifest says afterwards what the state that will be written depends on. The run of a share
    does not begin yet: its pod has to agree with the others first.

    Raises
    ------
    CheckpointError
        It is no checkpoint, its files do not belong together, it holds state of steps that the flow does not have,
        or state in a form that a detector cannot read.
    """
    manifest = read_manifest(folder)
    wrong = problems(folder, manifest)
    if wrong:
        raise CheckpointError(first_of(wrong))
    refuse_open(folder, manifest)
    with cut(folder) as taken:
        for sentence in unknown_steps(taken):
            raise CheckpointError(sentence)
        empty, resume = not taken.step_ids(), taken.resume
    gone = [name for name in manifest.steps if name not in STEPS]
    if gone:
        raise CheckpointError(f"{folder}: made for a flow with a step {gone[0]!r}, which this one does not have")
    running = states_of(configuration)
    anew, sentences = _compared(folder, manifest, running)
    if anew:
        begin_anew(folder, manifest, anew)
    sentences += [f"{folder}: step {name!r} is new and begins empty" for name in STEPS if name not in manifest.steps]
    detectors = {**manifest.detectors, **_written(running)}
    fresh = replace(manifest, release=version("middlewatch"), steps=STEPS, detectors=detectors)
    if fresh.whole:
        fresh = begin_run(folder, fresh, resume)
    return Opened(fresh, empty, frozenset(anew), tuple(sentences))


def states_of(configuration: Configuration) -> dict[str, Stateful[Any, Any]]:
    """All detectors that keep state, with their second stages, by name."""
    found: dict[str, Stateful[Any, Any]] = {}
    for detector in configuration.detectors:
        stage = detector if isinstance(detector, Stateful) else None
        while stage is not None:
            found[stage.__name__] = stage
            stage = stage.then
    return dict(sorted(found.items()))


def _written(running: Mapping[str, Stateful[Any, Any]]) -> dict[str, DetectorState]:
    return {name: DetectorState(one.version, as_json(one.depends_on)) for name, one in running.items()}


def _compared(
    folder: Path, manifest: Manifest, running: Mapping[str, Stateful[Any, Any]]
) -> tuple[list[str], list[str]]:
    """Detectors to begin anew, and what to say."""
    anew: list[str] = []
    sentences: list[str] = []
    for name, now in _written(running).items():
        was = manifest.detectors.get(name)
        if was is None:
            continue
        if was.version > now.version:
            raise CheckpointError(
                f"{folder}: state of {name} has version {was.version}, from a newer release ({manifest.release});"
                f" this one reads up to {now.version}"
            )
        if was.version < now.version and type(running[name]).from_plain is Stateful.from_plain:
            raise CheckpointError(
                f"{folder}: state of {name} has version {was.version}, and this release reads only {now.version}"
            )
        if was.depends_on != now.depends_on:
            anew.append(name)
            sentences.append(
                f"{folder}: state of {name} is begun anew: {', '.join(_changes(was.depends_on, now.depends_on))}"
            )
    left = [name for name in manifest.detectors if name not in running]
    if left:
        sentences.append(f"{folder}: holds state of detectors that do not run now: {', '.join(sorted(left))}")
    return anew, sentences


def _changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*was, *now}):
        if name not in was or name not in now or was[name] != now[name]:
            yield f"{name} was {was.get(name, 'not there')} and is {now.get(name, 'not there')}"


def begin_anew(folder: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Take some detectors' state out of all rows, with the history; what is done twice changes nothing.

    Raises
    ------
    CheckpointError
        A row cannot be read.
    """
    gone = set(names)
    steps = [step_id(name) for name in SCOPES]
    chosen = f"SELECT rowid FROM snaps WHERE step_id IN ({', '.join('?' * len(steps))})"  # noqa: S608  only question marks
    for path in part_paths(folder, manifest):
        try:
            with contextlib.closing(connect_to_write(path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                for (row,) in connection.execute(chosen, steps).fetchall():
                    _take_out(path, connection, row, gone)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise CheckpointError(f"{path}: {error}") from None


def _take_out(path: Path, connection: sqlite3.Connection, row: int, names: set[str]) -> None:
    key, data = connection.execute("SELECT state_key, ser_change FROM snaps WHERE rowid = ?", (row,)).fetchone()
    fresh = None if data is None else _without(path, key, data, names)
    if fresh is not None:
        connection.execute("UPDATE snaps SET ser_change = ? WHERE rowid = ?", (fresh, row))


def _without(path: Path, key: str, data: bytes, names: set[str]) -> bytes | None:
    """The row without these detectors' state; None if it has none."""
    try:
        state = read_plain(data)
    except UnreadableRowError as error:
        raise UnreadableRowError(f"{path}: key {key!r}: {error}") from None
    if not (isinstance(state, tuple) and state and isinstance(state[-1], dict)):
        raise UnreadableRowError(f"{path}: key {key!r}: not the state of an entity")
    kept = {name: one for name, one in state[-1].items() if name not in names}
    return pickle.dumps((*state[:-1], kept)) if len(kept) < len(state[-1]) else None
