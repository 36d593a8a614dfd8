"""Why a process of the job failed, in words for the user."""

from __future__ import annotations

import math
import os

from flows.checkpoints.errors import UNWRITTEN, CheckpointError
from flows.kafka.errors import KafkaFailedError, KafkaSettingsError
from flows.pods import PodsError
from flows.work import Options

ENOUGH = 128 << 20
"""Bytes free on the disk of a checkpoint; before it moves what was written into its 32 partitions it writes as much."""
LOST = "the processes of the job have lost each other"
PEER_LOST = "another pod has ended or cannot be reached: this one ends as well, to begin again with the others"


def is_panic(error: BaseException) -> bool:
    """Whether it comes from bytewax's threads, which speak to the other processes."""
    return type(error).__name__ == "PanicException" or "panicked at" in str(error)


def told(error: BaseException) -> str:
    """What failed in this process."""
    unwritten = UNWRITTEN.search(str(error))
    if unwritten is not None:
        return f"the checkpoint cannot be written: {unwritten[1]}"
    if isinstance(error, (PodsError, CheckpointError, KafkaFailedError, KafkaSettingsError)):
        return str(error)
    if isinstance(error, OSError):
        return f"cannot write {error.filename or 'the alerts, dead letters or summary'}: {error.strerror or error}"
    return f"{type(error).__name__}: {error}"


def lost(error: BaseException, options: Options) -> str:
    """What failed, where bytewax says no more than that the processes have lost each other.

    It says no more either where one of several could not write its checkpoint.
    """
    said = told(error) if options.pod is None else PEER_LOST
    free = math.inf if options.checkpoint is None else _free(options.checkpoint)
    if free >= ENOUGH:
        return said
    said = LOST if options.pod is None else said
    return f"{said}; only {free / 2**20:.1f} MiB are free for {options.checkpoint}, whose disk may be full"


def _free(folder: str) -> float:
    try:
        found = os.statvfs(folder)
    except OSError:
        return math.inf
    return found.f_bavail * found.f_frsize
