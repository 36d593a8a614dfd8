"""One run at a time has a checkpoint."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from flows.checkpoints.errors import CheckpointError

ENDS_WITHIN = 2.0
"""Seconds in which the processes of a run that was killed are gone."""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other runs out of a checkpoint; the folder is made if it is not there.

    The folder itself is locked, so nothing is left of the lock when all are gone who have it: this process, and those
    that it forks meanwhile.

    Raises
    ------
    CheckpointError
        A run has it, or it is no folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CheckpointError(f"{folder}: {error.strerror or error}") from None
    try:
        _lock(folder, descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path, descriptor: int) -> None:
    until = time.monotonic() + ENDS_WITHIN
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise CheckpointError(f"{folder}: a run has it open") from None
            time.sleep(0.05)
        except OSError as error:
            raise CheckpointError(f"{folder}: cannot be locked: {error.strerror or error}") from None
        else:
            return
