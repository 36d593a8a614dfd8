"""A backtest: the flow of `detect`, on a copy of state or on none, with its alerts counted and compared with labels."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import typer
from msgspec import Struct

from alerts.alert import rfc3339
from detectors.stateful import Plain
from flows.checkpoints.copying import copy
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.opening import open_for
from flows.checkpoints.store import said
from flows.clock import UNKNOWN
from flows.configuration import Configuration
from flows.console import DASH, EXIT_TERMINATED, complain
from flows.files import Position
from flows.lines import DOCUMENTS
from flows.run import dealt, known_files, run
from flows.scoring import Label, Place, Raised, Scores, Stretch, place, score
from flows.sinks import Lines
from flows.work import Options, Share


class Asked(Struct, frozen=True):
    """What a call of `backtest` says."""

    paths: list[str]
    """Files that exist, or `-`."""
    cluster: str = "default"
    start: Path | None = None
    """A checkpoint; it is not touched."""
    as_of: int | None = None
    """Microseconds: the state is the newest in which the clock of events had not passed this."""
    labels: tuple[Label, ...] | None = None
    output: str | None = None
    """Where the alerts go, each once."""
    processes: int = 1


class Result(Struct, frozen=True):
    """What a backtest found."""

    start: str | None
    """Path of the checkpoint."""
    clock: str | None
    """How far the events in its state had come."""
    summary: dict[str, Any]
    """What was read; see docs/command-line.md."""
    days: dict[tuple[str, str], int]
    """Alerts by type and UTC day of their first event, in order."""
    before: int
    """Alerts among them that had been told before the state was taken."""
    scores: Scores | None
    """Without labels None."""


class Begun(Struct, frozen=True):
    """The state that a backtest goes on from."""

    checkpoint: str | None = None
    """The copy."""
    clock: str | None = None
    known: Mapping[str, Mapping[str, Plain]] = {}
    """What it knows of files, by lane and identity: path, position, newest time, whether it had ended."""


def backtest(asked: Asked, configuration: Configuration) -> Result | int:
    """Run it; an exit code if it failed or was stopped, which the user was told.

    Raises
    ------
    CheckpointError
        The state cannot be had.
    OSError
        The output cannot be written.
    """
    output = None if asked.output is None else Lines(asked.output, bytes)
    with _tidy_when_terminated(), tempfile.TemporaryDirectory(prefix="middlewatch-") as folder:
        begun = Begun() if asked.start is None else _begun(asked.start, Path(folder) / "state", asked, configuration)
        share = dealt(asked.paths, begun.known)
        told, counted = Path(folder) / "alerts.jsonl", Path(folder) / "summary.json"
        options = Options(
            paths=asked.paths,
            cluster=asked.cluster,
            output=str(told),
            summary=str(counted),
            checkpoint=begun.checkpoint,
            processes=asked.processes,
        )
        code = run(options, _quiet(configuration), share)
        if code:
            return code
        read, renamed = _stretches(share, begun.known)
        alerts = _alerts(told, renamed)
        if output is not None:
            _write(output, told, alerts)
        raised = [one.raised for one in alerts]
        return Result(
            start=None if asked.start is None else str(asked.start),
            clock=begun.clock,
            summary=msgspec.json.decode(counted.read_bytes()),
            days=dict(sorted(Counter((one.alert_type, one.day) for one in raised).items())),
            before=sum(one.before for one in raised),
            scores=None if asked.labels is None else score(raised, asked.labels, read, _detected(configuration)),
        )


def _begun(start: Path, folder: Path, asked: Asked, configuration: Configuration) -> Begun:
    try:
        copied = copy(start, folder, asked.as_of)
        for sentence in open_for(folder, configuration).sentences:
            complain(sentence.replace(str(folder), str(start)))
        known = known_files(folder)
    except CheckpointError as error:
        raise CheckpointError(str(error).replace(str(folder), str(start))) from None
    return Begun(str(folder), None if copied.clock is None else said(copied.clock), known)


def _quiet(configuration: Configuration) -> Configuration:
    """With no health pages, whose port a job may have, and no history, which nobody will ask for."""
    settings = configuration.settings
    own = {
        "health": settings.health.model_copy(update={"port": 0}),
        "checkpoint": settings.checkpoint.model_copy(update={"history": settings.checkpoint.history * 0}),
    }
    return msgspec.structs.replace(configuration, settings=settings.model_copy(update=own))


def _detected(configuration: Configuration) -> Collection[str]:
    return {detector.alert_type for detector in configuration.detectors}


@contextlib.contextmanager
def _tidy_when_terminated() -> Iterator[None]:
    """SIGTERM takes away the copy of the state as well."""

    def end(number: int, _: object) -> None:
        raise typer.Exit(EXIT_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stretches(share: Share, known: Mapping[str, Mapping[str, Plain]]) -> tuple[dict[str, Stretch], dict[str, str]]:
    """What is read of each file, by real path; and how files are called now, by what they were called before."""
    read: dict[str, Stretch] = {}
    renamed: dict[str, str] = {}
    for lane, files in share.plan.items():
        for planned in files:
            if planned.path == DASH:
                continue
            stretch = Stretch(planned.path)
            kept = known.get(lane, {}).get(planned.identity)
            if kept is not None:
                renamed[kept[0]] = planned.path
                stretch = _rest(planned.path, kept)
            read[os.path.realpath(planned.path)] = stretch
    return read, renamed


def _rest(path: str, kept: Plain) -> Stretch:
    """What an earlier run left of a file."""
    _, position, newest, _ = kept
    given = Position(*position)
    if given.form == DOCUMENTS and newest != UNKNOWN:
        return Stretch(path, after=rfc3339(newest))
    return Stretch(path, given.line + len(given.judged))


class _Origin(Struct, frozen=True):
    path: str = ""
    line: int = 0
    item: int | None = None


class _Evidence(Struct, frozen=True):
    origin: _Origin


class _Told(Struct, frozen=True):
    """Of an alert, as it is written, what a backtest looks at."""

    id: str
    revision: int
    alert_type: str
    first_event_time: str
    evidence: tuple[_Evidence, ...]


class _Alert(Struct, frozen=True):
    """An alert and where its last content is written."""

    order: tuple[str, str, str]
    """Time of the first event, type, id."""
    offset: int
    raised: Raised


def _alerts(path: Path, renamed: Mapping[str, str]) -> list[_Alert]:
    """Each alert with its last content, in order of their first events."""
    decoder = msgspec.json.Decoder(_Told)
    found: dict[str, _Alert] = {}
    new: set[str] = set()
    offset = 0
    with path.open("rb") as file:
        for line in file:
            told = decoder.decode(line)
            if told.revision == 1:
                new.add(told.id)
            raised = Raised(
                told.alert_type, told.first_event_time[:10], _places(told, renamed), before=told.id not in new
            )
            found[told.id] = _Alert((told.first_event_time, told.alert_type, told.id), offset, raised)
            offset += len(line)
    return sorted(found.values(), key=lambda alert: alert.order)


def _places(told: _Told, renamed: Mapping[str, str]) -> frozenset[Place]:
    origins = (evidence.origin for evidence in told.evidence)
    return frozenset(place(renamed.get(one.path, one.path), one.line, one.item) for one in origins)


def _write(output: Lines, told: Path, alerts: list[_Alert]) -> None:
    with told.open("rb") as file:
        for alert in alerts:
            file.seek(alert.offset)
            output.write([file.readline().rstrip(b"\n")])
    output.close()
