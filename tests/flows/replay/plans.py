"""Ways to run the same events that must not make a difference."""

from signal import SIGKILL, SIGTERM

from hypothesis import strategies as st
from msgspec.structs import replace

from tests.flows.replay.capture import HOURS
from tests.flows.replay.jobs import Plan, Stage
from tests.flows.replay.knobs import Counted, Ending, Knobs, Target
from tests.flows.replay.rearrange import Arrangement

SEEDS = st.integers(0, 1 << 30)
EVENT_TIME = HOURS * 3_600_000_000
WAITING = 1.0
"""Seconds for which lanes may wait for the clock, in all."""
SOME = 10_000
COUNTED: dict[Counted, int] = {"read": 150, "snapshot": 200, "write": 60, "time": 2}
"""What may be counted in a run, and how far at most; seconds."""

arrangements = st.builds(
    Arrangement,
    seed=SEEDS,
    shaken=st.sampled_from([0.0, 0.5, 1.0]),
    merged=st.booleans(),
    parts=st.sampled_from([1, 2, 3, 6]),
    packed=st.booleans(),
    repeated=st.sampled_from([0.0, 0.0, 0.02]),
)
knobs = st.builds(
    Knobs,
    block=st.sampled_from([1 << 13, 1 << 14, 1 << 16, 1 << 18]),
    epoch=st.sampled_from([0.002, 0.02, 0.1, 0.4]),
    lanes=st.sampled_from([1, 2, 3, 7, 64]),
    held=st.sampled_from([0, 50, 1000, 200_000]),
    ahead=st.sampled_from([0, 1_000_000, 60_000_000, 3_600_000_000]),
    sweep=st.booleans(),
)


SIGNALS: list[tuple[int, Target]] = [
    (SIGKILL, "parent"),
    (SIGKILL, "group"),
    (SIGKILL, "worker"),
    (SIGTERM, "parent"),
    (SIGTERM, "group"),
]


@st.composite
def endings(draw: st.DrawFn) -> Ending:
    """A signal at some point of a run. By the clock it is sent from outside, where no worker is known."""
    number, target = draw(st.sampled_from(SIGNALS))
    at = draw(st.sampled_from([at for at in COUNTED if target != "worker" or at != "time"]))
    share = draw(st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8]))
    return Ending(number, target, at, 0.4 + share * 2 if at == "time" else round(share * COUNTED[at]))


acts = st.lists(
    st.sampled_from(["rotate", "copy", "rebalance 3", "rebalance 8", "rebalance 32"]), max_size=2, unique=True
)
interrupted = st.builds(Stage, processes=st.integers(1, 4), ending=endings(), then=acts)
completed = st.builds(Stage, processes=st.integers(1, 4))


def planned(knobs: Knobs, every: float | None, seed: int, stopped: list[Stage], last: Stage) -> Plan:
    """A plan that a run gets through: lanes that wait for the clock are not given too many epochs to wait for."""
    if knobs.held < SOME:
        soon = round(EVENT_TIME * (every or knobs.epoch) / WAITING)
        knobs = replace(knobs, ahead=max(knobs.ahead, soon))
    return Plan(knobs, (*stopped, last), every, seed)


once = st.builds(planned, knobs, st.none(), SEEDS, st.just([]), completed)
several = st.builds(
    planned, knobs, st.sampled_from([0.02, 0.1, 0.3]), SEEDS, st.lists(interrupted, max_size=3), completed
)
plans = st.one_of(once, several, several)
