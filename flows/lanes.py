"""The source: lanes that read files side by side, the oldest events first, and judge them where they are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from msgspec import Struct

from detectors.stateful import Plain
from flows.clock import ALL_READ, UNKNOWN, Clock, Report
from flows.files import Chunk
from flows.inputs import EMPTY, Planned
from flows.judge import Decode, Found, Judge, Stream
from flows.leaving import Leaving
from flows.stepnames import CLOCK, SOURCE
from flows.steps import known

VERSION = 1
"""Of a lane's state."""
PAUSE = timedelta(milliseconds=20)
"""Before a live input that had nothing is asked again."""
BLOCKED = timedelta(milliseconds=1)
"""Before a lane that is far ahead of the clock asks whether it may read on."""


class Reader(Protocol):
    """A file or a live input: what is read of it, and how far."""

    live: bool
    """It may go on after it had nothing."""

    @property
    def ended(self) -> bool:
        """Whether there will never be more."""

    @property
    def position(self) -> Plain:
        """Where a later run goes on."""

    @property
    def fingerprint(self) -> str | None:
        """Tells its content from all others; None while it has none."""

    @property
    def done(self) -> int:
        """Bytes that were read, as they are stored."""

    def successor(self) -> Reader | None:
        """What has taken its place, if it was followed."""

    def next(self) -> Chunk | None:
        """What comes next; None if there is nothing (at the moment)."""

    def peek(self) -> Chunk | None:
        """What `next` will give."""


class Followed:
    """One input of a lane: its reader, and how far it has come in time."""

    def __init__(self, planned: Planned, reader: Reader, decode: Decode, newest: int = UNKNOWN) -> None:
        self.planned = planned
        self.reader = reader
        self.stream = Stream(decode, reader.peek, live=reader.live, newest=newest)
        self.idle_since: int | None = None

    @property
    def low(self) -> int:
        """The newest time that was read, or if nothing was, the time of the first event (microseconds)."""
        return self.planned.begins if self.stream.newest == UNKNOWN else self.stream.newest

    def next(self) -> Chunk | None:
        """What comes next, and whether it pauses."""
        chunk = self.reader.next()
        if chunk is not None:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = time.monotonic_ns()
        return chunk

    @property
    def assumed(self) -> int:
        """How far an input that pauses has come: what it had, and the time since then (microseconds)."""
        idle = 0 if self.idle_since is None else time.monotonic_ns() - self.idle_since
        return self.low + idle // 1_000

    @property
    def identity(self) -> str:
        """By which a resumed run knows it again."""
        planned = self.planned.identity
        return (self.reader.fingerprint or EMPTY) if planned == EMPTY else planned

    def successor(self) -> Followed | None:
        """What has taken its place at its path."""
        after = self.reader.successor()
        if after is None:
            return None
        return Followed(Planned(self.planned.path, EMPTY, self.low), after, self.stream.decode)

    def to_plain(self) -> Plain:
        """Where a resumed run goes on."""
        return self.planned.path, self.reader.position, self.stream.newest, self.reader.ended


class Lane(StatefulSourcePartition[Found, Plain]):
    """Some files, read as if they were one: always the one next that has come least far in time.

    Parameters
    ----------
    name
        Of the lane.
    inputs
        What it reads.
    finished
        State of files that are not read any more, by identity.
    judge
        Takes what is read.
    clock
        Of this process.
    leaving
        Asks it to stop.
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[Followed],
        finished: Mapping[str, Plain],
        judge: Judge,
        clock: Clock,
        leaving: Leaving,
    ) -> None:
        self.name = name
        self.inputs = list(inputs)
        self.finished = dict(finished)
        self.judge = judge
        self.clock = clock
        self.leaving = leaving
        self.epoch = 0
        self.said: Report | None = None
        self.ended = False
        self.awake: datetime | None = None

    def next_batch(self) -> list[Found]:
        if self.ended:
            raise StopIteration
        self.awake = None
        if self.leaving.asked:
            return self.stop()
        found = self.read()
        self.settle()
        self.ended = not self.inputs
        report = self.report()
        if report != self.said:
            self.said = report
            found.append((CLOCK, "", report))
        return found

    def read(self) -> list[Found]:
        """Judge the next chunk of the input that has come least far."""
        for one in sorted(self.inputs, key=lambda one: one.low):
            if not self.clock.allows(one.low):
                self.awake = datetime.now(UTC) + BLOCKED
                return []
            chunk = one.next()
            if chunk is not None:
                return self.judge(one.stream, chunk)
            if not one.reader.ended and not one.reader.live:
                return []
        self.awake = datetime.now(UTC) + PAUSE
        return []

    def settle(self) -> None:
        """Put away what is read to its end."""
        for one in [one for one in self.inputs if one.reader.ended]:
            self.finished[one.identity] = one.to_plain()
            after = one.successor()
            self.inputs.remove(one)
            self.inputs += [after] if after is not None else []

    def report(self) -> Report:
        """How far this lane has come in this epoch."""
        busy = [one.low for one in self.inputs if one.idle_since is None]
        if busy:
            return Report(self.name, self.epoch, min(busy), idle=False)
        pausing = max((one.assumed for one in self.inputs), default=ALL_READ)
        return Report(self.name, self.epoch, pausing, idle=bool(self.inputs))

    def stop(self) -> list[Found]:
        """End as if all were read; with a checkpoint, stand still until it is written, and leave."""
        if not self.leaving.to_checkpoint:
            self.inputs, self.ended = [], True
            return [(CLOCK, "", self.report())]
        self.leaving.stand_still(self.name, self.epoch)
        self.awake = datetime.now(UTC) + BLOCKED
        return []

    def next_awake(self) -> datetime | None:
        return self.awake

    def snapshot(self) -> Plain:
        self.epoch += 1
        files = self.finished | {one.identity: one.to_plain() for one in self.inputs}
        low = min((one.low for one in self.inputs), default=ALL_READ)
        return VERSION, low, files


class Inputs(Struct):
    """What all lanes read, and how."""

    plan: Mapping[str, Sequence[Planned]]
    """By lane, in all processes."""
    decoder: Callable[[str], Decode]
    """For a path the function that decodes its records."""
    reader: Callable[[str, Plain], Reader]
    """Opens a path, where its position says."""


class LaneSource(FixedPartitionedSource[Found, Plain]):
    """All lanes, dealt out to the processes.

    Parameters
    ----------
    inputs
        What they read.
    judge, clock, leaving
        Of this process.
    """

    def __init__(self, inputs: Inputs, judge: Judge, clock: Clock, leaving: Leaving) -> None:
        self.inputs = inputs
        self.judge = judge
        self.clock = clock
        self.leaving = leaving

    def list_parts(self) -> list[str]:
        return sorted(self.inputs.plan)

    def build_part(self, step_id: str, for_part: str, resume_state: Plain) -> Lane:
        version, _, files = resume_state or (VERSION, 0, {})
        known(SOURCE, version, VERSION)
        files, inputs = dict(files), []
        for planned in self.inputs.plan[for_part]:
            position, newest = files.pop(planned.identity, (None, None, UNKNOWN))[1:3]
            reader = self.inputs.reader(planned.path, position)
            inputs.append(Followed(planned, reader, self.inputs.decoder(planned.path), newest))
        return Lane(for_part, inputs, files, self.judge, self.clock, self.leaving)
