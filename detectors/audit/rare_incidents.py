"""What belongs to one incident of an account, and which repeats of it are no news."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from models.habit import DAY, HOUR
from models.peers import PeerPrior
from models.rare_operation import Surprise

V = TypeVar("V")
INCIDENT = 6 * HOUR
"""All that an account does so long after its first rare operation is one incident."""
REPEATS = 7 * DAY
"""So long after an incident its operations are quiet."""
REOPENED_BY = 3.0
"""Nats above the highest score of the operation with which a repeat is an incident of its own."""
REMEMBERED = 4096
"""Incidents, and operations that are quiet after one, that a cluster remembers."""
SHOWN = 3
"""Surprises that an alert names."""


class Incidents(Struct, array_like=True):
    """The incidents of one cluster."""

    open: dict[str, tuple[int, str]] = {}
    """By account: when its last incident began, and the first event of it."""
    quiet: dict[str, tuple[int, float]] = {}
    """By account and operation: until when repeats are quiet, and the highest score so far."""
    dropped: int = 0
    """Entries that found no room: their repeats are alerts again."""

    def occurrence(self, who: str, op: str, score: float, new: bool, time: int, event_id: str) -> str:
        """The first event of the incident that this rare operation belongs to; empty if it is a repeat.

        Parameters
        ----------
        who, op
            Account and operation.
        score
            In nats, above the threshold.
        new
            Whether the account shows a value for the first time; then it is no repeat.
        time, event_id
            Of the event.
        """
        known = f"{who} {op}"
        until, highest = self.quiet.get(known, (0, 0.0))
        began, first = self.open.get(who, (0, ""))
        if not first or time - began > INCIDENT:
            if time < until and not new and score < highest + REOPENED_BY:
                return ""
            began, first, highest = time, event_id, 0.0
            self._forget(time)
            self._keep(self.open, who, (began, first))
        self._keep(self.quiet, known, (began + INCIDENT + REPEATS, max(highest, score)))
        return first

    def _forget(self, time: int) -> None:
        """Drop what is over, once there is no more room."""
        if len(self.open) < REMEMBERED and len(self.quiet) < REMEMBERED:
            return
        self.open = {who: one for who, one in self.open.items() if time - one[0] <= INCIDENT}
        self.quiet = {known: one for known, one in self.quiet.items() if time < one[0]}

    def _keep(self, where: dict[str, V], key: str, value: V) -> None:
        if key in where or len(where) < REMEMBERED:
            where[key] = value
        else:
            self.dropped += 1


def reasons(peers: PeerPrior, who: str, surprises: list[Surprise], new: tuple[str, ...]) -> list[str]:
    """The largest surprises in words, with how many peers show the same; asked before they are learned."""
    weighed = [(one.nats + peers.score_one([(one.field, one.value)] * (one.field in new)), one) for one in surprises]
    weighed.sort(key=lambda pair: -pair[0])
    return [_reason(peers, who, one, one.field in new) for _, one in weighed[:SHOWN]]


def _reason(peers: PeerPrior, who: str, one: Surprise, new: bool) -> str:
    others = len(peers.members) - (who in peers.members)
    users = min(peers.count(one.field, one.value) - (not new), others)
    over = f"over {one.age // DAY} days"
    seen = f"seen in {one.buckets:.3g} active hours" if one.buckets else f"never seen in {one.values} known values"
    return f"{one.field} {one.value}: {seen} {over}; {max(users, 0)} of {others} peers use it"
