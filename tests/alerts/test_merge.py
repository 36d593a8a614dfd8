"""Signals of one alert id merge to the same content, whatever their order and however often they come."""

from __future__ import annotations

import pickle
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import Actor, AlertType, Severity, Signal, UnknownAlertTypeError
from alerts.catalogue import find
from alerts.merge import COUNTED_EXACTLY, KEPT_EVIDENCE, LONGEST_TEXT, Merged, UnknownStateError, merge, to_alert
from tests.alerts.samples import ACTORS, START, evidence, signal

EVIDENCE = st.builds(
    evidence,
    st.integers(0, 5),
    st.sampled_from(["", "a", "b", "c"]),
    st.sampled_from(["", "x", "y"]),
    path=st.sampled_from(["one.log", "two.log"]),
    line=st.none() | st.integers(1, 3),
)
SIGNALS = st.builds(
    lambda items, because, values, actor: signal(*items, because=because, fields=values, entity=actor),
    st.lists(EVIDENCE, min_size=1, max_size=4),
    st.sampled_from(["one", "two"]),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 1) | st.lists(st.text(max_size=1), max_size=2)),
    st.sampled_from([msgspec.structs.replace(signal().entity, node=node) for node in ("", "node-1")]),
)

ONE_ALERT = st.builds(
    lambda signals, grows: [msgspec.structs.replace(item, grows=grows) for item in signals],
    st.lists(SIGNALS, min_size=1, max_size=6),
    st.booleans(),
)


def merged(*signals: Signal) -> Merged:
    state = None
    for item in signals:
        state = merge(state, item)
    assert state is not None
    return state


