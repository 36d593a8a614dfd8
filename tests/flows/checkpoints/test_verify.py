"""Every way in which files of a checkpoint can fail to belong together is found, in a line."""

import pickle
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from flows.checkpoints.copying import copy
from flows.checkpoints.create import create
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.parts import part_path, wal_path
from flows.checkpoints.store import cut
from flows.checkpoints.verify import verify
from tests.flows.checkpoints.toy import LANES, reached, run


def written(path: Path, sql: str, *values: Any) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql, values)
    connection.commit()
    connection.close()


def test_a_whole_checkpoint_has_no_problems(crashed: Path, tmp_path: Path) -> None:
    assert verify(crashed) == []
    create(tmp_path / "new")
    assert verify(tmp_path / "new") == []


def test_reading_alters_nothing(crashed: Path) -> None:
    run(crashed, reached(crashed) + 5)
    before = {path.name: path.read_bytes() for path in crashed.iterdir()}
    assert verify(crashed) == []
    assert {path.name: path.read_bytes() for path in crashed.iterdir()} == before


def test_no_checkpoint(tmp_path: Path) -> None:
    assert verify(tmp_path / "none") == [f"{tmp_path / 'none'}: no such folder"]
    assert verify(tmp_path) == [f"{tmp_path}: not a checkpoint: it has no middlewatch.json"]


def test_a_missing_partition(crashed: Path) -> None:
    part_path(crashed, 3).unlink()
    assert f"{part_path(crashed, 3)}: missing" in verify(crashed)


def test_a_missing_wal(crashed: Path) -> None:
    wal_path(part_path(crashed, 5)).unlink()
    (found,) = verify(crashed)
    assert found.startswith(f"{part_path(crashed, 5)}: ")
    assert "older than the other partitions, by " in found
    assert found.endswith(": its -wal file is missing")
    with pytest.raises(CheckpointError, match="older"), cut(crashed):
        pass


def test_a_partition_of_an_older_backup(crashed: Path, tmp_path: Path) -> None:
    """Whichever it is: also those that say where a run goes on."""
    run(crashed, reached(crashed) + 10)
    backup = Path(shutil.copytree(crashed, tmp_path / "backup"))
    run(crashed, reached_by(backup) + 300, epoch=0.01, pause=0.001)
    assert verify(backup) == verify(crashed) == []
    for index in range(8):
        path = part_path(crashed, index)
        newest = path.read_bytes()
        shutil.copy(part_path(backup, index), path)
        found = verify(crashed)
        assert any(line.startswith(f"{path}: ") and "older than the other" in line for line in found), (index, found)
        path.write_bytes(newest)


def reached_by(folder: Path) -> int:
    """Numbers that a run that has ended brought."""
    with cut(folder) as taken:
        counters: list[int] = [
            taken.state("source", f"lane-{number:02}")[1][2]["counter"][1] for number in range(LANES)
        ]
    return min(counters)


def test_a_foreign_file(crashed: Path) -> None:
    for name in ("notes.txt", "part-8.sqlite3", "other.sqlite3"):
        (crashed / name).touch()
    assert verify(crashed)[:3] == [
        f"{crashed / name}: not a file of this checkpoint" for name in ("notes.txt", "other.sqlite3", "part-8.sqlite3")
    ]


def test_a_part_of_another_checkpoint(crashed: Path, tmp_path: Path) -> None:
    copy(crashed, tmp_path / "copy")
    wal_path(part_path(crashed, 2)).unlink()
    shutil.copy(part_path(tmp_path / "copy", 2), part_path(crashed, 2))
    assert verify(crashed) == [f"{part_path(crashed, 2)}: a part of another checkpoint"]


def test_a_part_whose_number_is_doubled(crashed: Path, tmp_path: Path) -> None:
    copy(crashed, tmp_path / "copy")
    shutil.copy(part_path(tmp_path / "copy", 2), part_path(tmp_path / "copy", 4))
    (found,) = verify(tmp_path / "copy")
    assert found == f"{part_path(tmp_path / 'copy', 4)}: is partition 2, which is there twice or under another's name"


def test_a_number_of_partitions_that_does_not_fit(crashed: Path) -> None:
    written(part_path(crashed, 1), "UPDATE parts SET part_count = 9")
    assert verify(crashed) == [f"{part_path(crashed, 1)}: says that there are 9 partitions; middlewatch.json says 8"]


class Harm:
    """What a malicious row would have done."""

    def __reduce__(self) -> Any:
        return print, ("harm",)


@pytest.mark.parametrize(
    ("value", "reason"),
    [(pickle.dumps(Harm()), "names a class or a function"), (b"\x80\x04", "not a pickle"), (b"", "not a pickle")],
)
def test_a_row_that_is_not_plain(crashed: Path, capsys: pytest.CaptureFixture[str], value: bytes, reason: str) -> None:
    with cut(crashed) as taken:
        row = next(iter(taken.rows()))
    for index in range(8):
        written(part_path(crashed, index), "UPDATE snaps SET ser_change = ? WHERE state_key = ?", value, row.key)
    found = verify(crashed)
    assert found
    assert all(f"unreadable: {reason}" in line or "more rows" in line for line in found)
    assert capsys.readouterr().out == ""


def test_a_row_in_the_wrong_partition(crashed: Path) -> None:
    with cut(crashed) as taken:
        row = next(iter(taken.rows()))
    sql = "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)"
    for index in range(8):
        written(part_path(crashed, index), sql.replace("INSERT", "INSERT OR REPLACE"), *row)
    found = verify(crashed)
    assert len(found) == 7
    assert all("belongs into partition" in line for line in found)


def test_damage(crashed: Path, tmp_path: Path) -> None:
    copy(crashed, tmp_path / "copy")
    for index, (start, junk) in enumerate(((0, b"x" * 100), (4096 * 3, b"x" * 8192))):
        with part_path(tmp_path / "copy", index).open("r+b") as file:
            file.seek(start)
            file.write(junk)
    with part_path(tmp_path / "copy", 2).open("r+b") as file:
        file.truncate(8192)
    found = verify(tmp_path / "copy")
    for index in range(3):
        assert any(line.startswith(f"{part_path(tmp_path / 'copy', index)}: ") for line in found)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"format": "1"}', b'{"format": 1}', b"\xff", b"[" * 100_000])
def test_a_torn_manifest(crashed: Path, text: bytes) -> None:
    (crashed / "middlewatch.json").write_bytes(text)
    (found,) = verify(crashed)
    assert "torn or not a manifest" in found


def test_a_newer_format(crashed: Path) -> None:
    (crashed / "middlewatch.json").write_text('{"format": 2}')
    (found,) = verify(crashed)
    assert "newer release (format 2)" in found


def test_a_step_that_the_flow_does_not_have(tmp_path: Path) -> None:
    create(tmp_path / "a", 4)
    run(tmp_path / "a", 5, scope="pods")
    (found,) = verify(tmp_path / "a")
    assert "a step 'pods' that this flow does not have" in found


def test_only_an_empty_folder_becomes_a_checkpoint(crashed: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not empty"):
        create(crashed)
    create(tmp_path / "deep" / "er", 1)
    assert (tmp_path / "deep" / "er").stat().st_mode & 0o77 == 0
    assert all(path.stat().st_mode & 0o77 == 0 for path in (tmp_path / "deep" / "er").iterdir())
