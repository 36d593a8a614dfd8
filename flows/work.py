"""One process of the job: its share of the input through the flow, its outputs, and what it says of itself."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytewax._bytewax import cluster_main
from bytewax.recovery import RecoveryConfig
from msgspec import Struct

from detectors.stateful import Plain
from events.decoder import Decoder
from flows.checkpoints.manifest import Manifest
from flows.clock import UNKNOWN, Clock
from flows.configuration import Configuration
from flows.console import DASH
from flows.detect import Job, allowed, build, waits
from flows.failing import root_cause
from flows.files import Reading, block_for
from flows.followed import Reader
from flows.in_order import Keeping
from flows.inputs import Planned, cluster_of
from flows.joining import Joining
from flows.judge import Decode, Judge
from flows.lanes import Inputs, LaneSource, Partitions
from flows.leaving import Leaving, on_signals
from flows.live import Live, is_live
from flows.pool import Pool
from flows.sinks import Both, CountedAlerts, Nowhere, Output, Sink, alert_output, dead_letter_output
from flows.tally import Tally

if TYPE_CHECKING:
    from flows.kafka.consumer import Reader as TopicReader
    from flows.kafka.plan import PlannedPartition
    from flows.kafka.settings import KafkaSettings

EPOCH = timedelta(milliseconds=100)
"""How often the clock moves on, where no checkpoint is written."""
LANES = 64
"""Into which the input is dealt: as many files are read at once."""
SAID_EVERY = 1.0
"""Seconds between two reports of a worker."""


class Options(Struct, frozen=True):
    """What a call of `detect` says."""

    paths: list[str]
    """Files that exist, or `-`."""
    kafka: KafkaSettings | None = None
    """Where events come from and alerts go, if not files."""
    cluster: str = "default"
    output: str | None = DASH
    form: str = "jsonl"
    dead_letters: str | None = None
    summary: str | None = None
    checkpoint: str | None = None
    """A folder that `checkpoints.create` made."""
    processes: int = 1
    """Of the whole job."""
    pod: int | None = None
    """The number of the process that this call runs, where each pod runs one; None: it runs all."""
    follow: bool = False
    settings: str | None = None
    """The settings file, for processes of their own."""


class Share(Struct, frozen=True):
    """Which process of the job this is, and what all lanes read."""

    plan: Mapping[str, Sequence[Planned]]
    index: int = 0
    addresses: tuple[str, ...] = ()
    """Of all processes; none if there is one."""
    partitions: Mapping[str, PlannedPartition] = {}
    """Of topics, by lane."""
    manifest: Manifest | None = None
    """Of a pod's share of a checkpoint, as it is to be in this run, which has not begun."""


class Alive:
    """What an output calls while it waits, so that whoever watches the process sees that it lives."""

    def __init__(self) -> None:
        self.heard: Callable[[], None] = lambda: None

    def __call__(self) -> None:
        self.heard()


class Outputs(Struct, frozen=True):
    """Where alerts and dead letters go: open before the processes are there, written by one of them."""

    alerts: Output
    dead_letters: Output
    alive: Alive


def opened(options: Options) -> Outputs:
    """The outputs that a call and the settings name.

    Raises
    ------
    OSError
        One cannot be written.
    """
    append = options.checkpoint is not None
    keep = not (options.follow or append or is_live(options.paths))
    alive = Alive()
    alerts, letters = ([], []) if options.kafka is None else _topics(options.kafka, alive)
    if options.output is not None:
        alerts.append(alert_output(options.output, options.form, keep=keep, append=append))
    if options.dead_letters is not None:
        letters.append(dead_letter_output(options.dead_letters, append=append))
    return Outputs(_together(alerts), _together(letters), alive)


def _topics(kafka: KafkaSettings, alive: Alive) -> tuple[list[Output], list[Output]]:
    from flows.kafka.sink import KafkaAlerts, KafkaDeadLetters

    alerts: list[Output] = [] if kafka.alerts is None else [KafkaAlerts(kafka, alive)]
    letters: list[Output] = [] if kafka.dead_letters is None else [KafkaDeadLetters(kafka, alive)]
    return alerts, letters


def _together(outputs: list[Output]) -> Output:
    return Both(outputs) if len(outputs) > 1 else outputs[0] if outputs else Nowhere()


Say = Callable[[dict[str, Any]], None]


