"""Episodes that nodes show, first half: their records are executions that a decoder reads, and carry their labels."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache

import pytest

from events import Malformed
from events.decoder import Decoder
from events.runtime import Kind, RuntimeEvent
from simulation.attacks.register import Episode, episodes
from simulation.choices import Scale
from simulation.clock import moment
from simulation.journal import Count, Told
from simulation.labels import Label, Variant
from simulation.profile import SCALES, SensorKind
from simulation.world import Order, World

NAMES = (
    "NamespaceCreation HistoryFileCleared SuspectConnection TimerServiceDisabled CommonBot "
    "PrivilegedExecutionInContainer PrivilegedContainerArtifacts SuspectDownload SuspectDownloadArtifacts SuspectNohup "
    "SuspectUserAddition ImageBuildOnNode KnownLinuxDDoSToolkit EICAR KnownLinuxAttackTool LinuxBackdoorArtifact "
    "ExploitAttempt KnownLinuxCredentialAccessTool SystemLogRemoval TimestampTampering"
)
TYPES = tuple(f"K8S.NODE_{name}" for name in NAMES.split())
MINE = [episode for episode in episodes() if episode.alert_types[0] in TYPES and not episode.kind]
PROFILE = SCALES[Scale.SMALL].model_copy(update={"pace": 0.001, "ci_jobs_per_hour": 0.1})
Labelled = Mapping[str, list[tuple[Label, RuntimeEvent]]]


class Decoded:
    """An outlet that decodes what it is given, and keeps what is labelled."""

    def __init__(self, source: str, read: Counter[str], labelled: dict[str, RuntimeEvent]) -> None:
        self.source = source
        self.read = read
        self.labelled = labelled
        self.decoder = Decoder()

    def write(self, message: str, at: int, told: Told | None) -> None:
        for item in self.decoder.decode(message.encode()):
            self.read[type(item).__name__] += 1
            assert not isinstance(item, Malformed), message
            if told is not None and isinstance(item, RuntimeEvent):
                key = str(len(self.labelled))
                self.labelled[key] = item
                told({"line": key})


@cache
def played(sensor: SensorKind) -> Labelled:
    """All of them in one small cluster: the labelled records, by episode."""
    read: Counter[str] = Counter()
    records: dict[str, RuntimeEvent] = {}
    labels: list[Label] = []
    profile = PROFILE.model_copy(update={"sensor": sensor})
    attacks = [episode for episode in MINE if episode.variant is not Variant.NEAR_MISS]
    order = Order(
        profile, days=1, clusters=1, seed=5, sources=("audit", "runtime"), attacks=attacks, begin=moment("2026-03-02")
    )
    World(order, lambda _, source: Decoded(source, read, records), labels.append, Count()).run()
    found = defaultdict(list)
    for label in labels:
        if label.source == "runtime":
            found[label.name].append((label, records[label.origin["line"]]))
    return found


@pytest.mark.parametrize("episode", MINE, ids=lambda episode: episode.name)
def test_what_an_episode_does_is_seen_and_labelled(episode: Episode) -> None:
    seen = played(SensorKind.TETRAGON)[episode.name]
    assert {event.kind for _, event in seen} <= {Kind.EXEC, Kind.EXIT, Kind.FILE, Kind.CONNECTION}
    assert any(event.kind is Kind.EXEC for _, event in seen)
    assert all(event.process.binary.startswith("/") for _, event in seen)
    raised = {alert_type for label, _ in seen for alert_type in label.alert_types}
    if episode.variant is Variant.NEAR_MISS:
        assert not raised
        assert {label.near_miss_of for label, _ in seen} == {episode.alert_types}
    else:
        assert raised == set(episode.alert_types)


def test_the_other_sensor_tells_of_them_too() -> None:
    seen = played(SensorKind.FALCO)
    assert all(any(event.kind is Kind.EXEC for _, event in seen[episode.name]) for episode in MINE)


@pytest.mark.parametrize("alert_type", TYPES)
def test_each_type_is_played_straight_and_carefully_and_nearly(alert_type: str) -> None:
    counted = Counter(episode.variant for episode in MINE if episode.alert_types[0] == alert_type)
    assert counted[Variant.STRAIGHT] >= 2
    assert counted[Variant.CAREFUL] >= 2
    assert counted[Variant.NEAR_MISS] >= 3
