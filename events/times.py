"""Event time, as every format writes it, in integer microseconds since 1970 (UTC)."""

from __future__ import annotations

from datetime import UTC, datetime

from events.remembered import Memory

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = datetime(1970, 1, 1)
_parse = datetime.fromisoformat


def micros(text: str) -> int | None:
    """Microseconds of an ISO 8601 time; without an offset it is UTC, digits after the sixth are cut.

    None if it is no time, or its year is not within 1 to 9999.

    >>> micros("1970-01-01T00:00:01.234567899Z"), micros("1970-01-01T02:00:00+02:00"), micros("0000-01-01T00:00:00Z")
    (1234567, 0, None)
    """
    try:
        since = _parse(text) - EPOCH
    except TypeError:
        since = _parse(text) - NAIVE_EPOCH
    except ValueError:
        return None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


often_micros = Memory(micros).__getitem__
"""The same, for times that come again and again: when a process or a container started."""


def micros_of_nanos(nanos: int | None) -> int | None:
    """Microseconds of a count of nanoseconds; None for what a sensor writes where it knows none (0, -1)."""
    return nanos // 1_000 if nanos is not None and nanos > 0 else None
