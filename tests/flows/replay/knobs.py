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
import flows.judge
import flows.lanes
import flows.run
import flows.sinks
import flows.steps
import flows.work
from flows.clock import ALL_READ

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
    target: Literal["parent", "group", "worker"] = "parent"
    at: Literal["read", "snapshot", "write", "time"] = "time"
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
    flows.work.block_for = lambda _: knobs.block
    flows.work.EPOCH = timedelta(seconds=knobs.epoch)
    flows.run.LANES = knobs.lanes
    flows.clock.HELD_AT_MOST = knobs.held
    flows.clock.AHEAD = knobs.ahead
    flows.work.Keeping = functools.partial(flows.steps.Keeping, sweep=knobs.sweep)  # type: ignore[misc,assignment]  # the same call
    if knobs.broken:
        _BREAK[knobs.broken]()
    if ending is not None and ending.at != "time":
        _end_at(ending)


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

    setattr(owner, name, counted)


def _nothing_waits() -> None:
    flows.clock.Clock.passed = lambda *_: ALL_READ  # type: ignore[method-assign]
    take = flows.steps.InOrder.on_batch

    def on_batch(self: Any, values: Sequence[Any]) -> Any:
        key = values[0][0].key if isinstance(values[0], list) else getattr(values[0], "key", "")
        return take(self, [*values, flows.clock.Tick(key or getattr(values[0], "alert_id", ""), ALL_READ - 1)])

    flows.steps.InOrder.on_batch = on_batch  # type: ignore[method-assign]


def _late_by_arrival() -> None:
    """Late is what is older than anything that this process has read."""
    judge, newest = flows.judge.Judge.__call__, [0]

    def judged(self: Any, stream: Any, chunk: Any) -> Any:
        stream.newest = newest[0] = max(stream.newest, newest[0])
        found = judge(self, stream, chunk)
        newest[0] = max(stream.newest, newest[0])
        return found

    flows.judge.Judge.__call__ = judged  # type: ignore[method-assign]


def _order_of_arrival() -> None:
    """Entities take what they hold in order of its coming."""
    flows.steps.EntityStep.order_of = staticmethod(lambda _: 0)
    flows.steps.EntityStep.take = _taking_all(flows.steps.EntityStep.take)  # type: ignore[method-assign]


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

    flows.steps.EntityStep.take = take  # type: ignore[method-assign]


_BREAK: dict[str, Callable[[], None]] = {
    "nothing waits": _nothing_waits,
    "late by arrival": _late_by_arrival,
    "order of arrival": _order_of_arrival,
    "a step that fails hard": _a_step_that_fails_hard,
}
