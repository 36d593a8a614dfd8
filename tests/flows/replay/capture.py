"""The capture that is replayed: four small clusters in all envelopes, from both sensors, full of attacks."""

from collections.abc import Collection
from pathlib import Path

from simulation.attacks.register import STORY, Episode, episodes
from simulation.capture import Capture
from simulation.choices import SOURCES, Form, Scale
from simulation.clock import moment
from simulation.journal import Count
from simulation.labels import Variant
from simulation.profile import SCALES, Profile
from simulation.world import Order, World

BEGIN = moment("2026-09-14T07:00:00Z")
ROTATE = 100_000_000
HOURS = 1.5
ATTACKS = 5
"""Of each type."""
CHAINS = Path(__file__).with_name("chains.py")
SETTINGS = f"""\
own_detectors: [{CHAINS}]
detectors:
  K8S_ServiceAccountRareOperation: {{parameters: {{warm_up: 30m, threshold: 6}}}}
  K8S_KubeSystemContainer: {{parameters: {{learning: 30m}}}}
"""
CHAINED = {"TEST_ContainerChain", "TEST_AccountChain", "TEST_IdentityChain", "TEST_ClusterChain"}


def write(folder: Path, alert_types: Collection[str], hours: float = HOURS, pace: float = 0.01) -> Path:
    """Write one with attacks of these types, and the settings with which it is judged beside it."""
    capture = Capture(folder, rotate=ROTATE, compress=False)
    order = Order(_profile(pace), hours / 24, 4, 3, Form.MIXED, SOURCES, _attacks(alert_types), BEGIN)
    world = World(order, capture.outlet, capture.label, Count())
    capture.introduce(world)
    world.run()
    capture.close()
    (folder / "settings.yaml").write_text(SETTINGS)
    return folder


def records(folder: Path) -> list[Path]:
    """The files of a capture that hold records."""
    return sorted(path for path in folder.glob("*/*") if path.name.endswith((".jsonl", ".gz")))


def _profile(pace: float) -> Profile:
    smaller = {"nodes": 2, "teams": 2, "workloads": 1, "replicas": 1, "people": 2, "near_miss_rounds": 0}
    return SCALES[Scale.SMALL].model_copy(update={**smaller, "ci_jobs_per_hour": 1, "pace": pace})


def _attacks(alert_types: Collection[str]) -> list[Episode]:
    """The first few of each type."""
    chosen: dict[str, list[Episode]] = {alert_type: [] for alert_type in sorted(alert_types)}
    for episode in episodes():
        if episode.variant is not Variant.NEAR_MISS and episode.kind != STORY and not episode.days:
            for alert_type in chosen.keys() & set(episode.alert_types):
                chosen[alert_type].append(episode)
    return list(dict.fromkeys(episode for some in chosen.values() for episode in some[:ATTACKS]))
