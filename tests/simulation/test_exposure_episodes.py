"""What the audit log shows of exposure, admission, DNS, proxies, Events and tools: each episode, played alone."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from events import AuditEvent
from events.decoder import Decoder
from simulation.attacks.control_plane import DNS
from simulation.attacks.proxies import PROXY, exit_address, proxies
from simulation.attacks.register import Episode, episodes
from simulation.attacks.scene import Scene
from simulation.choices import Form, Scale
from simulation.clock import DAY, HOUR
from simulation.cluster import Cluster
from simulation.journal import Count
from simulation.labels import Label, Variant
from simulation.profile import SCALES
from simulation.world import Order, World
from tests.simulation.playing import BEGIN, Lines

NAMES = (
    "AdmissionController", "CoreDnsModification", "DeleteEvents", "ExposedDashboard", "ExposedKubeflow",
    "ExposedPostgresBroadIPRange", "ExposedPostgresTrustAuth", "ExposedRedis", "ExposedService",
    "PenTestToolsKubeHunter", "TI_Proxy",
)  # fmt: skip
TYPES = frozenset(f"K8S_{name}" for name in NAMES)
FAMILY = [episode for episode in episodes() if TYPES.issuperset(episode.alert_types[:1]) and not episode.kind]
NOT_IN_GKE = frozenset({DNS, "K8S_DeleteEvents"})
STAYING = {
    ("ConfigMap", "kube-system"): "the cluster's DNS is always there",
    ("CustomResourceDefinition", ""): "they are left when Kubeflow is gone",
    ("MutatingWebhookConfiguration", ""): "the platform's own",
    ("ValidatingWebhookConfiguration", ""): "the platform's own",
}
"""Kinds, and namespaces, of which something may be there after an episode, and why."""


class Stage:
    """A small cluster in which nobody lives, and what its audit log holds of an episode that is played there."""

    def __init__(self, form: Form, monkeypatch: pytest.MonkeyPatch, seed: int = 7, days: float = 3) -> None:
        monkeypatch.setattr("simulation.world.ordinary", list)
        monkeypatch.setattr("simulation.attacks.plan.enter", lambda *told: [])
        self.labels: list[Label] = []
        self.lines: dict[str, Lines] = {}
        order = Order(SCALES[Scale.SMALL], days, 1, seed, form, ("audit",), (), BEGIN)
        self.world = World(order, self._outlet, self.labels.append, Count())

    def _outlet(self, cluster: str, source: str) -> Lines:
        return self.lines.setdefault(f"{cluster}/{source}", Lines(f"{cluster}/{source}"))

    @property
    def cluster(self) -> Cluster:
        return self.world.clusters[0]

    def play(self, *played: Episode) -> list[tuple[Label, AuditEvent]]:
        """Their labels, each with its event."""
        for place, episode in enumerate(played):
            self.cluster.start(episode.play(Scene(self.cluster, episode, 1)), DAY // 3 + place * HOUR)
        self.world.run()
        found = []
        for label in self.labels:
            line = self.lines[label.origin["path"]].kept[label.origin["line"] - 1]
            item = Decoder(label.cluster).decode(line.encode())[label.origin.get("item", 0)]
            assert isinstance(item, AuditEvent), item
            found.append((label, item))
        return found


@pytest.mark.parametrize("episode", FAMILY, ids=lambda episode: episode.name)
def test_each_episode_is_in_the_log_with_its_types(episode: Episode, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(Form.NATIVE, monkeypatch)
    before = set(stage.cluster.api.objects)
    found = stage.play(episode)
    assert found
    if episode.variant is Variant.NEAR_MISS:
        assert all(label.near_miss_of == episode.alert_types and not label.alert_types for label, _ in found)
    else:
        assert {name for label, _ in found for name in label.alert_types} == set(episode.alert_types)
    left = {(kind, namespace) for kind, namespace, _ in set(stage.cluster.api.objects) - before}
    assert left <= set(STAYING), "something would grow with time"


@pytest.mark.parametrize("form", [Form.AKS, Form.EKS, Form.GKE])
def test_the_platforms_logs_show_them_too(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [each for each in FAMILY if form is not Form.GKE or not NOT_IN_GKE.intersection(each.alert_types)]
    found = Stage(form, monkeypatch, days=len(shown) / 24 + 2).play(*shown)
    assert {label.name for label, _ in found} == {episode.name for episode in shown}
    seen = {(label.name, name) for label, _ in found for name in label.alert_types}
    attacks = [episode for episode in shown if episode.variant is not Variant.NEAR_MISS]
    assert seen == {(episode.name, name) for episode in attacks for name in episode.alert_types}


def test_every_type_has_episodes_of_each_variant() -> None:
    for name in sorted(TYPES):
        assert {episode.variant for episode in FAMILY if name in episode.alert_types} == set(Variant), name


def test_the_proxies_follow_from_the_seed() -> None:
    known = proxies(7)
    assert known == proxies(7) != proxies(8)
    assert sum(":" not in entry for entry in known) == 40
    assert len({ip_network(entry) for entry in known}) == len(known)


@pytest.mark.parametrize("episode", [each for each in FAMILY if PROXY in each.alert_types], ids=lambda each: each.name)
@pytest.mark.parametrize("seed", [1, 7])
def test_proxies_are_in_attacks_and_in_no_near_miss(
    episode: Episode, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [ip_network(entry) for entry in proxies(seed)]
    for label, event in Stage(Form.NATIVE, monkeypatch, seed).play(episode):
        addresses = [ip_address(address) for address in event.addresses]
        is_listed = any(address in network for address in addresses for network in known)
        assert is_listed == (PROXY in label.alert_types)


def test_an_exit_is_an_address_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(Form.NATIVE, monkeypatch)
    scene = Scene(stage.cluster, FAMILY[0], 1)
    known = [ip_network(entry) for entry in proxies(7)]
    for six in (False, True):
        for network in (False, True):
            address = ip_address(exit_address(scene, six=six, network=network))
            assert any(address in each for each in known)
