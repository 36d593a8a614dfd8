"""Times of the simulated world: microseconds since 1970, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MONDAY = 4 * DAY
"""1970-01-05 was a Monday."""


def moment(stamp: str) -> int:
    """A date, or an RFC 3339 time, as microseconds since 1970.

    Examples
    --------
    >>> micro_time(moment("2026-03-02T09:12:30.5Z"))
    '2026-03-02T09:12:30.500000Z'
    """
    time = datetime.fromisoformat(stamp)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // _MICROSECOND


@lru_cache(maxsize=1024)
def _until_second(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{_date(days)}T{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    return (EPOCH + timedelta(days=days)).date().isoformat()


def micro_time(at: int) -> str:
    """RFC 3339 with six digits."""
    seconds, rest = divmod(at, SECOND)
    return f"{_until_second(seconds)}.{rest:06d}Z"


def second_time(at: int) -> str:
    """RFC 3339 without a fraction, as in Kubernetes objects."""
    return f"{_until_second(at // SECOND)}Z"


def nano_time(at: int) -> str:
    """RFC 3339 with nine digits, as the kernel's clock gives them; the last three are invented."""
    seconds, rest = divmod(at, SECOND)
    return f"{_until_second(seconds)}.{rest:06d}{nanoseconds(at) % 1000:03d}Z"


def nanoseconds(at: int) -> int:
    """Nanoseconds since 1970; what a microsecond does not tell is invented, always in the same way."""
    return at * 1000 + at * 2_654_435_761 // 65_536 % 1000


def day_of_month(at: int) -> int:
    """1 to 31."""
    return (EPOCH + timedelta(microseconds=at)).day


def weekday(at: int) -> int:
    """0 on a Monday, 6 on a Sunday."""
    return (at - _MONDAY) // DAY % 7


def time_of_day(at: int) -> int:
    """Microseconds since midnight."""
    return at % DAY


def until(clock: str, now: int) -> int:
    """How long until the next time that clocks show this.

    Examples
    --------
    >>> until("02:30", moment("2026-03-02T01:00:00Z")) // MINUTE, until("02:30", moment("2026-03-02T02:30:00Z")) // HOUR
    (90, 24)
    """
    hours, minutes = clock.split(":")
    return (int(hours) * HOUR + int(minutes) * MINUTE - now % DAY - 1) % DAY + 1


def is_working_time(at: int) -> bool:
    """Whether it is a weekday between seven and eighteen o'clock."""
    return weekday(at) < 5 and 7 * HOUR <= at % DAY < 18 * HOUR
