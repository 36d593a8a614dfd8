"""Networks of addresses, declared and not."""

import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from detectors.audit.networks import MOST, Networks
from detectors.audit.service_account_rare_operation import service_account_rare_operation
from detectors.examples import audit
from detectors.stateful import Noted
from events import AuditEvent

DECLARED: dict[str, tuple[str, ...]] = {
    "pod": ("10.244.0.0/16", "fd00:10::/56"),
    "node": ("10.71.0.0/16",),
    "control_plane": ("10.71.0.4/32",),
    "ci": ("10.244.9.0/24",),
}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.244.77.3", "pod"),
        ("10.244.9.3", "ci"),
        ("10.71.3.4", "node"),
        ("10.71.0.4", "control_plane"),
        ("::ffff:10.244.1.2", "pod"),
        ("fd00:10:0:7::1", "pod"),
        ("fd00:10:0:107::1", "fd00:10:0:107::/64"),
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:0:1::9", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nowhere", "unknown"),
        ("", "unknown"),
        ("1" * 100_000, "unknown"),
    ],
)
def test_the_longest_prefix_tells_the_class(address: str, network: str) -> None:
    for order in (DECLARED, dict(reversed(DECLARED.items()))):
        assert Networks(order).of(address) == network


def test_it_pickles_and_remembers_no_text_of_any_length() -> None:
    networks: Networks = pickle.loads(pickle.dumps(Networks(DECLARED)))  # noqa: S301  our own
    assert networks.of("10.244.1.1") == "pod"
    networks.of("9" * 10_000)
    assert networks._known.cache_info().currsize == 1


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"pod": ["10.244.0.1/16"]}, "expected a network such as 10.244.0.0/16"),
        ({"pod": ["pods"]}, "not 'pods'"),
        ({"pods": ["10.0.0.0/8"]}, "Input should be 'pod', 'node', 'control_plane' or 'ci'"),
        ({"pod": ["10.0.0.0/8"], "node": [" 10.0.0.0/8 "]}, "10.0.0.0/8 is declared as pod and as node"),
        ({"pod": [f"10.0.{n // 256}.{n % 256}" for n in range(MOST + 1)]}, "at most 256"),
    ],
)
def test_what_is_no_network_is_refused_and_says_so(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        service_account_rare_operation.with_parameters({"networks": declared})


def test_the_detector_notes_the_class_and_keeps_its_parameters_when_pickled() -> None:
    twin = service_account_rare_operation.with_parameters({"networks": DECLARED})
    event = audit("get", "pods", user="system:serviceaccount:shop:web", addresses=("198.51.100.1", "10.244.1.2"))
    for detector in (twin, pickle.loads(pickle.dumps(twin)), twin.with_parameters({"threshold": 11})):  # noqa: S301
        assert net(detector, event) == "pod"
    assert net(service_account_rare_operation, event) == "10.244.1.0/24"


def net(detector: Any, event: AuditEvent) -> Any:
    told = detector.observe(event)
    assert isinstance(told, Noted)
    return told.what[3]
