"""Episodes that the audit log shows, of rights, pods and service accounts: each is played and labelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pytest

from alerts import find
from events import AuditEvent
from events.decoder import Decoder
from simulation.attacks.register import Episode, episodes
from simulation.attacks.scene import Scene
from simulation.choices import Scale
from simulation.clock import HOUR, MINUTE, moment
from simulation.journal import Count, Told
from simulation.labels import Label, Variant, Verdict
from simulation.profile import SCALES
from simulation.world import Order, World

FILES = ("rights", "roles", "pods", "mounts", "images", "accounts", "accounts_later", "accounts_near", "launches")
TYPES = frozenset(
    {
        "K8S_ClusterAdminBinding", "K8S_HighPrivilegesRole", "K8S_PrivilegedContainer", "K8S_SensitiveMount",
        "K8S_MaliciousContainerImage", "K8S_KubeSystemContainer", "K8S_ServiceAccountRareOperation",
    }
)  # fmt: skip
MINE = [each for each in episodes() if each.play.__module__.rpartition(".")[2] in FILES]
NUMBER = 900
PROFILE = SCALES[Scale.SMALL].model_copy(update={"nodes": 3, "teams": 3, "workloads": 4, "pace": 0.001})


class Kept:
    """An outlet that keeps the records that are labelled."""

    def __init__(self) -> None:
        self.records: list[str] = []

    def write(self, message: str, at: int, told: Told | None) -> None:
        """Keep it."""
        if told is not None:
            self.records.append(message)
            told({"line": len(self.records)})


@pytest.fixture(scope="module")
def played() -> Mapping[str, Sequence[tuple[Label, str]]]:
    """All of these episodes in one cluster, a few minutes apart; labels and records by episode."""
    kept = Kept()
    labels: list[Label] = []
    order = Order(PROFILE, days=14, clusters=1, sources=("audit",), begin=moment("2026-03-02"))
    world = World(order, lambda cluster, source: kept, labels.append, Count())
    for place, episode in enumerate(MINE):
        scene = Scene(world.clusters[0], episode, NUMBER)
        world.schedule.start(episode.play(scene), 3 * HOUR + place * 7 * MINUTE)
    world.run()
    found = defaultdict(list)
    for label in labels:
        found[label.episode].append((label, kept.records[label.origin["line"] - 1]))
    assert len(world.clusters[0].api.objects) < 2000
    return found


@pytest.mark.parametrize("episode", MINE, ids=lambda episode: episode.name)
def test_episode_is_labelled_and_decodes(episode: Episode, played: Mapping[str, Sequence[tuple[Label, str]]]) -> None:
    """Every type that it declares is the label of some event, and every event can be read."""
    found = played[f"{episode.name}-{NUMBER}"]
    assert found
    raised = {alert_type for label, _ in found for alert_type in label.alert_types}
    if episode.variant is Variant.NEAR_MISS:
        assert not raised
        assert all(label.verdict is Verdict.ORDINARY for label, _ in found)
    else:
        assert raised == {each for each in episode.alert_types if str(find(each).source) == "audit"}
    decoder = Decoder()
    for _, record in found:
        (event,) = decoder.decode(record.encode())
        assert isinstance(event, AuditEvent)


def test_every_type_has_all_variants() -> None:
    """Straight, careful and ordinary, of each of these alert types."""
    for alert_type in sorted(TYPES):
        assert {each.variant for each in MINE if alert_type in each.alert_types} == set(Variant)


def test_service_accounts_have_eight_classes() -> None:
    """Attacks on service accounts are of at least eight classes, each straight and careful where that makes sense."""
    kinds = {each.kind for each in MINE if "K8S_ServiceAccountRareOperation" in each.alert_types} - {""}
    assert len(kinds) >= 8
