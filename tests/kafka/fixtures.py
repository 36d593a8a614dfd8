"""Fixtures for tests that need Kafka; tests/conftest.py brings them to all tests.

A test that uses `broker` or `own_broker` runs in the xdist worker that has that broker.
"""

import itertools
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.kafka import jars
from tests.kafka.broker import Broker
from tests.kafka.mock import Mock

GROUPS = {"broker": "kafka", "own_broker": "own kafka"}
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one broker belong to one worker; `make test` runs with --dist loadgroup."""
    for item in items:
        used = [name for name in GROUPS if name in getattr(item, "fixturenames", ())]
        if used:
            item.add_marker(pytest.mark.xdist_group(GROUPS[used[-1]]))


def _which() -> str:
    lack = jars.lacking()
    return f"kafka: {Broker.name if lack is None else f'librdkafka mock broker ({lack})'}"


def pytest_report_header() -> str:
    """Which broker the tests use."""
    return _which()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The same where pytest is quiet and has no header."""
    if terminalreporter.verbosity < 0:
        terminalreporter.write_line(_which())
