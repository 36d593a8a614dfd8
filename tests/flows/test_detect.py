"""The whole flow: the same events give the same alerts, and nothing is lost without a count."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import Match, rule
from detectors.selection import writes
from events import AuditEvent
from events.decoder import Decoder
from flows import demo as demonstration
from flows.configuration import Configuration, configure
from flows.dispatch import Dispatch
from flows.sinks import dead_letter_line
from tests.conftest import SAMPLES
from tests.flows.running import Run, detect
from tests.flows.test_cli import BINDING

FORMATS = Path(__file__).parents[1] / "captures" / "formats"
FALCO_TRACES = SAMPLES / "falco-k8s-audit"
TETRAGON = SAMPLES / "tetragon" / "observability-book.jsonl"
BURST = FORMATS.parent / "K8S.NODE_ReconnaissanceArtifactsBurst" / "fires-burst.jsonl"
ORDINARY = Path(__file__).parents[1] / "captures" / "ordinary"


def written(file: Path, *records: Any) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def adds_up(run: Run) -> bool:
    counts = run.tally.counted()
    return bool(counts["read"] == counts["events"] + counts["skipped"] + counts["malformed"])


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's capture."""
    folder = tmp_path_factory.mktemp("demo") / "capture"
    demonstration.write(folder, {detector.alert_type for detector in configure().detectors})
    return folder


@pytest.fixture(scope="module")
def demo(capture: Path) -> Run:
    return detect(capture, configuration=judged(capture))


def judged(capture: Path) -> Configuration:
    """How the demo is judged."""
    return configure(demonstration.settings_of(capture))


def test_the_demo_shows_every_type_that_has_a_detector_and_nothing_else(demo: Run, capture: Path) -> None:
    assert set(demo.types) == {detector.alert_type for detector in configure().detectors}
    assert adds_up(demo)
    labels = [json.loads(line) for line in (capture / "labels.jsonl").read_text().splitlines()]
    told = {(str(capture / label["origin"]["path"]), label["origin"]["line"]) for label in labels}
    for alert in demo.last.values():
        assert told & {(piece.origin.path, piece.origin.line) for piece in alert.evidence}, alert.alert_type


def test_events_of_a_capture_are_of_the_cluster_whose_folder_they_are_in(demo: Run, capture: Path) -> None:
    assert {alert.cluster for alert in demo.delivered} <= {path.name for path in capture.iterdir() if path.is_dir()}


@given(block=st.integers(2_000, 50_000))
@settings(max_examples=3)
def test_alerts_do_not_depend_on_the_size_of_batches(demo: Run, capture: Path, block: int) -> None:
    again = detect(capture, configuration=judged(capture), block=block)
    assert again.last == demo.last
    assert again.tally.counted() == demo.tally.counted()


def test_alerts_do_not_depend_on_the_order_of_files(demo: Run, capture: Path) -> None:
    files = sorted(file for file in capture.rglob("*-*.jsonl"))
    random.Random(7).shuffle(files)
    assert _without_origins(detect(*files, configuration=judged(capture))) == _without_origins(demo)


def _without_origins(run: Run) -> dict[str, Any]:
    return {name: alert.model_dump(exclude={"evidence": {"__all__": {"origin"}}}) for name, alert in run.last.items()}


@pytest.mark.parametrize("parts", [1, 3])
def test_a_burst_is_found_in_any_order_of_files_and_lines(tmp_path: Path, parts: int) -> None:
    lines = BURST.read_text().splitlines(keepends=True)
    (tmp_path / "s.yaml").write_text("lateness:\n  runtime: 10m\n")
    patient = configure(tmp_path / "s.yaml")
    expected = detect(BURST, configuration=patient).types
    for part in range(parts):
        (tmp_path / f"{part}.jsonl").write_text("".join(reversed(lines[part::parts])))
    assert detect(*tmp_path.glob("*.jsonl"), configuration=patient).types == expected
    assert expected == ["K8S.NODE_ReconnaissanceArtifactsBurst"]


def test_everything_twice_raises_nothing_more(demo: Run, capture: Path, tmp_path: Path) -> None:
    shutil.copytree(capture, tmp_path / "again")
    twice = detect(capture, tmp_path / "again", configuration=judged(capture))
    assert twice.types == demo.types
    assert {name: alert.count for name, alert in twice.last.items()} == {n: a.count for n, a in demo.last.items()}


def test_ordinary_traffic_raises_nothing() -> None:
    run = detect(ORDINARY)
    assert run.delivered == []
    assert run.tally.events.total() > 50


def test_one_line_of_each_format_in_one_file_gives_seven_events(tmp_path: Path) -> None:
    names = ["native", "aks", "eks", "gke", "tetragon", "falco", "azure_activity"]
    lines = [_single((FORMATS / f"{name}.jsonl").read_bytes().splitlines()) for name in names]
    (tmp_path / "mixed.jsonl").write_bytes(b"\n".join(lines))
    run = detect(tmp_path / "mixed.jsonl")
    assert run.tally.events == {"audit": 4, "runtime": 2, "arm": 1}
    assert adds_up(run)


