"""What must not matter and can be turned in a run, what may end it, and what may be broken in it on purpose."""

from __future__ import annotations

import functools
import mmap
import os
import struct
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

from msgspec import Struct

import flows.clock
import flows.in_order
import flows.judge
import flows.lanes
import flows.run
import flows.sinks
import flows.steps
import flows.work
from flows.clock import ALL_READ

Target = Literal["parent", "group", "worker"]
Counted = Literal["read", "snapshot", "write", "time"]
Broken = Literal["", "nothing waits", "late by arrival", "order of arrival", "a step that fails hard"]


class Knobs(Struct, frozen=True):
    """How a run is to be done."""

    block: int = 1 << 18
    """Bytes that are read at once."""
    epoch: float = 0.1
    """Seconds, where no checkpoint is written."""
    lanes: int = 64
    held: int = 200_000
    """Observations that may wait in one process before lanes are held back."""
    ahead: int = 60_000_000
    """Microseconds by which a lane may always be ahead."""
    sweep: bool = True
    """Whether what has expired is forgotten."""
    broken: Broken = ""


class Ending(Struct, frozen=True):
    """A signal at some point of a run."""

    signal: int
    target: Target = "parent"
    at: Counted = "time"
    """What is counted, in all processes; or seconds."""
    number: float = 1.0

    def send(self, parent: int) -> None:
        """End it now. A worker ends itself."""
        if self.target == "group":
            os.killpg(parent, self.signal)
        else:
            os.kill(os.getpid() if self.target == "worker" else parent, self.signal)


def turn(knobs: Knobs, ending: Ending | None) -> None:
    """Turn them, in this process and all that it forks."""
    keeping = functools.partial(flows.in_order.Keeping, sweep=knobs.sweep)
    _put(flows.work, block_for=lambda _: knobs.block, EPOCH=timedelta(seconds=knobs.epoch), Keeping=keeping)
    _put(flows.run, LANES=knobs.lanes)
    _put(flows.clock, HELD_AT_MOST=knobs.held, AHEAD=knobs.ahead)
    if knobs.broken:
        _BREAK[knobs.broken]()
    if ending is not None and ending.at != "time":
        _end_at(ending)


def _put(owner: Any, **values: Any) -> None:
    for name, value in values.items():
        assert hasattr(owner, name), f"{owner} has no {name} any more"
        setattr(owner, name, value)


def _end_at(ending: Ending) -> None:
    owner, name = {
        "read": (flows.lanes.Lane, "judged"),
        "snapshot": (flows.lanes.Lane, "snapshot"),
        "write": (flows.sinks.Lines, "write"),
    }[ending.at]
    parent, counter = os.getpid(), mmap.mmap(-1, 8)
    before = getattr(owner, name)

    def counted(*arguments: Any) -> Any:
        (count,) = struct.unpack("q", counter[:8])
        counter[:8] = struct.pack("q", count + 1)
        if count == int(ending.number):
            ending.send(parent)
        return before(*arguments)

    _put(owner, **{name: counted})


def _nothing_waits() -> None:
    """Entities take whatever comes at once."""
    before = flows.steps.EntityStep.on_batch

    def on_batch(self: Any, values: Sequence[Any]) -> Any:
        first = values[0][0] if isinstance(values[0], list) else values[0]
        return before(self, [*values, flows.clock.Tick(first.key, ALL_READ)])

    _put(flows.steps.EntityStep, on_batch=on_batch)


def _late_by_arrival() -> None:
    """Late is what is older than anything that this process has read."""
    judge, newest = flows.judge.Judge.__call__, [0]

    def judged(self: Any, stream: Any, chunk: Any) -> Any:
        stream.newest = newest[0] = max(stream.newest, newest[0])
        found = judge(self, stream, chunk)
        newest[0] = max(stream.newest, newest[0])
        return found

    _put(flows.judge.Judge, __call__=judged)


def _order_of_arrival() -> None:
    """Entities take what they hold in order of its coming."""
    step = flows.steps.EntityStep
    _put(step, order_of=staticmethod(lambda _: 0), take=_taking_all(step.take))


def _taking_all(take: Callable[..., Any]) -> Callable[..., Any]:
    def taken(self: Any, values: Any, until: int) -> Any:
        for value in values:
            self.last = (0, "")
            yield from take(self, [value], until)

    return taken


def _a_step_that_fails_hard() -> None:
    before, counter = flows.steps.EntityStep.take, [0]

    def take(self: Any, values: Any, until: int) -> Any:
        counter[0] += len(values)
        if counter[0] > 50:
            os._exit(9)
        return before(self, values, until)

    _put(flows.steps.EntityStep, take=take)


_BREAK: dict[str, Callable[[], None]] = {
    "nothing waits": _nothing_waits,
    "late by arrival": _late_by_arrival,
    "order of arrival": _order_of_arrival,
    "a step that fails hard": _a_step_that_fails_hard,
}
