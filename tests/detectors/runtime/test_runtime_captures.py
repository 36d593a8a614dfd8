"""Raw lines of Tetragon and Falco, decoded and judged by each runtime detector here."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.contract import Detector, Match, Quiet
from detectors.examples import SHOP, connection, execution, fired
from detectors.runtime.alert_test_triggered import alert_test_triggered
from detectors.runtime.metadata_service_access import metadata_service_access
from detectors.runtime.reconnaissance_burst import reconnaissance_burst
from detectors.runtime.ssh_server_in_container import ssh_server_in_container
from events import Container, RuntimeEvent
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


PIECES = """curl http://169.254.169.254 -H --resolve :: [ sshd - -- = /etc/passwd find -perm http:// % $( ' id python3
    -c socat TCP:0x:1 nc service ssh sh kubectl exec xargs base64 awk"""
LINES = st.lists(st.sampled_from(PIECES.split()) | st.text(max_size=8), max_size=8)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.__name__)
@given(words=LINES, place=st.sampled_from((SHOP, None)))
def test_no_command_line_makes_a_detector_raise(
    detector: Detector[Any], words: list[str], place: Container | None
) -> None:
    binary, *arguments = words or [""]
    event = execution(binary, " ".join(arguments), container=place)
    shown = msgspec.structs.replace(event, process=msgspec.structs.replace(event.process, argv=tuple(words) or None))
    for one in (
        event,
        shown,
        connection(binary, "".join(arguments), 80, arguments=" ".join(arguments), container=place),
    ):
        assert isinstance(detector(one), Match | Quiet)


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
