"""One run of the dataflow over files, from the options of a call to an exit code."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bytewax.testing import run_main
from msgspec import Struct
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from flows.configuration import Configuration
from flows.console import (
    DASH,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    PeopleConsole,
    complain,
    forget_stdout,
    root_cause,
    without_panic_traces,
)
from flows.detect import build
from flows.files import FileSource, is_live
from flows.judge import DeadLetter
from flows.sinks import Lines, Output, alert_output, dead_letter_output, summary_output
from flows.tally import Tally

LONG_INPUT = 16 << 20
"""Bytes from which a person is shown the progress."""


class Options(Struct, frozen=True):
    """What a call of `detect` says."""

    paths: list[str]
    """Files that exist, or `-`."""
    cluster: str = "default"
    output: str = DASH
    form: str = "jsonl"
    dead_letters: str | None = None
    summary: str | None = None


def run(options: Options, configuration: Configuration) -> int:
    """Read all inputs, deliver all alerts, and say how it went.

    Returns the exit code: 0 done, 1 it failed, 130 or 143 stopped by a signal: what was found by then is
    delivered. A reader that closed stdout is no failure.
    """
    tally = Tally()
    code = 0
    try:
        with contextlib.ExitStack() as opened:
            output = alert_output(options.output, options.form, keep=not is_live(options.paths))
            opened.callback(output.close)
            letters = None if options.dead_letters is None else dead_letter_output(options.dead_letters)
            opened.callback(letters.close if letters is not None else _nothing)
            summary = None if options.summary is None else summary_output(options.summary)
            try:
                _flow(options, configuration, tally, output, letters.write if letters is not None else _uncounted)
            except Terminated:
                code = EXIT_TERMINATED
            except KeyboardInterrupt:
                code = EXIT_INTERRUPTED
        _report(tally, options, summary)
    except BrokenPipeError:
        if options.output != DASH:
            complain(f"{options.output}: nobody reads it any more")
            return EXIT_FAILED
        forget_stdout()
        return 0
    except OSError as error:
        complain(f"cannot write {error.filename or 'the alerts, dead letters or summary'}: {error.strerror or error}")
        return EXIT_FAILED
    return code


class Terminated(KeyboardInterrupt):
    """The process was asked to end."""


def _terminate(*_: object) -> None:
    raise Terminated


def _nothing() -> None:
    """Nothing to close."""


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
    signal.signal(signal.SIGTERM, _terminate)
    with without_panic_traces(), _progress(options.paths) as progress:
        flow = build(
            FileSource(options.paths, configuration.settings.limits.line, progress=progress),
            configuration,
            cluster=options.cluster,
            alerts=output.write,
            dead_letters=dead_letters,
            tally=tally,
            live=is_live(options.paths),
        )
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        try:
            run_main(flow)  # type: ignore[no-untyped-call]  # bytewax's own, not typed
        except BaseException as error:  # noqa: BLE001  raised again, without the layers around it
            raise root_cause(error) from None


@contextlib.contextmanager
def _progress(paths: list[str]) -> Iterator[Callable[[int], None]]:
    """A line that tells how far a long input was read, for a person at a terminal."""
    total = sum(Path(path).stat().st_size for path in paths if Path(path).is_file())
    if total < LONG_INPUT or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=PeopleConsole(sys.stderr), transient=True) as shown:
        task = shown.add_task("", total=total)
        yield lambda done: shown.update(task, completed=done)


def _report(tally: Tally, options: Options, output: Lines | None) -> None:
    counted = tally.counted()
    if output is not None:
        output.write([counted])
        output.close()
    elif options.form == "table":
        names = ("read", "events", "skipped", "truncated", "late", "malformed")
        line = ", ".join(f"{counted[name]:,} {name}" for name in names)
        print(f"{line}; {sum(counted['alerts'].values()):,} alerts", file=sys.stderr)  # noqa: T201
    if counted["malformed"]:
        kept = f"kept in {options.dead_letters}" if options.dead_letters else "only counted (see --dead-letters)"
        complain(f"{counted['malformed']} of {counted['read']} items are malformed, {kept}")
    if counted["late"]:
        complain(f"{counted['late']} observations came too late for a window: see lateness in docs/settings.md")
    for alert_type, times in counted["failed_by_detector"].items():
        complain(f"the detector of {alert_type} failed on {times} events; --dead-letters PATH tells why")
