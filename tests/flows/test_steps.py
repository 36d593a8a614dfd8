"""The keyed steps: order, interruption, forgetting; the last content of an alert is always the same."""

import pickle
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import CATALOGUE, Alert, Origin, Severity
from alerts.signal import Signal
from detectors.examples import START, execution
from detectors.runtime.reconnaissance_burst import reconnaissance_burst
from detectors.stateful import Noted, Observation, Scope, UnknownStateError, noted
from flows.clock import Clock, Report, Tick, Wait
from flows.in_order import Keeping
from flows.judge import DeadLetter, Found
from flows.stepnames import ALERTS
from flows.steps import QUIET_AFTER, UPDATE_EVERY, AlertStep, EntityStep
from flows.tally import Tally
from tests.alerts.samples import START as BEGIN
from tests.alerts.samples import evidence, signal

SECOND = 1_000_000
COMMANDS = ["id", "uname", "ps", "netstat", "env", "mount", "who", "lastlog"]
SCRIPTS = st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 900)), min_size=1, max_size=25)
WINDOWS = {reconnaissance_burst.__name__: reconnaissance_burst}
KEPT = Keeping(checkpoint=True)


def observed(number: int, command: str, second: float) -> Observation:
    event = execution(f"/usr/bin/{command}", at=second, exec_id=f"e-{number:03}")
    told = reconnaissance_burst.observe(event)
    assert isinstance(told, Noted)
    return noted(reconnaissance_burst, event, told, Origin(), command)


def clock() -> Clock:
    return Clock(1, {Scope.CONTAINER: Wait(0, 0), ALERTS: Wait(2, 0)})


def entity(state: Any = None, tally: Tally | None = None) -> EntityStep:
    return EntityStep(Scope.CONTAINER, clock(), WINDOWS, tally or Tally(), KEPT, state)


def resumed(step: EntityStep) -> EntityStep:
    return entity(pickle.loads(pickle.dumps(step.snapshot())))  # noqa: S301  our own bytes


def items(found: Iterable[Found]) -> list[Any]:
    return [item for _, _, item in found]


def signals(batches: Sequence[list[Observation]], *, interrupted: bool = False) -> list[Any]:
    """What batches come to; after each the clock passes all that is 10 seconds older than its newest."""
    step = entity()
    found: list[Any] = []
    newest = 0
    for batch in batches:
        newest = max([newest, *(one.time for one in batch)])
        found += items(step.on_batch([*batch, Tick(batch[0].key, newest - 10 * SECOND)])[0])
        step = resumed(step) if interrupted else step
    return found + items(step.on_eof()[0])


@given(script=SCRIPTS, data=st.data())
def test_batches_and_interruptions_do_not_matter(script: list[tuple[str, int]], data: st.DataObject) -> None:
    stream = sorted((observed(n, *one) for n, one in enumerate(script)), key=lambda one: one.time)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    batches = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b]
    assert signals(batches) == signals([stream]) == signals(batches, interrupted=True)


@given(script=SCRIPTS, seed=st.randoms(use_true_random=False))
def test_order_within_the_lateness_does_not_matter(script: list[tuple[str, int]], seed: Any) -> None:
    stream = [observed(n, *one) for n, one in enumerate(script)]
    shaken = sorted(stream, key=lambda one: one.time + seed.random() * 10 * SECOND)
    assert signals([[one] for one in shaken]) == signals([stream])


def test_nothing_is_taken_before_the_clock_has_passed_it() -> None:
    step = entity()
    for number, command in enumerate(COMMANDS):
        step.on_batch([observed(number, command, number)])
    key = step.key
    assert not step.parts
    step.on_batch([Tick(key, START + 3 * SECOND)])
    assert [one.time for one in step.held] == [START + second * SECOND for second in range(3, 8)]
    assert items(step.on_batch([Tick(key, START + 9 * SECOND)])[0])
    assert step.held == []


def test_what_waits_asks_to_be_woken_and_to_be_forgotten() -> None:
    step = entity()
    step.on_batch([observed(1, "id", 0)])
    told = [found for low in (0, START + 5 * SECOND) for found in _reported(step.clock, low)]
    assert [(name, key, tick.until) for name, key, tick in told] == [(Scope.CONTAINER, step.key, START + 5 * SECOND)]
    assert step.on_batch([told[0][2]])[1] is False
    ((_, _, tick),) = _reported(step.clock, START + 7200 * SECOND)
    assert list(step.on_batch([tick])[0]) == []
    assert step.on_batch([tick])[1] is True


_epochs = iter(range(10_000))


def _reported(clock: Clock, low: int) -> list[Found]:
    """The ticks of the epoch after one in which this was reported."""
    clock([Report("lane-00", next(_epochs), low, idle=False)])
    return clock([Report("lane-00", next(_epochs), low, idle=False)])


def test_a_repeated_observation_is_taken_once() -> None:
    stream = [observed(n, command, n) for n, command in enumerate(COMMANDS)]
    assert signals([[*stream, *stream[-2:]]]) == signals([stream])


