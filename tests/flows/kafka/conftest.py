"""What all tests of reliability need: a broker that fails, what is fed, and a row for the figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from flows.configuration import configure
from tests.flows.following import quick_folder
from tests.flows.kafka.delivered import Row
from tests.flows.kafka.faults import MovedClock, Played, of_files
from tests.flows.kafka.feeding import recorded
from tests.flows.replay.capture import CHAINED, write
from tests.kafka.broker import Broker
from tests.kafka.cluster import await_
from tests.kafka.fixtures import started
from tests.kafka.mock import in_ci


@pytest.fixture(scope="module")
def failing() -> Iterator[Broker]:
    """A broker for this module, which it ends and starts as it likes."""
    with started() as running:
        await_unfenced(running)
        yield running


@pytest.fixture(scope="session")
def played() -> Iterator[Played]:
    """What is fed: attacks of every type that is detected."""
    with quick_folder() as folder:
        capture = write(folder / "capture", {detector.alert_type for detector in configure().detectors})
        expected = of_files(capture, folder / "files")
        assert {alert["alert_type"] for alert in expected.values()} > CHAINED
        yield Played(capture, recorded(capture), expected)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is quick to write."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """What this test finds, printed at its end."""
    found = Row(request.node.name.removeprefix("test_").replace("_", " "))
    yield found
    print(f"\n{found}")  # noqa: T201  for the record


@pytest.fixture
def clock(place: Path) -> MovedClock:
    """The wall clock of jobs."""
    if shutil.which("cc") is None:
        (pytest.fail if in_ci() else pytest.skip)("needs a C compiler for moved_clock.c")
    return MovedClock(place)


def await_unfenced(broker: Broker) -> None:
    """Wait until a broker that was just started takes topics."""

    def takes() -> bool:
        try:
            broker.create("first")
        except KafkaException:
            return False
        return True

    await_(takes, "it takes topics")
