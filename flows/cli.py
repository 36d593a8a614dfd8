"""The command line: `middlewatch`."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from flows.cli_backtest import backtest
from flows.cli_checkpoint import checkpoint
from flows.cli_simulate import simulate
from flows.cli_tap import tap
from flows.console import DASH, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, PROGRAM, complain, printable, say, usage

if TYPE_CHECKING:
    from flows.configuration import Configuration
    from flows.kafka.settings import KafkaSettings

app = typer.Typer(
    name=PROGRAM,
    help="Streaming detection for Kubernetes: the alerts of Defender for Containers, on infrastructure that you own.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """How alerts are written."""

    TABLE = "table"
    JSONL = "jsonl"
    OCSF = "ocsf"


class ListFormat(StrEnum):
    """How the catalogue is written."""

    TABLE = "table"
    JSON = "json"


SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="YAML; MIDDLEWATCH_... in the environment wins.")
]
app.command()(simulate)
app.command()(backtest)
app.command()(tap)
app.add_typer(checkpoint, name="checkpoint")
Cluster = Annotated[str, typer.Option(help="Name of the cluster, for events that do not say it.")]
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


@app.command()
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

    types = {detector.alert_type for detector in _configured(None).detectors}
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


@app.command()
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

    configuration = _configured(call.settings)
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


@app.command()
def explain(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE[:ITEM]", help="Lines count from 1, items from 0.")],
    cluster: Cluster = "default",
    settings: SettingsFile = None,
) -> None:
    """For each detector that an event reaches: it fired, or the first condition that did not hold."""
    from flows.explain import PlaceError, explanation, record

    configuration = _configured(settings)
    try:
        lines = list(explanation(record(place, configuration.settings.limits.line), configuration, cluster))
    except PlaceError as error:
        usage(str(error))
    for line in lines:
        say(printable(line))


@app.command()
def alerts(
    alert_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One alert type, in full.")] = None,
    output_format: Annotated[ListFormat, typer.Option("--format", help="How to write it.")] = ListFormat.TABLE,
    settings: SettingsFile = None,
) -> None:
    """The catalogue of alert types, and what detects each."""
    from alerts import UnknownAlertTypeError
    from flows.listing import listing

    try:
        say(listing(_configured(settings), alert_id, output_format))
    except UnknownAlertTypeError as error:
        usage(str(error))


@app.command("check-settings")
def check_settings(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The settings, as --settings takes them.")],
) -> None:
    """Validate settings and the detectors of one's own; every problem in one go."""
    from flows.configuration import SettingsError, configure
    from flows.own_detectors import broken_contracts

    try:
        configuration = configure(file)
    except SettingsError as error:
        for problem in error.problems:
            complain(f"{file}: {problem}")
        raise typer.Exit(EXIT_USAGE) from None
    broken = broken_contracts(configuration.detectors)
    for message in broken:
        complain(f"{file}: {message}")
    if broken:
        raise typer.Exit(EXIT_USAGE)
    say(f"{file}: no problems; {len(configuration.detectors)} detectors run")


def _refuse_overwriting(outputs: list[str], inputs: list[str]) -> None:
    places = [os.path.realpath(name) for name in outputs]
    read = {os.path.realpath("/dev/stdin" if path == DASH else path) for path in inputs}
    for name, place in zip(outputs, places, strict=True):
        if places.count(place) > 1:
            usage(f"{name}: named for two outputs")
        if place in read and Path(place).is_file():
            usage(f"{name}: would be written over while it is read")


def _configured(settings: Path | None) -> Configuration:
    from flows.configuration import SettingsError, configure

    try:
        return configure(settings)
    except SettingsError as error:
        usage(str(error))


def _version(asked: bool) -> None:
    if asked:
        say(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


@app.callback()
def main_options(
    shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line; a user's mistake gives one line and no trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = EXIT_INTERRUPTED
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        complain(f"{error} (see {context.command_path if context is not None else PROGRAM} --help)")
        code = EXIT_USAGE
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except OSError as error:
        complain(f"{error.filename or ''}: {error.strerror or error}".lstrip(": "))
        code = EXIT_FAILED
    sys.exit(code)


if __name__ == "__main__":
    main()
