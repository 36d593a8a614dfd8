"""One capture, what it should raise, and the process that runs it, for all tests of replay."""

from collections.abc import Iterator

import pytest

from flows.configuration import configure
from tests.flows.following import quick_folder
from tests.flows.replay.capture import write
from tests.flows.replay.jobs import served
from tests.flows.replay.rearrange import read
from tests.flows.replay.reference import reference
from tests.flows.replay.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The capture with attacks of every type that is detected."""
    with quick_folder() as folder, served() as server:
        capture = write(folder / "capture", {detector.alert_type for detector in configure().detectors})
        yield World(capture, read(capture), reference(capture), server)
