"""Correlations: their edges, their bursts, what they count and what they refuse."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.signal import Entity
from detectors.audit.entities import identity
from detectors.contract import Match, Quiet, State
from detectors.examples import audit, execution, fired
from detectors.replay import findings as replayed
from detectors.selection import connects, executes, requests
from detectors.stateful import Noted, Scope
from detectors.windows import (
    LARGEST,
    AtLeast,
    Sighting,
    SpanParameters,
    Window,
    event_count,
    temporal,
    temporal_ordered,
    value_count,
)
from events import AuditEvent, RuntimeEvent
from tests.detectors.windows_written import (
    ALERT,
    SECOND,
    TEN,
    Words,
    by_node,
    findings,
    lines,
    observation,
    occurrences,
    one_after_the_other,
    together,
    words,
)

EACH = pytest.mark.parametrize("detector", [words, lines, together, one_after_the_other], ids=lambda one: one.__name__)


@EACH
def test_both_edges_of_the_span_belong_to_it(detector: Any) -> None:
    first, second = observation(0, "a"), observation(5, "b")
    assert occurrences(detector, first, second, observation(10, "c")) == ["", "", first.event_id]
    assert occurrences(detector, first, second, observation(10.000001, "c"))[-1] == ""


@EACH
def test_all_of_a_burst_is_one_occurrence_and_the_next_is_another(detector: Any) -> None:
    begins = (0, 10, 21, 32.000001)
    burst = [observation(at + step / 10, name) for at in begins for step, name in enumerate("abc")]
    told = [one for one in occurrences(detector, *burst) if one]
    assert sorted(set(told)) == sorted({burst[0].event_id, burst[6].event_id, burst[9].event_id})


@EACH
def test_evidence_is_told_once_and_the_list_grows(detector: Any) -> None:
    found = findings(detector, *[observation(at, name) for at, name in enumerate("abcc")])
    assert found[:2] == [None, None]
    began, grown = found[2:]
    assert began is not None
    assert grown is not None
    assert [one.time for one in began.evidence] == [0, SECOND, 2 * SECOND]
    assert [one.time for one in grown.evidence] == [3 * SECOND]


@EACH
def test_the_entity_of_a_burst_stays_though_a_later_record_knows_less(detector: Any) -> None:
    burst = [observation(at, name) for at, name in enumerate("abc")]
    found = findings(detector, *burst, observation(3, "c", node="other"))
    assert found[-1] is not None
    assert found[-1].match.entity == Entity("node", "n")


@EACH
def test_a_state_expires_when_the_span_has_passed_and_is_then_as_good_as_new(detector: Any) -> None:
    state = detector.form()
    for at, name in enumerate("abcab"):
        list(detector.step(state, observation(at, name)))
    assert detector.expires(state) >= 13 * SECOND
    later = [observation(15 + at, name) for at, name in enumerate("abc")]
    fresh = detector.form()
    assert [list(detector.step(state, one)) for one in later] == [list(detector.step(fresh, one)) for one in later]


def test_values_and_groups_must_both_be_enough() -> None:
    assert occurrences(words, observation(0, "a1", "a2", "a3", "a4")) == [""]
    assert occurrences(words, observation(0, "a1", "b1")) == [""]
    assert occurrences(words, observation(0, "a1", "b1", "b1")) == [""]
    assert occurrences(words, observation(0, "a1", "b1", "b2", event_id="x")) == ["x"]


def test_a_value_that_goes_on_alone_keeps_no_burst_open() -> None:
    burst = [observation(at, value, event_id=f"{at}") for at, value in enumerate(("a1", "a2", "b1", "b2", "b3"))]
    lone = [observation(at, "a1", event_id="lone") for at in (7, 10, 13, 16, 19, 22, 25)]
    again = [observation(30, "a1", "a2", "b1", event_id="again")]
    assert occurrences(words, *burst, *lone, *again)[5:] == ["0", "0", "0", "0", "0", "0", "", "again"]


def test_what_each_says() -> None:
    def said(detector: Any, *names: str) -> dict[str, Any]:
        found = findings(detector, *[observation(at, name) for at, name in enumerate(names)])[-1]
        assert found is not None
        assert found.match.because
        return dict(found.match.fields)

    assert said(words, "a1", "a2", "b1", "b2") == {"words": ["a1", "a2", "b1", "b2"], "groups": ["a", "b"]}
    assert said(lines, "x", "y", "x", "x") == {"events": 4, "lines": ["x", "y"]}
    assert said(together, "c", "a", "b", "b") == {"kinds": ["a", "b", "c"], "events": 4}
    assert said(one_after_the_other, "a", "a", "b", "c") == {"kinds": ["a", "b", "c"], "events": 3}


def test_order_matters_where_it_is_wanted_and_what_lies_between_does_not() -> None:
    swapped = [observation(at, name) for at, name in enumerate("acb")]
    assert occurrences(together, *swapped)[-1]
    assert not any(occurrences(one_after_the_other, *swapped))
    between = [observation(at, name) for at, name in enumerate("abbac")]
    assert occurrences(one_after_the_other, *between)[-1] == between[0].event_id


def test_the_sequence_that_began_last_counts() -> None:
    again = [observation(0, "a"), observation(8, "a"), observation(9, "b"), observation(17, "c")]
    assert occurrences(one_after_the_other, *again)[-1] == again[1].event_id
    late = [observation(0, "a"), observation(1, "b"), observation(8, "a"), observation(11, "c")]
    assert not any(occurrences(one_after_the_other, *late))


def test_one_event_of_several_kinds_is_so_in_the_order_in_which_they_are_named() -> None:
    assert occurrences(one_after_the_other, observation(0, "a", "b", "c", event_id="x")) == ["x"]
    assert occurrences(one_after_the_other, observation(0, "c", "b", "a")) == [""]
    (found,) = findings(one_after_the_other, observation(0, "a", "b", "c"))
    assert found is not None
    assert len(found.evidence) == 1


def test_one_event_counts_once_whatever_it_is_called() -> None:
    assert occurrences(lines, observation(0, "a", "b", "c")) == [""]


def test_a_flood_is_bounded() -> None:
    count = lines.with_parameters({"at_least": LARGEST})
    flood = [observation(at / 1000, f"a{at}", f"b{at}") for at in range(3 * LARGEST)]
    values, events = words.form(), count.form()
    for one in flood:
        list(words.step(values, one))
        list(count.step(events, one))
    assert len(values.values) == LARGEST
    assert len(events.events) == LARGEST
    for burst in (values.burst, events.burst):
        assert burst is not None
        assert len(burst.names) == LARGEST


def test_a_flood_of_one_group_does_not_push_out_another() -> None:
    few = words.with_parameters({"least": LARGEST})
    flood = [observation(at / 1000, f"a{at}") for at in range(1, 2 * LARGEST)]
    assert occurrences(few, observation(0, "b1", event_id="first"), *flood)[-1] == "first"


def test_long_names_and_summaries_are_cut_but_stay_apart() -> None:
    long = "x" * 100_000
    told = words.observe(execution("x", f"{long}1 {long}2"))
    assert isinstance(told, Noted)
    assert len(set(told.what[1])) == 2
    assert len(str(told.what)) < 2000
    state = lines.form()
    list(lines.step(state, observation(0, "a")._replace(summary=f"{long} --password hunter2")))
    assert len(state.events[0][1].summary) <= 512
    assert "hunter2" not in str(state)


def test_called_on_one_event_it_judges_that_alone() -> None:
    assert words(execution("x", "")) == Quiet("words")
    assert words(execution("x", "a1 b1")) == Quiet("3 words of 2 groups within 10s", ["a1", "b1"])
    assert isinstance(words(execution("x", "a1 b1 b2")), Match)
    assert lines(execution("x", "a")) == Quiet("at least 3 lines within 10s", ["a"])
    assert lines(execution("x", "")) == Quiet("it is of what has to come together: at least 3 lines within 10s")
    assert together(execution("x", "a c")) == Quiet("all of a, b, c within 10s", ["a", "c"])
    assert one_after_the_other(execution("x", "a")) == Quiet("a, then b, then c within 10s", ["a"])


@EACH
@pytest.mark.parametrize("wrong", [{"within": "0s"}, {"within": "2d"}, {"within": "soon"}, {"window": "5m"}])
def test_wrong_parameters_are_refused(detector: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        detector.with_parameters(wrong)


@pytest.mark.parametrize("wrong", [0, LARGEST + 1, "many"])
def test_as_many_can_not_be_counted(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        lines.with_parameters({"at_least": wrong})


def test_parameters_are_written_as_users_write_them() -> None:
    twin = words.with_parameters({"least": 2, "within": "1s"})
    assert twin.parameters == Words(least=2, within=timedelta(seconds=1))
    assert list(twin.step(Window(), observation(0, "a1", "b1")))


def test_what_makes_the_state_meaningless() -> None:
    assert words.depends_on == {"within": 10 * SECOND}
    assert lines.depends_on == {"within": 10 * SECOND, "at_least": 3}
    assert together.depends_on == one_after_the_other.depends_on == {"within": 10 * SECOND, "kinds": ["a", "b", "c"]}


@pytest.mark.parametrize("of", [(), ("a",), ("a", ""), "ab", tuple("abcdefghijklmnopq"), ("a", "x" * 300)])
def test_kinds_must_be_named(of: Any) -> None:
    for decorator in (temporal, temporal_ordered):
        with pytest.raises(ValueError, match="`of` names 2 to 16 kinds"):
            decorator(ALERT, on=executes(), of=of, by=by_node, parameters=TEN)


def test_only_a_sequence_may_name_a_kind_twice() -> None:
    with pytest.raises(ValueError, match="names a kind twice"):
        temporal(ALERT, on=executes(), of=("a", "a"), by=by_node, parameters=TEN)

    @temporal_ordered(ALERT, on=executes(), of=("a", "a", "b"), by=by_node, parameters=TEN)
    def twice(event: RuntimeEvent) -> str:
        return event.process.arguments

    assert occurrences(twice, *[observation(at, name) for at, name in enumerate("ab")]) == ["", ""]
    assert occurrences(twice, *[observation(at, name) for at, name in enumerate("aab")])[-1]


@pytest.mark.parametrize("answer", [True, 7, ["a"], ("a", 1)])
def test_what_is_no_name_is_told(answer: Any) -> None:
    @event_count(ALERT, on=executes(), by=by_node, called="lines", parameters=lines.parameters)
    def mistaken(event: RuntimeEvent) -> Any:
        return answer

    @value_count(ALERT, on=executes(), by=by_node, names="words", parameters=lines.parameters)
    def mistaken_values(event: RuntimeEvent) -> Any:
        return answer

    for detector, wanted in ((mistaken, "expected a name"), (mistaken_values, "expected Sightings")):
        with pytest.raises(TypeError, match=wanted):
            detector.observe(execution("x"))


def test_an_undeclared_kind_is_told() -> None:
    for detector in (together, one_after_the_other):
        with pytest.raises(ValueError, match="calls an event 'x'; it declares a, b, c"):
            detector.observe(execution("x", "x"))


def sender(event: AuditEvent) -> tuple[Entity, str]:
    return identity(event.user), event.user.username


@value_count(
    "K8S_TI_Proxy",
    on=requests("get", "list", of=("secrets",)),
    by=sender,
    names="namespaces",
    parameters=AtLeast(at_least=3, within=timedelta(minutes=1)),
)
def many_namespaces(event: AuditEvent) -> tuple[Sighting, ...]:
    """Someone read secrets of several namespaces."""
    return (Sighting(event.object.namespace),) if event.object.namespace else ()


def test_a_value_count_of_audit_events() -> None:
    read = [audit("get", "secrets", namespace=name, at=at) for at, name in enumerate("abc")]
    assert fired(many_namespaces, *read) == ["jane@contoso.example"]
    (found,) = replayed(many_namespaces, read)
    assert found.match.fields == {"namespaces": ["a", "b", "c"]}
    assert found.match.because == "3 different namespaces in one burst: a, b, c"
    others = [audit("get", "secrets", namespace=name, at=at, user=name) for at, name in enumerate("abc")]
    assert fired(many_namespaces, *others) == []
    assert isinstance(many_namespaces.observe(audit("list", "secrets")), Quiet)
    assert many_namespaces.required == "at least 3 different namespaces within 1m"


def test_the_scope_is_that_of_the_events_unless_it_is_chosen() -> None:
    assert (words.scope, words.state) == (Scope.CONTAINER, State.TREE)
    assert (many_namespaces.scope, many_namespaces.state) == (Scope.SERVICE_ACCOUNT, State.CLUSTER)

    def chosen(on: Any, **choices: Any) -> Any:
        return temporal(ALERT, on=on, of=("a", "b"), by=by_node, parameters=TEN, **choices)(lambda _: "a")

    assert chosen((executes(), connects())).scope is Scope.CONTAINER
    assert chosen(executes(), scope=Scope.NAMESPACE).scope is Scope.NAMESPACE
    mixed = (executes(), requests("get", of=("pods",)))
    with pytest.raises(ValueError, match="needs a `scope`"):
        chosen(mixed)
    assert chosen(mixed, scope=Scope.CLUSTER).scope is Scope.CLUSTER


def test_a_span_is_all_that_a_temporal_needs() -> None:
    assert together.with_parameters({"within": "1m"}).parameters == SpanParameters(within=timedelta(minutes=1))
