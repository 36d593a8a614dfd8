"""Raw lines of each alert type: each that should fire does when it is read alone, the others stay quiet."""

from pathlib import Path

import pytest

from detectors import registry
from tests.flows.running import detect

CAPTURES = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(folder for folder in CAPTURES.iterdir() if folder.name.startswith("K8S"))
"""Windows need several lines: a file `fires-*.jsonl` is read as a whole."""


def test_every_detector_has_raw_lines_that_show_it() -> None:
    shown = {
        folder.name for folder in FOLDERS if any(folder.glob("fires*.jsonl")) and (folder / "quiet.jsonl").exists()
    }
    assert {detector.alert_type for detector in registry.builtin()} <= shown


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_line_that_should_fire_does(folder: Path, tmp_path: Path) -> None:
    alone = folder / "fires.jsonl"  # a model has none: it needs days of habits
    for number, line in enumerate(alone.read_text().splitlines() if alone.exists() else (), 1):
        (tmp_path / "one.jsonl").write_text(line + "\n")
        assert folder.name in detect(tmp_path / "one.jsonl").types, f"line {number}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_ordinary_lines_stay_quiet(folder: Path) -> None:
    assert folder.name not in detect(folder / "quiet.jsonl").types
