"""Larger captures, where they are at hand: a real API server, Falco's trace files, Tetragon's book."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from events import AuditEvent, Malformed
from events.decoder import Decoder
from tests.conftest import SAMPLES

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the sample captures are not at hand")
decode = Decoder().decode


def kinds(path: Path) -> Counter[str]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return Counter(type(item).__name__ for line in data.split(b"\n") for item in decode(line))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kube-apiserver/forms.jsonl", {"AuditEvent": 174}),
        ("kube-apiserver/ordinary.jsonl.gz", {"AuditEvent": 4163}),
        ("tetragon/observability-book.jsonl", {"RuntimeEvent": 40}),
    ],
)
def test_every_line_becomes_an_event(name: str, expected: dict[str, int]) -> None:
    assert kinds(SAMPLES / name) == expected


def test_the_trace_files_of_falco_hold_events_and_one_that_is_none() -> None:
    found = Counter[str]()
    for path in sorted((SAMPLES / "falco-k8s-audit").glob("*.json")):
        found += kinds(path)
    assert found == {"AuditEvent": 51, "Malformed": 1}


def test_created_objects_have_the_name_that_the_server_gave_them() -> None:
    data = gzip.decompress((SAMPLES / "kube-apiserver" / "ordinary.jsonl.gz").read_bytes())
    events = [item for line in data.split(b"\n") for item in decode(line)]
    assert not any(isinstance(item, Malformed) for item in events)
    created = [
        e for e in events if isinstance(e, AuditEvent) and (e.verb, e.resource, e.code) == ("create", "pods", 201)
    ]
    assert created
    assert all(event.object.name for event in created)
