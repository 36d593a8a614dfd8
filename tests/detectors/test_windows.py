"""Value counts: their edges, their bursts, and a plain reference."""

import pickle
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.signal import Entity, Evidence, Origin
from detectors.contract import Match, Quiet
from detectors.examples import execution
from detectors.parameters import written
from detectors.selection import executes
from detectors.windows import LARGEST, CountParameters, Observation, Sighting, Span, Window, value_count
from events import RuntimeEvent

SECOND = 1_000_000


class Words(CountParameters, frozen=True, extra="forbid"):
    """Three words of two groups in ten seconds."""

    least: int = 3
    within: Span = timedelta(seconds=10)

    def enough(self, values: int, groups: int) -> bool:
        return values >= self.least and groups >= 2

    @property
    def required(self) -> str:
        return f"{self.least} words of 2 groups within {written(self.within)}"


@value_count(
    "K8S.NODE_ReconnaissanceArtifactsBurst",
    on=executes(),
    by=lambda event: (Entity("node", event.node), event.node),
    names=("words", "groups"),
    parameters=Words(),
)
def words(event: RuntimeEvent, parameters: Words) -> tuple[Sighting, ...] | Quiet:
    """Words of an argument; the group is the first letter."""
    found = event.process.arguments.split()
    return tuple(Sighting(word, word[0]) for word in found) if found else Quiet("words")


def observation(at: float, *values: str, event_id: str = "") -> Observation:
    time = round(at * SECOND)
    event_id = event_id or f"e{time}-{'-'.join(values)}"
    evidence = Evidence(event_id, time, Origin(), "")
    return Observation(time, event_id, tuple(Sighting(v, v[0]) for v in values), Entity("node", "n"), evidence)


def occurrences(*observations: Observation) -> list[str]:
    """The occurrence of the burst after each observation; empty where there is none."""
    window = Window()
    found = [words.step(window, one) for one in observations]
    return ["" if one is None else one[0].occurrence for one in found]


def test_both_edges_of_the_span_belong_to_it() -> None:
    first, second = observation(0, "a1"), observation(5, "a2")
    assert occurrences(first, second, observation(10, "b1"))[-1] == first.event_id
    assert occurrences(first, second, observation(10.000001, "b1"))[-1] == ""


def test_values_and_groups_must_both_be_enough() -> None:
    assert occurrences(observation(0, "a1", "a2", "a3", "a4")) == [""]
    assert occurrences(observation(0, "a1", "b1")) == [""]
    assert occurrences(observation(0, "a1", "b1", "b1")) == [""]
    assert occurrences(observation(0, "a1", "b1", "b2", event_id="x")) == ["x"]


def test_a_burst_is_one_occurrence_and_ends_when_there_is_not_enough_for_the_span() -> None:
    burst = [observation(at, value, event_id=f"{at}") for at, value in enumerate(("a1", "a2", "b1", "b2", "b3"))]
    assert occurrences(*burst) == ["", "", "0", "0", "0"]
    lone = [observation(at, "a1", event_id="lone") for at in (7, 10, 13, 16, 19, 22, 25)]
    again = [observation(30, "a1", "a2", "b1", event_id="again")]
    assert occurrences(*burst, *lone, *again)[5:] == ["0", "0", "0", "0", "0", "0", "", "again"]


def test_evidence_is_told_once_and_the_list_grows() -> None:
    window = Window()
    steps = [words.step(window, observation(at, value)) for at, value in enumerate(("a1", "a2", "b1", "b2"))]
    (began, shown), (grown, more) = (step for step in steps if step)
    assert [one.time for one in shown] == [0, SECOND, 2 * SECOND]
    assert [one.time for one in more] == [3 * SECOND]
    assert began.fields == {"words": ["a1", "a2", "b1"], "groups": ["a", "b"]}
    assert grown.fields["words"] == ["a1", "a2", "b1", "b2"]


