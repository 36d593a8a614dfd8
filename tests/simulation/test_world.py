"""The simulated world as a whole: repeatable, bounded, labelled."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from alerts import CATALOGUE
from events import Malformed
from simulation.attacks.register import episodes
from simulation.choices import Form
from simulation.labels import Variant
from simulation.profile import SensorKind
from tests.simulation.playing import play


def test_the_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    first, again, other = (play(days=0.2, seed=seed) for seed in (3, 3, 4))
    assert {name: lines.kept for name, lines in first.lines.items()} == {
        name: lines.kept for name, lines in again.lines.items()
    }
    assert set(first.lines) != set(other.lines)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("sensor", list(SensorKind))
def test_everything_that_is_written_can_be_read(form: Form, sensor: SensorKind) -> None:
    played = play(form=form, sensor=sensor, clusters=4 if form is Form.MIXED else 1, near_miss_rounds=1, days=0.5)
    for source in ("audit", "runtime", "arm"):
        items = played.items(source)
        assert [item for item in items if isinstance(item, Malformed)] == []
        assert len(items) > 20 or (source == "arm" and form in (Form.EKS, Form.GKE))


def test_every_alert_type_has_attacks_of_both_variants_and_a_near_miss() -> None:
    counted = Counter((name, episode.variant) for episode in episodes() for name in episode.alert_types)
    missing = [(name, str(variant)) for name in CATALOGUE for variant in Variant if not counted[name, variant]]
    assert missing == []


def test_every_episode_says_in_a_sentence_what_happens() -> None:
    assert [episode.name for episode in episodes() if not episode.story] == []


def test_every_attack_and_near_miss_is_played_once_and_each_declared_type_is_labelled() -> None:
    known = [episode for episode in episodes() if episode.variant is not Variant.NEAR_MISS]
    played = play(known, days=12, clusters=1, near_miss_rounds=1, form=Form.AKS)
    assert played.world.left_out == []
    found: dict[str, set[str]] = {}
    for label in played.labels:
        assert set(label.alert_types) | set(label.near_miss_of) <= set(CATALOGUE)
        found.setdefault(label.name, set()).update(label.alert_types, label.near_miss_of)
    wanted = {episode.name: set(episode.alert_types) for episode in episodes()}
    assert {
        name: types - found.get(name, set()) for name, types in wanted.items() if types - found.get(name, set())
    } == {}


def test_a_label_leads_to_the_event_that_it_names() -> None:
    known = [episode for episode in episodes() if episode.variant is Variant.STRAIGHT]
    played = play(known, days=8, form=Form.AKS)
    for label in played.labels:
        item = played.labelled(label)
        assert not isinstance(item, Malformed)
        if label.source == "audit" or (label.source == "runtime" and label.event_id):
            assert getattr(item, "event_id", None) == label.event_id


def test_as_many_events_are_written_as_asked_for() -> None:
    played = play(limit=777, clusters=2)
    assert sum(len(lines.kept) for lines in played.lines.values()) <= 777
    assert played.world.count.events == 777


SIMULATE = (sys.executable, "-m", "flows.cli", "simulate")


def simulated(folder: Path, *options: str, seed: str = "0") -> dict[str, bytes]:
    """The files of a capture that the command writes under this hash seed."""
    environment = {"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [*SIMULATE, str(folder), *options], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_command_writes_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    options = ("--days", "0.3", "--seed", "11", "--format", "mixed", "--rotate", "1")
    first = simulated(tmp_path / "a", *options, seed="1")
    assert first == simulated(tmp_path / "b", *options, seed="2")
    assert {"labels.jsonl", "README.md", "world.yaml"} < set(first)
    labels = [json.loads(line) for line in first["labels.jsonl"].splitlines()]
    for label in labels:
        line = first[label["origin"]["path"]].splitlines()[label["origin"]["line"] - 1]
        assert label["event_id"].encode() in line or not label["event_id"] or label["event_id"].endswith("/exit")


def test_packed_files_hold_the_same_lines(tmp_path: Path) -> None:
    options = ("--days", "0.1", "--sources", "runtime", "--attacks", "none")
    plain, packed = simulated(tmp_path / "a", *options), simulated(tmp_path / "b", *options, "--gzip")
    for name, data in packed.items():
        if name.endswith(".gz"):
            assert gzip.decompress(data) == plain[name.removesuffix(".gz")]
            assert data[4:8] == bytes(4)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_leaves_whole_files_that_may_be_replaced(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "a"
    running = subprocess.Popen([*SIMULATE, str(folder), "--gzip"], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(folder.rglob("audit-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)
    running.send_signal(number)
    told, _ = running.communicate(timeout=30)
    assert running.returncode == code
    lines = [line for path in folder.rglob("*-*.jsonl.gz") for line in gzip.decompress(path.read_bytes()).splitlines()]
    events = sum(len(json.loads(line).get("records", "1")) for line in lines)
    assert f" {events:,} events " in told
    assert "stopped before its end" in (folder / "README.md").read_text()
    assert simulated(folder, "--days", "0.05")


def test_an_earlier_capture_is_replaced_and_anything_else_is_left_alone(tmp_path: Path) -> None:
    first = simulated(tmp_path / "a", "--days", "0.2", "--rotate", "1")
    second = simulated(tmp_path / "a", "--days", "0.05")
    assert set(second) <= set(first)
    (tmp_path / "notes.txt").write_text("mine")
    done = subprocess.run([*SIMULATE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--attacks", "K8S_Nothing"), "k8s_nothing"),
        (("--sources", "audit,dns"), "'dns'"),
        (("--start", "yesterday"), "yesterday"),
        (("--start", "0001-01-01"), "1970"),
        (("--start", "9999-12-31"), "2200"),
        (("--profile", "/nowhere.yaml"), "/nowhere.yaml"),
        ((), "name the folder"),
    ],
)
def test_a_wrong_call_gets_one_clear_line(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    folder = [str(tmp_path / "a")] if options else []
    done = subprocess.run([*SIMULATE, *folder, *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert told in done.stderr
    assert not (tmp_path / "a").exists()


def test_a_profile_changes_the_scale(tmp_path: Path) -> None:
    profile = tmp_path / "profile.yaml"
    profile.write_text("nodes: 9\nteams: 1\n")
    assert "nodes" not in simulated(tmp_path / "a", "--profile", str(profile), "--days", "0.01")
    profile.write_text("nodes: 1\nteams: many\nnods: 3\n")
    done = subprocess.run(
        [*SIMULATE, str(tmp_path / "b"), "--profile", str(profile)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert all(word in done.stderr for word in ("nodes:", "teams:", "nods:"))
