"""What the simulation writes of Azure Resource Manager, and what is done there by whom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from events import ActivityEvent
from events.decoder import Decoder
from simulation.attacks.identities import ABNORMAL
from simulation.attacks.plan import chosen
from simulation.attacks.register import STORY, Episode, episodes
from simulation.azure.activity import ActivityLog
from simulation.azure.identities import add_on, control_plane, kubelet, workload
from simulation.azure.phases import phases
from simulation.chance import Chance
from simulation.choices import Form
from simulation.clock import DAY
from simulation.journal import Count, Journal
from simulation.labels import Variant
from simulation.life.azure_users import new_cluster
from simulation.schedule import Schedule
from tests.simulation.playing import BEGIN, Lines, Played, play

DAYS = 2
MIRID = "xms_mirid"


class Alone:
    """One record a message."""

    sizes = (1, 1)

    def pack(self, records: list[str]) -> str:
        return records[0]


def simulated(form: Form, attacks: Sequence[Episode] = (), days: float = DAYS) -> tuple[list[str], Played]:
    """What one cluster writes of Azure, and what came of it."""
    played = play(attacks, form=form, sources=("arm",), days=days, near_miss_rounds=1)
    return [line for lines in played.lines.values() for line in lines.kept], played


def records(messages: Sequence[str]) -> list[dict[str, Any]]:
    decoded = [msgspec.json.decode(message) for message in messages]
    return [record for message in decoded for record in message.get("records", [message])]


@pytest.fixture(scope="module")
def aks() -> list[dict[str, Any]]:
    return records(simulated(Form.AKS)[0])


def log(*, managed: bool = True) -> tuple[ActivityLog, Lines, Journal]:
    kept = Lines("arm")
    journal = Journal("prod-weu-1", "arm", Alone(), kept, lambda _: None, Count())
    arm = ActivityLog("prod-weu-1", Schedule(BEGIN), Chance(7, "arm"), journal, managed=managed)
    return arm, kept, journal


def written(kept: Lines, journal: Journal) -> list[dict[str, Any]]:
    journal.close(BEGIN + DAY)
    return records(kept.kept)


def test_phases_of_one_operation_share_its_correlation_id() -> None:
    arm, kept, journal = log()
    correlation = arm.operate(control_plane(arm), "Microsoft.Compute/disks/write", f"{arm.node_group}/x")
    told = written(kept, journal)
    assert [record["resultType"] for record in told] == ["Start", "Accept", "Success"]
    assert {record["correlationId"] for record in told} == {correlation}
    assert [record["time"] for record in told] == sorted(record["time"] for record in told)


def test_nothing_allows_what_is_denied() -> None:
    arm, kept, journal = log()
    arm.operate(kubelet(arm), "Microsoft.Storage/storageAccounts/write", arm.estate.storage, failure="Forbidden")
    failed = written(kept, journal)[-1]
    assert (failed["resultType"], failed["resultSignature"], failed["level"]) == (
        "Failure",
        "Failed.Forbidden",
        "Error",
    )
    assert "evidence" not in failed["identity"]["authorization"]
    assert "AuthorizationFailed" in failed["properties"]["statusMessage"]


def test_an_aks_cluster_acts_as_itself_and_a_self_run_one_by_an_identity_of_its_machines() -> None:
    managed, own = log()[0], log(managed=False)[0]
    assert control_plane(managed).resource == managed.cluster_id
    assert "/userAssignedIdentities/" in control_plane(own).resource
    assert managed.node_group.rpartition("/")[2].startswith("MC_")


def test_an_upgrade_moves_the_control_plane_and_nobody_else() -> None:
    arm = log()[0]
    before, agent = control_plane(arm), add_on(arm, "omsagent")
    arm.move()
    after = control_plane(arm)
    assert after.principal == before.principal
    assert not set(after.addresses) & set(before.addresses)
    assert add_on(arm, "omsagent") is agent


def test_all_records_decode(aks: list[dict[str, Any]]) -> None:
    decoder = Decoder()
    for record in aks:
        assert all(isinstance(item, ActivityEvent) for item in decoder.decode(msgspec.json.encode(record)))


def test_a_small_cluster_does_some_dozens_of_operations_a_day(aks: list[dict[str, Any]]) -> None:
    begun = Counter(record["time"][:10] for record in aks if record["resultType"] == "Start")
    assert 30 <= sum(begun.values()) / DAYS <= 250


def test_reads_are_not_reported(aks: list[dict[str, Any]]) -> None:
    assert not [record for record in aks if record["operationName"].lower().endswith("/read")]


@pytest.mark.parametrize("name", ["agentpool", "azurekeyvaultsecretsprovider", "cost-analysis-identity"])
def test_identities_that_write_nothing_are_never_seen(aks: list[dict[str, Any]], name: str) -> None:
    claims = [record["identity"]["claims"] for record in aks]
    assert not [claim for claim in claims if name in claim.get(MIRID, "")]


def test_people_and_pipelines_are_no_managed_identities(aks: list[dict[str, Any]]) -> None:
    claims = [record["identity"]["claims"] for record in aks if MIRID not in record["identity"]["claims"]]
    assert {claim["idtyp"] for claim in claims} == {"user", "app"}
    assert {claim["appidacr"] for claim in claims if claim["idtyp"] == "app"} == {"1"}


def test_the_same_seed_writes_the_same() -> None:
    first, again = simulated(Form.AKS, days=1)[0], simulated(Form.AKS, days=1)[0]
    assert first == again


@pytest.mark.parametrize("form", [Form.AKS, Form.NATIVE])
def test_each_class_of_attack_is_labelled_on_managed_and_self_run_clusters(form: Form) -> None:
    attacks = [each for each in chosen(ABNORMAL) if each.kind != STORY]
    labels = simulated(form, attacks, days=3)[1].labels
    played = {label.kind for label in labels if ABNORMAL in label.alert_types}
    assert played == {each.kind for each in attacks}
    assert len(played) >= 5


def test_a_cluster_that_comes_and_goes_is_forgotten() -> None:
    arm, kept, _ = log()
    owner = arm.person("maria.berg@contoso.example", role="Owner", address="192.0.2.7")
    arm.schedule.start(new_cluster(arm, Chance(7, "trial"), owner))
    arm.schedule.run(BEGIN + 30 * DAY)
    callers = {record["identity"]["claims"].get(MIRID, "").rpartition("/")[2] for record in records(kept.kept)}
    assert [name for name in callers if name.startswith("trial-")]
    assert list(arm._callers) == [owner.name]


def test_stories_cross_sources() -> None:
    stories = [each for each in episodes() if each.kind == STORY]
    assert len(stories) >= 5
    assert sum(len(story.sources) > 1 for story in stories) >= 4
    assert {each.variant for each in stories} == {Variant.STRAIGHT, Variant.CAREFUL}


def test_a_workload_identity_is_where_users_keep_it() -> None:
    arm = log()[0]
    assert workload(arm, "backup").resource.startswith(f"{arm.group}/")
    assert phases("Microsoft.Compute/snapshots/write") == ("Start", "Accept", "Success")


def test_every_message_is_an_envelope_of_a_few_records() -> None:
    played = play(form=Form.AKS, sources=("arm",), days=2)
    sizes = [len(json.loads(line)["records"]) for lines in played.lines.values() for line in lines.kept]
    assert len(sizes) > 20
    assert set(sizes) <= set(range(1, 7))
    assert len(set(sizes)) > 2
