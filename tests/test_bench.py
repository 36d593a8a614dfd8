"""What `make bench` measures with: a ratio of a small log, records that detectors keep, and the page it writes."""

from pathlib import Path

import pytest

from bench.inputs import download, request, run_of_download, visits, written
from bench.measure import Spread, parse
from bench.report import Table, write
from tests.flows.running import detect

BEGIN = 1_772_409_600_000_000
TABLE = Table("one", ("input", "ratio"), [["native audit", "0.40"]], "As it is.")


def test_slim_records_are_kept_and_found(tmp_path: Path) -> None:
    lines = [download(1, BEGIN), request(1, BEGIN + 1), download(2, BEGIN + 2), run_of_download(1, BEGIN + 3)]
    run = detect(written(tmp_path / "life.jsonl", lines))
    assert run.types == ["K8S.NODE_DownloadAndRunCombo"]
    assert run.tally.events == {"runtime": 3, "audit": 1}
    assert (run.tally.keys["containers"], run.tally.keys["service_accounts"]) == (2, 1)


def test_each_key_is_visited_as_often_as_the_others() -> None:
    seen = [key for key, _ in visits(1_000, 3_000, BEGIN, 1)]
    assert sorted(seen) == sorted([*range(1_000)] * 3)


def test_parsing_costs_something(tmp_path: Path) -> None:
    assert parse([written(tmp_path / "life.jsonl", [download(1, BEGIN)] * 1_000)]).processor > 0


def test_a_spread_has_its_ends() -> None:
    assert str(Spread.of([0.3, 0.1, 0.2])) == "0.20 (0.10 to 0.30)"


def test_figures_replace_figures_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench one -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    write(page, TABLE)
    write(page, TABLE)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- bench one -->\n\n| input ")
    assert text.endswith("<!-- end -->\nafter\n")
    assert text.count("native audit") == 1
    assert "old" not in text


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- bench two -->\n<!-- end -->\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no place for the figures of one"):
        write(page, TABLE)
