"""The commands `middlewatch detect` and `middlewatch demo`."""

from __future__ import annotations

import os
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from flows.cli_options import Cluster, SettingsFile, configured
from flows.console import DASH, usage

if TYPE_CHECKING:
    from flows.configuration import Configuration
    from flows.kafka.settings import KafkaSettings


class Format(StrEnum):
    """How alerts are written."""

    TABLE = "table"
    JSONL = "jsonl"
    OCSF = "ocsf"


Summary = Annotated[str | None, typer.Option(metavar="PATH|-", help="Write what was read and raised, as JSON.")]
DeadLetters = Annotated[
    str | None, typer.Option(metavar="PATH", help="Keep what could not be read or judged, with reason and origin.")
]
Form = Annotated[Format | None, typer.Option("--format", help="Default: table on a terminal, else jsonl.")]
OutputPath = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="PATH|-", help="Where the alerts go. Default: -, or the topic in the settings alone."
    ),
]


def demo(
    output_format: Form = None,
    summary: Summary = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the capture, to explain and search it.")
    ] = None,
) -> None:
    """Half a day of four simulated clusters, with attacks in it, through the whole flow."""
    from flows.demo import settings_of, write
    from simulation.errors import UnusableError

    types = {detector.alert_type for detector in configured(None).detectors}
    with tempfile.TemporaryDirectory() as folder:
        place = keep or Path(folder) / "demo"
        try:
            write(place, types)
        except UnusableError as error:
            usage(f"demo: {error}")
        _detect(
            Call(
                inputs=[str(place)],
                output=DASH,
                form=output_format or Format.TABLE,
                cluster="demo",
                settings=settings_of(place),
                summary=summary,
                pods=False,
            )
        )


def detect(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INPUT]...", help="Files, folders, globs, or - . Without: Kafka, as the settings say."),
    ] = None,
    cluster: Cluster = "default",
    output: OutputPath = None,
    output_format: Form = None,
    dead_letters: DeadLetters = None,
    settings: SettingsFile = None,
    summary: Summary = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep state here, and go on from it; made if it is not there.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Processes that share the work.")] = 1,
    follow: Annotated[bool, typer.Option("--follow", help="Go on when files grow or rotate, until stopped.")] = False,
) -> None:
    """Read events, raise alerts."""
    _detect(
        Call(
            inputs=inputs or [],
            cluster=cluster,
            output=output,
            form=output_format,
            dead_letters=dead_letters,
            settings=settings,
            summary=summary,
            checkpoint=checkpoint,
            processes=processes,
            follow=follow,
        )
    )


class Call(NamedTuple):
    """A call of `detect`, as it was typed."""

    inputs: list[str]
    """Without any: Kafka, as the settings say."""
    output: str | None
    form: Format | None
    cluster: str
    dead_letters: str | None = None
    settings: Path | None = None
    summary: str | None = None
    checkpoint: Path | None = None
    processes: int = 1
    follow: bool = False
    pods: bool = True
    """Whether it runs in the pods of the settings."""


def _pod(call: Call, configuration: Configuration) -> tuple[int | None, int]:
    """Which process of the job runs here, None for all, and how many the job has."""
    pods = configuration.settings.pods
    if pods is None or pods.alone or not call.pods:
        return None, call.processes
    if call.processes != 1:
        usage("detect: each of the pods in the settings runs one process: no --processes with pods")
    if call.inputs:
        usage("detect: pods share no files: with pods in the settings, name no INPUT and read Kafka")
    return pods.ordinal, len(pods.addresses)


def _kafka(call: Call, configuration: Configuration) -> KafkaSettings | None:
    """What is read and written instead of files; with INPUT no topic is touched."""
    kafka = configuration.settings.kafka
    if call.inputs:
        return None
    if kafka is None:
        usage("detect: name files, folders, globs or - (standard input) to read, or give kafka in the settings")
    return kafka


def _form(output: str | None) -> Format:
    terminal = output == DASH and sys.stdout is not None and sys.stdout.isatty()
    return Format.TABLE if terminal else Format.JSONL


def _detect(call: Call) -> None:
    from flows.inputs import InputError, expand
    from flows.run import run
    from flows.work import Options

    configuration = configured(call.settings)
    pod, processes = _pod(call, configuration)
    kafka = _kafka(call, configuration)
    output = call.output if call.output is not None or (kafka is not None and kafka.alerts is not None) else DASH
    try:
        paths = expand(call.inputs)
    except InputError as error:
        usage(str(error))
    if DASH in paths and (call.checkpoint or call.processes > 1):
        usage("detect: standard input cannot be read again, nor shared: no --checkpoint and no --processes with -")
    outputs = [name for name in (output, call.dead_letters, call.summary) if name is not None and name != DASH]
    _refuse_overwriting(outputs, paths)
    options = Options(
        paths=paths,
        cluster=call.cluster,
        kafka=kafka,
        output=output,
        form=call.form or _form(output),
        dead_letters=call.dead_letters,
        summary=call.summary,
        checkpoint=None if call.checkpoint is None else str(call.checkpoint),
        processes=processes,
        pod=pod,
        follow=call.follow or kafka is not None,
    )
    raise typer.Exit(run(options, configuration))


def _refuse_overwriting(outputs: list[str], inputs: list[str]) -> None:
    places = [os.path.realpath(name) for name in outputs]
    read = {os.path.realpath("/dev/stdin" if path == DASH else path) for path in inputs}
    for name, place in zip(outputs, places, strict=True):
        if places.count(place) > 1:
            usage(f"{name}: named for two outputs")
        if place in read and Path(place).is_file():
            usage(f"{name}: would be written over while it is read")
