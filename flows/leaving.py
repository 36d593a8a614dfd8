"""Leaving when asked to: cleanly, within a limit, in every process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from flows.console import EXIT_INTERRUPTED, EXIT_TERMINATED

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
CODES = {signal.SIGTERM: EXIT_TERMINATED, signal.SIGINT: EXIT_INTERRUPTED}
BLOCKED = timedelta(milliseconds=1)
"""Before a lane that may not read asks again."""
WAKE_EVERY = 0.2
"""Seconds between two looks whether signals are still waited for."""
ONE_PRESS = 1.0
"""Seconds in which signals count as one: Ctrl-C reaches a worker from the terminal, and from its parent."""


class Leaving:
    """Whether this process was asked to leave, and how it does.

    Without a checkpoint the input counts as read to its end: what was found by then is delivered. With one,
    reading stops, and the process leaves when all that was read is in the checkpoint and its alerts are delivered.

    Parameters
    ----------
    to_checkpoint
        Ends the process; None if no checkpoint is kept.
    """

    def __init__(self, to_checkpoint: Callable[[], None] | None = None) -> None:
        self.to_checkpoint = to_checkpoint
        self.code: int | None = None
        self._stood: dict[str, int] = {}

    @property
    def asked(self) -> bool:
        """Whether to leave."""
        return self.code is not None

    def stand_still(self, lane: str, epoch: int) -> datetime:
        """A lane reads no more. In its next epoch all of this one is finished in all processes: time to go.

        Returns when the lane is to be asked again.
        """
        if epoch > self._stood.setdefault(lane, epoch):
            assert self.to_checkpoint is not None
            self.to_checkpoint()
        return datetime.now(UTC) + BLOCKED


@contextlib.contextmanager
def on_signals(leaving: Leaving, within: timedelta) -> Iterator[None]:
    """SIGTERM and SIGINT ask to leave; a second one, or the limit, ends the process as it is.

    They are blocked and waited for by a thread: a handler would never run while bytewax waits for other processes.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    done = threading.Event()

    def wait() -> None:
        asked = 0.0
        while not done.is_set():
            caught = signal.sigtimedwait(SIGNALS, WAKE_EVERY)
            # CPython gives what was never sent, with any number, if the process was stopped meanwhile (SIGSTOP)
            code = None if caught is None else CODES.get(caught.si_signo)  # type: ignore[call-overload]  # numbers are signals
            now = time.monotonic()
            if code is not None and leaving.code is None:
                leaving.code, asked = code, now
            elif leaving.code is not None and (
                now - asked > within.total_seconds() or (code is not None and now - asked > ONE_PRESS)
            ):
                os._exit(leaving.code)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def stoppable(stop: Callable[[], None] = lambda: None) -> Iterator[list[int]]:
    """Let SIGINT and SIGTERM stop what goes step by step, the second of them at once.

    Parameters
    ----------
    stop
        Called when one has come.

    Returns
    -------
    A list that then holds the exit code.
    """
    codes: list[int] = []

    def caught(number: int, _: object) -> None:
        codes.append(CODES[signal.Signals(number)])
        stop()
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.signal(each, caught) for each in CODES}
    try:
        yield codes
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
