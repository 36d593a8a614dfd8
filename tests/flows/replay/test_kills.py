"""Runs with a checkpoint that are killed at any moment: nothing is lost, nothing invented.

`HYPOTHESIS_PROFILE=deep` kills 50 times instead of 3, runs of a larger capture.
"""

import random
from collections import Counter
from pathlib import Path
from signal import SIGKILL

from hypothesis import settings

from flows.configuration import configure
from tests.flows.following import quick_folder
from tests.flows.replay.alerts import Delivered, assert_same, without_origins
from tests.flows.replay.capture import write
from tests.flows.replay.jobs import Plan, Server, Stage, detect
from tests.flows.replay.knobs import Ending, Knobs
from tests.flows.replay.reference import reference
from tests.flows.replay.world import World

DEEP = settings.default is not None and settings.default.max_examples > 100
KILLS = 50 if DEEP else 3
IN_A_ROW = 5
"""Kills of one run at most, before it may come to its end."""
KNOBS = Knobs(block=1 << 14)
EVERY = 0.1
"""Seconds between two checkpoints."""
SPANS = (0.5, 2.0, 6.0) if DEEP else (0.5, 1.0)
"""Seconds within which a run is killed."""


def test_nothing_is_lost_and_nothing_invented_by_kills(world: World) -> None:
    with quick_folder() as folder:
        _kill(world, folder)


def _kill(world: World, folder: Path) -> None:
    capture, expected = world.capture, world.expected
    if DEEP:
        capture = write(folder / "capture", {one.alert_type for one in configure().detectors}, hours=3, pace=0.02)
        expected = reference(capture)
    chance = random.Random(5)
    killed: Counter[int] = Counter()
    repeated = lines = altered = number = 0
    while killed.total() < KILLS:
        number += 1
        (folder / f"run-{number}").mkdir()
        kills = min(IN_A_ROW, KILLS - killed.total())
        found = _killed(world.server, capture, folder / f"run-{number}", chance, kills, killed)
        assert_same(without_origins(found.last), without_origins(expected))
        repeated, altered, lines = repeated + found.repeated, altered + found.altered, lines + found.lines
    print(  # noqa: T201  for the record
        f"{killed.total()} kills in {number} runs, by processes {dict(killed)}: {lines} lines, {repeated} repeated,"
        f" {altered} of them with another content"
    )


def _killed(
    server: Server, capture: Path, folder: Path, chance: random.Random, kills: int, killed: Counter[int]
) -> Delivered:
    """Run with a checkpoint, killed so often at random moments, then to its end."""
    for _ in range(kills):
        processes = chance.randint(1, 3)
        ending = Ending(SIGKILL, "parent", "time", chance.uniform(0.3, 0.3 + chance.choice(SPANS)))
        _, (ended,) = detect(server, capture, folder, Plan(KNOBS, (Stage(processes, ending),), EVERY))
        killed[processes] += ended.code == -SIGKILL
        if ended.code == 0:
            break
    return detect(server, capture, folder, Plan(KNOBS, (Stage(chance.randint(1, 3)),), EVERY))[0]
