"""Durations as users write them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from detectors.parameters import Duration, duration, written


class Settings(BaseModel, frozen=True):
    """A model that holds one."""

    within: Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("30s", 30), ("5m", 300), ("24h", 86400), ("7d", 604800), ("1h30m", 5400), ("2w", 1209600), ("250ms", 0.25)),
        *(("90", 90), (90, 90), (0.5, 0.5), (" 5m ", 300), ("0", 0), (timedelta(hours=1), 3600)),
    ],
)
def test_durations_are_read(text: Any, seconds: float) -> None:
    assert Settings(within=text).within == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "5 m", "m", "-5m", "5y", "\N{ARABIC-INDIC DIGIT FIVE}m", "9" * 30, "999999999999w", -1, True, None, []),
        *(float("nan"), float("inf"), 1e300, timedelta(-1)),
    ],
)
def test_what_is_no_duration_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="duration"):
        Settings(within=wrong)


@given(st.integers(0, 10**12))
def test_written_and_read_again_is_the_same(milliseconds: int) -> None:
    span = timedelta(milliseconds=milliseconds)
    assert duration(written(span)) == span


def test_json_shows_it_as_written() -> None:
    assert Settings(within=timedelta(minutes=5)).model_dump_json() == '{"within":"5m"}'
    assert "5m" in str(TypeAdapter(Settings).json_schema())
