"""What breaks the replay property is found: detectors, clocks and steps that are wrong on purpose."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.flows.replay.alerts import Alerts, assert_same, without_origins
from tests.flows.replay.jobs import Plan, detect
from tests.flows.replay.knobs import Broken, Knobs
from tests.flows.replay.rearrange import Arrangement, rearrange
from tests.flows.replay.world import World

SHAKEN = Arrangement(seed=1, shaken=1.0, parts=3, merged=True)
PLAIN = Arrangement()
ARRIVAL = Path(__file__).with_name("arrival.py")


def run(world: World, arrangement: Arrangement, broken: Broken = "", *, settings: str = "", own: str = "") -> Alerts:
    """What a capture raises if the job is broken, or has more settings or detectors of one's own."""
    with world.folder() as name:
        folder = Path(name)
        capture = rearrange(world.content, world.capture, folder / "capture", arrangement)
        file = capture / "settings.yaml"
        file.write_text(settings + file.read_text().replace("own_detectors: [", f"own_detectors: [{own}"))
        plan = Plan(Knobs(block=1 << 14, lanes=3, broken=broken))
        return without_origins(detect(world.server, capture, folder, plan, silent=False)[0].last)


@pytest.mark.parametrize("broken", ["nothing waits", "order of arrival", "late by arrival"])
def test_a_job_that_is_broken_is_found(world: World, broken: Broken) -> None:
    expected = without_origins(world.expected)
    with pytest.raises(AssertionError, match="alerts differ"):
        assert_same(run(world, SHAKEN, broken), expected)


def test_a_job_that_is_not_broken_is_not_found(world: World) -> None:
    assert_same(run(world, SHAKEN), without_origins(world.expected))


def test_no_lateness_at_all_is_found(world: World) -> None:
    found = run(world, SHAKEN, settings="lateness: {runtime: 0s, audit: 0s, arm: 0s}\n")
    with pytest.raises(AssertionError, match="alerts differ"):
        assert_same(found, without_origins(world.expected))


def test_what_comes_later_than_allowed_is_found(world: World) -> None:
    found = run(world, replace(SHAKEN, most=4.0))
    with pytest.raises(AssertionError, match="alerts differ"):
        assert_same(found, without_origins(world.expected))


def test_a_detector_that_depends_on_the_order_of_arrival_is_found(world: World) -> None:
    own = f"{ARRIVAL}, "
    plain = run(world, PLAIN, own=own)
    with pytest.raises(AssertionError, match="K8S_TI_Proxy"):
        assert_same(run(world, SHAKEN, own=own), plain)
