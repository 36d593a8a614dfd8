"""Episodes that the audit log shows, of rights, pods and service accounts: each is played and labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from alerts import find
from events import AuditEvent, Item
from simulation.attacks.register import Episode, episodes
from simulation.clock import HOUR, MINUTE
from simulation.labels import Label, Variant, Verdict
from tests.simulation.playing import Stage

FILES = ("rights", "roles", "pods", "mounts", "images", "accounts", "accounts_later", "accounts_near", "launches")
TYPES = frozenset(
    {
        "K8S_ClusterAdminBinding", "K8S_HighPrivilegesRole", "K8S_PrivilegedContainer", "K8S_SensitiveMount",
        "K8S_MaliciousContainerImage", "K8S_KubeSystemContainer", "K8S_ServiceAccountRareOperation",
    }
)  # fmt: skip
MINE = [each for each in episodes() if each.play.__module__.rpartition(".")[2] in FILES]
Found = Mapping[str, Sequence[tuple[Label, Item]]]


@pytest.fixture(scope="module")
def found() -> Found:
    """All of these episodes in one cluster that lives, a few minutes apart; labels and events by episode."""
    stage = Stage(sources=("audit",), days=14, alive=True, nodes=3, teams=3, workloads=4, pace=0.001)
    played = stage.play(MINE, first=3 * HOUR, apart=7 * MINUTE)
    assert len(stage.cluster.api.objects) < 2000
    return played.by_episode()


@pytest.mark.parametrize("episode", MINE, ids=lambda episode: episode.name)
def test_episode_is_labelled_and_decodes(episode: Episode, found: Found) -> None:
    """Every type that it declares is the label of some event, and every event can be read."""
    told = found[episode.name]
    raised = {alert_type for label, _ in told for alert_type in label.alert_types}
    if episode.variant is Variant.NEAR_MISS:
        assert not raised
        assert all(label.verdict is Verdict.ORDINARY for label, _ in told)
    else:
        assert raised == {each for each in episode.alert_types if str(find(each).source) == "audit"}
    assert all(isinstance(event, AuditEvent) for _, event in told)


def test_every_type_has_all_variants() -> None:
    """Straight, careful and ordinary, of each of these alert types."""
    for alert_type in sorted(TYPES):
        assert {each.variant for each in MINE if alert_type in each.alert_types} == set(Variant)


def test_service_accounts_have_eight_classes() -> None:
    """Attacks on service accounts are of at least eight classes, each straight and careful where that makes sense."""
    kinds = {each.kind for each in MINE if "K8S_ServiceAccountRareOperation" in each.alert_types} - {""}
    assert len(kinds) >= 8
