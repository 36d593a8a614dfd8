"""The register of who acts in ordinary life."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from simulation.chance import Chance
from simulation.cluster import Cluster
from simulation.platforms import Platform
from simulation.schedule import Life

Play: TypeAlias = Callable[[Cluster, Chance], Life]


@dataclass(frozen=True)
class Actor:
    """Someone or something that acts in a cluster of its own accord."""

    play: Play
    on: frozenset[Platform]

    @property
    def name(self) -> str:
        """What its chances are drawn by: file and function."""
        return f"{self.play.__module__.rpartition('.')[2]}.{self.play.__name__}"


_ACTORS: list[Actor] = []


def actor(*on: Platform) -> Callable[[Play], Play]:
    """Let a generator function be an actor of every cluster (of these platforms, if any are named).

    It is called once for each cluster, with the cluster and a source of chance of its own, when the log begins; it
    acts by the cluster's methods, and yields for how long it then waits, in microseconds. Who has several of a kind
    lets each live by `cluster.start`.
    """

    def enter(play: Play) -> Play:
        _ACTORS.append(Actor(play, frozenset(on or Platform)))
        return play

    return enter


def ordinary() -> Sequence[Actor]:
    """All actors of `simulation.life`, in order of their files and of their place in them."""
    from simulation import life

    for module in sorted(info.name for info in pkgutil.iter_modules(life.__path__)):
        importlib.import_module(f"{life.__name__}.{module}")
    return tuple(sorted(_ACTORS, key=lambda entered: entered.play.__module__))
