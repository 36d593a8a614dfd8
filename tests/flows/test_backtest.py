"""A backtest is the run that went on: the same alerts from the same state, which it leaves as it is."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from alerts import Alert
from alerts.encoders import to_json
from alerts.merge import Merged, to_alert
from flows.checkpoints.copying import copy
from flows.checkpoints.create import create
from flows.checkpoints.plain import read_plain
from flows.checkpoints.store import cut
from flows.files import Position
from flows.run import known_files
from flows.stepnames import ALERTS, step_id
from simulation.clock import moment
from tests.flows.test_cli import MIDDLEWATCH, middlewatch

TYPES = "K8S_ClusterAdminBinding,K8S_DeleteEvents,K8S_SensitiveMount,K8S.NODE_ReconnaissanceArtifactsBurst"
OF = ("--as-of", "2026-03-02T06:00:00Z")


class Ran(NamedTuple):
    """A run to the end, with all of its history."""

    capture: Path
    checkpoint: Path
    settings: Path
    last: dict[str, Any]
    """The last content of each alert."""
    read: int

    def backtest(self, *arguments: object) -> dict[str, Any]:
        """The report of a backtest of the capture."""
        done = middlewatch("backtest", *arguments, "--settings", self.settings, "--format", "json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("backtest")
    (folder / "pace.yaml").write_text("pace: 0.1\nci_jobs_per_hour: 2\n")
    made = Ran(folder / "capture", folder / "checkpoint", folder / "settings.yaml", {}, 0)
    made.settings.write_text("checkpoint:\n  every: 0.02\n")
    options = ("--days", 0.5, "--clusters", 2, "--attacks", TYPES, "--sources", "audit,runtime")
    done = middlewatch("simulate", made.capture, *options, "--profile", folder / "pace.yaml")
    assert done.returncode == 0, done.stderr
    create(made.checkpoint, 2)
    alerts, summary = folder / "alerts.jsonl", folder / "summary.json"
    run = ("--settings", made.settings, "--checkpoint", made.checkpoint, "-o", alerts, "--summary", summary)
    done = middlewatch("detect", made.capture, *run)
    assert done.returncode == 0, done.stderr
    return made._replace(last=contents(alerts), read=json.loads(summary.read_text())["read"])


def contents(path: Path) -> dict[str, Any]:
    """The last content of each alert by id; its revision aside."""
    alerts = [json.loads(line) for line in path.read_text().splitlines()]
    return {alert["id"]: bare(alert) for alert in alerts}


def bare(alert: dict[str, Any]) -> dict[str, Any]:
    return alert | {"revision": 0, "activity": ""}


def told(checkpoint: Path) -> dict[str, Any]:
    """What had been told of each alert by then."""
    found: dict[str, Any] = {}
    with cut(checkpoint) as taken:
        for row in taken.rows(step=step_id(ALERTS)):
            plain = read_plain(row.data)[3]
            if plain is not None:
                alert: Alert = to_alert(Merged.from_plain(plain), None, 1, "create")
                found[row.key] = bare(json.loads(to_json(alert)))
    return found


def hashes(folder: Path) -> dict[str, str]:
    """Of all files, but for SQLite's index in shared memory, in which readers note themselves."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith("-shm"))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_from_nothing_it_is_detect_and_each_alert_is_kept_once(ran: Ran, tmp_path: Path) -> None:
    report = ran.backtest(ran.capture, "-o", tmp_path / "alerts.jsonl")
    lines = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert len(lines) == len(ran.last) == sum(row["alerts"] for row in report["alerts"]) > 20
    assert contents(tmp_path / "alerts.jsonl") == ran.last
    assert report["summary"]["read"] == ran.read
    assert {(row["alert_type"], row["day"]) for row in report["alerts"]} == {
        (alert["alert_type"], alert["first_event_time"][:10]) for alert in ran.last.values()
    }
    assert (report["start"], report["told_before"]) == (None, 0)