@given(ONE_ALERT, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(signals: list[Signal], random: Any) -> None:
    shuffled = [*signals, *random.choices(signals, k=3)]
    random.shuffle(shuffled)
    assert merged(*shuffled) == merged(*signals)


@given(ONE_ALERT)
def test_the_state_says_what_the_whole_set_says(signals: list[Signal]) -> None:
    state = merged(*signals)
    items = [item for given in signals for item in given.evidence]
    assert state.count == len({item.event_id for item in items})
    assert state.first == min(item.time for item in items)
    assert state.newest == max((item.time, item.event_id) for item in items)


@given(ONE_ALERT)
def test_a_signal_that_adds_nothing_gives_the_very_same_state(signals: list[Signal]) -> None:
    state = merged(*signals)
    assert all(merge(state, item) is state for item in signals)


@given(ONE_ALERT, SIGNALS)
def test_the_state_survives_a_checkpoint(signals: list[Signal], more: Signal) -> None:
    state = merged(*signals)
    resumed = Merged.from_plain(pickle.loads(pickle.dumps(state.to_plain())))  # noqa: S301  our own bytes
    assert resumed == state
    assert merge(resumed, more) == merge(state, more)


def test_the_plain_form_is_made_of_plain_values() -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return all(map(plain, value))
        return type(value) in (int, str, bytes, float, bool, type(None))

    assert plain(merged(signal(), signal(evidence(3))).to_plain())


def test_a_state_of_an_unknown_version_is_refused() -> None:
    _, values = merged(signal()).to_plain()
    with pytest.raises(UnknownStateError, match="version 99, and this program reads 1"):
        Merged.from_plain((99, values))


def test_a_signal_of_another_alert_is_refused() -> None:
    with pytest.raises(ValueError, match="does not belong to alert"):
        merge(merged(signal()), signal(occurrence="uid 8"))


@pytest.mark.parametrize(("grows", "told"), [(True, "5 commands"), (False, "3 commands")])
def test_the_latest_signal_explains_what_grows_else_the_earliest(grows: bool, told: str) -> None:
    early = signal(evidence(1), because="3 commands", grows=grows)
    late = signal(evidence(0), evidence(9), because="5 commands", grows=grows)
    for order in permutations([early, late]):
        assert merged(*order).signal.because == told


def test_the_earliest_events_are_kept() -> None:
    items = [evidence(at) for at in range(3 * KEPT_EVIDENCE)]
    state = merged(*(signal(item) for item in reversed(items)))
    assert state.evidence == tuple(items[:KEPT_EVIDENCE])
    assert state.count == len(items)
    assert (state.first, state.newest[0]) == (items[0].time, items[-1].time)


def test_the_first_of_two_records_of_an_event_is_kept() -> None:
    records = [signal(evidence(1, "a", path="audit.log", line=line)) for line in (2, 10)]
    for order in permutations(records):
        state = merged(*order)
        assert state.count == 1
        assert [item.origin.line for item in state.evidence] == [2]


def test_events_are_counted_exactly_up_to_a_number_and_each_of_them_beyond() -> None:
    state = merged(signal(*(evidence(at) for at in range(COUNTED_EXACTLY)), grows=True))
    assert merge(state, signal(evidence(7), grows=True)) is state
    assert state.count == COUNTED_EXACTLY
    beyond = merge(state, signal(evidence(COUNTED_EXACTLY + 1), grows=True))
    assert beyond.count == COUNTED_EXACTLY + 1
    assert len(beyond.seen) == len(state.seen) == 8 * COUNTED_EXACTLY


def test_an_alert_says_what_its_type_and_its_signals_say() -> None:
    made = to_alert(merged(signal(evidence(0)), signal(evidence(1_500_000))), None, 2, "update")
    admin = find("K8S_ClusterAdminBinding")
    assert (made.id, made.title, made.description) == (signal().alert_id, admin.title, admin.description)
    assert (made.severity, made.tactics, made.techniques) == ("Informational", admin.tactics, admin.techniques)
    assert (made.first_event_time, made.last_event_time) == (
        "2026-09-21T14:13:20.000000Z",
        "2026-09-21T14:13:21.500000Z",
    )
    assert (made.revision, made.activity, made.count, made.status) == (2, "update", 2, "new")
    assert made.evidence[1].origin.line == 1_500_001


def test_the_settings_may_give_another_severity() -> None:
    assert to_alert(merged(signal()), Severity.HIGH, 1, "create").severity == "High"


def test_the_catalogue_may_have_more_types() -> None:
    own = msgspec.structs.replace(find("K8S_ClusterAdminBinding"), id="OWN_Type", title="Ours")
    types: dict[str, AlertType] = {"OWN_Type": own}
    assert to_alert(merged(signal(alert_type="OWN_Type")), None, 1, "create", types).title == "Ours"
    with pytest.raises(UnknownAlertTypeError, match="OWN_Type"):
        to_alert(merged(signal(alert_type="OWN_Type")), None, 1, "create")


def test_no_text_of_an_alert_holds_a_secret() -> None:
    secret, actor = "tool --password=hunter2 x", ACTORS["process"]
    assert actor is not None
    noted = signal(
        evidence(summary=secret),
        because=secret,
        fields={"line": secret, "deep": [{"db_password": "hunter2"}]},
        entity=msgspec.structs.replace(signal().entity, name=secret, image="https://a:hunter2@r.example/x"),
        actor=msgspec.structs.replace(actor, name=secret, parent=secret, user_agent=secret, addresses=(secret,)),
    )
    written = to_alert(merge(None, noted), None, 1, "create").model_dump_json()
    assert "hunter2" not in written
    assert written.count("tool --password=*** x") == 8


def test_texts_of_an_alert_are_cut() -> None:
    long = "x" * (2 * LONGEST_TEXT)
    made = to_alert(merge(None, signal(because=long, fields={"line": long})), None, 1, "create")
    assert made.explanation.because == "x" * (LONGEST_TEXT - 1) + "…"
    assert made.explanation.fields["line"] == made.explanation.because


@given(st.text(), st.integers(-(1 << 70), 1 << 70), st.dictionaries(st.text(), st.floats() | st.integers() | st.text()))
def test_any_input_makes_an_alert_that_can_be_written(text: str, time: int, fields: dict[str, Any]) -> None:
    item = msgspec.structs.replace(evidence(), event_id=text + "\ud800", summary=text, time=START + time)
    assert to_alert(merge(None, signal(item, because=text, fields=fields)), None, 1, "create").model_dump_json()


@pytest.mark.parametrize("filler", range(380, 404))
def test_no_part_of_a_secret_survives_where_a_summary_is_cut(filler: int) -> None:
    item = msgspec.structs.replace(evidence(0), summary="x" * filler + " https://bob:hunter2secret@files.example/a")
    made = to_alert(merged(signal(item)), None, 1, "create")
    assert "hunter" not in made.evidence[0].summary


def test_no_part_of_a_secret_survives_where_a_long_text_is_cut() -> None:
    secrets = " ".join("https://bob:" + "hunter2" * 90 + "@x" for _ in range(200))
    made = to_alert(merged(signal(because=secrets)), None, 1, "create")
    assert "hunter" not in made.explanation.because


def test_hostile_sizes_are_capped() -> None:
    claimed = tuple(f"203.0.113.{n % 256}" for n in range(50_000))
    actor = Actor("user", "jane", addresses=(*claimed, "198.51.100.7"))
    item = msgspec.structs.replace(evidence(0), event_id="x" * 500_000)
    made = to_alert(merged(signal(item, actor=actor)), None, 1, "create")
    assert made.actor is not None
    assert made.actor.addresses is not None
    assert (len(made.actor.addresses), made.actor.addresses[-1]) == (16, "198.51.100.7")
    assert len(made.evidence[0].event_id) <= 4096
