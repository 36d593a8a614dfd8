"""One run of the job over files, from the options of a call to an exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from detectors.stateful import Plain
from flows.board import Board
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.lock import held
from flows.checkpoints.opening import open_for
from flows.checkpoints.parts import keys_of
from flows.checkpoints.plain import read_plain
from flows.checkpoints.shares import made_for
from flows.checkpoints.store import cut
from flows.configuration import Configuration
from flows.console import DASH, EXIT_FAILED, EXIT_USAGE, complain, forget_stdout
from flows.inputs import Planned, plan, rotated
from flows.kafka.errors import KafkaFailedError, KafkaSettingsError
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
        1 if options.pod is not None else options.processes,
        stalled=configuration.settings.health.stalled.total_seconds(),
        severities={one.alert_type: configuration.severity(one.alert_type) for one in configuration.detectors},
    )
    try:
        with _held(options):
            if share is None:
                share = _share(options, configuration)
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
    except (CheckpointError, KafkaFailedError) as error:
        complain(str(error))
        return EXIT_FAILED
    except KafkaSettingsError as error:
        complain(str(error))
        return EXIT_USAGE
    except BrokenPipeError:
        forget_stdout()
        return 0
    except OSError as error:
        complain(f"cannot write {error.filename}: {error.strerror or error}")
        return EXIT_FAILED
    _report(tally, options)
    return code


def _held(options: Options) -> contextlib.AbstractContextManager[None]:
    """No other run may have the checkpoint meanwhile."""
    return contextlib.nullcontext() if options.checkpoint is None else held(Path(options.checkpoint))


def _share(options: Options, configuration: Configuration) -> Share:
    """Which lane reads what, with what the checkpoint knows of it. It is made if it is not there.

    Raises
    ------
    CheckpointError
        It is not one from which this flow can go on.
    """
    if options.checkpoint is None:
        return _with_topics(dealt(options.paths, {}), options)
    folder = Path(options.checkpoint)
    if options.pod is None:
        made_for(folder)
    else:
        made_for(folder, options.pod, options.processes)
    found = open_for(folder, configuration)
    for sentence in found.sentences:
        complain(sentence)
    if found.manifest.whole:
        return _with_topics(dealt(options.paths, known_files(folder)), options)
    lanes: dict[str, list[Planned]] = {lane: [] for lane in sorted(keys_of(folder, step_id(SOURCE)))}
    return replace(_with_topics(Share(lanes), options), manifest=found.manifest)


def _with_topics(share: Share, options: Options) -> Share:
    """With the partitions that the settings name, if no files are read; of others the checkpoint keeps what it has.

    Raises
    ------
    KafkaFailedError, KafkaSettingsError
        See `plan_partitions`.
    """
    if options.kafka is None:
        return share
    from flows.kafka.plan import is_partition, plan_partitions
    from flows.kafka.sink import check_topics

    known = {lane for lane in share.plan if is_partition(lane)}
    partitions = plan_partitions(options.kafka, known)
    check_topics(options.kafka)
    new = sorted(set(partitions) - known)
    if known and new and options.pod is None:
        complain(f"kafka: new since the last run, read from their beginning: {', '.join(new)}")
    left = sorted(known - set(partitions))
    if left:
        complain(f"kafka: not there or not in the settings any more, positions are kept: {', '.join(left)}")
    plan = {lane: files for lane, files in share.plan.items() if lane not in partitions}
    return replace(share, plan=plan, partitions=partitions)


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
