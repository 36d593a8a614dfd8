"""The bundled capture: made by its generator, readable, and what its README says."""

import collections
import gzip
import hashlib

import pytest

from events import AuditEvent, Item, Malformed, RuntimeEvent, Skipped
from events.decoder import Decoder
from flows.demo import capture
from flows.demo.story import files, tell
from tests.demo.cut_ordinary import ORDINARY, ordinary

PLAN = {
    # events, skipped, malformed
    "forge/audit-1.jsonl": (158, 0, 1),
    "forge/audit-2.jsonl": (140, 0, 1),
    "forge/audit-webhook.jsonl": (11, 0, 0),
    "forge/falco.jsonl": (254, 0, 1),
    "prod-weu-1/activity.jsonl": (17, 0, 0),
    "prod-weu-1/diagnostics.jsonl": (403, 41, 0),
    "prod-weu-1/tetragon.jsonl": (588, 0, 0),
}


def committed() -> dict[str, bytes]:
    found = {}
    for path in capture().rglob("*.jsonl*"):
        text = path.read_bytes()
        name = path.relative_to(capture()).as_posix().removesuffix(".gz")
        found[name] = gzip.decompress(text) if path.suffix == ".gz" else text
    return found


def decoded(text: bytes) -> list[Item]:
    decoder = Decoder("forge")
    return [item for line in text.splitlines() for item in decoder.decode(line)]


def test_the_generator_makes_the_same_bytes() -> None:
    made = {name: hashlib.sha256(text).hexdigest() for name, text in files(tell()).items()}
    assert made == {name: hashlib.sha256(text).hexdigest() for name, text in committed().items()}


def test_the_capture_is_small_and_holds_no_time_of_its_making() -> None:
    assert sum(path.stat().st_size for path in capture().rglob("*.jsonl*")) < 250_000
    assert {path.read_bytes()[4:8] for path in capture().rglob("*.gz")} == {bytes(4)}


@pytest.mark.parametrize("name", PLAN)
def test_items_are_as_planned(name: str) -> None:
    items = decoded(committed()[name])
    skipped = sum(isinstance(item, Skipped) for item in items)
    malformed = sum(isinstance(item, Malformed) for item in items)
    assert (len(items) - skipped - malformed, skipped, malformed) == PLAN[name]


@pytest.mark.parametrize("name", PLAN)
def test_events_are_in_order_of_time(name: str) -> None:
    times = [item.time for item in decoded(committed()[name]) if not isinstance(item, Skipped | Malformed)]
    assert times == sorted(times)


def test_audit_events_have_a_duplicate_in_each_cluster_and_one_is_truncated() -> None:
    items = [item for name in PLAN for item in decoded(committed()[name]) if isinstance(item, AuditEvent)]
    copies = collections.Counter((item.cluster, item.event_id, item.stage) for item in items if not item.truncated)
    assert {cluster for (cluster, _, _), count in copies.items() if count > 1} == {"forge", "prod-weu-1"}
    assert [item.resource for item in items if item.truncated] == ["configmaps"]


def test_processes_are_children_of_what_was_reported_or_ran_before() -> None:
    items = [item for item in decoded(committed()["prod-weu-1/tetragon.jsonl"]) if isinstance(item, RuntimeEvent)]
    known = {item.process.exec_id for item in items}
    for item in items:
        assert item.parent is not None
        assert item.parent.started is not None
        assert item.process.parent_exec_id == item.parent.exec_id
        assert item.parent.exec_id in known or item.parent.started < items[0].time or "shim" in item.parent.name


def test_pods_have_the_same_names_in_the_audit_log_and_on_the_nodes() -> None:
    log = committed()["prod-weu-1/diagnostics.jsonl"].decode()
    items = [item for item in decoded(committed()["prod-weu-1/tetragon.jsonl"]) if isinstance(item, RuntimeEvent)]
    started = {item.container.pod for item in items if item.container and item.process.container_pid == 1}
    assert {pod for pod in started if not pod.startswith("cloud-node-manager")} != set()
    assert all(pod in log for pod in started if not pod.startswith("cloud-node-manager"))


def test_the_ordinary_captures_are_cut_from_the_hour() -> None:
    assert {path.name: path.read_bytes() for path in ORDINARY.iterdir()} == ordinary()


def test_the_token_is_there_to_be_redacted() -> None:
    text = committed()["prod-weu-1/tetragon.jsonl"].decode()
    assert "Authorization: Bearer eyJ" in text
