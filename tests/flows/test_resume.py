"""`middlewatch detect --checkpoint`: files that grew, were rotated or came between two runs; half a checkpoint."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.checkpoints.create import PARTITIONS, create, is_missing
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import BEGUN, MANIFEST
from flows.checkpoints.parts import part_path
from flows.checkpoints.verify import verify
from tests.flows.following import add, binding, burst, job, quick_folder
from tests.flows.test_cli import middlewatch


@pytest.fixture
def tmp_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is quick to write, and checkpoints that are written often."""
    monkeypatch.setenv("MIDDLEWATCH_CHECKPOINT__EVERY", "200ms")
    with quick_folder() as folder:
        yield folder


def run(folder: Path, *inputs: Path) -> tuple[list[str], dict[str, Any]]:
    """The alerts of one run, as (file, line) of their first evidence, and its summary."""
    done = middlewatch(
        *("detect", *inputs, "--checkpoint", folder / "kept", "--summary", folder / "summary.json", "--format", "jsonl")
    )
    assert done.returncode == 0, done.stderr
    places = [json.loads(line)["evidence"][0]["origin"] for line in done.stdout.splitlines()]
    summary = json.loads((folder / "summary.json").read_text())
    return sorted(f"{Path(one['path']).name}:{one['line']}" for one in places), summary


def test_a_file_that_was_rotated_between_two_runs_is_read_to_its_end(tmp_path: Path) -> None:
    """Although the call names only the one that has taken its place."""
    log = tmp_path / "audit.log"
    add(log, *(binding(f"a-{number}", number) for number in range(9)))
    assert len(run(tmp_path, log)[0]) == 9
    add(log, binding("b", 20))
    log.rename(tmp_path / "audit.log.1")
    add(tmp_path / "audit.log.1", binding("c", 30))
    add(log, binding("d", 40))
    assert run(tmp_path, log)[0] == ["audit.log.1:10", "audit.log.1:11", "audit.log:1"]
    assert run(tmp_path, tmp_path / "audit.log.1", log)[0] == []


def test_a_file_that_was_first_seen_torn_is_known_when_it_has_grown(tmp_path: Path) -> None:
    log, other = tmp_path / "a.log", tmp_path / "b.log"
    first = binding("a")
    add(log, first[:10])
    add(other, first[:10])
    assert run(tmp_path, log, other)[1]["malformed"] == 2
    for path in (log, other):
        add(path, first[10:], *(binding(f"{path.name}-{number}", number) for number in range(20)))
    assert run(tmp_path, log, other)[1]["read"] == 42
    for path in (log, other):
        path.rename(path.with_suffix(".old"))
    assert run(tmp_path, log.with_suffix(".old"), other.with_suffix(".old"))[1]["read"] == 0


def test_what_was_killed_goes_on(tmp_path: Path) -> None:
    log, other = tmp_path / "a.log", tmp_path / "b.log"
    kept = [log, other, "--checkpoint", tmp_path / "kept", "--processes", 2]
    add(log, *burst("one")[:4])
    add(other, binding("a"))
    with job(tmp_path, *kept, "--follow") as running:
        running.await_alerts(1)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    add(log, *burst("one")[4:])
    with job(tmp_path, *kept) as running:
        assert running.process.wait(20) == 0
        assert len(running.found()) == 2


def test_a_folder_of_empty_files_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.log", "b.log"):
        (tmp_path / "in" / name).touch()
    assert run(tmp_path, tmp_path / "in")[1]["read"] == 0
    add(tmp_path / "in" / "a.log", binding("a"))
    assert run(tmp_path, tmp_path / "in")[0] == ["a.log:1"]


@pytest.mark.parametrize("written", [0, 1, PARTITIONS])
def test_a_creation_that_was_cut_off_is_begun_anew(tmp_path: Path, written: int) -> None:
    (tmp_path / BEGUN).touch()
    for index in range(written):
        part_path(tmp_path, index).write_bytes(b"half")
    (tmp_path / ".middlewatch.json.new").touch()
    assert is_missing(tmp_path)
    create(tmp_path)
    assert not is_missing(tmp_path)
    assert not (tmp_path / BEGUN).exists()
    assert verify(tmp_path) == []


def test_nothing_is_removed_that_no_creation_has_left(tmp_path: Path) -> None:
    (tmp_path / BEGUN).touch()
    (tmp_path / "mine").touch()
    with pytest.raises(CheckpointError, match="not empty"):
        create(tmp_path)
    assert (tmp_path / "mine").exists()
    (tmp_path / "mine").unlink()
    part_path(tmp_path, 0).touch()
    assert not is_missing(tmp_path), "without the mark it may be one that has lost its manifest"
    with pytest.raises(CheckpointError, match="not empty"):
        create(tmp_path)


def test_a_run_that_is_killed_while_it_makes_its_checkpoint_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom flows.checkpoints import create\n"
        "create.write_manifest = lambda *_: os._exit(9)\ncreate.create(Path(sys.argv[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path / "kept"], check=False).returncode == 9
    assert not (tmp_path / "kept" / MANIFEST).exists()
    add(tmp_path / "a.log", binding("a"))
    assert run(tmp_path, tmp_path / "a.log")[0] == ["a.log:1"]


def test_two_do_not_make_one_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import flows.checkpoints.create as module

    def again(*_: object) -> None:
        monkeypatch.undo()
        with pytest.raises(CheckpointError, match="another process"):
            create(tmp_path / "kept")
        raise CheckpointError("enough")

    monkeypatch.setattr(module, "lay_out", again)
    with pytest.raises(CheckpointError, match="enough"):
        create(tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []
