"""Correlations against plain references, which look at the whole history for every event."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.stateful import Observation
from detectors.windows import AtLeast, Correlation
from tests.detectors.windows_written import SECOND, findings, lines, observation, one_after_the_other, together, words

SPAN = 10
Step = tuple[int, tuple[str, ...]]
"""Second, and the names of one event."""
Rests = Callable[[list[Step]], list[int] | None]
"""The places of the events on which a window rests that ends with the last of these; None if there is not enough."""


GAPS = (0, 0, 1, 1, 2, 3, 5, 9, 10, 11, 25)


def script(names: list[str], gaps: tuple[int, ...] = GAPS, most: int = 3) -> st.SearchStrategy[list[Step]]:
    """Streams with ties, repeated names, and gaps around and beyond the span."""
    told = st.lists(st.sampled_from(names), min_size=1, max_size=most)
    events = st.lists(st.tuples(st.sampled_from(gaps), told), max_size=40)

    def timed(steps: list[tuple[int, list[str]]]) -> list[Step]:
        moment, made = 0, []
        for gap, told in steps:
            moment += gap
            made.append((moment, tuple(told)))
        return made

    return events.map(timed)


def observed(steps: list[Step]) -> list[Observation]:
    return [observation(at, *names, event_id=f"{place:03}") for place, (at, names) in enumerate(steps)]


def bursts(steps: list[Step], rests: Rests) -> list[tuple[str, list[str]] | None]:
    """Occurrence and new evidence after each event, from the whole history."""
    told: list[tuple[str, list[str]] | None] = []
    occurrence, enough_at = "", -SPAN - 1
    for place, (at, _) in enumerate(steps):
        window = rests(steps[: place + 1])
        evidence = [f"{place:03}"]
        if at - enough_at > SPAN:
            evidence = [f"{one:03}" for one in window or ()]
            occurrence = evidence[0] if evidence else ""
        if window is not None:
            enough_at = at
        told.append((occurrence, evidence) if occurrence else None)
    return told


def latest(steps: list[Step]) -> dict[str, int]:
    """The place of the last event of each name in the window that ends with the last event."""
    return {name: place for place, (at, names) in enumerate(steps) for name in names if steps[-1][0] - at <= SPAN}


def values(steps: list[Step]) -> list[int] | None:
    seen = latest(steps)
    return sorted(set(seen.values())) if len(seen) >= 3 and len({name[0] for name in seen}) >= 2 else None


def count(wanted: int) -> Rests:
    def rests(steps: list[Step]) -> list[int] | None:
        within = [place for place, (at, _) in enumerate(steps) if steps[-1][0] - at <= SPAN]
        return within[-wanted:] if len(within) >= wanted else None

    return rests


def all_kinds(steps: list[Step]) -> list[int] | None:
    seen = latest(steps)
    return sorted(set(seen.values())) if set(seen) == {"a", "b", "c"} else None


def in_order(steps: list[Step]) -> list[int] | None:
    """The sequence that ends with the last event, and of these the one whose events are the latest."""
    names = [(place, name) for place, (at, told) in enumerate(steps) if steps[-1][0] - at <= SPAN for name in told]
    sequences = [
        [first, second, third]
        for c, (third, last) in enumerate(names)
        if last == "c" and third == len(steps) - 1
        for b, (second, middle) in enumerate(names[:c])
        if middle == "b"
        for first, begin in names[:b]
        if begin == "a"
    ]
    return sorted(set(max(sequences))) if sequences else None


def told(detector: Any, steps: list[Step]) -> list[tuple[str, list[str]] | None]:
    return [
        None if one is None else (one.match.occurrence, [event.event_id for event in one.evidence])
        for one in findings(detector, *observed(steps))
    ]


@given(script(["a1", "a2", "b1", "b2", "c1"]))
def test_a_value_count(steps: list[Step]) -> None:
    assert told(words, steps) == bursts(steps, values)


@given(script(["a", "b"]), st.integers(1, 6))
def test_an_event_count(steps: list[Step], wanted: int) -> None:
    assert told(lines.with_parameters({"at_least": wanted}), steps) == bursts(steps, count(wanted))


@given(script(["a", "b", "c"]))
def test_all_of_several_kinds(steps: list[Step]) -> None:
    assert told(together, steps) == bursts(steps, all_kinds)


@given(script(["a", "b", "c"]))
def test_one_after_the_other(steps: list[Step]) -> None:
    found, expected = told(one_after_the_other, steps), bursts(steps, in_order)
    assert [one and one[0] for one in found] == [one and one[0] for one in expected]
    assert found == expected


def numbered(groups: str) -> list[str]:
    return [f"{group}{number}" for group in groups for number in range(6)]


FLOODS = st.one_of(
    *(script(names, (0, 1, 2, 5), 6) for names in (numbered("ab"), numbered("abcdef"), [*numbered("a"), "b0"]))
)


@given(FLOODS, st.integers(1, 5))
def test_what_falls_out_of_a_full_window_could_never_decide(steps: list[Step], least: int) -> None:
    """With a cap of 5 values and groups a count finds the same bursts as with none."""
    capped = words.with_parameters({"least": least})
    capped.largest = 5
    free = words.with_parameters({"least": least})

    def going(detector: Any) -> list[bool]:
        return [one is not None for one in findings(detector, *observed(steps))]

    assert going(capped) == going(free)
    state = capped.form()
    for one in observed(steps):
        list(capped.step(state, one))
        assert len(state.values) <= 2 * capped.largest


EACH = pytest.mark.parametrize("detector", [words, lines, together, one_after_the_other], ids=lambda one: one.__name__)


@EACH
@given(script(["a", "b", "c"]))
def test_interrupted_resumed_and_forgotten_anywhere_is_uninterrupted(detector: Any, steps: list[Step]) -> None:
    state = detector.form()
    found = []
    for one in observed(steps):
        plain = pickle.dumps(detector.to_plain(state))
        state = detector.from_plain(detector.version, pickle.loads(plain))  # noqa: S301  our own state
        if one.time > detector.expires(state):
            state = detector.form()
        found.append(next(iter(detector.step(state, one)), None))
    assert found == findings(detector, *observed(steps))


def test_the_reference_itself_sees_both_edges() -> None:
    assert bursts([(0, ("a",)), (5, ("b",)), (10, ("c",))], in_order)[-1] == ("000", ["000", "001", "002"])
    assert bursts([(0, ("a",)), (5, ("b",)), (11, ("c",))], in_order)[-1] is None
    assert isinstance(lines, Correlation)
    assert isinstance(lines.parameters, AtLeast)
    assert lines.span == SPAN * SECOND
