"""The keyed steps: order, lateness, interruption; the last content of an alert is always the same."""

import pickle
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import CATALOGUE, Alert, Evidence, Origin, Severity
from alerts.signal import Signal
from detectors.examples import execution
from detectors.runtime.reconnaissance_burst import reconnaissance_burst
from flows.judge import DeadLetter, Observed
from flows.steps import HELD, UPDATE_EVERY, AlertStep, EntityStep, UnknownStateError
from flows.tally import Tally
from tests.alerts.samples import evidence, signal

SECOND = 1_000_000
LATENESS = 2 * SECOND
COMMANDS = ["id", "uname", "ps", "netstat", "env", "mount", "who", "lastlog"]
SCRIPTS = st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 900)), min_size=1, max_size=25)


def observed(number: int, command: str, second: float) -> Observed:
    event = execution(f"/usr/bin/{command}", at=second, exec_id=f"e-{number:03}")
    noted = reconnaissance_burst.observe(event, Evidence(event.event_id, event.time, Origin(), command))
    assert noted is not None
    return Observed(reconnaissance_burst.__name__, "test", noted[1])


WINDOWS = {reconnaissance_burst.__name__: reconnaissance_burst}


def entity(state: Any = None, tally: Tally | None = None, lateness: int | None = LATENESS) -> EntityStep:
    return EntityStep(WINDOWS, tally or Tally(), state, lateness)


def resumed(step: EntityStep) -> EntityStep:
    return entity(pickle.loads(pickle.dumps(step.snapshot())))  # noqa: S301  our own bytes


def signals(batches: Sequence[list[Observed]], *, interrupted: bool = False) -> list[Signal | DeadLetter]:
    step = entity()
    found: list[Signal | DeadLetter] = []
    for batch in batches:
        found += list(step.on_batch(batch)[0])
        step = resumed(step) if interrupted else step
    return found + list(step.on_eof()[0])


@given(script=SCRIPTS, data=st.data())
def test_batches_and_interruptions_do_not_matter_in_any_order(
    script: list[tuple[str, int]], data: st.DataObject
) -> None:
    stream = [observed(n, *one) for n, one in enumerate(script)]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    batches = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b]
    assert signals(batches) == signals([stream]) == signals(batches, interrupted=True)


@given(script=SCRIPTS, seed=st.randoms(use_true_random=False))
def test_order_within_the_lateness_does_not_matter(script: list[tuple[str, int]], seed: Any) -> None:
    stream = sorted((observed(n, *one) for n, one in enumerate(script)), key=lambda o: o.observation.time)
    shaken = sorted(stream, key=lambda o: o.observation.time + seed.random() * LATENESS)
    tally = Tally()
    step = entity(tally=tally)
    found = [one for item in shaken for one in step.on_batch([item])[0]] + list(step.on_eof()[0])
    assert found == signals([stream])
    assert tally.late == 0


@given(script=SCRIPTS, seed=st.randoms(use_true_random=False))
def test_in_files_no_order_matters(script: list[tuple[str, int]], seed: Any) -> None:
    stream = [observed(n, *one) for n, one in enumerate(script)]
    shaken = seed.sample(stream, len(stream))
    outcomes = []
    for order in (stream, shaken):
        step = entity(lateness=None)
        outcomes.append([one for item in order for one in step.on_batch([item])[0]] + list(step.on_eof()[0]))
    assert outcomes[0] == outcomes[1]


def test_what_is_held_of_an_entity_is_bounded() -> None:
    tally = Tally()
    step = entity(tally=tally, lateness=None)
    for number in range(HELD + 500):
        step.on_batch([observed(number, "id", number)])
    assert len(step.held) <= HELD
    step.on_batch([observed(1, "uname", 0)])
    assert tally.late == 1


def test_what_comes_too_late_is_counted_and_not_taken() -> None:
    tally = Tally()
    step = entity(tally=tally)
    step.on_batch([observed(1, "id", 100)])
    step.on_batch([observed(2, "uname", 97)])
    assert tally.late == 1
    assert len(step.held) == 1


def test_a_repeated_observation_is_kept_once() -> None:
    stream = [observed(n, command, n) for n, command in enumerate(COMMANDS)]
    assert signals([stream, stream[-2:]]) == signals([stream])


def alert_step(state: Any = None, severities: dict[str, Severity] | None = None) -> AlertStep:
    return AlertStep(CATALOGUE, severities or {}, None, state)


def test_the_first_leaves_at_once_and_updates_once_a_minute() -> None:
    step = alert_step()
    told: list[Alert] = []
    for second in range(0, 200, 10):
        told += step.on_batch([signal(evidence(second * SECOND))])[0]
    told += step.on_eof()[0]
    assert [alert.count for alert in told] == [1, 7, 13, 19, 20]
    assert [alert.revision for alert in told] == [1, 2, 3, 4, 5]
    assert [alert.activity for alert in told] == ["create", "update", "update", "update", "update"]


def test_nothing_new_is_not_told_again() -> None:
    step = alert_step()
    assert len(list(step.on_batch([signal(evidence(0))])[0])) == 1
    assert list(step.on_batch([signal(evidence(0))])[0]) == []
    assert list(step.on_eof()[0]) == []


def test_an_interrupted_alert_goes_on_where_it_was() -> None:
    step = alert_step()
    step.on_batch([signal(evidence(0))])
    again = alert_step(pickle.loads(pickle.dumps(step.snapshot())))  # noqa: S301  our own bytes
    assert list(again.on_eof()[0]) == []
    (update,) = again.on_batch([signal(evidence(UPDATE_EVERY))])[0]
    assert (update.revision, update.count, update.activity) == (2, 2, "update")


def test_the_settings_give_the_severity() -> None:
    step = alert_step(severities={"K8S_ClusterAdminBinding": Severity.HIGH})
    (alert,) = step.on_batch([signal(evidence(0))])[0]
    assert alert.severity == "High"


def test_a_state_of_another_version_is_refused() -> None:
    _, *rest = entity().snapshot()
    with pytest.raises(UnknownStateError, match="version 99"):
        entity((99, *rest))


def test_a_window_that_is_over_is_forgotten() -> None:
    step = entity()
    step.on_batch([observed(1, "id", 0)])
    step.on_eof()
    assert step.windows
    step.take(step.newest + 3600 * SECOND)
    assert not step.windows


def test_a_detector_that_fails_is_counted_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(reconnaissance_burst), "step", lambda *_: 1 / 0)
    tally = Tally()
    step = entity(tally=tally)
    step.on_batch([observed(1, "id", 0)])
    (letter,) = step.on_eof()[0]
    assert isinstance(letter, DeadLetter)
    assert "ZeroDivisionError" in letter.malformed.detail
    assert tally.failed == {reconnaissance_burst.alert_type: 1}


def test_on_a_live_input_nothing_is_held_for_longer_than_patience() -> None:
    step = EntityStep(WINDOWS, Tally(), None, LATENESS, timedelta(0))
    assert step.notify_at() is None
    assert list(step.on_batch([observed(n, c, n / 10) for n, c in enumerate(COMMANDS)])[0]) == []
    assert step.notify_at() is not None
    assert len([one for one in step.on_notify()[0] if isinstance(one, Signal)]) >= 1
    assert step.notify_at() is None
