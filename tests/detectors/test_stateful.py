"""What holds for detectors that remember: each promise is broken once, and the breach is told."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from alerts.signal import Entity
from detectors.checks import problems
from detectors.contract import Match, Quiet
from detectors.examples import SHOP, execution, fired
from detectors.replay import findings
from detectors.selection import executes
from detectors.state_checks import not_plain
from detectors.stateful import Finding, Noted, Observation, Plain, Scope, Stateful
from events import RuntimeEvent

SPAN = 10_000_000


class Tally(Struct):
    """How many of a word came, each within the span after the one before."""

    last: int = 0
    count: dict[str, int] = {}


class Repeats(Stateful[RuntimeEvent, Tally]):
    """Fires when a word comes for the third time."""

    scope = Scope.CONTAINER
    form = Tally

    @property
    def required(self) -> str:
        return "the same three times within 10s"

    def step(self, state: Tally, observation: Observation) -> Iterator[Finding | Noted]:
        if observation.time > state.last + SPAN:
            state.count.clear()
        state.last = observation.time
        count = state.count[observation.what] = state.count.get(observation.what, 0) + 1
        if count == 3:
            yield Finding(
                Match(Entity("node", "n"), observation.event_id, "", {"count": count}), (observation.evidence,)
            )

    def expires(self, state: Tally) -> int:
        return state.last + SPAN


@Repeats.detects("K8S_TI_Proxy", executes(), misses="-", noise="-")
def repeats(event: RuntimeEvent) -> Noted | Quiet:
    """A word came three times.

    >>> fired(repeats, *[execution("x", "a", at=at) for at in range(4)])
    ['n']
    >>> fired(repeats, *[execution("x", word, at=at) for at, word in enumerate("aabb")])
    []
    >>> fired(repeats, *[execution("x", "a", at=at) for at in (0, 5, 16)])
    []
    """
    return Noted("", event.process.arguments)


def made(form: type[Repeats]) -> Repeats:
    """The same with another class, of which something is wrong."""
    return form.detects("K8S_TI_Proxy", executes(), misses="-", noise="-")(repeats.__wrapped__)


class AnyVersion(Repeats):
    """It reads whatever was written."""

    def from_plain(self, version: int, plain: Plain) -> Tally:
        return super().from_plain(self.version, plain)


class TextVersion(Repeats):
    """Its version is no number."""

    version = "1"  # type: ignore[assignment]  # what is wrong with it


class TupleDepends(Repeats):
    """The manifest cannot say this."""

    @property
    def depends_on(self) -> dict[str, Plain]:
        return {"kinds": ("a", "b")}


class NotesAnObject(Repeats):
    """It notes what only this program knows."""

    def observe(self, event: RuntimeEvent) -> Noted | Quiet:
        return Noted("", Word(event.process.arguments))


class Word(str):
    """A text that only this program knows."""

    __slots__ = ()


class KeepsAnObject(Repeats):
    """It gives the state itself."""

    def to_plain(self, state: Tally) -> Plain:
        return [0, state]

    def from_plain(self, version: int, plain: Plain) -> Tally:
        return Tally(**msgspec.structs.asdict(plain[1]))


class KeepsObjectsInside(Repeats):
    """It is plain on the surface only."""

    def to_plain(self, state: Tally) -> Plain:
        return {"last": state.last, "count": {Word(word): count for word, count in state.count.items()}}


class LosesTheCount(Repeats):
    """It writes half of its state."""

    def to_plain(self, state: Tally) -> Plain:
        return {"last": state.last}


class SharesTheCount(Repeats):
    """It gives away a part that it alters later."""

    def to_plain(self, state: Tally) -> Plain:
        return {"last": state.last, "count": state.count}


class ForgetsTooSoon(Repeats):
    """It says too early that it may be forgotten."""

    def expires(self, state: Tally) -> int:
        return state.last


class NeverForgetsItself(Repeats):
    """It relies on being forgotten."""

    def step(self, state: Tally, observation: Observation) -> Iterator[Finding | Noted]:
        state.last = observation.time
        return super().step(state, observation)


class ExpiresNever(Repeats):
    """It names no moment."""

    def expires(self, state: Tally) -> int:
        return float("inf")  # type: ignore[return-value]  # what is wrong with it


ONE_FOR_ALL: dict[str, int] = {}


class SharedTally(Tally):
    """All have one count."""

    count: dict[str, int] = msgspec.field(default_factory=lambda: ONE_FOR_ALL)


class SharesItsParts(Repeats):
    """All its states are one."""

    form = SharedTally


class Unreadable(Tally):
    """Begins as what its own type does not allow."""

    last: int = "never"  # type: ignore[assignment]  # what is wrong with it


class BeginsUnreadable(Repeats):
    """Its fresh state cannot be read again."""

    form = Unreadable


class LooksBack(Repeats):
    """What it notes of an event depends on the one that arrived before."""

    before = 0

    def observe(self, event: RuntimeEvent) -> Noted | Quiet:
        late, LooksBack.before = event.time < LooksBack.before, event.time
        return Noted("", "late" if late else event.process.arguments)


def test_a_detector_that_remembers_and_keeps_the_contract_has_no_problems() -> None:
    assert problems(repeats) == []


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (AnyVersion, "it reads state of a later version than its own"),
        (TextVersion, "the version of its state is '1', not an int"),
        (TupleDepends, "`depends_on` is not the same after JSON"),
        (NotesAnObject, "what it notes is not plain: it is Word"),
        (KeepsAnObject, "its plain state is not plain: [1] is Tally"),
        (KeepsObjectsInside, "its plain state is not plain: ['count'], key 'a' is Word"),
        (LosesTheCount, "interrupted and resumed it finds something else"),
        (SharesTheCount, "its plain state changes when the state is stepped on"),
        (ForgetsTooSoon, "forgotten at `expires` it finds something else"),
        (NeverForgetsItself, "forgotten at `expires` it finds something else"),
        (ExpiresNever, "`expires` gives inf, not an int"),
        (SharesItsParts, "its states share a part"),
        (BeginsUnreadable, "wrong_form: UnknownStateError"),
        (LooksBack, "it depends on the order in which events arrive"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_each_breach_is_told(form: type[Repeats], said: str) -> None:
    assert said in "\n".join(problems(made(form)))


@pytest.mark.parametrize("form", [TupleDepends, LosesTheCount, SharesTheCount, ForgetsTooSoon])
def test_and_it_is_the_only_one(form: type[Repeats]) -> None:
    assert len(problems(made(form))) == 1


def test_the_one_behind_a_detector_is_looked_at_too() -> None:
    class HandsOn(Repeats):
        def step(self, state: Tally, observation: Observation) -> Iterator[Finding | Noted]:
            yield Noted("", observation.what)

    first = made(HandsOn)
    first.then = made(LosesTheCount)
    assert fired(first, *[execution("x", "a", at=at) for at in range(3)]) == ["n"]
    assert any("loses something" in problem for problem in problems(first))


def test_a_repeated_event_is_taken_once_and_order_of_arrival_is_none() -> None:
    events = [execution("x", "a", at=at) for at in range(3)]
    assert fired(repeats, *events[:2], *events[:2]) == []
    assert findings(repeats, events[::-1]) == findings(repeats, events) != []


def test_one_cluster_does_not_add_to_another() -> None:
    events = [execution("x", "a", at=at, container=SHOP) for at in range(3)]
    apart = [msgspec.structs.replace(event, cluster=str(at)) for at, event in enumerate(events)]
    assert fired(repeats, *apart) == []


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", b"x", (1, [2, {"x": (None,)}])])
def test_what_is_plain(value: Any) -> None:
    assert list(not_plain(value)) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Scope.CLUSTER, "it is Scope"),
        ({1, 2}, "it is set"),
        ([{"x": (1, Entity("a", "b"))}], "[0]['x'][1] is Entity"),
        ({Scope.CLUSTER: 1}, ", key <Scope.CLUSTER: 'clusters'> is Scope"),
        (Noted("", 1), "it is Noted"),
    ],
)
def test_what_is_not_plain(value: Any, said: str) -> None:
    assert list(not_plain(value)) == [said]
