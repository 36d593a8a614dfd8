"""The replay property: however the same events are read, the alerts are the same.

`HYPOTHESIS_PROFILE=deep` tries many more ways.
"""

import json
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, note, settings

from tests.flows.replay.alerts import assert_same, without_origins
from tests.flows.replay.jobs import Plan, detect
from tests.flows.replay.plans import arrangements, plans
from tests.flows.replay.rearrange import Arrangement, rearrange
from tests.flows.replay.world import World

FEW = 6
MANY = 600
CASES = settings(
    max_examples=FEW if settings.default is None or settings.default.max_examples <= 100 else MANY,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def replayed(world: World, arrangement: Arrangement, plan: Plan) -> None:
    """Rearrange the capture, run it as planned, and compare."""
    with world.folder() as name:
        folder = Path(name)
        capture = rearrange(world.content, world.capture, folder / "capture", arrangement)
        found, ended = detect(world.server, capture, folder, plan)
        note(f"{[(one.code, round(one.seconds, 2)) for one in ended]} {found.lines} lines, {found.repeated} repeated")
        if plan.every is None:
            counted = json.loads((folder / "summary.json").read_text())
            assert (counted["late"], counted["malformed"], counted["failed_by_detector"]) == (0, 0, {})
        assert_same(without_origins(found.last), without_origins(world.expected))


def test_a_plain_run_is_the_reference_in_every_detail(world: World, tmp_path: Path) -> None:
    found, _ = detect(world.server, world.capture, tmp_path, Plan())
    assert_same(found.last, world.expected)


def test_every_kind_of_state_is_in_it(world: World) -> None:
    from flows.configuration import configure

    detectors = configure(world.capture / "settings.yaml").detectors
    raised = {alert["alert_type"] for alert in world.expected.values()}
    assert {detector.alert_type for detector in detectors} == raised


@CASES
@given(arrangement=arrangements, plan=plans)
def test_neither_order_nor_speed_nor_interruptions_matter(world: World, arrangement: Arrangement, plan: Plan) -> None:
    replayed(world, arrangement, plan)
