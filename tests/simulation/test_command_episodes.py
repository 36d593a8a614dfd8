"""What nodes show of commands, of each of their episodes: executions that can be read, and carry their labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from events import Item, Malformed
from events.runtime import Kind, RuntimeEvent
from simulation.attacks.register import Episode, episodes
from simulation.labels import Label, Variant
from simulation.profile import SensorKind
from tests.simulation.playing import Played, Stage

NAMES = (
    "CommonBot ContainerSSH CryptoCoinMinerArtifacts CryptoCoinMinerDownload CryptoCoinMinerExecution "
    "DigitalCurrencyMining DownloadAndRunCombo EICAR ExploitAttempt HistoryFileCleared ImageBuildOnNode ImdsCall "
    "KnownLinuxAttackTool KnownLinuxCredentialAccessTool KnownLinuxDDoSToolkit KubeConfigAccess KubernetesAPI "
    "KubernetesDashboard LinuxBackdoorArtifact MitreCalderaTools NamespaceCreation PrivilegedContainerArtifacts "
    "PrivilegedExecutionInContainer ReconnaissanceArtifactsBurst ReverseShell SshKeyAccess SuspectConnection "
    "SuspectDownload SuspectDownloadArtifacts SuspectNohup SuspectPasswordChange SuspectPasswordFileAccess "
    "SuspectPortForwarding SuspectProcessTermination SuspectUserAddition SystemLogRemoval TimerServiceDisabled "
    "TimestampTampering Webshell"
)
TYPES = tuple(f"K8S.NODE_{name}" for name in NAMES.split())
FAMILY = [episode for episode in episodes() if episode.alert_types[0] in TYPES and not episode.kind]
SEEN = {Kind.EXEC, Kind.EXIT, Kind.FILE, Kind.CONNECTION}


@cache
def played(sensor: SensorKind) -> Played:
    """All of them in one cluster, a minute apart."""
    return Stage(sensor=sensor, days=len(FAMILY) / 1440 + 2).play(FAMILY)


@cache
def told(sensor: SensorKind) -> Mapping[str, Sequence[tuple[Label, Item]]]:
    """What the sensor tells of each episode."""
    found = played(sensor).by_episode()
    return {name: [(label, item) for label, item in each if label.source == "runtime"] for name, each in found.items()}


@pytest.mark.parametrize("episode", FAMILY, ids=lambda episode: episode.name)
def test_an_episode_is_seen_as_its_labels_say(episode: Episode) -> None:
    seen = [(label, item) for label, item in told(SensorKind.TETRAGON)[episode.name] if isinstance(item, RuntimeEvent)]
    assert len(seen) == len(told(SensorKind.TETRAGON)[episode.name])
    assert {item.kind for _, item in seen} <= SEEN
    assert all(item.process.binary.startswith("/") for _, item in seen)
    if episode.variant is Variant.NEAR_MISS:
        assert {(label.near_miss_of, label.alert_types) for label, _ in seen} == {(episode.alert_types, ())}
    else:
        raised = {name for label, item in seen if item.kind is not Kind.EXIT for name in label.alert_types}
        assert raised == set(episode.alert_types)


def started(sensor: SensorKind) -> set[str]:
    """Episodes of which the sensor tells that a program started."""
    return {
        name
        for name, each in told(sensor).items()
        if any(isinstance(item, RuntimeEvent) and item.kind is Kind.EXEC for _, item in each)
    }


def test_both_sensors_tell_of_what_is_started() -> None:
    assert started(SensorKind.TETRAGON) == started(SensorKind.FALCO)
    assert len(started(SensorKind.FALCO)) > 0.9 * len(FAMILY)


@pytest.mark.parametrize("sensor", list(SensorKind))
def test_everything_that_a_sensor_writes_can_be_read(sensor: SensorKind) -> None:
    assert not [item for item in played(sensor).items("runtime") if isinstance(item, Malformed)]
    lines = [line for name, each in played(sensor).lines.items() if name.endswith("/runtime") for line in each.kept]
    assert len(lines) > len(FAMILY)
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("alert_type", TYPES)
def test_each_type_is_played_straight_and_carefully_and_nearly(alert_type: str) -> None:
    counted = Counter(episode.variant for episode in FAMILY if episode.alert_types[0] == alert_type)
    assert counted[Variant.STRAIGHT] >= 2
    assert counted[Variant.CAREFUL] >= 2
    assert counted[Variant.NEAR_MISS] >= 3