def test_what_comes_after_the_end_was_judged_is_counted_and_not_taken() -> None:
    tally = Tally()
    step = entity(tally=tally)
    step.on_batch([observed(1, "id", 100)])
    step.on_eof()
    step.on_batch([observed(2, "uname", 97)])
    step.on_eof()
    assert tally.late.total() == 1


def alert_step(state: Any = None, severities: dict[str, Severity] | None = None) -> AlertStep:
    return AlertStep(clock(), CATALOGUE, severities or {}, Tally(), KEPT, state)


def told(step: AlertStep, *signals: Signal, until: int | None = None) -> list[Alert]:
    """What leaves when these come, and when the clock has passed them."""
    newest = max([one.evidence[-1].time for one in signals], default=0)
    tick = Tick(step.key or "-", newest + 1 if until is None else until)
    return [*step.on_batch(list(signals))[0], *step.on_batch([tick])[0]]


def test_the_first_leaves_at_once_and_updates_once_a_minute() -> None:
    step = alert_step()
    left: list[Alert] = []
    for second in range(0, 200, 10):
        left += told(step, signal(evidence(second * SECOND)))
    left += step.on_eof()[0]
    assert [alert.count for alert in left] == [1, 7, 13, 19, 20]
    assert [alert.revision for alert in left] == [1, 2, 3, 4, 5]
    assert [alert.activity for alert in left] == ["create", "update", "update", "update", "update"]


def test_an_alert_to_which_nothing_is_added_is_told_for_the_last_time_and_begins_anew() -> None:
    step = alert_step()
    left = told(step, signal(evidence(0)), signal(evidence(SECOND)))
    left += told(step, until=BEGIN + QUIET_AFTER + 3 * SECOND)
    assert [(alert.count, alert.revision) for alert in left] == [(1, 1), (2, 2)]
    left = told(step, signal(evidence(2 * QUIET_AFTER)))
    assert [(alert.count, alert.revision) for alert in left] == [(1, 1)]


@given(
    seconds=st.lists(st.integers(0, 400_000), min_size=1, max_size=8),
    data=st.data(),
)
def test_the_last_content_of_an_alert_does_not_depend_on_what_comes_when(
    seconds: list[int], data: st.DataObject
) -> None:
    """Signals come in any order as long as the clock has not passed them; it may pass after any of them."""
    coming = [signal(evidence(second * SECOND)) for second in seconds]
    expected = list(alert_step_over([sorted(coming, key=lambda one: one.evidence[0].time)]))[-1]
    order = data.draw(st.permutations(coming))
    cut = data.draw(st.integers(0, len(order)))
    batches = [order[:cut], order[cut:]]
    safe = min((one.evidence[0].time for one in order[cut:]), default=0)
    assert _content(list(alert_step_over(batches, safe))[-1]) == _content(expected)


def alert_step_over(batches: Sequence[list[Signal]], until: int = 0) -> Iterable[Alert]:
    step = alert_step()
    for batch in batches:
        if batch:
            yield from step.on_batch(list(batch))[0]
            yield from step.on_batch([Tick(step.key, until)])[0]
    yield from step.on_eof()[0]


def _content(alert: Alert) -> Alert:
    return alert.model_copy(update={"revision": 0, "activity": ""})


def test_nothing_new_is_not_told_again() -> None:
    step = alert_step()
    assert len(told(step, signal(evidence(0)))) == 1
    assert told(step, signal(evidence(0))) == []
    assert list(step.on_eof()[0]) == []


def test_an_interrupted_alert_goes_on_where_it_was() -> None:
    step = alert_step()
    told(step, signal(evidence(0)))
    again = alert_step(pickle.loads(pickle.dumps(step.snapshot())))  # noqa: S301  our own bytes
    assert list(again.on_eof()[0]) == []
    (update,) = told(again, signal(evidence(UPDATE_EVERY)))
    assert (update.revision, update.count, update.activity) == (2, 2, "update")


def test_an_alert_that_was_interrupted_while_its_first_was_held_is_not_told_twice() -> None:
    step = alert_step()
    assert len(list(step.on_batch([signal(evidence(0))])[0])) == 1
    again = alert_step(pickle.loads(pickle.dumps(step.snapshot())))  # noqa: S301  our own bytes
    assert list(again.on_eof()[0]) == []


def test_the_settings_give_the_severity() -> None:
    (alert,) = told(alert_step(severities={"K8S_ClusterAdminBinding": Severity.HIGH}), signal(evidence(0)))
    assert alert.severity == "High"


def test_a_state_of_another_version_is_refused() -> None:
    _, *rest = entity().snapshot()
    with pytest.raises(UnknownStateError, match="version 99"):
        entity((99, *rest))


def test_a_detector_that_fails_is_counted_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(reconnaissance_burst), "step", lambda *_: 1 / 0)
    tally = Tally()
    step = entity(tally=tally)
    step.on_batch([observed(1, "id", 0)])
    (letter,) = items(step.on_eof()[0])
    assert isinstance(letter, DeadLetter)
    assert "ZeroDivisionError" in letter.malformed.detail
    assert tally.failed == {reconnaissance_burst.alert_type: 1}
