"""Invented values that are the same in every run: each is a hash of a name, so adding one changes no other."""

from __future__ import annotations

import hashlib
import heapq
import uuid as uuids
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SEED = "middlewatch demo 1"
DAY = datetime(2026, 9, 14, tzinfo=UTC)
"""A Monday."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes uses for the ends of generated names."""

Action = Callable[[int], None]


def digest(*parts: object) -> bytes:
    """32 bytes that depend on the parts alone."""
    return hashlib.sha256("/".join([SEED, *map(str, parts)]).encode()).digest()


def number(low: int, high: int, *parts: object) -> int:
    """A number between `low` and `high`, both included."""
    return low + int.from_bytes(digest(*parts)[:8]) % (high - low + 1)


def uuid(*parts: object) -> str:
    """A random-looking UUID (version 4)."""
    return str(uuids.UUID(bytes=digest("uuid", *parts)[:16], version=4))


def hexadecimal(length: int, *parts: object) -> str:
    """At most 64 hex digits."""
    return digest("hex", *parts).hex()[:length]


def ending(length: int, *parts: object) -> str:
    """The end of a generated name, such as `x2x7k`."""
    return "".join(NAME_LETTERS[byte % len(NAME_LETTERS)] for byte in digest("ending", *parts)[:length])


def moment(clock: str) -> int:
    """Microseconds since 1970 of a time of the demo's day.

    Examples
    --------
    >>> micro_time(moment("09:12:30.5"))
    '2026-09-14T09:12:30.500000Z'
    """
    hours, minutes, seconds = clock.split(":")
    return (DAY - EPOCH + timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))) // MICROSECOND


def instant(stamp: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time in UTC."""
    return (datetime.fromisoformat(stamp) - EPOCH) // MICROSECOND


def micro_time(at: int) -> str:
    """RFC 3339 with six digits."""
    return (EPOCH + at * MICROSECOND).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second_time(at: int) -> str:
    """RFC 3339 without a fraction, as in Kubernetes objects."""
    return (EPOCH + at * MICROSECOND).strftime("%Y-%m-%dT%H:%M:%SZ")


def nano_time(at: int) -> str:
    """RFC 3339 with nine digits, as the kernel's clock gives them."""
    return f"{micro_time(at)[:-1]}{nanoseconds(at) % 1000:03d}Z"


def nanoseconds(at: int) -> int:
    """Nanoseconds since 1970; what a microsecond does not tell is invented."""
    return at * 1000 + number(0, 999, "nanoseconds", at)


class Schedule:
    """What happens when: actions run in order of time, and of their entry where times are equal."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Action]] = []
        self._entered = 0

    def at(self, time: int | str, action: Action) -> None:
        """Run an action within a second of the day (`09:12:30`), or at exact microseconds since 1970."""
        self._entered += 1
        exact = moment(time) + number(0, 899_999, "instant", time, self._entered) if isinstance(time, str) else time
        heapq.heappush(self._waiting, (exact, self._entered, action))

    def every(self, first: str, seconds: float, action: Action, until: str = "10:00:00") -> None:
        """Run an action again and again, each time up to a tenth of the period late, as timers are."""
        period = round(seconds * 1_000_000)
        for turn, start in enumerate(range(moment(first), moment(until), period)):
            self.at(start + number(0, period // 10, "late", first, seconds, turn), action)

    def run(self) -> None:
        """Run everything, also what actions enter on their way."""
        while self._waiting:
            time, _, action = heapq.heappop(self._waiting)
            action(time)
