"""The demo: half a simulated day of four clusters, with one attack of each alert type that is detected."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from flows.console import PROGRAM
from simulation.attacks.register import STORY, Episode, episodes
from simulation.capture import Capture
from simulation.choices import SOURCES, Form, Scale
from simulation.clock import moment
from simulation.journal import Count
from simulation.labels import Variant
from simulation.profile import SCALES
from simulation.world import Order, World

BEGIN = moment("2026-09-14T07:00:00Z")
"""A Monday morning."""
ROTATE = 10_000_000
SETTINGS = """\
# Half a day has no week in which to learn what an account usually does.
detectors:
  K8S_ServiceAccountRareOperation:
    parameters:
      warm_up: 2h
"""


def order(alert_types: Collection[str]) -> Order:
    """What is simulated where these types have a detector: an AKS, an EKS, a GKE and a self-run cluster."""
    shape = SCALES[Scale.SMALL].model_copy(update={"near_miss_rounds": 0, "ci_jobs_per_hour": 1})
    return Order(shape, 0.5, 4, 14, Form.MIXED, SOURCES, _attacks(alert_types), BEGIN)


def _attacks(alert_types: Collection[str]) -> list[Episode]:
    straight = [episode for episode in episodes() if episode.variant is Variant.STRAIGHT and episode.kind != STORY]
    first = {episode.alert_types[0]: episode for episode in reversed(straight)}
    return [first[alert_type] for alert_type in sorted(alert_types) if alert_type in first]


def settings_of(folder: Path) -> Path:
    """The settings file of a demo."""
    return folder / "settings.yaml"


def write(folder: Path, alert_types: Collection[str]) -> World:
    """Write the demo's capture, and beside it the settings with which it is judged."""
    capture = Capture(folder, rotate=ROTATE, compress=False)
    world = World(order(alert_types), capture.outlet, capture.label, Count())
    capture.introduce(world)
    world.run()
    capture.close()
    capture.describe(world, f"{PROGRAM} demo", version(PROGRAM))
    settings_of(folder).write_text(SETTINGS, encoding="utf8")
    return world
