"""Commands that mine, tunnel, look around, fetch and run: each is seen as its labels say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from events import Malformed
from events.decoder import Decoder
from events.runtime import Kind, RuntimeEvent
from simulation.attacks.register import Episode, episodes
from simulation.attacks.scene import Scene
from simulation.choices import Scale
from simulation.clock import MINUTE
from simulation.journal import Count
from simulation.labels import Label, Variant
from simulation.profile import SCALES, SensorKind
from simulation.world import Order, World
from tests.simulation.playing import BEGIN, Lines

NAMES = tuple(
    f"K8S.NODE_{name}"
    for name in (
        "ContainerSSH",
        "CryptoCoinMinerArtifacts",
        "CryptoCoinMinerDownload",
        "CryptoCoinMinerExecution",
        "DigitalCurrencyMining",
        "DownloadAndRunCombo",
        "ImdsCall",
        "KubeConfigAccess",
        "KubernetesAPI",
        "KubernetesDashboard",
        "MitreCalderaTools",
        "ReconnaissanceArtifactsBurst",
        "ReverseShell",
        "SshKeyAccess",
        "SuspectPasswordChange",
        "SuspectPasswordFileAccess",
        "SuspectPortForwarding",
        "SuspectProcessTermination",
        "Webshell",
    )
)
FAMILY = [episode for episode in episodes() if episode.alert_types[0] in NAMES and not episode.kind]
SEEN = {Kind.EXEC, Kind.EXIT, Kind.FILE, Kind.CONNECTION}


class Stage:
    """A small cluster in which nobody lives, and what its log holds of the episodes that are played there."""

    def __init__(self, sensor: SensorKind, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("simulation.world.ordinary", list)
        monkeypatch.setattr("simulation.attacks.plan.enter", lambda *told: [])
        self.labels: list[Label] = []
        self.lines: dict[str, Lines] = {}
        profile = SCALES[Scale.SMALL].model_copy(update={"sensor": sensor})
        order = Order(profile, days=2, clusters=1, sources=("runtime", "audit"), begin=BEGIN)
        self.world = World(order, self._outlet, self.labels.append, Count())
        self.cluster = self.world.clusters[0]

    def _outlet(self, cluster: str, source: str) -> Lines:
        return self.lines.setdefault(source, Lines(source))

    def play(self, *played: Episode) -> list[tuple[Label, Any]]:
        """The labels, each with what its record decodes to."""
        for place, episode in enumerate(played):
            self.cluster.start(episode.play(Scene(self.cluster, episode, 1)), place * MINUTE)
        self.world.run()
        decoder = Decoder()
        return [(label, item) for label in self.labels for item in self._items(decoder, label)]

    def _items(self, decoder: Decoder, label: Label) -> Iterator[Any]:
        return iter(decoder.decode(self.lines[label.origin["path"]].kept[label.origin["line"] - 1].encode()))


def test_each_alert_type_has_enough_of_each_variant() -> None:
    for name in NAMES:
        mine = [episode.variant for episode in FAMILY if name in episode.alert_types]
        assert mine.count(Variant.STRAIGHT) >= 2, name
        assert mine.count(Variant.CAREFUL) >= 2, name
        assert mine.count(Variant.NEAR_MISS) >= 3, name


@pytest.mark.parametrize("episode", FAMILY, ids=lambda episode: episode.name)
def test_an_episode_is_seen_as_its_labels_say(episode: Episode, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Stage(SensorKind.TETRAGON, monkeypatch).play(episode)
    runtime = [(label, item) for label, item in told if label.source == "runtime"]
    assert runtime
    assert all(isinstance(item, RuntimeEvent) and item.kind in SEEN for _, item in runtime)
    if episode.variant is Variant.NEAR_MISS:
        assert {label.near_miss_of for label, _ in told} == {episode.alert_types}
    else:
        seen = {name for label, item in runtime if item.kind is not Kind.EXIT for name in label.alert_types}
        assert seen == set(episode.alert_types)


@pytest.mark.parametrize("sensor", list(SensorKind))
def test_all_of_them_can_be_read(sensor: SensorKind, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(sensor, monkeypatch)
    assert not [item for _, item in stage.play(*FAMILY) if isinstance(item, Malformed)]
    assert len(stage.lines["runtime"].kept) > len(FAMILY)
    assert all(json.loads(line) for line in stage.lines["runtime"].kept)
