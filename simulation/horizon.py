"""How far a number of events reaches: attacks must be played within it."""

from __future__ import annotations

from dataclasses import replace

from simulation.clock import HOUR
from simulation.journal import Count, Told
from simulation.world import Order, World

TRIED = 30_000
"""Events after which the rate is known well enough."""
SAFETY = 0.9
"""Attacks are played within this share of what is expected."""


class _Nowhere:
    def write(self, message: str, at: int, told: Told | None) -> None:
        """Nothing."""


def horizon(order: Order, events: int) -> int:
    """When about so many events will have been written; at most the end of the order.

    The same clusters are simulated for a short while, and what they write is counted and dropped.
    """
    nowhere = _Nowhere()
    trial = World(replace(order, attacks=()), lambda _cluster, _source: nowhere, lambda _label: None, Count(TRIED))
    trial.run(until=min(trial.end, order.begin + 24 * HOUR))
    passed = trial.schedule.now - order.begin
    reach = round(passed * events / max(trial.count.events, 1) * SAFETY)
    return min(trial.end, order.begin + max(reach, 1))
