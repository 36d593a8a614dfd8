"""How the processes of a job end, when they are asked to, when they are killed and when one of them fails: together."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import pytest

from tests.flows.following import quick_folder
from tests.flows.replay.alerts import assert_same, delivered
from tests.flows.replay.jobs import Plan, Stage, detect
from tests.flows.replay.knobs import Ending, Knobs
from tests.flows.replay.server import Call, Ended
from tests.flows.replay.world import World

SMALL = Knobs(block=1 << 13, lanes=4)
TOO_LONG = 20.0
"""Seconds, the default of `shutdown`."""
RULES = {"sensitive_mount", "high_privileges_role", "privileged_container", "cluster_admin_binding"}
EVERY = 0.1


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that is quick to write."""
    with quick_folder() as made:
        yield made


def job(world: World, processes: int, output: object, knobs: Knobs = SMALL, ending: Ending | None = None) -> Ended:
    """A run without a checkpoint."""
    capture = world.capture
    arguments = ["detect", capture, "--settings", capture / "settings.yaml", "--format", "jsonl", "--output", output]
    return world.server(Call([*map(str, arguments), "--processes", str(processes)], {}, knobs, ending))


@pytest.mark.parametrize("kept", [None, EVERY], ids=["no checkpoint", "checkpoint"])
def test_no_worker_survives_its_parent(world: World, folder: Path, kept: float | None) -> None:
    killed = Stage(3, Ending(SIGKILL, "parent", "read", 20))
    _, (ended,) = detect(world.server, world.capture, folder, Plan(SMALL, (killed,), kept))
    assert (ended.code, ended.survivors) == (-SIGKILL, 0)


@pytest.mark.parametrize("processes", [1, 3])
def test_what_was_found_before_sigterm_is_delivered(world: World, folder: Path, processes: int) -> None:
    ended = job(world, processes, folder / "alerts", ending=Ending(SIGTERM, "parent", "read", 300))
    found = delivered(folder / "alerts").last
    assert (ended.code, ended.said, ended.survivors) == (128 + SIGTERM, "", 0)
    assert ended.seconds < TOO_LONG
    assert 0 < len(found) < len(world.expected)
    by_one_event = {name: alert for name, alert in found.items() if alert["detector"]["name"] in RULES}
    assert by_one_event
    assert by_one_event.keys() <= world.expected.keys()


@pytest.mark.parametrize(("processes", "target"), [(1, "parent"), (3, "group")])
def test_after_sigterm_a_checkpoint_goes_on(world: World, folder: Path, processes: int, target: Any) -> None:
    asked = [Stage(processes, Ending(SIGTERM, target, "read", number)) for number in (1, 200)]
    found, ended = detect(world.server, world.capture, folder, Plan(SMALL, (*asked, Stage(2)), EVERY))
    assert [one.code for one in ended] == [128 + SIGTERM] * 2 + [0]
    assert all(one.seconds < TOO_LONG and one.said == "" for one in ended)
    assert_same(found.last, world.expected)
    assert found.repeated == 0


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is full")
def test_an_output_that_cannot_be_written_ends_all(world: World, processes: int) -> None:
    ended = job(world, processes, "/dev/full")
    assert (ended.code, ended.survivors) == (1, 0)
    assert ended.said.splitlines() == [
        "middlewatch: cannot write the alerts, dead letters or summary: No space left on device"
    ]


@pytest.mark.parametrize("processes", [1, 3])
def test_a_worker_that_ends_without_a_word_ends_all(world: World, folder: Path, processes: int) -> None:
    ended = job(world, processes, folder / "alerts", Knobs(broken="a step that fails hard"))
    assert (ended.code, ended.survivors) == (1, 0)
    (line,) = ended.said.splitlines()
    assert line.startswith("middlewatch: a worker process ended without a word")
