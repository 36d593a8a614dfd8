"""One capture, what it should raise, and the process that runs it, for all tests of replay."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from flows.configuration import configure
from tests.flows.following import quick_folder
from tests.flows.replay.alerts import Alerts
from tests.flows.replay.capture import write
from tests.flows.replay.jobs import Server, served
from tests.flows.replay.rearrange import File, read
from tests.flows.replay.reference import reference


class World(Struct):
    """What is replayed."""

    capture: Path
    content: dict[str, dict[str, File]]
    expected: Alerts
    server: Server

    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """A new one beside the capture."""
        return tempfile.TemporaryDirectory(dir=self.capture.parent)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The capture with attacks of every type that is detected."""
    with quick_folder() as folder, served() as server:
        capture = write(folder / "capture", {detector.alert_type for detector in configure().detectors})
        yield World(capture, read(capture), reference(capture), server)
