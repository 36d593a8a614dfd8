"""Small worlds for tests: what was written, and the labels, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events import Item
from events.decoder import Decoder
from simulation.attacks.register import Episode, episodes
from simulation.attacks.scene import Scene
from simulation.choices import SOURCES, Form, Scale
from simulation.clock import MINUTE, moment
from simulation.journal import Count, Told
from simulation.labels import Label
from simulation.profile import SCALES, Profile, SensorKind
from simulation.world import Order, World

BEGIN = moment("2026-03-02")


@dataclass
class Lines:
    """An outlet that keeps what is written; `labelled`: only of that what has a label."""

    name: str
    labelled: bool = False
    kept: list[str] = field(default_factory=list)

    def write(self, message: str, at: int, told: Told | None) -> None:
        if told is not None or not self.labelled:
            self.kept.append(message)
        if told is not None:
            told({"path": self.name, "line": len(self.kept)})


@dataclass
class Played:
    """What came of a world."""

    world: World
    lines: dict[str, Lines]
    labels: list[Label]

    def items(self, source: str) -> list[Item]:
        """Everything of one source, decoded."""
        return [
            item
            for name, lines in self.lines.items()
            if name.endswith(f"/{source}")
            for line in lines.kept
            for item in Decoder(name.partition("/")[0]).decode(line.encode())
        ]

    def labelled(self, label: Label) -> Item:
        """The event that a label is about."""
        origin: dict[str, Any] = label.origin
        line = self.lines[origin["path"]].kept[origin["line"] - 1]
        items = Decoder(label.cluster).decode(line.encode())
        return items[int(origin.get("item", 0))]

    def by_episode(self) -> dict[str, list[tuple[Label, Item]]]:
        """The labels of each episode, each with the event that it is about."""
        found: dict[str, list[tuple[Label, Item]]] = {}
        for label in self.labels:
            found.setdefault(label.name, []).append((label, self.labelled(label)))
        return found


def play(
    attacks: Sequence[Episode] = (),
    *,
    form: Form = Form.NATIVE,
    sources: Sequence[str] = SOURCES,
    sensor: SensorKind = SensorKind.TETRAGON,
    days: float = 1,
    seed: int = 7,
    clusters: int = 1,
    limit: int | None = None,
    **changes: Any,
) -> Played:
    """Let a world of small clusters live; `changes` are of the profile."""
    profile = _small(sensor, changes)
    played = _world(Order(profile, days, clusters, seed, form, sources, tuple(attacks), BEGIN), Count(limit))
    played.world.run()
    return played


class Stage:
    """A small cluster in which nobody lives (but with `alive`), for episodes that are played one after the other.

    Parameters
    ----------
    form, sources, sensor, seed, changes
        As of `play`.
    days
        Until when it is there.
    alive
        Whether ordinary life goes on; then only what is labelled is kept.
    """

    def __init__(
        self,
        *,
        form: Form = Form.NATIVE,
        sources: Sequence[str] = ("audit", "runtime"),
        sensor: SensorKind = SensorKind.TETRAGON,
        days: float = 3,
        seed: int = 7,
        alive: bool = False,
        **changes: Any,
    ) -> None:
        actors = None if alive else ()
        order = Order(_small(sensor, changes), days, 1, seed, form, sources, (), BEGIN, actors=actors)
        self.played = _world(order, Count(), labelled=alive)
        self.cluster = self.played.world.clusters[0]

    def play(self, attacks: Sequence[Episode], *, first: int = MINUTE, apart: int = MINUTE) -> Played:
        """Play episodes, so many microseconds apart."""
        for place, episode in enumerate(attacks):
            self.cluster.start(episode.play(Scene(self.cluster, episode, 1)), first + place * apart)
        self.played.world.run()
        return self.played


def _small(sensor: SensorKind, changes: Mapping[str, Any]) -> Profile:
    return SCALES[Scale.SMALL].model_copy(update={"sensor": sensor, "near_miss_rounds": 0, **changes})


def _world(order: Order, count: Count, *, labelled: bool = False) -> Played:
    lines: dict[str, Lines] = {}
    labels: list[Label] = []

    def outlet(cluster: str, source: str) -> Lines:
        name = f"{cluster}/{source}"
        return lines.setdefault(name, Lines(name, labelled))

    return Played(World(order, outlet, labels.append, count), lines, labels)


def playable(*words: str) -> list[Episode]:
    """Episodes whose name, class, variant or alert types are among these words."""
    return [
        episode
        for episode in episodes()
        if {episode.name, episode.kind, str(episode.variant), *episode.alert_types} & set(words)
    ]
