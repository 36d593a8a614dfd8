"""Small worlds for tests: what was written, and the labels, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from events import Item
from events.decoder import Decoder
from simulation.attacks.register import Episode, episodes
from simulation.choices import SOURCES, Form, Scale
from simulation.clock import DAY, moment
from simulation.journal import Count, Told
from simulation.labels import Label
from simulation.profile import SCALES, SensorKind
from simulation.world import Order, World

BEGIN = moment("2026-03-02")


@dataclass
class Lines:
    """An outlet that keeps what is written."""

    name: str
    kept: list[str] = field(default_factory=list)

    def write(self, message: str, at: int, told: Told | None) -> None:
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
    profile = SCALES[Scale.SMALL].model_copy(update={"sensor": sensor, "near_miss_rounds": 0, **changes})
    outlets: dict[str, Lines] = {}
    labels: list[Label] = []

    def outlet(cluster: str, source: str) -> Lines:
        return outlets.setdefault(f"{cluster}/{source}", Lines(f"{cluster}/{source}"))

    order = Order(profile, days, clusters, seed, form, sources, tuple(attacks), BEGIN)
    world = World(order, outlet, labels.append, Count(limit))
    world.run()
    return Played(world, outlets, labels)


def playable(*words: str) -> list[Episode]:
    """Episodes whose name, class, variant or alert types are among these words."""
    return [
        episode
        for episode in episodes()
        if {episode.name, episode.kind, str(episode.variant), *episode.alert_types} & set(words)
    ]


__all__ = ["BEGIN", "DAY", "Played", "play", "playable"]
