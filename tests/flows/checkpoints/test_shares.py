"""Shares of a checkpoint: what they say, and making them and the whole of each other."""

import json
import shutil
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from flows.checkpoints.create import create
from flows.checkpoints.difference import difference
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import read_manifest, write_manifest
from flows.checkpoints.opening import open_for
from flows.checkpoints.parts import part_path
from flows.checkpoints.runs import begin_run
from flows.checkpoints.shares import deal, disagreement, gather, made_for
from flows.checkpoints.soundness import read_parts
from flows.checkpoints.store import EVER
from flows.checkpoints.verify import verify
from flows.configuration import Configuration
from tests.flows.checkpoints.test_command_line import called
from tests.flows.checkpoints.test_opening import Some
from tests.flows.checkpoints.toy import reached, run, state


def test_a_new_share(tmp_path: Path) -> None:
    made_for(tmp_path, 1, 3)
    manifest = read_manifest(tmp_path)
    assert (manifest.pod, manifest.pods, manifest.partitions) == (1, 3, 32)
    assert sorted(path.name for path in tmp_path.glob("part-*")) == sorted(f"part-{n}.sqlite3" for n in range(1, 32, 3))
    assert verify(tmp_path) == []
    made_for(tmp_path, 1, 3)
    assert read_manifest(tmp_path) == manifest
    part_path(tmp_path, 4).unlink()
    assert verify(tmp_path) == [f"{part_path(tmp_path, 4)}: missing"]


def test_another_pod_or_number(tmp_path: Path) -> None:
    made_for(tmp_path / "share", 1, 3)
    with pytest.raises(CheckpointError, match="the share of pod 1, and this is pod 2: its volume is another pod's"):
        made_for(tmp_path / "share", 2, 3)
    with pytest.raises(CheckpointError, match=r"made for 3 pods, and this job has 2 pods: see .* gather"):
        made_for(tmp_path / "share", 1, 2)
    create(tmp_path / "whole", 4)
    with pytest.raises(CheckpointError, match="made for one process or several on one machine, and this job has 2"):
        made_for(tmp_path / "whole", 0, 2)
    with pytest.raises(CheckpointError, match="2 partitions are too few for 3 pods"):
        create(tmp_path / "few", 2, pods=3)


@pytest.mark.parametrize("pods", [1, 2, 3, 8])
def test_dealt_and_gathered_is_the_same(crashed: Path, tmp_path: Path, pods: int) -> None:
    before = state(crashed)
    shares = deal(crashed, tmp_path / "dealt", pods)
    assert [verify(share) for share in shares] == [[]] * pods
    if pods == 1:
        whole = shares[0]
    else:
        whole = tmp_path / "whole"
        assert gather(whole, shares[::-1]) == len(before)
    assert state(whole) == before
    assert all(not one.differs for one in difference(crashed, whole))
    last = reached(whole) + 5
    run(whole, last)
    run(crashed, last)
    assert all(not one.differs for one in difference(crashed, whole))


def test_what_a_share_does_not_say(crashed: Path, tmp_path: Path) -> None:
    shares = deal(crashed, tmp_path / "dealt", 3)
    sentence = f"{shares[1]}: the share of pod 1 of 3"
    for arguments in (
        ("copy", shares[1], tmp_path / "copy"),
        ("diff", shares[1], crashed),
        ("rebalance", shares[1], "--partitions", "4"),
        ("list", shares[1], "--as-of", "2026-03-02T09:00:01Z"),
        ("deal", shares[1], tmp_path / "again", "--pods", "2"),
    ):
        told = called(*arguments, code=1)[1]
        assert told.startswith(f"middlewatch: {sentence}")
        assert "middlewatch checkpoint gather" in told
    listed = json.loads(called("list", shares[1], "--format", "json")[0])
    assert listed["share"].startswith("that of pod 1 of 3")
    assert called("verify", shares[1])[0] == f"{shares[1]}: no problems\n"
    found = [called("show", share, "--step", "source", "--format", "json", code=code) for share, code in _codes(shares)]
    assert {row["key"] for out, _ in found if out for row in json.loads(out)} == {"lane-00", "lane-01", "lane-02"}


def _codes(shares: list[Path]) -> list[tuple[Path, int]]:
    """Shares with the exit code of `show`, by whether they have a lane."""
    from flows.checkpoints.store import cut
    from flows.stepnames import SOURCE, step_id

    found = []
    for share in shares:
        with cut(share) as taken:
            found.append((share, 0 if list(taken.rows(step=step_id(SOURCE))) else 1))
    return found


def test_shares_that_do_not_make_a_whole(crashed: Path, tmp_path: Path) -> None:
    shares = deal(crashed, tmp_path / "dealt", 3)
    other = deal(crashed, tmp_path / "other", 3)
    two = deal(crashed, tmp_path / "two", 2)
    for given, reason in (
        (shares[:2], "the shares of 1 pods are missing, that of pod 2"),
        ([*shares, shares[0]], "a run has it open"),
        ([*shares[:2], other[2]], "the shares are of different checkpoints"),
        ([shares[0], two[1]], "different numbers of pods: 2, 3"),
        ([crashed], "not a share: it is whole"),
    ):
        with pytest.raises(CheckpointError, match=reason):
            gather(tmp_path / "whole", given)
        assert not (tmp_path / "whole").exists()


def test_a_share_from_before(crashed: Path, tmp_path: Path) -> None:
    shares = deal(crashed, tmp_path / "dealt", 2)
    shutil.copytree(shares[1], tmp_path / "old")
    for share in shares:
        for number in (1, 2, 3):
            begin_run(share, read_manifest(share), EVER, number)
    assert gather(tmp_path / "whole", shares)
    with pytest.raises(CheckpointError, match=r"later run|older than"):
        gather(tmp_path / "torn", [shares[0], tmp_path / "old"])
    begin_run(shares[0], read_manifest(shares[0]), EVER, 4)
    assert gather(tmp_path / "begun", shares)


def test_the_run_of_a_share_begins_when_pods_agree(tmp_path: Path) -> None:
    made_for(tmp_path, 0, 2)
    opened = open_for(tmp_path, cast("Configuration", Some(())))
    assert (opened.manifest.run, read_manifest(tmp_path).run) == (0, 0)


def test_cut_off_while_it_takes_its_name(tmp_path: Path) -> None:
    for pod in range(2):
        made_for(tmp_path / str(pod), pod, 2)
    first = read_manifest(tmp_path / "0")
    share = tmp_path / "1"
    begin_run(share, replace(read_manifest(share), checkpoint=first.checkpoint), EVER, 1)
    part_path(share, 3).unlink()
    made_for(tmp_path / "spare", 1, 2)
    part_path(tmp_path / "spare", 3).rename(part_path(share, 3))
    write_manifest(share, read_manifest(tmp_path / "spare"))
    made_for(share, 1, 2)
    assert verify(share) == []
    manifests = {pod: read_manifest(tmp_path / str(pod)) for pod in range(2)}
    assert disagreement({pod: (one, read_parts(tmp_path / str(pod), one)[0]) for pod, one in manifests.items()}) is None
