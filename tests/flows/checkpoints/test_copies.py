"""A run of a copy goes on as one of the original would: of a live one, of an earlier time, in other partitions."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from flows.checkpoints import rebalance as rebalancing
from flows.checkpoints.copying import copy
from flows.checkpoints.create import create
from flows.checkpoints.difference import difference
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.parts import part_path
from flows.checkpoints.rebalance import rebalance
from flows.checkpoints.store import Cut, cut
from flows.checkpoints.verify import verify
from flows.stepnames import SOURCE, step_id
from tests.flows.checkpoints.toy import BEGIN, LANES, SECOND, reached, run, started, state

MORE = 60
"""Numbers that a run brings after a crash."""


def test_a_copy_goes_on_as_the_original(crashed: Path, tmp_path: Path) -> None:
    copy(crashed, tmp_path / "copy")
    assert verify(tmp_path / "copy") == []
    assert state(tmp_path / "copy") == state(crashed)
    last = reached(crashed) + MORE
    run(tmp_path / "copy", last)
    run(crashed, last)
    assert state(tmp_path / "copy") == state(crashed)
    assert not any(one.differs for one in difference(crashed, tmp_path / "copy"))


def test_it_is_as_if_there_had_been_no_crash(crashed: Path, tmp_path: Path) -> None:
    last = reached(crashed) + MORE
    create(tmp_path / "other", 3)
    run(tmp_path / "other", last)
    run(crashed, last)
    assert state(tmp_path / "other") == state(crashed)


@pytest.mark.parametrize("history", ["0", "3600"])
def test_a_live_one_is_copied_whole(tmp_path: Path, history: str) -> None:
    create(tmp_path / "live", 8)
    process = started(tmp_path / "live", "--history", history)
    try:
        for number in range(3):
            assert verify(tmp_path / "live") == []
            copy(tmp_path / "live", tmp_path / f"copy-{number}")
            with pytest.raises(CheckpointError, match="a run has it open"):
                rebalance(tmp_path / "live", 4)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    last = reached(tmp_path / "live") + MORE
    run(tmp_path / "live", last)
    for number in range(3):
        run(tmp_path / f"copy-{number}", last)
        assert state(tmp_path / f"copy-{number}") == state(tmp_path / "live")


def _reaches(taken: Cut, second: int) -> bool:
    try:
        taken.at(BEGIN + second * SECOND)
    except CheckpointError:
        return False
    return True


def test_as_it_was_at_a_time(crashed: Path, tmp_path: Path) -> None:
    with cut(crashed) as taken:
        first = next(second for second in range(reached(crashed)) if _reaches(taken, second))
        for second in range(first, reached(crashed), 5):
            before = taken.at(BEGIN + second * SECOND)
            clock, next_clock = taken.clock(before), taken.clock(before + 1)
            assert clock is not None
            assert clock <= BEGIN + second * SECOND
            assert before == taken.resume or (next_clock is not None and next_clock > BEGIN + second * SECOND)
    moment = BEGIN + (first + 1) * SECOND
    copied = copy(crashed, tmp_path / "copy", moment)
    assert copied.clock is not None
    assert copied.clock <= moment
    assert reached(tmp_path / "copy") < reached(crashed)
    last = reached(crashed) + MORE
    run(tmp_path / "copy", last)
    run(crashed, last)
    assert state(tmp_path / "copy") == state(crashed)


def test_the_history_may_not_reach_back(tmp_path: Path) -> None:
    create(tmp_path / "a", 4)
    run(tmp_path / "a", 40, pause=0.005, epoch=0.05, history=0.0)
    with cut(tmp_path / "a") as taken, pytest.raises(CheckpointError, match="does not reach back so far; it begins at"):
        taken.at(BEGIN)
    with pytest.raises(CheckpointError, match="begins at"):
        copy(tmp_path / "a", tmp_path / "b", BEGIN)
    assert not (tmp_path / "b").exists()


def test_without_sources_the_inputs_are_read_again(crashed: Path, tmp_path: Path) -> None:
    copy(crashed, tmp_path / "copy", without_sources=True)
    assert verify(tmp_path / "copy") == []
    kept = {place: data for place, data in state(crashed).items() if place[0] != step_id(SOURCE)}
    assert state(tmp_path / "copy") == kept
    run(tmp_path / "copy", 5)
    with cut(tmp_path / "copy") as taken:
        assert taken.state("source", "lane-00")[1][2]["counter"][1] == 5
    assert not part_path(tmp_path / "copy", 0).read_bytes().count(b"lane-00\x00")


def test_a_copy_needs_an_empty_folder(crashed: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "file").touch()
    with pytest.raises(CheckpointError, match="not empty"):
        copy(crashed, tmp_path / "copy")
    with pytest.raises(CheckpointError, match="lies in"):
        copy(crashed, crashed / "copy")


def test_partitions_may_become_fewer_and_more(crashed: Path, tmp_path: Path) -> None:
    original = Path(shutil.copytree(crashed, tmp_path / "original"))
    for partitions in (2, 16):
        rebalance(crashed, partitions)
        assert verify(crashed) == []
        assert len(list(crashed.glob("part-*"))) == partitions
        assert state(crashed) == state(original)
    last = reached(crashed) + MORE
    run(crashed, last)
    run(original, last)
    assert state(crashed) == state(original)
    rebalance(crashed, 3)
    assert state(crashed) == state(original)
    run(crashed, last + MORE)
    run(original, last + MORE)
    assert state(crashed) == state(original)
    assert verify(crashed) == []


def test_what_was_cut_off_is_ended(crashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    want = state(crashed)

    class CutOffError(Exception):
        pass

    calls = []

    def replaced(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == 4 + 2:
            raise CutOffError
        return original(path, target)

    original = Path.replace
    monkeypatch.setattr(Path, "replace", replaced)
    with pytest.raises(CutOffError):
        rebalancing.rebalance(crashed, 16)
    monkeypatch.undo()
    assert verify(crashed) == [f"{crashed}: a change of the number of partitions was cut off; do it again to end it"]
    with pytest.raises(CheckpointError, match="cut off"):
        copy(crashed, tmp_path / "copy")
    rebalance(crashed, 16)
    assert verify(crashed) == []
    assert state(crashed) == want


def test_differences_are_named(crashed: Path, tmp_path: Path) -> None:
    copy(crashed, tmp_path / "copy")
    run(tmp_path / "copy", reached(crashed) + 10)
    found = {one.step: one for one in difference(crashed, tmp_path / "copy")}
    assert found["source"].changed == LANES
    assert any(line.startswith("[1]: ") for line in found["source"].keys_changed["lane-00"])
    assert found["objects"].changed
    for index in range(8):
        connection = sqlite3.connect(part_path(tmp_path / "copy", index))
        connection.execute("DELETE FROM snaps WHERE state_key = 'lane-01'")
        connection.commit()
        connection.close()
    found = {one.step: one for one in difference(crashed, tmp_path / "copy")}
    assert found["source"].keys_only_first == ["lane-01"]
