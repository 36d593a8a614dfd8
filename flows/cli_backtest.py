"""The command `middlewatch backtest`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli_checkpoint import AsOf, moment_of
from flows.cli_options import Cluster, SettingsFile, configured
from flows.console import DASH, EXIT_FAILED, complain, forget_stdout, say, usage

if TYPE_CHECKING:
    from flows.backtest import Asked, Result
    from flows.configuration import Configuration
    from flows.scoring import Label

LABELS = "labels.jsonl"


class ReportForm(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"


def backtest(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT...", help="Files, folders, globs, or - .")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(metavar="CHECKPOINT", help="Go on from a copy of this; a run may be writing it.")
    ] = None,
    as_of: AsOf = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Default: {LABELS} of a folder that is given as INPUT.")
    ] = None,
    settings: SettingsFile = None,
    cluster: Cluster = "default",
    processes: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Processes that share the work.")] = 1,
    form: Annotated[ReportForm, typer.Option("--format", help="How to write the report.")] = ReportForm.TABLE,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="PATH", help="Keep the alerts, each once, as JSON lines.")
    ] = None,
) -> None:
    """What would have been raised: by type and day and, with labels, what was missed."""
    from flows.backtest import Asked
    from flows.inputs import InputError, expand

    if not inputs:
        usage("backtest: name files, folders, globs or - (standard input) to read")
    if as_of is not None and start is None:
        usage("backtest: --as-of is about the state of --start")
    moment = moment_of(as_of)
    configuration = configured(settings)
    try:
        paths = expand(inputs)
    except InputError as error:
        usage(str(error))
    if DASH in paths and (start or processes > 1):
        usage("backtest: standard input cannot be read again, nor shared: no --start and no --processes with -")
    found = [labels] if labels is not None else _beside(inputs)
    _refuse_overwriting(output, [*paths, *map(str, found)], start)
    asked = Asked(
        paths=paths,
        cluster=cluster,
        start=start,
        as_of=moment,
        labels=_labels(found),
        output=output,
        processes=processes,
    )
    _print(_run(asked, configuration), form)


def _beside(inputs: Sequence[str]) -> list[Path]:
    """The labels of the captures among the inputs."""
    found = [Path(text) / LABELS for text in inputs if (Path(text) / LABELS).is_file()]
    for path in found:
        complain(f"labels: {path}")
    return found


def _labels(paths: Sequence[Path]) -> tuple[Label, ...] | None:
    from flows.scoring import LabelsError, read_labels

    try:
        return tuple(label for path in paths for label in read_labels(path)) if paths else None
    except LabelsError as error:
        usage(str(error))


def _refuse_overwriting(output: str | None, read: Sequence[str], start: Path | None) -> None:
    if output is None:
        return
    if output == DASH:
        usage("backtest: --output wants a file: the report goes to standard output")
    if os.path.realpath(output) in {os.path.realpath(path) for path in read}:
        usage(f"{output}: would be written over while it is read")
    if start is not None and Path(output).resolve().is_relative_to(start.resolve()):
        usage(f"{output}: lies in {start}, which is not to be touched")


def _run(asked: Asked, configuration: Configuration) -> Result:
    from flows.backtest import backtest as run_backtest
    from flows.checkpoints.errors import CheckpointError

    try:
        result = run_backtest(asked, configuration)
    except CheckpointError as error:
        complain(str(error))
        raise typer.Exit(EXIT_FAILED) from None
    if isinstance(result, int):
        raise typer.Exit(result)
    if asked.labels is not None and result.scores is not None and result.scores.outside == len(asked.labels):
        complain(
            "the labels fit none of the files that were read: their paths are relative to the folder of the labels"
        )
    return result


def _print(result: Result, form: ReportForm) -> None:
    from flows.backtest_report import as_json, write_table

    if form is ReportForm.JSON:
        say(as_json(result))
        return
    try:
        write_table(result, sys.stdout)
    except BrokenPipeError:
        forget_stdout()
