"""Recorded logs: traces with labels, and the ordinary life of a cluster."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable

import pytest

from detectors.audit.cluster_admin_binding import cluster_admin_binding
from detectors.audit.coredns_modification import coredns_modification
from detectors.audit.event_deletion import event_deletion
from detectors.audit.high_privileges_role import high_privileges_role
from detectors.audit.privileged_container import privileged_container
from detectors.audit.sensitive_mount import sensitive_mount
from detectors.contract import Match
from events import Malformed, Skipped
from events.decoder import Decoder
from flows.dispatch import Dispatch
from tests.conftest import SAMPLES

DETECTORS = (
    cluster_admin_binding,
    coredns_modification,
    event_deletion,
    high_privileges_role,
    privileged_container,
    sensitive_mount,
)
TYPES = {detector.alert_type for detector in DETECTORS}
TRACES = SAMPLES / "falco-k8s-audit"
SERVER = SAMPLES / "kube-apiserver"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample captures are not part of the repository")


def raised(lines: Iterable[bytes]) -> Counter[tuple[str, str, str]]:
    """Alert type, entity kind and name of every match."""
    reached, decode, found = Dispatch(DETECTORS).reached, Decoder("test").decode, Counter[tuple[str, str, str]]()
    for line in lines:
        for item in decode(line):
            if isinstance(item, Malformed | Skipped):
                continue
            for detector in reached(item):
                match = detector(item)
                if isinstance(match, Match):
                    found[detector.alert_type, match.entity.kind, match.entity.name] += 1
    return found


def test_each_labelled_trace_gives_its_labels() -> None:
    labels = [json.loads(line) for line in (TRACES / "labels.jsonl").read_text().splitlines()]
    assert len(labels) == 47
    for label in labels:
        types = {kind for kind, *_ in raised((TRACES / label["file"]).read_bytes().splitlines())}
        assert types == TYPES.intersection(label["alerts"]), label["file"]


def test_the_forms_of_requests_raise_nothing() -> None:
    assert raised((SERVER / "forms.jsonl").read_bytes().splitlines()) == {}


def test_the_ordinary_life_of_a_cluster_raises_nothing() -> None:
    with gzip.open(SERVER / "ordinary.jsonl.gz") as lines:
        assert raised(lines) == {}
