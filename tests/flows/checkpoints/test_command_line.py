"""`middlewatch checkpoint`, as it is called."""

import json
import subprocess
import sys
from pathlib import Path

from tests.flows.checkpoints.toy import ROOT, reached


def called(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    command = [sys.executable, "-m", "flows.cli", "checkpoint", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_commands(crashed: Path, tmp_path: Path) -> None:
    out, _ = called("list", crashed)
    assert "objects" in out
    listed = json.loads(called("list", crashed, "--format", "json")[0])
    assert [one["step"] for one in listed["steps"]] == ["objects", "source"]
    assert listed["clock"] == f"2026-03-02T09:00:{reached(crashed):02}.000000Z" or reached(crashed) >= 60
    assert "lane-00" in called("show", crashed, "--step", "source")[0]
    shown = json.loads(called("show", crashed, "--step", "source", "--key", "lane-00")[0])
    assert shown["state"][2]["counter"][0] == "counter"
    assert called("verify", crashed) == (f"{crashed}: no problems\n", "")
    assert "copy of" in called("copy", crashed, tmp_path / "copy")[0]
    called("rebalance", tmp_path / "copy", "--partitions", "3")
    assert json.loads(called("diff", crashed, tmp_path / "copy", "--format", "json")[0])[0]["changed"] == 0
    called("copy", crashed, tmp_path / "fresh", "--without-sources")
    assert "source lane-00: only in the first" in called("diff", crashed, tmp_path / "fresh", code=1)[0]


def test_mistakes_are_one_line(crashed: Path, tmp_path: Path) -> None:
    assert (
        called("list", tmp_path, code=1)[1]
        == f"middlewatch: {tmp_path}: not a checkpoint: it has no middlewatch.json\n"
    )
    assert "neither a date" in called("list", crashed, "--as-of", "yesterday", code=2)[1]
    _, told = called("copy", crashed, tmp_path / "copy", "--as-of", "2020-01-01", code=1)
    assert "its history does not reach back so far; it begins at 2026-03-02T09:00:" in told
    assert "has no key" in called("show", crashed, "--step", "source", "--key", "none", code=1)[1]
    (crashed / "part-1.sqlite3").unlink()
    assert "part-1.sqlite3: missing" in called("verify", crashed, code=1)[1]