@pytest.mark.parametrize("processes", [1, 2])
def test_from_the_middle_it_is_the_run_that_went_on(ran: Ran, tmp_path: Path, processes: int) -> None:
    before = hashes(ran.checkpoint)
    report = ran.backtest(
        *(ran.capture, "--start", ran.checkpoint, *OF, "-o", tmp_path / "alerts.jsonl", "--processes", processes)
    )
    assert hashes(ran.checkpoint) == before
    copy(ran.checkpoint, tmp_path / "then", moment(OF[1]))
    found, known = contents(tmp_path / "alerts.jsonl"), told(tmp_path / "then")
    assert known
    assert 0 < len(found) < len(ran.last)
    assert {**known, **found} == ran.last
    assert report["told_before"] == len(set(found) & set(known))
    assert any(found[name] != known[name] for name in set(found) & set(known))


def test_nothing_is_read_twice_also_where_the_files_are_called_otherwise_now(ran: Ran, tmp_path: Path) -> None:
    copy(ran.checkpoint, tmp_path / "then", moment(OF[1]))
    files = [kept for lane in known_files(tmp_path / "then").values() for kept in lane.values()]
    lines = sum(Position(*position).line - 1 for _, position, _, _ in files)
    assert 0 < lines < ran.read
    there = ran.backtest(ran.capture, "--start", ran.checkpoint, *OF)
    shutil.copytree(ran.capture, tmp_path / "moved")
    moved = ran.backtest(tmp_path / "moved", "--start", ran.checkpoint, *OF)
    assert lines + there["summary"]["read"] == lines + moved["summary"]["read"] == ran.read
    assert moved["alerts"] == there["alerts"]
    assert [row | {"missed": []} for row in moved["types"]] == [row | {"missed": []} for row in there["types"]]
    assert any(row["right"] for row in moved["types"])


def test_episodes_count_that_begin_in_what_was_left_to_read(ran: Ran, tmp_path: Path) -> None:
    copy(ran.checkpoint, tmp_path / "then", moment(OF[1]))
    files = [kept for lane in known_files(tmp_path / "then").values() for kept in lane.values()]
    first = {path: Position(*position).line for path, position, _, _ in files}
    read: dict[tuple[str, str], list[bool]] = {}
    for line in (ran.capture / "labels.jsonl").read_text().splitlines():
        label = json.loads(line)
        now = label["origin"]["line"] >= first[str(ran.capture / label["origin"]["path"])]
        for name in label["alert_types"]:
            read.setdefault((name, label["episode"]), []).append(now)
    report = ran.backtest(ran.capture, "--start", ran.checkpoint, *OF)
    expected = Counter(name for (name, _), some in read.items() if all(some))
    assert {row["alert_type"]: row["episodes"] for row in report["types"] if row["episodes"]} == {
        name: count for name, count in expected.items() if name not in report["without_detector"]
    }
    assert 0 < expected.total() < len(read)
    assert report["begun_before"] == sum(any(some) and not all(some) for some in read.values())


def test_a_file_that_the_state_does_not_know_is_read_from_its_beginning(ran: Ran, tmp_path: Path) -> None:
    file = next(ran.capture.glob("*/audit-1.jsonl"))
    lines = file.read_text().splitlines(keepends=True)
    (tmp_path / "new.jsonl").write_text("".join(lines[-50:]))
    report = ran.backtest(tmp_path / "new.jsonl", file, "--start", ran.checkpoint)
    assert report["summary"]["read"] == 50


def test_the_end_of_the_state_leaves_nothing_to_read_and_says_so(ran: Ran) -> None:
    done = middlewatch("backtest", ran.capture, "--start", ran.checkpoint)
    assert (done.returncode, "--as-of" in done.stdout) == (0, True)


@pytest.fixture
def live(ran: Ran, tmp_path: Path) -> Iterator[Path]:
    """A checkpoint that a run has open and does not write at the moment."""
    create(tmp_path / "live", 2)
    options = ["--follow", "--checkpoint", str(tmp_path / "live"), "--settings", str(ran.settings), "-o", os.devnull]
    command = [*MIDDLEWATCH, "detect", str(ran.capture), *options]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if sum(kept[1][1] > 1 for lane in _known(tmp_path / "live") for kept in lane.values()) > 1:
                break
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGSTOP)
        yield tmp_path / "live"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _known(folder: Path) -> list[dict[str, Any]]:
    return list(known_files(folder).values())


def test_a_live_checkpoint_is_unchanged_to_the_byte(ran: Ran, live: Path) -> None:
    before = hashes(live)
    assert any(name.endswith("-wal") for name in before)
    report = ran.backtest(ran.capture, "--start", live)
    assert report["clock"]
    assert hashes(live) == before