class Worker:
    """One process of the job.

    Parameters
    ----------
    options
        Of the call.
    configuration
        What runs.
    share
        Which part of it is here.
    outputs
        Open.
    say
        Told once a second how it goes.
    """

    def __init__(
        self, options: Options, configuration: Configuration, share: Share, outputs: Outputs, say: Say
    ) -> None:
        self.options = options
        self.configuration = configuration
        self.share = share
        self.say = say
        self.tally = Tally()
        self.clock = Clock(len(share.plan) + len(share.partitions), waits(configuration))
        self.block = block_for(sum(map(len, share.plan.values())) // options.processes)
        self.pool = Pool(max(1, configuration.settings.limits.open_files // options.processes))
        self.leaving = Leaving()
        self.alerts = Sink(CountedAlerts(outputs.alerts, self.tally))
        self.dead_letters = Sink(outputs.dead_letters)
        outputs.alive.heard = self._heard
        self.topics: TopicReader | None = None
        self.said = 0.0
        self.joining: Joining | None = None

    def run(self, leave: Callable[[], None]) -> None:
        """Read all, deliver all; raises what made it fail.

        Parameters
        ----------
        leave
            Ends the process, where a checkpoint is kept and it was asked to leave.
        """
        kept = self.options.checkpoint
        if kept is not None:
            self.leaving.to_checkpoint = partial(self._left, leave)
        settings = self.configuration.settings
        recovery = None if kept is None else RecoveryConfig(Path(kept), settings.checkpoint.history)  # type: ignore[no-untyped-call]  # bytewax's own, not typed
        interval = EPOCH if kept is None else settings.checkpoint.every
        with on_signals(self.leaving, settings.shutdown):
            source = self._source() if self.joining is None else self.joining.join(self._source())
            flow = build(source, self._job(), self.alerts, self.dead_letters)
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            try:
                cluster_main(  # type: ignore[no-untyped-call]  # bytewax's own, not typed
                    flow,
                    list(self.share.addresses),
                    self.share.index,
                    epoch_interval=interval,
                    recovery_config=recovery,
                )
            except BaseException as error:  # noqa: BLE001  raised again, without the layers around it
                raise root_cause(error) from None
        self._close()

    def _left(self, leave: Callable[[], None]) -> None:
        self._close()
        leave()

    def _close(self) -> None:
        """Close all of them, also if one of them fails."""
        with contextlib.ExitStack() as closing:
            if self.topics is not None:
                closing.callback(self.topics.close)
            closing.callback(self.dead_letters.close)
            closing.callback(self.alerts.close)

    def _job(self) -> Job:
        keeping = Keeping(checkpoint=self.options.checkpoint is not None)
        return Job(self.configuration, self.clock, self.tally, self.options.processes, keeping, self._heard)

    def _heard(self) -> None:
        now = time.monotonic()
        if now - self.said >= SAID_EVERY:
            self.said = now
            if self.options.checkpoint is not None:
                self.tally.checkpoint = time.time()
            self.say(self.report())

    def report(self) -> dict[str, Any]:
        """What was counted, and how it stands: see `board.WorkerReport`."""
        tally, clock = self.tally, self.clock
        return dict(
            read=tally.read,
            input_bytes=tally.input_bytes,
            events=dict(tally.events),
            skipped=dict(tally.skipped),
            malformed=dict(tally.malformed),
            late=dict(tally.late),
            lost_reports=tally.lost_reports,
            alerts=dict(tally.alerts),
            failed=dict(tally.failed),
            clock=None if clock.low == UNKNOWN else clock.low,
            keys=dict(tally.keys),
            bytes=dict(tally.bytes),
            held=clock.held,
            open_files=self.pool.open,
            checkpoint=tally.checkpoint,
            gaps=tally.gaps,
            missing_offsets=tally.missing_offsets,
            **({} if self.topics is None else self.topics.report()),
        )

    def _source(self) -> LaneSource:
        settings = self.configuration.settings
        judge = Judge(self.configuration.dispatch, allowed(settings.lateness), self.tally)
        decode = decoders(self.options.cluster, settings.limits.item)
        inputs = Inputs(self.share.plan, decode, self._reader)
        return LaneSource(inputs, judge, self.clock, self.leaving, self._partitions(judge))

    def _partitions(self, judge: Judge) -> Partitions:
        options, share = self.options, self.share
        if options.kafka is None:
            return {}
        from flows.kafka.consumer import Reader as TopicReader
        from flows.kafka.messages import decoders as message_decoders
        from flows.kafka.partition import Kept, Partition

        limits = self.configuration.settings.limits
        planned = [(one.topic, one.partition) for one in share.partitions.values()] if share.index == 0 else []
        commits = options.checkpoint is not None
        self.topics = TopicReader(options.kafka, lambda: self.clock.newest, commits, planned)
        decoder = message_decoders(limits.item)
        kept = Kept(self.topics, judge, self.clock, self.leaving, decoder, options.cluster, limits.line)
        return {name: partial(Partition, one, kept) for name, one in share.partitions.items()}

    def _reader(self, path: str, position: Plain) -> Reader:
        longest = self.configuration.settings.limits.line
        if is_live([path]):
            return Live(path, longest)
        return Reading(path, longest, self.block, self.pool, position, self.options.follow)


def decoders(cluster: str, largest: int) -> Callable[[str], Decode]:
    """For a path the function that decodes its records; files of one cluster share one.

    Parameters
    ----------
    cluster
        Name for events that do not say theirs, and do not come from a capture folder, which says it.
    largest
        Bytes of a record.
    """

    @cache
    def named(name: str) -> Decode:
        return Decoder(name, largest).decode

    return lambda path: named(cluster_of(path, cluster))
