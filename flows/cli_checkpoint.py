"""The commands `middlewatch checkpoint ...`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.console import EXIT_FAILED, complain, printable, say, usage

if TYPE_CHECKING:
    from flows.checkpoints.difference import StepDifference
    from flows.checkpoints.store import Cut

checkpoint = typer.Typer(help="What is in a checkpoint, whether it is whole, and copies of it.", no_args_is_help=True)


class Form(StrEnum):
    """How it is written."""

    TABLE = "table"
    JSON = "json"


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A checkpoint; a run may be writing it.")]
Written = Annotated[Form, typer.Option("--format", help="How to write it.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="TIME", help="As it was at this time of events (RFC 3339).")
]


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    from flows.checkpoints.errors import CheckpointError

    try:
        yield
    except CheckpointError as error:
        complain(str(error))
        raise typer.Exit(EXIT_FAILED) from None


@checkpoint.command("list")
def list_steps(folder: Folder, as_of: AsOf = None, form: Written = Form.TABLE) -> None:
    """The steps that have state: keys, rows with their history, bytes, epochs."""
    from flows.checkpoints.parts import epoch_name
    from flows.checkpoints.store import cut

    moment = moment_of(as_of)
    with _reported(), cut(folder) as taken:
        before = _before(taken, moment)
        steps = taken.steps(before)
        told = _told(taken, before)
    rows = [(one.name, one.keys, one.rows, one.bytes, *map(epoch_name, one.epochs)) for one in steps]
    names = ("step", "keys", "rows", "bytes", "oldest_epoch", "newest_epoch")
    if form is Form.JSON:
        _json({**told, "steps": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    for name, value in told.items():
        say(printable(f"{name.replace('_', ' ')}: {value}"))
    _table(names, rows)


@checkpoint.command()
def show(
    folder: Folder,
    step: Annotated[str | None, typer.Option(metavar="STEP", help="As `list` names it.")] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="One key of the step: its state.")] = None,
    as_of: AsOf = None,
    form: Written = Form.TABLE,
) -> None:
    """The keys of a step, or the state of one key."""
    from flows.checkpoints.store import cut

    if step is None:
        usage("checkpoint show: name a step, with --step" + (" too" if key is not None else ""))
    moment = moment_of(as_of)
    with _reported(), cut(folder) as taken:
        before = _before(taken, moment)
        if key is not None:
            _state(taken, step, key, before)
        else:
            _keys(taken, step, before, form)


def _state(taken: Cut, step: str, key: str, before: int) -> None:
    from flows.checkpoints.parts import epoch_name
    from flows.checkpoints.plain import readable

    epoch, state = taken.state(step, key, before)
    _json({"step": step, "key": key, "epoch": epoch_name(epoch), "state": readable(state)})


def _keys(taken: Cut, step: str, before: int, form: Form) -> None:
    from flows.checkpoints.errors import CheckpointError
    from flows.checkpoints.parts import epoch_name
    from flows.stepnames import step_id

    rows = [(row.key, len(row.data), epoch_name(row.epoch)) for row in taken.rows(before, step_id(step))]
    if not rows:
        raise CheckpointError(f"{taken.folder}: no state of a step {step!r}")
    names = ("key", "bytes", "epoch")
    if form is Form.JSON:
        _json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        _table(names, rows)


@checkpoint.command("verify")
def verify_files(folder: Folder) -> None:
    """Whether a run would go on where the last one was: one line for each thing that is wrong, and exit code 1."""
    from flows.checkpoints.verify import verify

    found = verify(folder)
    for line in found:
        complain(line)
    if found:
        raise typer.Exit(EXIT_FAILED)
    say(printable(f"{folder}: no problems"))


@checkpoint.command("copy")
def copy_state(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A checkpoint; a run may be writing it.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="A folder that is empty or not there yet.")],
    as_of: AsOf = None,
    without_sources: Annotated[
        bool, typer.Option("--without-sources", help="Forget how far inputs were read: for a backtest with this state.")
    ] = False,
) -> None:
    """Copy a checkpoint; a run of the copy goes on as one of the original would."""
    from flows.checkpoints.copying import copy
    from flows.checkpoints.store import said

    moment = moment_of(as_of)
    with _reported():
        copied = copy(source, target, moment, without_sources=without_sources)
    at = "" if copied.clock is None else f", as of {said(copied.clock)}"
    left_out = ", without its sources" if without_sources else ""
    say(printable(f"{target}: copy of {source}{at}{left_out}"))


@checkpoint.command("rebalance")
def rebalance_partitions(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A checkpoint that no run has open.")],
    partitions: Annotated[int, typer.Option(min=1, max=1024, help="How many there are to be.")],
) -> None:
    """Change the number of recovery partitions: more of them for a quicker start with many keys."""
    from flows.checkpoints.rebalance import rebalance

    with _reported():
        moved = rebalance(folder, partitions)
    say(printable(f"{folder}: {partitions} partitions, {moved:,} rows"))


@checkpoint.command("gather")
def gather_shares(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A folder that is empty or not there yet.")],
    shares: Annotated[list[Path], typer.Argument(metavar="SHARE...", help="The shares of all pods, in any order.")],
) -> None:
    """Make a whole checkpoint of the shares of all pods, while none of them runs."""
    from flows.checkpoints.shares import gather

    with _reported():
        keys = gather(target, shares)
    say(printable(f"{target}: whole, of {len(shares)} shares, {keys:,} keys"))


@checkpoint.command("deal")
def deal_shares(
    source: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A whole one; a run may be writing it.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A folder that is empty or not there yet.")],
    pods: Annotated[int, typer.Option(min=1, max=32, metavar="N", help="How many pods there are to be.")],
) -> None:
    """Make the shares of pods of a checkpoint: a folder for each, pod-0, pod-1 and so on."""
    from flows.checkpoints.shares import deal

    with _reported():
        made = deal(source, target, pods)
    for folder in made:
        say(printable(str(folder)))


@checkpoint.command("diff")
def differing(
    first: Annotated[Path, typer.Argument(metavar="A")],
    second: Annotated[Path, typer.Argument(metavar="B")],
    form: Written = Form.TABLE,
) -> None:
    """What state differs between two checkpoints; exit code 1 if any does."""
    import msgspec

    from flows.checkpoints.difference import difference

    with _reported():
        found = difference(first, second)
    if form is Form.JSON:
        _json(msgspec.to_builtins(found))
    else:
        names = ("step", "first", "second", "same", "only_first", "only_second", "changed")
        _table(names, [tuple(getattr(one, name) for name in names) for one in found])
        for one in found:
            _differing(one)
    if any(one.differs for one in found):
        raise typer.Exit(EXIT_FAILED)


def _differing(one: StepDifference) -> None:
    for key in one.keys_only_first:
        say(printable(f"{one.step} {key}: only in the first"))
    for key in one.keys_only_second:
        say(printable(f"{one.step} {key}: only in the second"))
    for key, lines in one.keys_changed.items():
        for line in lines:
            say(printable(f"{one.step} {key}: {line}"))


def moment_of(stamp: str | None) -> int | None:
    """Microseconds of a time that a call names; ends the program if it is none."""
    from simulation.clock import moment

    if stamp is None:
        return None
    try:
        return moment(stamp)
    except (ValueError, OverflowError):
        usage(f"{stamp}: neither a date nor a time in RFC 3339")


def _before(taken: Cut, moment: int | None) -> int:
    return taken.resume if moment is None else taken.at(moment)


def _told(taken: Cut, before: int) -> dict[str, Any]:
    from flows.checkpoints.parts import epoch_name
    from flows.checkpoints.store import said

    manifest = taken.manifest
    whole = {"release": manifest.release, "partitions": manifest.partitions}
    if not manifest.whole:
        return {**whole, "share": f"that of pod {manifest.pod} of {manifest.pods}; gather says what the whole is"}
    clock = taken.clock(before)
    return {
        **whole,
        "next_epoch": epoch_name(before),
        "clock": None if clock is None else said(clock),
    }


def _json(value: Any) -> None:
    say(json.dumps(value, indent=2, ensure_ascii=True))


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as they need be; numbers to the right."""
    head = [name.replace("_", " ").upper() for name in names]
    body = [[f"{value:,}" if isinstance(value, int) else printable(str(value)) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    right = [bool(rows) and isinstance(value, int) for value in (rows[0] if rows else head)]
    for line in (head, *body):
        cells = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        ]
        say("  ".join(cells).rstrip())
