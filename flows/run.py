"""One run of the job over files, from the options of a call to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from detectors.stateful import Plain
from flows.board import Board
from flows.checkpoints.create import create, is_missing
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.opening import open_for
from flows.checkpoints.plain import read_plain
from flows.checkpoints.store import cut
from flows.configuration import Configuration
from flows.console import DASH, EXIT_FAILED, complain, forget_stdout
from flows.inputs import plan, rotated
from flows.sinks import summary_output
from flows.stepnames import SOURCE, step_id
from flows.tally import Tally
from flows.work import LANES, Options, Share, opened
from flows.workers import Outcome, run_workers


def run(options: Options, configuration: Configuration, share: Share | None = None) -> int:
    """Read all inputs, deliver all alerts, and say how it went.

    `share` says which lane reads what, if the checkpoint is open already.

    Returns the exit code: 0 done, 1 it failed, 130 or 143 stopped by a signal: what was found by then is
    delivered, or is in the checkpoint. A reader that closed stdout is no failure.
    """
    board = Board(
        options.processes,
        stalled=configuration.settings.health.stalled.total_seconds(),
        severities={one.alert_type: configuration.severity(one.alert_type) for one in configuration.detectors},
    )
    try:
        if share is None:
            share = dealt(options.paths, _known(options, configuration))
        summary = None if options.summary is None else summary_output(options.summary)
        outputs = opened(options)
        code, outcomes = run_workers(options, configuration, share, outputs, board)
        tally = _summed(outcomes)
        if (failed := _failure(options, outcomes, stopped=bool(code))) is not None:
            return failed
        if not any(outcome.wrote for outcome in outcomes):
            outputs.alerts.close()
        if summary is not None:
            summary.write([tally.counted()])
            summary.close()
    except CheckpointError as error:
        complain(str(error))
        return EXIT_FAILED
    except BrokenPipeError:
        forget_stdout()
        return 0
    except OSError as error:
        complain(f"cannot write {error.filename}: {error.strerror or error}")
        return EXIT_FAILED
    _report(tally, options)
    return code


def _known(options: Options, configuration: Configuration) -> dict[str, dict[str, Plain]]:
    """What the checkpoint knows of input files, by lane and identity. It is made if it is not there.

    Raises
    ------
    CheckpointError
        It is not one from which this flow can go on.
    """
    if options.checkpoint is None:
        return {}
    folder = Path(options.checkpoint)
    if is_missing(folder):
        create(folder)
    for sentence in open_for(folder, configuration).sentences:
        complain(sentence)
    return known_files(folder)


def known_files(folder: Path) -> dict[str, dict[str, Plain]]:
    """What a checkpoint knows of input files, by lane and identity.

    Raises
    ------
    CheckpointError
        It cannot be read.
    """
    with cut(folder) as taken:
        return {row.key: read_plain(row.data)[2] for row in taken.rows(step=step_id(SOURCE))}


def dealt(paths: Sequence[str], known: Mapping[str, Mapping[str, Plain]]) -> Share:
    """Which lane reads which file, with what was rotated away since a checkpoint knew it."""
    return Share(plan([*paths, *rotated(paths, known)], known, LANES))


def _summed(outcomes: list[Outcome]) -> Tally:
    tally = Tally()
    for outcome in outcomes:
        if outcome.tally is not None:
            tally.add(outcome.tally)
    return tally


def _failure(options: Options, outcomes: list[Outcome], *, stopped: bool) -> int | None:
    """The exit code if a worker failed; the first that did says why, for then the others fail as well."""
    failures = sorted((one for one in outcomes if one.failure), key=lambda one: one.taken_along)
    silent = any(one.tally is None for one in outcomes)
    failed = None if not failures or (failures[0].taken_along and silent) else failures[0]
    if failed is None:
        if not silent:
            return None
        if stopped:
            complain("stopped before all that was found was delivered: see shutdown in docs/settings.md")
            return EXIT_FAILED
        complain("a worker process ended without a word; it may have been killed, for instance for want of memory")
        return EXIT_FAILED
    if not failed.nobody_reads:
        complain(failed.failure)
        return EXIT_FAILED
    if options.output != DASH:
        complain(f"{options.output}: nobody reads it any more")
        return EXIT_FAILED
    forget_stdout()
    return 0


def _report(tally: Tally, options: Options) -> None:
    counted = tally.counted()
    if options.form == "table" and options.summary is None:
        names = ("read", "events", "skipped", "truncated", "late", "malformed")
        line = ", ".join(f"{counted[name]:,} {name}" for name in names)
        print(f"{line}; {sum(counted['alerts'].values()):,} alerts", file=sys.stderr)  # noqa: T201
    if counted["malformed"]:
        kept = f"kept in {options.dead_letters}" if options.dead_letters else "only counted (see --dead-letters)"
        complain(f"{counted['malformed']} of {counted['read']} items are malformed, {kept}")
    for source, late in counted["late_by_source"].items():
        complain(
            f"{late} {source} events came later than allowed, the latest by {tally.latest}: detectors that remember did"
            f" not take them; see lateness in docs/settings.md"
        )
    for alert_type, times in counted["failed_by_detector"].items():
        complain(f"the detector of {alert_type} failed on {times} events; --dead-letters PATH tells why")
