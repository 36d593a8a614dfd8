"""What the audit log shows of exposure, admission, DNS, proxies, Events and tools, of each of their episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from ipaddress import ip_address, ip_network

import pytest

from events import AuditEvent, Item
from simulation.attacks.control_plane import DNS
from simulation.attacks.proxies import PROXY, exit_address, proxies
from simulation.attacks.register import Episode, episodes
from simulation.attacks.scene import Scene
from simulation.choices import Form
from simulation.clock import DAY, HOUR
from simulation.labels import Label, Variant
from tests.simulation.playing import Stage

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


Found = Mapping[str, Sequence[tuple[Label, Item]]]


@cache
def performed(form: Form, seed: int = 7) -> tuple[Found, set[tuple[str, str]]]:
    """All of them in one cluster, an hour apart, by episode; and kinds and namespaces of what they leave behind."""
    shown = [each for each in FAMILY if form is not Form.GKE or not NOT_IN_GKE.intersection(each.alert_types)]
    stage = Stage(form=form, sources=("audit",), days=len(shown) / 24 + 3, seed=seed)
    before = set(stage.cluster.api.objects)
    found = stage.play(shown, first=DAY // 3, apart=HOUR).by_episode()
    return found, {(kind, namespace) for kind, namespace, _ in set(stage.cluster.api.objects) - before}


@pytest.mark.parametrize("episode", FAMILY, ids=lambda episode: episode.name)
def test_each_episode_is_in_the_log_with_its_types(episode: Episode) -> None:
    told = performed(Form.NATIVE)[0][episode.name]
    assert all(isinstance(event, AuditEvent) for _, event in told)
    if episode.variant is Variant.NEAR_MISS:
        assert all(label.near_miss_of == episode.alert_types and not label.alert_types for label, _ in told)
    else:
        assert {name for label, _ in told for name in label.alert_types} == set(episode.alert_types)


def test_they_leave_nothing_that_would_grow_with_time() -> None:
    assert performed(Form.NATIVE)[1] <= set(STAYING)


@pytest.mark.parametrize("form", [Form.AKS, Form.EKS, Form.GKE])
def test_the_platforms_logs_show_them_too(form: Form) -> None:
    found = performed(form)[0]
    shown = [each for each in FAMILY if form is not Form.GKE or not NOT_IN_GKE.intersection(each.alert_types)]
    assert set(found) == {episode.name for episode in shown}
    for episode in shown:
        raised = {name for label, _ in found[episode.name] for name in label.alert_types}
        assert raised == (set() if episode.variant is Variant.NEAR_MISS else set(episode.alert_types))


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
def test_proxies_are_in_attacks_and_in_no_near_miss(episode: Episode, seed: int) -> None:
    known = [ip_network(entry) for entry in proxies(seed)]
    for label, event in performed(Form.NATIVE, seed)[0][episode.name]:
        assert isinstance(event, AuditEvent)
        addresses = [ip_address(address) for address in event.addresses]
        is_listed = any(address in network for address in addresses for network in known)
        assert is_listed == (PROXY in label.alert_types)


def test_an_exit_is_an_address_of_the_list() -> None:
    scene = Scene(Stage(seed=7).cluster, FAMILY[0], 1)
    known = [ip_network(entry) for entry in proxies(7)]
    for six in (False, True):
        for network in (False, True):
            address = ip_address(exit_address(scene, six=six, network=network))
            assert any(address in each for each in known)