def test_it_reports_by_the_labels_of_the_capture(ran: Ran) -> None:
    done = middlewatch("backtest", ran.capture)
    assert str(ran.capture / "labels.jsonl") in done.stderr
    named = middlewatch("backtest", ran.capture, "--labels", ran.capture / "labels.jsonl")
    assert (named.stdout, "labels:" in named.stderr) == (done.stdout, False)
    assert "K8S_ClusterAdminBinding" in done.stdout
    assert "RECALL" in done.stdout
    report = ran.backtest(ran.capture)
    rows = {row["alert_type"]: row for row in report["types"]}
    assert rows["K8S_ClusterAdminBinding"]["recall"] == 1
    assert rows["K8S_ClusterAdminBinding"]["found"] == rows["K8S_ClusterAdminBinding"]["episodes"] > 0
    missed = [one for row in report["types"] for one in row["missed"]]
    assert missed
    assert missed[0]["place"] in done.stdout
    assert middlewatch("explain", missed[0]["place"]).returncode == 0


def test_a_port_that_a_job_serves_is_left_alone(ran: Ran, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = tmp_path / "s.yaml"
        settings.write_text(f"health:\n  port: {taken.getsockname()[1]}\n")
        file = next(ran.capture.glob("*/runtime-1.jsonl"))
        assert middlewatch("backtest", file, "--settings", settings).returncode == 0


def test_labels_that_fit_no_input_are_told(ran: Ran, tmp_path: Path) -> None:
    shutil.copy(ran.capture / "labels.jsonl", tmp_path)
    file = next(ran.capture.glob("*/runtime-1.jsonl"))
    done = middlewatch("backtest", file, "--labels", tmp_path / "labels.jsonl")
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
    assert "fit none of the files" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "name files, folders"),
        (["/nowhere/at/all"], 2, "no such file"),
        (["LOG", *OF], 2, "--start"),
        (["LOG", "--start", "CHECKPOINT", "--as-of", "noon"], 2, "noon"),
        (["LOG", "--start", "/nowhere"], 1, "/nowhere: no such folder"),
        (["LOG", "--start", "CHECKPOINT", "--as-of", "2020-01-01"], 1, "CHECKPOINT: its history does not reach"),
        (["-", "--start", "CHECKPOINT"], 2, "standard input"),
        (["-", "--processes", "2"], 2, "standard input"),
        (["LOG", "--labels", "/nowhere.jsonl"], 2, "/nowhere.jsonl: No such file"),
        (["LOG", "--labels", "LOG"], 2, "line 1: not a label"),
        (["LOG", "--output", "LOG"], 2, "would be written over"),
        (["LOG", "--output", "-"], 2, "wants a file"),
        (["LOG", "--start", "CHECKPOINT", "--output", "CHECKPOINT/a"], 2, "not to be touched"),
        (["LOG", "--output", "/nowhere/a"], 1, "/nowhere/a"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(ran: Ran, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n")
    names = {"LOG": str(tmp_path / "log.jsonl"), "CHECKPOINT": str(ran.checkpoint)}

    def put(text: str) -> str:
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    before = hashes(ran.checkpoint)
    done = middlewatch("backtest", *map(put, arguments))
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert put(said) in done.stderr
    assert hashes(ran.checkpoint) == before


def test_what_the_state_says_names_the_checkpoint_and_not_its_copy(ran: Ran, tmp_path: Path) -> None:
    settings = tmp_path / "s.yaml"
    settings.write_text("detectors:\n  K8S.NODE_ReconnaissanceArtifactsBurst:\n    enabled: false\n")
    done = middlewatch("backtest", ran.capture, "--start", ran.checkpoint, "--settings", settings)
    assert done.returncode == 0
    assert f"{ran.checkpoint}: holds state of detectors that do not run now" in done.stderr


def test_a_stopped_one_leaves_nothing_behind(ran: Ran, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [*MIDDLEWATCH, "backtest", str(pipe)]
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with pipe.open("w") as writer:
        writer.write("{}\n")
        writer.flush()
        until = time.monotonic() + 30
        while not list((tmp_path / "tmp").glob("*/alerts.jsonl")) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        process.terminate()
        said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (143, "")
    assert list((tmp_path / "tmp").iterdir()) == []
