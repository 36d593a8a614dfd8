"""The clock against a plain reference: any lanes, in any epochs, in any number of processes."""

from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from flows.clock import ALL_READ, ROUNDED, STAGES, UNKNOWN, Clock, Report, Tick, Wait, process_keys

SECOND = 1_000_000
WAITS = {"first": Wait(0, 2 * SECOND), "second": Wait(1, 0), "third": Wait(2, 30 * SECOND)}


class Said(NamedTuple):
    """What a lane says of itself in one epoch."""

    low: int
    idle: bool
    paused: int


SAYS = st.builds(
    Said, st.integers(0, 100).map(lambda low: low * SECOND), st.booleans(), st.integers(0, 3).map(lambda s: s * SECOND)
)
LANES = st.lists(st.lists(SAYS, min_size=1, max_size=12), min_size=1, max_size=4)
"""For each lane what it says in its epochs; after the last it has read all."""


def report(lane: int, epoch: int, said: Said) -> Report:
    return Report(f"lane-{lane:02}", epoch, said.low, said.idle, came=said.low, paused=said.paused)


def ended(lane: int, epoch: int, came: int) -> Report:
    return Report(f"lane-{lane:02}", epoch, ALL_READ, idle=False, came=came)


def epochs(lanes: list[list[Said]]) -> Iterator[list[Report]]:
    """The reports of all lanes, epoch by epoch; a lane that has ended says so once more."""
    for epoch in range(max(map(len, lanes)) + 1):
        said: list[Report] = []
        for number, lane in enumerate(lanes):
            if epoch < len(lane):
                said.append(report(number, epoch, lane[epoch]))
            elif epoch == len(lane):
                said.append(ended(number, epoch, lane[-1].low))
        yield said


def least(last: dict[str, Report], lanes: int) -> int:
    """How far all have come, said plainly."""
    if len(last) < lanes:
        return UNKNOWN
    going = [one for one in last.values() if one.low != ALL_READ]
    if not going:
        return ALL_READ
    if all(one.idle for one in going):
        return max(one.came for one in last.values()) + min(one.paused for one in going)
    return min(one.low for one in going if not one.idle)


@given(LANES, st.lists(st.tuples(st.sampled_from(sorted(WAITS)), st.integers(0, 130)), max_size=20), st.randoms())
def test_every_process_has_the_same_time_and_wakes_each_key_once_it_has_passed(
    lanes: list[list[Said]], wakes: list[tuple[str, int]], random: object
) -> None:
    one, other = Clock(len(lanes), WAITS), Clock(len(lanes), WAITS)
    for number, (step, second) in enumerate(wakes):
        for clock in (one, other):
            clock.wake(step, f"key-{number}", second * SECOND + number)
    last: dict[str, Report] = {}
    passed = [UNKNOWN] * STAGES
    woken: set[str] = set()
    everything = [*epochs(lanes), *([Report("lane-00", 90 + more, ALL_READ, idle=False)] for more in range(STAGES))]
    for epoch, said in enumerate(everything):
        if said:
            passed = [max(passed[0], least(last, len(lanes))), *passed[:-1]]
        ticks = one(said)
        reordered = sorted(said, key=lambda _: random.random())  # type: ignore[attr-defined]  # Random
        assert sorted(ticks) == sorted(tick for report in reordered for tick in other([report])), epoch
        assert one.low == other.low == passed[0]
        for step, (stage, lateness) in WAITS.items():
            assert one.passed(step) == passed[stage] - lateness
        due = {
            f"key-{number}"
            for number, (step, second) in enumerate(wakes)
            if (second * SECOND + number) // ROUNDED * ROUNDED < one.passed(step)
        }
        assert all(tick == Tick(key, one.passed(step)) == Tick(tick.key, tick.until) for step, key, tick in ticks)
        assert {key for _, key, _ in ticks} == due - woken
        woken |= due
        last |= {report.lane: report for report in said}
    assert len(woken) == len(wakes)


def test_a_key_may_be_woken_again() -> None:
    clock = Clock(1, {"step": Wait(0, 0)})
    for epoch in range(3):
        clock.wake("step", "a", 5)
        assert clock([Report("lane", epoch, 10, idle=False)]) == ([("step", "a", Tick("a", 10))] if epoch else [])


def test_the_last_report_of_an_epoch_counts() -> None:
    clock = Clock(1, {})
    clock([Report("lane", 0, low, idle=False) for low in (1, 2, 3)])
    clock([Report("lane", 1, 9, idle=False)])
    assert clock.low == 3


def test_a_lane_that_is_far_ahead_waits_only_while_much_is_held() -> None:
    clock = Clock(1, {})
    assert clock.allows(ALL_READ)
    clock.held = 10**6
    clock.low = 0
    assert (clock.allows(60 * SECOND), clock.allows(61 * SECOND)) == (True, False)


@given(st.integers(1, 64))
def test_each_process_has_a_key(processes: int) -> None:
    assert len(set(process_keys(processes))) == processes
