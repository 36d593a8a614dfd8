"""The command line: `middlewatch`."""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from flows.cli_backtest import backtest
from flows.cli_checkpoint import checkpoint
from flows.cli_detect import demo, detect
from flows.cli_options import Cluster, SettingsFile, configured
from flows.cli_simulate import simulate
from flows.cli_tap import tap
from flows.console import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, PROGRAM, complain, printable, say, usage

app = typer.Typer(
    name=PROGRAM,
    help="Streaming detection for Kubernetes: the alerts of Defender for Containers, on infrastructure that you own.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ListFormat(StrEnum):
    """How the catalogue is written."""

    TABLE = "table"
    JSON = "json"


app.command()(demo)
app.command()(detect)
app.command()(simulate)
app.command()(backtest)
app.command()(tap)
app.add_typer(checkpoint, name="checkpoint")


@app.command()
def explain(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE[:ITEM]", help="Lines count from 1, items from 0.")],
    cluster: Cluster = "default",
    settings: SettingsFile = None,
) -> None:
    """For each detector that an event reaches: it fired, or the first condition that did not hold."""
    from flows.explain import PlaceError, explanation, record

    configuration = configured(settings)
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
        say(listing(configured(settings), alert_id, output_format))
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
