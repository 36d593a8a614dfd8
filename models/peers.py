"""What others of the same group show: novelty that all share, such as a roll-out's, is little news."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec
from river import base

Shown: TypeAlias = Iterable[tuple[str, str]]
"""Fields with their values."""


class PeerPrior(base.Base):
    """How many members of a group already showed a value that one of them shows for the first time.

    It need only be told of first times, which are few. A member that was forgotten and shows its values anew is
    counted again; no more than all are ever taken to show a value.

    Parameters
    ----------
    members_cap
        Members that are known by name.
    cap
        Values of each field that are kept. At either cap the new is counted in `dropped` and not kept.

    Examples
    --------
    >>> peers = PeerPrior()
    >>> for name in ("a", "b", "c"):
    ...     peers.learn_one(name, [("place", "own")])
    >>> round(peers.score_one([("place", "own")]), 2), round(peers.score_one([("place", "other")]), 2)
    (0.13, 2.08)
    """

    def __init__(self, members_cap: int = 16_384, cap: int = 16_384) -> None:
        self.members_cap = members_cap
        self.cap = cap
        self.members: dict[str, None] = {}
        self.shown: dict[str, dict[str, int]] = {}
        self.dropped = 0

    def score_one(self, shown: Shown) -> float:
        """Nats for values that a member shows for the first time; of none, 0."""
        everybody = len(self.members)
        return sum(
            [-math.log((min(self.count(field, value), everybody) + 0.5) / (everybody + 1)) for field, value in shown]
        )

    def learn_one(self, member: str, shown: Shown) -> None:
        """Learn what a member shows for the first time."""
        if member not in self.members:
            if len(self.members) >= self.members_cap:
                self.dropped += 1
                return
            self.members[member] = None
        for field, value in shown:
            counts = self.shown.setdefault(field, {})
            if value in counts:
                counts[value] += 1
            elif len(counts) < self.cap:
                counts[value] = 1
            else:
                self.dropped += 1

    def count(self, field: str, value: str) -> int:
        """Members that showed the value."""
        return self.shown.get(field, {}).get(value, 0)

    def to_plain(self) -> tuple[Any, ...]:
        """What was learned, as plain values that nobody alters."""
        return tuple(self.members), {field: counts.copy() for field, counts in self.shown.items()}, self.dropped

    def learned(self, plain: Any) -> None:
        """Take over what `to_plain` gave.

        Raises
        ------
        msgspec.ValidationError
            It has another form.
        """
        members, self.shown, self.dropped = msgspec.convert(
            plain, tuple[tuple[str, ...], dict[str, dict[str, int]], int]
        )
        self.members = dict.fromkeys(members)