def _single(lines: list[bytes]) -> bytes:
    """The first of these lines that holds one event; of an EKS payload its first event."""
    for line in lines:
        payload = json.loads(line)
        if "logEvents" in payload:
            line = json.dumps({**payload, "logEvents": payload["logEvents"][:1]}).encode()
        if len(Decoder().decode(line)) == 1:
            return line
    raise AssertionError("no line holds one event")


def test_a_duplicate_changes_nothing(tmp_path: Path) -> None:
    once = detect(written(tmp_path / "once.jsonl", BINDING))
    twice = detect(written(tmp_path / "twice.jsonl", BINDING, BINDING))
    assert [alert.count for alert in twice.last.values()] == [1]
    assert len(twice.delivered) == len(once.delivered) == 1


def test_deleted_events_are_one_alert_with_their_count(tmp_path: Path) -> None:
    def delete(number: int) -> dict[str, Any]:
        ref = {"resource": "events", "namespace": "shop", "name": f"e{number}"}
        time = f"2026-09-14T09:{number // 60:02}:{number % 60:02}.000000Z"
        return {
            **BINDING,
            "auditID": f"d{number}",
            "verb": "delete",
            "objectRef": ref,
            "requestObject": None,
            "responseStatus": {"code": 200},
            "stageTimestamp": time,
        }

    run = detect(written(tmp_path / "a.jsonl", *map(delete, range(150))))
    (alert,) = run.last.values()
    assert (alert.alert_type, alert.count) == ("K8S_DeleteEvents", 150)
    revisions = [alert.revision for alert in run.delivered]
    assert revisions == sorted(set(revisions))
    assert len(revisions) <= 4
    assert [alert.activity for alert in run.delivered] == ["create"] + ["update"] * (len(revisions) - 1)


@rule("K8S_TI_Proxy", on=writes("clusterrolebindings"), misses="-", noise="-")
def poisoned(event: AuditEvent) -> Match | None:
    """Fails."""
    raise ZeroDivisionError(event.verb)


def test_a_poisoned_event_goes_to_the_dead_letters_and_the_flow_goes_on(tmp_path: Path) -> None:
    standard = configure()
    broken = msgspec.structs.replace(standard, dispatch=Dispatch((poisoned, *standard.detectors)))
    run = detect(written(tmp_path / "a.jsonl", BINDING, {**BINDING, "auditID": "a-2"}), configuration=broken)
    assert run.types == ["K8S_ClusterAdminBinding"] * 2
    assert [letter.malformed.reason for letter in run.letters] == ["detector failed"] * 2
    assert "ZeroDivisionError" in run.letters[0].malformed.detail
    assert run.letters[1].origin.line == 2
    assert run.tally.counted()["failed_by_detector"] == {"K8S_TI_Proxy": 2}
    assert adds_up(run)


def test_a_dead_letter_holds_the_bytes_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"z\x95}\n")
    (letter,) = detect(tmp_path / "a").letters
    assert json.loads(dead_letter_line(letter))["head_base64"] == "epV9"


@given(lines=st.lists(st.binary(max_size=200)))
@settings(max_examples=20)
def test_any_bytes_add_up(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    file = tmp_path_factory.mktemp("any") / "a"
    file.write_bytes(b"\n".join(lines))
    assert adds_up(detect(file))


def test_the_severity_of_the_settings_is_the_alerts(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("detectors:\n  K8S_ClusterAdminBinding:\n    severity: High\n")
    run = detect(written(tmp_path / "a.jsonl", BINDING), configuration=configure(tmp_path / "s.yaml"))
    assert [str(alert.severity) for alert in run.delivered] == ["High"]


@pytest.mark.skipif(not FALCO_TRACES.exists(), reason="the sample traces are not here")
def test_each_real_trace_gives_its_verdict(tmp_path: Path) -> None:
    """A trace of minutes has no week in which to learn what usually runs in kube-system."""
    (tmp_path / "s.yaml").write_text("detectors: {K8S_KubeSystemContainer: {parameters: {learning: 0}}}\n")
    nothing_learned = configure(tmp_path / "s.yaml")
    known = {detector.alert_type for detector in nothing_learned.detectors}
    for label in map(json.loads, (FALCO_TRACES / "labels.jsonl").read_text().splitlines()):
        expected = sorted(alert for alert in label["alerts"] if alert in known)
        run = detect(FALCO_TRACES / label["file"], configuration=nothing_learned)
        assert sorted(set(run.types)) == expected, label["file"]
        assert run.tally.counted()["read"] == label["events"], label["file"]


@pytest.mark.skipif(not TETRAGON.exists(), reason="the sample export is not here")
def test_a_real_tetragon_export_is_read_whole() -> None:
    counts = detect(TETRAGON).tally.counted()
    assert (counts["read"], counts["events"], counts["malformed"]) == (40, 40, 0)
