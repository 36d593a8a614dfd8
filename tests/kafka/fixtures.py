"""Fixtures for tests that need Kafka; tests/conftest.py brings them to all tests.

Tests that need a broker are in folders called kafka: these run in one xdist worker, which has it.
"""

import itertools
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]  # no types are shipped

from tests.kafka import jars
from tests.kafka.broker import Broker
from tests.kafka.mock import Mock

_number = itertools.count(1)


def started(nodes: int = 1, folder: Path | None = None, settings: dict[str, str] | None = None) -> Broker:
    """A context manager: the real broker, or the mock broker if there is no Java or Maven cannot get the jars.

    The type is a small lie: what `Mock` does not have skips the test, and fails it in CI.
    """
    try:
        return Broker(nodes, folder, settings)
    except jars.NoKafkaError as error:
        mock = Mock(str(error), nodes)
    if folder is not None or settings:
        mock.requires("a process of its own")
    return cast("Broker", mock)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A broker that all tests share: leave it running, and use topics and groups of your own."""
    with started() as running:
        yield running


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A broker for one test, which may stop it, kill it or let it hang."""
    with started() as running:
        yield running


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A name that no other test has; the topic is not made."""
    plain = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:60].strip("-")
    return f"{plain}-{next(_number)}-{uuid.uuid4().hex[:6]}"


class OneBroker(LoadGroupScheduling):  # type: ignore[misc]  # the same
    """Gives all tests in folders called kafka to one worker, which has the broker; every other test is by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return "kafka" if "/kafka/" in nodeid.partition("::")[0] else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBroker | None:
    """For --dist loadgroup. Its marks would say it better; xdist 3.8 misses them under pytest 9.2 (xdist #1386)."""
    return OneBroker(config, log) if config.getoption("dist") == "loadgroup" else None


def _which() -> str:
    lack = jars.lacking()
    return f"kafka: {Broker.name}" if lack is None else f"kafka: librdkafka's mock broker ({lack})"


def pytest_report_header() -> str:
    """Which broker the tests use."""
    return _which()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The same where pytest is quiet and has no header."""
    if terminalreporter.verbosity < 0:
        terminalreporter.write_line(_which())