def test_the_entity_of_a_burst_stays_though_a_later_record_knows_less() -> None:
    window = Window()
    words.step(window, observation(0, "a1", "a2", "b1"))
    later = msgspec.structs.replace(observation(1, "b2"), entity=Entity("node", "other"))
    found = words.step(window, later)
    assert found is not None
    assert found[0].entity == Entity("node", "n")


def test_a_late_observation_counts_inside_the_window_only() -> None:
    begun = (observation(20, "a1"), observation(21, "b1"))
    assert occurrences(*begun, observation(12, "b2"))[-1] != ""
    assert occurrences(*begun, observation(10, "b2"))[-1] == ""


def test_a_window_forgets_and_says_when() -> None:
    window = Window()
    assert words.step(window, observation(0, "a1", "b1")) is None
    assert words.expires(window) == 10 * SECOND
    assert words.step(window, observation(10.000001, "b2")) is None
    assert list(window.seen) == ["b2"]


def test_a_flood_of_values_is_bounded() -> None:
    window = Window()
    for number in range(3 * LARGEST):
        words.step(window, observation(number / 1000, f"a{number}", f"b{number}"))
    assert len(window.seen) == LARGEST
    assert len(window.values) == LARGEST


Script = list[tuple[int, list[str]]]
SCRIPTS = st.lists(
    st.tuples(st.integers(0, 60), st.lists(st.sampled_from(["a1", "a2", "b1", "b2", "c1"]), min_size=1, max_size=3)),
    max_size=40,
).map(lambda script: sorted(script, key=lambda step: step[0]))


def reference(script: Script) -> list[bool]:
    """Whether a burst goes on after each step, from the whole history."""
    full_at: list[int] = []
    going = []
    for index, (at, _) in enumerate(script):
        seen = {value for time, values in script[: index + 1] if at - 10 <= time for value in values}
        if len(seen) >= 3 and len({value[0] for value in seen}) >= 2:
            full_at.append(at)
        going.append(bool(full_at) and at - full_at[-1] <= 10)
    return going


@given(SCRIPTS)
def test_windows_agree_with_a_plain_reference(script: Script) -> None:
    steps = [observation(at, *values, event_id=f"{index:03}") for index, (at, values) in enumerate(script)]
    assert [bool(one) for one in occurrences(*steps)] == reference(script)


@given(SCRIPTS, st.integers(0, 40))
def test_interrupted_and_resumed_is_uninterrupted(script: Script, cut: int) -> None:
    steps = [observation(at, *values, event_id=f"{index:03}") for index, (at, values) in enumerate(script)]
    whole, part = Window(), Window()
    expected = [words.step(whole, one) for one in steps]
    found = [words.step(part, one) for one in steps[:cut]]
    kept = msgspec.convert(msgspec.json.decode(msgspec.json.encode(part)), Window)
    resumed: Window = pickle.loads(pickle.dumps(kept))  # noqa: S301  our own state
    assert found + [words.step(resumed, one) for one in steps[cut:]] == expected
    assert resumed == (whole if steps[cut:] else kept)


def test_called_on_one_event_it_judges_that_alone() -> None:
    assert words(execution("x", "")) == Quiet("words")
    assert words(execution("x", "a1 b1")) == Quiet("3 words of 2 groups within 10s", ["a1", "b1"])
    assert isinstance(words(execution("x", "a1 b1 b2")), Match)


@pytest.mark.parametrize("wrong", [{"within": "0s"}, {"within": "2d"}, {"within": "soon"}, {"window": "5m"}])
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        words.with_parameters(wrong)


def test_parameters_are_written_as_users_write_them() -> None:
    window = Window()
    twin = words.with_parameters({"least": 2, "within": "1s"})
    assert twin.parameters == Words(least=2, within=timedelta(seconds=1))
    assert twin.step(window, observation(0, "a1", "b1")) is not None  # type: ignore[attr-defined]  # a ValueCount
