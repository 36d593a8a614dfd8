"""Ways to run the same events that must not make a difference."""

from signal import SIGKILL, SIGTERM

from hypothesis import strategies as st

from tests.flows.replay.jobs import Plan, Stage
from tests.flows.replay.knobs import Ending, Knobs
from tests.flows.replay.rearrange import Arrangement

SEEDS = st.integers(0, 1 << 30)
COUNTED = {"read": 400, "snapshot": 200, "write": 60, "time": 2}
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
    block=st.sampled_from([1 << 12, 1 << 14, 1 << 16, 1 << 18]),
    epoch=st.sampled_from([0.001, 0.01, 0.1, 1.0]),
    lanes=st.sampled_from([1, 2, 3, 7, 64]),
    held=st.sampled_from([0, 50, 1000, 200_000]),
    ahead=st.sampled_from([0, 1_000_000, 60_000_000, 3_600_000_000]),
    sweep=st.booleans(),
)


@st.composite
def endings(draw: st.DrawFn) -> Ending:
    """A signal at some point of a run."""
    number, target = draw(
        st.sampled_from(
            [(SIGKILL, "parent"), (SIGKILL, "group"), (SIGKILL, "worker"), (SIGTERM, "parent"), (SIGTERM, "group")]
        )
    )
    at = draw(st.sampled_from(["read", "snapshot", "write"] if target == "worker" else sorted(COUNTED)))
    share = draw(st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8]))
    return Ending(number, target, at, 0.4 + share * 2 if at == "time" else round(share * COUNTED[at]))


acts = st.lists(
    st.sampled_from(["rotate", "copy", "rebalance 3", "rebalance 8", "rebalance 32"]), max_size=2, unique=True
)
interrupted = st.builds(Stage, processes=st.integers(1, 4), ending=endings(), then=acts)
completed = st.builds(Stage, processes=st.integers(1, 4))
once = st.builds(Plan, knobs=knobs, stages=st.tuples(completed))
several = st.builds(
    lambda knobs, every, seed, stopped, last: Plan(knobs, (*stopped, last), every, seed),
    knobs,
    st.sampled_from([0.02, 0.1, 0.3]),
    SEEDS,
    st.lists(interrupted, max_size=3),
    completed,
)
plans = st.one_of(once, several, several)
