"""The source: lanes that read files side by side, the oldest events first, and judge them where they are read."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from time import monotonic_ns, time_ns

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from msgspec import Struct

from detectors.stateful import Plain
from flows.clock import ALL_READ, UNKNOWN, Clock, Report
from flows.console import complain
from flows.failing import noticed
from flows.files import Chunk
from flows.followed import Entry, Finished, Followed, Reader, by_identity
from flows.in_order import known
from flows.inputs import Planned
from flows.judge import Decode, Found, Judge
from flows.leaving import BLOCKED, Leaving
from flows.stepnames import CLOCK, SOURCE

VERSION = 1
"""Of a lane's state."""
PAUSE = 20_000_000
"""Nanoseconds between two questions of a lane to inputs that had nothing: each of n is asked after n of them."""
SAID_AGAIN = 100_000
"""Microseconds of a pause after which a lane says again how long it is."""
LOW = attrgetter("low")


class Lane(StatefulSourcePartition[Found, Plain]):
    """Some files, read as if they were one: always the one next that has come least far in time.

    Parameters
    ----------
    name
        Of the lane.
    inputs
        What it reads.
    gone
        State of files that are not read any more, by identity.
    judge
        Takes what is read.
    clock
        Of this process.
    leaving
        Asks it to stop.
    others
        What else the checkpoint keeps under this name, which is the position in a topic that is not read now.
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[Followed],
        gone: Mapping[str, Plain],
        judge: Judge,
        clock: Clock,
        leaving: Leaving,
        others: tuple[Plain, ...] = (),
    ) -> None:
        self.name = name
        self.inputs = sorted(inputs, key=LOW)
        """In order of how far they have come."""
        self.finished = Finished(gone)
        self.judge = judge
        self.clock = clock
        self.leaving = leaving
        self.others = others
        self.epoch = 0
        self.said: Report | None = None
        self.ended = False
        self.awake: datetime | None = None

    @noticed
    def next_batch(self) -> list[Found]:
        if self.ended:
            raise StopIteration
        self.awake = None
        if self.leaving.asked:
            return self.stop()
        found = self.read()
        self.ended = not self.inputs
        report = self.report()
        if self.is_news(report):
            self.said = report
            found.append((CLOCK, "", report))
        return found

    def read(self) -> list[Found]:
        """Judge the next chunk of the input that has come least far."""
        soonest, between = monotonic_ns() + SAID_AGAIN * 1_000, PAUSE * len(self.inputs)
        for one in self.inputs:
            if one.idle_since is not None and monotonic_ns() < (due := one.due(between)):
                soonest = min(soonest, due)
                continue
            if not self.clock.allows(one.low):
                self.awake = datetime.now(UTC) + BLOCKED
                return []
            chunk = one.next()
            found = [] if chunk is None else self.judged(one, chunk)
            self.judge.tally.input_bytes += one.more_bytes()
            if one.reader.ended:
                self.settle(one)
            if chunk is not None or one.reader.ended or not one.reader.live:
                return found
            soonest = min(soonest, one.due(between))
        wait = max(0, soonest - monotonic_ns())
        self.awake = datetime.now(UTC) + timedelta(microseconds=wait // 1_000)
        return []

    def judged(self, one: Followed, chunk: Chunk) -> list[Found]:
        """What a chunk shows; afterwards its input is where it has come to among the others."""
        if chunk.damage:
            complain(f"{chunk.path}: {chunk.damage}")
        before = one.low
        found = self.judge(one.stream, chunk)
        if one.low != before:
            self.inputs.remove(one)
            bisect.insort(self.inputs, one, key=LOW)
        return found

    def settle(self, one: Followed) -> None:
        """Put away what is read to its end, once it is known what comes in its place."""
        after = one.successor()
        if after is None and one.reader.awaits:
            one.pause()
            return
        entry = Entry(one.fingerprint, one.to_plain())
        self.inputs.remove(one)
        if after is None:
            self.finished.ended(entry)
        else:
            self.finished.replaced(entry)
            bisect.insort(self.inputs, after, key=LOW)

    def report(self) -> Report:
        """How far this lane has come in this epoch."""
        low = next((one.low for one in self.inputs if one.idle_since is None), ALL_READ)
        if low != ALL_READ:
            return Report(self.name, self.epoch, low, idle=False)
        came = min(max([self.finished.newest, *(one.low for one in self.inputs)]), time_ns() // 1_000)
        if not self.inputs:
            return Report(self.name, self.epoch, ALL_READ, idle=False, came=came)
        since = max(one.idle_since or 0 for one in self.inputs)
        paused = (monotonic_ns() - since) // 1_000
        return Report(self.name, self.epoch, came, idle=True, came=came, paused=paused)

    def is_news(self, report: Report) -> bool:
        """Whether it says more than the last one did."""
        if self.said is None or self.said._replace(paused=report.paused) != report:
            return True
        return report.paused >= self.said.paused + SAID_AGAIN

    def stop(self) -> list[Found]:
        """End as if all were read; with a checkpoint, stand still until it is written, and leave."""
        if not self.leaving.to_checkpoint:
            self.inputs, self.ended = [], True
            return [(CLOCK, "", self.report())]
        self.awake = self.leaving.stand_still(self.name, self.epoch)
        return []

    def next_awake(self) -> datetime | None:
        return self.awake

    def snapshot(self) -> Plain:
        self.epoch += 1
        read = (Entry(one.fingerprint, one.to_plain()) for one in self.inputs)
        files = by_identity([*self.finished.here, *self.finished.gone, *read])
        low = min((one.low for one in self.inputs), default=ALL_READ)
        return VERSION, low, files, *self.others


class Inputs(Struct):
    """What all lanes read, and how."""

    plan: Mapping[str, Sequence[Planned]]
    """By lane, in all processes."""
    decoder: Callable[[str], Decode]
    """For a path the function that decodes its records."""
    reader: Callable[[str, Plain], Reader]
    """Opens a path, where its position says."""


Partitions = Mapping[str, Callable[[Plain], StatefulSourcePartition[Found, Plain]]]
"""By lane what makes it of its state."""


class LaneSource(FixedPartitionedSource[Found, Plain]):
    """All lanes, dealt out to the processes.

    Parameters
    ----------
    inputs
        What those read that read files.
    judge, clock, leaving
        Of this process.
    partitions
        Those that read topics.
    """

    def __init__(
        self, inputs: Inputs, judge: Judge, clock: Clock, leaving: Leaving, partitions: Partitions | None = None
    ) -> None:
        self.partitions = partitions or {}
        self.inputs = inputs
        self.judge = judge
        self.clock = clock
        self.leaving = leaving

    def list_parts(self) -> list[str]:
        return sorted({*self.inputs.plan, *self.partitions})

    @noticed
    def build_part(self, step_id: str, for_part: str, resume_state: Plain) -> StatefulSourcePartition[Found, Plain]:
        if for_part in self.partitions:
            return self.partitions[for_part](resume_state)
        version, _, files, *others = resume_state or (VERSION, 0, {})
        known(SOURCE, version, VERSION)
        files, inputs = dict(files), []
        for planned in self.inputs.plan[for_part]:
            position, newest = files.pop(planned.identity, (None, None, UNKNOWN))[1:3]
            reader = self.inputs.reader(planned.path, position)
            inputs.append(Followed(planned, reader, self.inputs.decoder(planned.path), newest))
        return Lane(for_part, inputs, files, self.judge, self.clock, self.leaving, tuple(others))
