"""How the process of a pod joins the others of its job."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from msgspec.structs import replace

from flows.checkpoints.manifest import Manifest
from flows.checkpoints.opening import states_of
from flows.checkpoints.runs import begin_run
from flows.checkpoints.soundness import read_parts
from flows.configuration import Configuration
from flows.pods import Pods
from flows.roll_call import Kept, Present, roll_call

JOINS_WITHIN = 60.0
"""Seconds from the roll call, in which all have answered, until bytewax has connected all processes."""
X = TypeVar("X")
S = TypeVar("S")


class Joining:
    """From a process alone to one of a job.

    Parameters
    ----------
    pods
        All of them.
    configuration
        What this one runs.
    folder
        Its share of a checkpoint; None if none is kept.
    manifest
        What the share is to say of itself in this run.
    tell
        Called several times a second with what is waited for.
    fail
        Ends the process, and says why.
    """

    def __init__(
        self,
        pods: Pods,
        configuration: Configuration,
        folder: Path | None,
        manifest: Manifest | None,
        tell: Callable[[str], None],
        fail: Callable[[str], object],
    ) -> None:
        self.pods = pods
        self.configuration = configuration
        self.folder = folder
        self.manifest = manifest
        self.tell = tell
        self.fail = fail
        self._joined = threading.Event()

    def join(self, source: FixedPartitionedSource[X, S]) -> FixedPartitionedSource[X, S]:
        """Wait for the other pods, and begin the run of the share; gives the source to run with.

        Raises
        ------
        PodsError
            The pods do not come together.
        CheckpointError
            The share cannot be read or written.
        """
        pods = self.pods
        mine = Present(pods.ordinal, len(pods.addresses), runs(self.configuration), self._kept())
        answer = roll_call(pods.addresses, mine, pods.wait.total_seconds(), self.tell)
        if self.folder is not None and self.manifest is not None:
            begin_run(self.folder, replace(self.manifest, checkpoint=answer.checkpoint), answer.resume, answer.run)
        threading.Thread(target=self._watch, daemon=True).start()
        speak = silenced_stdout()

        def joined() -> None:
            speak()
            self._joined.set()

        return Announced(source, joined)

    def _kept(self) -> Kept | None:
        if self.folder is None or self.manifest is None:
            return None
        return Kept(self.manifest, tuple(read_parts(self.folder, self.manifest)[0]))

    def _watch(self) -> None:
        """A pod that ended between the roll call and bytewax's own connections would be waited for for ever."""
        if not self._joined.wait(JOINS_WITHIN):
            self.fail(f"the pods were all there, and did not connect to each other within {JOINS_WITHIN:g} s")


def silenced_stdout() -> Callable[[], None]:
    """Drop what bytewax prints while it connects, which would stand among the alerts; gives what ends that."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)

    def speak() -> None:
        os.dup2(kept, 1)
        os.close(kept)

    return speak


def runs(configuration: Configuration) -> str:
    """What has to be the same in all processes of a job, as a digest."""
    states = {name: (one.version, one.depends_on) for name, one in states_of(configuration).items()}
    settings = configuration.settings
    said = (
        version("middlewatch"),
        [(one.__name__, one.alert_type) for one in configuration.detectors],
        states,
        settings.lateness.model_dump(mode="json"),
        settings.checkpoint.model_dump(mode="json"),
        None if settings.kafka is None else settings.kafka.model_dump(mode="json", exclude={"client"}),
    )
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


class Announced(FixedPartitionedSource[X, S], Generic[X, S]):
    """A source that says when bytewax has connected all processes: then it asks for the partitions.

    Parameters
    ----------
    source
        Another one.
    joined
        Called then.
    """

    def __init__(self, source: FixedPartitionedSource[X, S], joined: Callable[[], Any]) -> None:
        self.source = source
        self.joined = joined

    def list_parts(self) -> list[str]:
        """As the other source."""
        self.joined()
        return self.source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: S | None) -> StatefulSourcePartition[X, S]:
        """As the other source."""
        return self.source.build_part(step_id, for_part, resume_state)
