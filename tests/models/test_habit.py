"""Habits against a reference that recounts everything, and at their edges."""

import math
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.proba.base import DiscreteDistribution

from models.habit import DAY, HOUR, Habit

Events = list[tuple[int, str]]
EVENTS: st.SearchStrategy[Events] = st.lists(
    st.tuples(st.integers(0, 200 * DAY), st.sampled_from("abcdef")), max_size=40
).map(sorted)


def reference(events: Events, x: str, t: int, half_life: int = 30 * DAY) -> float:
    """The surprisal by the formula, with each weight aged to now."""
    hours: dict[str, dict[int, int]] = {}
    for at, value in events:
        hours.setdefault(value, {}).setdefault(at // HOUR, at)
    weights = {value: sum(2.0 ** ((at - t) / half_life) for at in seen.values()) for value, seen in hours.items()}
    seen = sum(weights.values())
    mass = 1.0 + 0.5 * min(len(weights), seen)
    if x in weights:
        mass += sum(weight - 0.5 for weight in weights.values() if 0.5 < weight <= weights[x] * (1 + 1e-12))
    return max(0.0, -math.log(mass / (seen + 1.0)))


@given(EVENTS, st.sampled_from("abcdefg"))
def test_surprisals_agree_with_a_recount(events: Events, x: str) -> None:
    habit = Habit()
    for at, value in events:
        habit.update(value, at)
    now = 201 * DAY
    assert habit.surprisal(x, now) == pytest.approx(reference(events, x, now), abs=1e-9)


@given(EVENTS)
def test_a_known_value_never_outscores_a_new_one(events: Events) -> None:
    habit = Habit()
    for at, value in events:
        habit.update(value, at)
    assert all(habit.surprisal(value, 201 * DAY) <= habit.surprisal("new", 201 * DAY) for value in habit.known)


def test_hours_count_and_not_events() -> None:
    once, often = Habit(), Habit()
    for hour in range(50):
        once.update("a", hour * HOUR)
        for _ in range(20):
            often.update("a", hour * HOUR)
    assert once.to_plain() == often.to_plain()
    assert often.known["a"][0] == pytest.approx(51, rel=0.05)


def test_within_its_hour_a_value_is_as_surprising_as_at_first() -> None:
    habit = Habit()
    for hour in range(50):
        habit.update("a", hour * HOUR)
    first = habit.surprisal("b", 50 * HOUR)
    habit.update("b", 50 * HOUR)
    assert habit.surprisal("b", 51 * HOUR - 1) == first
    assert habit.surprisal("b", 51 * HOUR) < first


def test_half_is_forgotten_after_a_half_life() -> None:
    habit = Habit()
    for hour in range(100):
        habit.update("a", hour * HOUR)
    weight = habit.weighs(habit.weight, 100 * HOUR)
    assert habit.weighs(habit.weight, 100 * HOUR + 30 * DAY) == pytest.approx(weight / 2)


def test_at_the_cap_nothing_is_forgotten_and_what_is_left_out_is_counted() -> None:
    habit = Habit(cap=3)
    for at, value in enumerate("aaabcdefd"):
        habit.update(value, at * HOUR)
    assert list(habit.known) == ["a", "b", "c"]
    assert habit.dropped == 4
    assert habit.surprisal("d", 9 * HOUR) == habit.surprisal("never", 9 * HOUR)


def test_years_do_not_overflow_and_only_shift_the_origin() -> None:
    habit = Habit()
    for month in range(300):
        habit.update("a", month * 30 * DAY)
    assert habit.weight < 2.0**32
    assert habit.weighs(habit.weight, 299 * 30 * DAY) == pytest.approx(2.0)
    habit.update("b", 1 << 62)
    assert habit.surprisal("a", 1 << 62) >= 0.0


def test_nothing_is_a_surprise_to_who_knows_nothing() -> None:
    assert Habit().surprisal("a", 0) == 0.0
    assert Habit()("a") == 1.0
    assert Habit().mode is None


def test_it_has_every_method_of_a_discrete_distribution_of_river() -> None:
    wanted: frozenset[str] = DiscreteDistribution.__abstractmethods__
    assert wanted <= set(dir(Habit))
    habit = Habit()
    for at, value in enumerate("aab"):
        habit.update(value, at * HOUR)
    assert habit.mode == "a"
    assert habit.n_samples == pytest.approx(3, rel=0.01)
    assert habit.sample(seed=1) in ("a", "b")
    assert 0 < habit("b") < habit("a") <= 1
    with pytest.raises(NotImplementedError, match="cannot unlearn 'a'"):
        habit.revert("a")


def test_plain_state_is_a_copy_small_and_read_again() -> None:
    habit = Habit()
    for hour in range(200):
        habit.update(f"verb {hour % 20}", hour * HOUR)
    plain = habit.to_plain()
    before = pickle.dumps(plain)
    habit.update("new", 300 * HOUR)
    assert pickle.dumps(plain) == before
    assert len(before) < 20 * 60
    again = Habit()
    again.learned(plain)
    assert again.to_plain() == plain
    with pytest.raises(msgspec.ValidationError):
        again.learned((0, 1.0, 0, {"a": ("much", 1, 1, 0.5)}))
