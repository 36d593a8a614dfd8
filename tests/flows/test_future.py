"""Events that are dated far ahead: they are malformed, and move no clock; a pause in a log is none of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flows.running import Run, detect
from tests.flows.test_cli import BINDING

BEGIN = datetime(2026, 9, 14, 9, tzinfo=UTC)
HOUR = 3600


def line(second: float, number: int) -> bytes:
    """A harmless request."""
    stamp = (BEGIN + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
    ref = {"resource": "pods", "namespace": "shop", "name": f"p{number}"}
    event: dict[str, Any] = {**BINDING, "auditID": f"a{number}", "verb": "get", "objectRef": ref, "requestObject": None}
    return json.dumps({**event, "stageTimestamp": stamp}).encode() + b"\n"


def arm(second: float, number: int) -> bytes:
    stamp = (BEGIN + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
    operation = "MICROSOFT.COMPUTE/DISKS/WRITE"
    record = {"time": stamp, "resourceId": f"/SUBSCRIPTIONS/1/X/{number}", "operationName": operation}
    return json.dumps({**record, "category": "Administrative", "resultType": "Success"}).encode() + b"\n"


def judged(folder: Path, *lines: bytes, block: int = 1 << 18) -> Run:
    (folder / "log").write_bytes(b"".join(lines))
    return detect(folder / "log", block=block)


def future(run: Run) -> int:
    return run.tally.malformed["future"]


@pytest.mark.parametrize(
    ("seconds", "ahead"),
    [
        ([0, 1, 2, 24 * HOUR, 3, 4, 5, 6, 7], 1),
        ([24 * HOUR, 0, 1, 2, 3, 4, 5], 1),
        ([0, 24 * HOUR, 1, 24 * HOUR, 2, 3, 4, 5, 6, 7], 2),
        ([0, 1, 24 * HOUR, 24 * HOUR + 1, 24 * HOUR + 2], 0),
        ([0, HOUR, 2 * HOUR, 3 * HOUR], 0),
        ([0, 1, 290, 2, 3, 4, 5, 6], 0),
        ([0, 1, 2, 24 * HOUR], 0),
    ],
    ids=["within", "first", "twice", "a pause", "few", "five minutes", "last"],
)
def test_one_that_lies_ahead_of_those_that_follow(tmp_path: Path, seconds: list[float], ahead: int) -> None:
    run = judged(tmp_path, *(line(second, number) for number, second in enumerate(seconds)))
    assert future(run) == ahead


def test_what_follows_is_not_made_late(tmp_path: Path) -> None:
    run = judged(tmp_path, line(0, 0), line(30 * 24 * HOUR, 1), *(line(second, second + 2) for second in range(1, 60)))
    assert (future(run), run.tally.late.total()) == (1, 0)
    assert run.letters[0].malformed.reason == "future"


def test_a_source_that_is_late_proves_nothing_about_the_others(tmp_path: Path) -> None:
    run = judged(tmp_path, line(0, 0), line(1200, 1), *(arm(100 + number, number) for number in range(8)))
    assert future(run) == 0


@given(seconds=st.lists(st.integers(0, 4_000), min_size=1, max_size=25), block=st.integers(50, 3000))
@settings(max_examples=25, deadline=None)
def test_it_does_not_depend_on_the_size_of_blocks(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[int], block: int
) -> None:
    folder = tmp_path_factory.mktemp("future")
    lines = [line(second, number) for number, second in enumerate(seconds)]
    whole, cut = judged(folder, *lines), judged(folder, *lines, block=block)
    assert cut.tally.counted() == whole.tally.counted()
