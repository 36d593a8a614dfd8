"""The wall clock of the machine, and what a job does when it is set back."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

SET_BACK = 10.0
"""Seconds: a job that is begun again reads after less."""
LOOK_EVERY = 0.5
"""Seconds between two looks."""


@contextlib.contextmanager
def watched_clock(fail: Callable[[str], object]) -> Iterator[None]:
    """Call `fail`, with a sentence for the user, when the wall clock is set back.

    bytewax ends no epoch and asks no input before the clock is where it was: set back by a day, a job hangs for a day.
    """
    done = threading.Event()

    def watch() -> None:
        ahead = time.time() - time.monotonic()
        while not done.wait(LOOK_EVERY):
            before, ahead = ahead, time.time() - time.monotonic()
            if before - ahead > SET_BACK:
                fail(f"the clock of this machine was set back by {before - ahead:.0f} s: the job has to begin again")

    thread = threading.Thread(target=watch, daemon=True, name="wall-clock")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
