"""Types of the parameters that users give to detectors."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PART = r"([0-9]{1,12})(ms|s|m|h|d|w)"
_WHOLE = re.compile(f"(?:{_PART})+")
_EXPECTED = "expected a duration such as 30s, 5m, 1h30m or 7d, or a number of seconds"


def duration(value: Any) -> timedelta:
    """Read a duration: `5m`, `24h`, `1h30m`, a number of seconds, or a timedelta.

    Raises
    ------
    ValueError
        It is none of these, or negative.

    Examples
    --------
    >>> duration("1h30m"), duration(90), duration("7d")
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=90), datetime.timedelta(days=7))
    """
    if isinstance(value, str):
        return _written(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float, timedelta)):
        raise ValueError(_EXPECTED)
    if isinstance(value, timedelta):
        read = value
    elif math.isfinite(value) and abs(value) < timedelta.max.total_seconds():
        read = timedelta(seconds=value)
    else:
        raise ValueError(_EXPECTED)
    if read < timedelta(0):
        raise ValueError("expected a duration that is not negative")
    return read


def _written(text: str) -> timedelta:
    if text.isascii() and text.isdecimal() and len(text) <= 12:
        return timedelta(seconds=int(text))
    if not _WHOLE.fullmatch(text):
        raise ValueError(_EXPECTED)
    try:
        return sum((int(number) * _UNITS[unit] for number, unit in re.findall(_PART, text)), timedelta(0))
    except OverflowError:
        raise ValueError("expected a duration of less than 2.7 million years") from None


def written(value: timedelta) -> str:
    """A duration as users write it, in the largest unit that divides it.

    Examples
    --------
    >>> written(timedelta(minutes=5)), written(timedelta(hours=24)), written(timedelta(seconds=90))
    ('5m', '1d', '90s')
    """
    for unit in ("w", "d", "h", "m", "s", "ms"):
        if value and value % _UNITS[unit] == timedelta(0):
            return f"{value // _UNITS[unit]}{unit}"
    return f"{value.total_seconds():g}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(written, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "examples": ["5m", "24h", 300]}),
]
"""A span of time, written as `5m`, `24h`, `7d` or in seconds."""
