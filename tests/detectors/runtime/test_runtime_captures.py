"""Raw lines of Tetragon and Falco, decoded and judged by each runtime detector here."""

from pathlib import Path
from typing import Any

import pytest

from detectors.contract import Detector
from detectors.examples import fired
from detectors.runtime.alert_test_triggered import alert_test_triggered
from detectors.runtime.metadata_service_access import metadata_service_access
from detectors.runtime.reconnaissance_burst import reconnaissance_burst
from detectors.runtime.ssh_server_in_container import ssh_server_in_container
from events import RuntimeEvent
from events.decoder import Decoder
from flows.dispatch import Dispatch
from tests.conftest import SAMPLES

CAPTURES = Path(__file__).parents[2] / "captures"
DETECTORS = (alert_test_triggered, metadata_service_access, reconnaissance_burst, ssh_server_in_container)
SEVERAL = sorted((CAPTURES / reconnaissance_burst.alert_type).glob("fires-*.jsonl"))


def read(path: Path, detector: Detector[Any]) -> list[list[RuntimeEvent]]:
    """The events of each line that reach the detector."""
    dispatch = Dispatch([detector])
    decoded = [Decoder().decode(line) for line in path.read_bytes().splitlines()]
    assert all(isinstance(item, RuntimeEvent) for items in decoded for item in items)
    events = [[item for item in items if isinstance(item, RuntimeEvent)] for items in decoded]
    return [[event for event in line if dispatch.reached(event)] for line in events]


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.__name__)
def test_each_line_that_should_fire_does(detector: Detector[Any]) -> None:
    for number, events in enumerate(read(CAPTURES / detector.alert_type / "fires.jsonl", detector), 1):
        assert fired(detector, *events), f"line {number}"


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.__name__)
def test_the_ordinary_lines_stay_quiet(detector: Detector[Any]) -> None:
    for path in (CAPTURES / detector.alert_type / "quiet.jsonl", *(CAPTURES / "ordinary").glob("[tf]*.jsonl")):
        assert fired(detector, *(event for line in read(path, detector) for event in line)) == [], path.name


@pytest.mark.parametrize("path", SEVERAL, ids=lambda path: path.stem)
def test_commands_one_by_one_are_a_burst(path: Path) -> None:
    events = [event for line in read(path, reconnaissance_burst) for event in line]
    assert len(fired(reconnaissance_burst, *events)) == 1
    assert fired(reconnaissance_burst, *events[1:]) == []


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.__name__)
def test_a_public_capture_of_other_attacks_gives_none_of_these(detector: Detector[Any]) -> None:
    path = SAMPLES / "tetragon" / "observability-book.jsonl"
    if not path.exists():
        pytest.skip("no samples here")
    assert fired(detector, *(event for line in read(path, detector) for event in line)) == []
