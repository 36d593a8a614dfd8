"""The score of rare operations: fused and in two steps, resumed, in other processes, in river's contract."""

import os
import pickle
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import base
from river.checks import common

from models.habit import DAY, HOUR
from models.rare_operation import RareOperation

FIELDS = ("verb", "place", "client")
Row = tuple[int, str, str, str]
ROWS: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.integers(0, 120 * DAY), st.sampled_from("abcd"), st.sampled_from("xyz"), st.sampled_from(["p", "q", "r"])
    ),
    max_size=40,
).map(sorted)


def features(row: Row) -> dict[str, Any]:
    return dict(zip(("t", *FIELDS), row, strict=True))


@given(ROWS)
def test_fused_is_score_and_then_learn_to_the_last_bit(rows: list[Row]) -> None:
    fused, apart = RareOperation(FIELDS, cap=2), RareOperation(FIELDS, cap=2)
    for x in map(features, rows):
        seen = {field: x[field] in habit.known for field, habit in apart.habits.items()}
        score = apart.score_one(x)
        apart.learn_one(x)
        assert fused.score_learn_one(x) == (score, tuple(field for field, known in seen.items() if not known))
    assert pickle.dumps(fused.to_plain()) == pickle.dumps(apart.to_plain())


@given(ROWS, st.integers(0, 40))
def test_written_and_read_in_mid_stream_it_goes_on_to_the_last_bit(rows: list[Row], cut: int) -> None:
    whole = RareOperation(FIELDS)
    part = RareOperation(FIELDS)
    scores = [whole.score_learn_one(features(row)) for row in rows]
    found = [part.score_learn_one(features(row)) for row in rows[:cut]]
    read = RareOperation(FIELDS)
    read.learned(pickle.loads(pickle.dumps(part.to_plain())))  # noqa: S301  our own state
    copied: RareOperation = pickle.loads(pickle.dumps(part))  # noqa: S301
    for resumed in (read, copied):
        assert found + [resumed.score_learn_one(features(row)) for row in rows[cut:]] == scores
        assert resumed.to_plain() == whole.to_plain()


SCRIPT = """
from models.habit import HOUR
from models.rare_operation import RareOperation
model = RareOperation(("verb", "place"))
total = 0.0
for n in range(3000):
    total += model.score_learn_one({"t": n * HOUR // 3, "verb": f"v{n * n % 37}", "place": f"p{n * 7 % 11}"})[0]
print(total.hex(), model.to_plain())
"""


def test_it_is_the_same_to_the_last_bit_whatever_the_hash_seed() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert said[0]


def test_scoring_alone_changes_nothing() -> None:
    model = RareOperation(FIELDS)
    model.learn_one(features((0, "a", "x", "p")))
    before = pickle.dumps(model)
    model.score_one(features((HOUR, "b", "y", "p")))
    model.explain_one(features((HOUR, "b", "y", "p")))
    assert pickle.dumps(model) == before


def test_the_explanation_is_the_same_before_and_after_it_is_learned() -> None:
    model = RareOperation(FIELDS)
    for hour in range(100):
        model.learn_one(features((hour * HOUR, "ab"[hour % 25 == 0], "x", "p")))
    x = features((100 * HOUR, "c", "x", "q"))
    before = model.explain_one(x)
    model.learn_one(x)
    assert model.explain_one(x) == before
    told = {one.field: (one.buckets > 0, one.values) for one in before}
    assert told == {"verb": (False, 2), "place": (True, 1), "client": (False, 1)}
    assert [one.field for one in before] == ["client", "verb", "place"]
    assert before[0].age == 100 * HOUR
    seen = model.explain_one(features((101 * HOUR, "b", "x", "p")))[0]
    assert (seen.field, seen.value) == ("verb", "b")
    assert seen.buckets == pytest.approx(4, abs=0.3)


def test_a_field_has_its_own_cap() -> None:
    model = RareOperation(FIELDS, cap=2, caps={"verb": 4})
    for n in range(9):
        model.learn_one(features((n * HOUR, f"v{n}", f"p{n}", "c")))
    assert [len(habit) for habit in model.habits.values()] == [4, 2, 1]


@pytest.mark.parametrize("wrong", [None, (), ((0, 0.0, 0, {}),), "abc", ((0, 0.0, 0, {}),) * 2 + (1,)])
def test_state_of_another_form_is_refused(wrong: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        RareOperation(FIELDS).learned(wrong)


DATA = [(features((n * HOUR, "abc"[n % 3], "xy"[n % 2], "p")), None) for n in range(60)]


@pytest.mark.parametrize(
    "check",
    [
        common.check_learn_one,
        common.check_shuffle_features_no_impact,
        common.check_predict_one_pure,
        common.check_pickling,
    ],
    ids=lambda check: check.__name__,
)
def test_it_keeps_what_river_checks_of_estimators(check: Any) -> None:
    check(RareOperation(FIELDS), DATA)


def test_it_is_an_anomaly_detector_of_river() -> None:
    model = RareOperation(FIELDS, theta=2.0, caps={"verb": 9})
    assert isinstance(model, base.AnomalyDetector)
    assert not model._supervised
    common.check_repr(model)  # type: ignore[no-untyped-call]  # river's own, not typed
    common.check_str(model)  # type: ignore[no-untyped-call]
    model.learn_one(DATA[0][0])
    clone = model.clone()
    assert (clone.fields, clone.theta, clone.caps) == (FIELDS, 2.0, {"verb": 9})
    assert all(not habit.known for habit in clone.habits.values())
    assert model.clone({"theta": 3.0}).habits["verb"].theta == 3.0
