"""What is checked and said before a run goes on from a checkpoint."""

import contextlib
import pickle
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import Struct
from msgspec.structs import replace

from detectors.contract import Quiet
from detectors.stateful import Finding, Noted, Observation, Scope, Stateful
from flows.checkpoints.create import create
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import DetectorState, read_manifest, write_manifest
from flows.checkpoints.opening import Opened, open_for
from flows.checkpoints.parts import part_path
from flows.checkpoints.routing import partition_of_row
from flows.checkpoints.store import cut
from flows.checkpoints.verify import verify
from flows.configuration import Configuration
from flows.stepnames import step_id
from tests.flows.checkpoints.toy import reached, run, started, state


class Seen(Struct):
    """What a keeper remembers."""

    count: int = 0


class Keeper(Stateful[Any, Seen]):
    """Remembers something; what its state depends on is given."""

    scope = Scope.OBJECT
    form = Seen
    required = "something"
    needs: dict[str, Any] = {}

    def step(self, state: Seen, observation: Observation) -> Iterator[Finding | Noted]:
        yield from ()

    def expires(self, state: Seen) -> int:
        return 0

    @property
    def depends_on(self) -> dict[str, Any]:
        return self.needs


class Migrating(Keeper):
    """Reads its first version too."""

    version = 2

    def from_plain(self, version: int, plain: Any) -> Seen:
        return Seen(plain) if version == 1 else super().from_plain(version, plain)


class Renewed(Keeper):
    """Does not."""

    version = 2


def keeper(name: str, kind: type[Keeper] = Keeper, **needs: Any) -> Keeper:
    def nothing(_event: Any) -> Quiet:
        return Quiet("nothing")

    nothing.__name__ = name
    made = kind(nothing, "none", ())
    made.needs = needs
    return made


class Some(Struct):
    """As much of a configuration as is needed."""

    detectors: tuple[Any, ...]


def opened(folder: Path, *detectors: Keeper) -> Opened:
    return open_for(folder, cast("Configuration", Some(detectors)))


def test_a_new_one_takes_what_runs(tmp_path: Path) -> None:
    create(tmp_path, 4)
    first = opened(tmp_path, keeper("count", at_least=5, names=("a", "b")))
    assert first.empty
    assert first[2:] == (frozenset(), ())
    assert first.manifest.detectors["count"] == DetectorState(1, {"at_least": 5, "names": ["a", "b"]})
    assert read_manifest(tmp_path) == first.manifest
    again = opened(tmp_path, keeper("count", at_least=5, names=("a", "b")))
    assert again[2:] == (frozenset(), ())
    assert again.manifest == replace(first.manifest, run=2)


def test_a_killed_run_goes_on(crashed: Path) -> None:
    last, before = reached(crashed) + 5, state(crashed)
    assert not opened(crashed).empty
    assert state(crashed) == before
    run(crashed, last)
    assert verify(crashed) == []


def test_changed_parameters_begin_state_anew(crashed: Path) -> None:
    run(crashed, reached(crashed) + 5)
    opened(crashed, keeper("chain", within="5m"), keeper("other"))
    with cut(crashed) as taken:
        assert all("chain" in pickle.loads(row.data)[-1] for row in taken.rows(step=step_id("objects")))  # noqa: S301  our own
    second = opened(crashed, keeper("chain", within="6m"))
    assert second.anew == {"chain"}
    assert second.sentences == (
        f"{crashed}: state of chain is begun anew: within was 5m and is 6m",
        f"{crashed}: holds state of detectors that do not run now: other",
    )
    with cut(crashed) as taken:
        rows = list(taken.rows(step=step_id("objects")))
        assert rows
        assert all(pickle.loads(row.data)[-1] == {} for row in rows)  # noqa: S301  our own
    assert opened(crashed, keeper("chain", within="6m")).anew == frozenset()
    assert verify(crashed) == []


def test_versions(tmp_path: Path) -> None:
    create(tmp_path, 2)
    opened(tmp_path, keeper("count"))
    with pytest.raises(CheckpointError, match="state of count has version 1, and this release reads only 2"):
        opened(tmp_path, keeper("count", Renewed))
    assert opened(tmp_path, keeper("count", Migrating)).manifest.detectors["count"].version == 2
    with pytest.raises(CheckpointError, match="state of count has version 2, from a newer release"):
        opened(tmp_path, keeper("count"))


def test_steps(tmp_path: Path) -> None:
    manifest = create(tmp_path / "gone", 2)
    write_manifest(tmp_path / "gone", replace(manifest, steps=(*manifest.steps, "pods")))
    with pytest.raises(CheckpointError, match="made for a flow with a step 'pods'"):
        opened(tmp_path / "gone")
    write_manifest(tmp_path / "gone", replace(manifest, steps=manifest.steps[1:]))
    assert opened(tmp_path / "gone").sentences == (f"{tmp_path / 'gone'}: step 'source' is new and begins empty",)
    create(tmp_path / "unknown", 2)
    connection = sqlite3.connect(part_path(tmp_path / "unknown", partition_of_row("middlewatch.pods", "a", 2)))
    connection.execute("INSERT INTO snaps VALUES ('', 'middlewatch.pods', 'a', 5, x'80044b012e')")
    connection.commit()
    connection.close()
    with pytest.raises(CheckpointError, match="state of a step 'pods' that this flow does not have"):
        opened(tmp_path / "unknown")


def test_what_is_not_whole_is_refused(crashed: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        opened(tmp_path)
    (crashed / "other.sqlite3").touch()
    with pytest.raises(CheckpointError, match=r"other\.sqlite3: not a file of this checkpoint"):
        opened(crashed)
    (crashed / "other.sqlite3").unlink()
    part_path(crashed, 0).unlink()
    with pytest.raises(CheckpointError, match=r"part-0\.sqlite3: missing"):
        opened(crashed)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    create(tmp_path, 2)
    process = started(tmp_path)
    try:
        with pytest.raises(CheckpointError, match="a run has it open"):
            opened(tmp_path)
    finally:
        process.kill()
        process.wait()
    opened(tmp_path)


def test_what_a_killed_run_wrote_of_an_epoch_that_it_did_not_finish_is_removed(crashed: Path) -> None:
    """The next run numbers its epochs alike: a run after that would take the row for the next one's."""
    with cut(crashed) as taken:
        resume, before = taken.resume, list(taken.rows())
    row = before[0]
    places = range(resume, resume + 2)
    with contextlib.closing(sqlite3.connect(holding(crashed, row.step, row.key))) as connection, connection:
        left = "INSERT OR REPLACE INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)"
        for epoch in places:
            connection.execute(left, (row.step, row.key, epoch, b"left"))
    opened(crashed)
    with cut(crashed) as taken:
        assert taken.resume == resume
        assert list(taken.rows()) == before
        assert list(taken.rows(resume + 2)) == before


def holding(folder: Path, step: str, key: str) -> Path:
    """The partition that has the rows of a key."""
    for path in sorted(folder.glob("part-*.sqlite3")):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            if connection.execute("SELECT 1 FROM snaps WHERE step_id = ? AND state_key = ?", (step, key)).fetchone():
                return path
    raise AssertionError
