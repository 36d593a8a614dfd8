"""One run of the dataflow over files, from the options of a call to an exit code."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bytewax._bytewax import run_main
from msgspec import Struct
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from flows.configuration import Configuration
from flows.console import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    PeopleConsole,
    complain,
    forget_stdout,
    root_cause,
    without_panic_traces,
)
from flows.detect import build
from flows.files import STDIN, FileSource
from flows.judge import DeadLetter
from flows.sinks import Output, alert_output, dead_letter_output
from flows.tally import Tally

LONG_INPUT = 16 << 20
"""Bytes from which a person is shown the progress."""


class Options(Struct, frozen=True):
    """What a call of `detect` says."""

    paths: list[str]
    """Files that exist, or `-`."""
    cluster: str = "default"
    output: str = STDIN
    form: str = "jsonl"
    dead_letters: str | None = None
    summary: str | None = None


def run(options: Options, configuration: Configuration) -> int:
    """Read all inputs, deliver all alerts, and say how it went.

    Returns the exit code: 0 done, 1 it failed, 130 interrupted. A reader that closed the pipe is no failure.
    """
    tally = Tally()
    try:
        output = alert_output(options.output, options.form, keep=STDIN not in options.paths)
        letters = None if options.dead_letters is None else dead_letter_output(options.dead_letters)
    except OSError as error:
        complain(f"cannot write {error.filename}: {error.strerror}")
        return EXIT_FAILED
    try:
        _flow(options, configuration, tally, output, letters.write if letters is not None else _uncounted)
        output.close()
        if letters is not None:
            letters.close()
        _report(tally, options)
    except BrokenPipeError:
        forget_stdout()
        return 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OSError as error:
        complain(f"cannot write the alerts or dead letters: {error.strerror or error}")
        return EXIT_FAILED
    return 0


def _uncounted(_: Sequence[DeadLetter]) -> None:
    """Dead letters that nobody wants; the tally has counted them."""


def _flow(
    options: Options,
    configuration: Configuration,
    tally: Tally,
    output: Output,
    dead_letters: Callable[[Sequence[DeadLetter]], None],
) -> None:
    """Run the dataflow to its end; raises what made it fail."""
    with without_panic_traces(), _progress(options.paths) as progress:
        flow = build(
            FileSource(options.paths, configuration.settings.limits.line, progress=progress),
            configuration,
            cluster=options.cluster,
            alerts=output.write,
            dead_letters=dead_letters,
            tally=tally,
        )
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        try:
            run_main(flow)  # type: ignore[no-untyped-call]  # bytewax's own, not typed
        except BaseException as error:  # noqa: BLE001  raised again, without the layers around it
            raise root_cause(error) from None


@contextmanager
def _progress(paths: list[str]) -> Iterator[Callable[[int], None]]:
    """A line that tells how far a long input was read, for a person at a terminal."""
    total = sum(Path(path).stat().st_size for path in paths if path != STDIN)
    if total < LONG_INPUT or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=PeopleConsole(sys.stderr), transient=True) as shown:
        task = shown.add_task("", total=total)
        yield lambda done: shown.update(task, completed=done)


def _report(tally: Tally, options: Options) -> None:
    summary = tally.summary()
    if options.summary == STDIN:
        print(json.dumps(summary), flush=True)  # noqa: T201  stdout is where the call wants it
    elif options.summary is not None:
        Path(options.summary).write_text(json.dumps(summary) + "\n", encoding="utf8")
    elif options.form == "table":
        counted = ("read", "events", "skipped", "truncated", "malformed")
        alerts = sum(summary["alerts"].values())
        print(", ".join(f"{summary[name]:,} {name}" for name in counted) + f"; {alerts} alerts", file=sys.stderr)  # noqa: T201
    if summary["malformed"] and options.dead_letters is None:
        complain(f"{summary['malformed']} malformed items are only counted; --dead-letters PATH keeps them")
    for alert_type, times in summary["failed_by_detector"].items():
        complain(f"the detector of {alert_type} failed on {times} events; --dead-letters PATH tells why")
