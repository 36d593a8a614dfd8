"""What holds for every detector that remembers: its state may be written, read, forgotten and begun at any moment."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from detectors.replay import Before, findings, judged, observations
from detectors.stateful import Finding, Observation, Plain, Stateful, UnknownStateError
from events import Event

FAR = 400 * 86_400_000_000
"""Microseconds after everything else, when no detector of the project remembers any more."""
NEVER = 1 << 60
"""Microseconds: what expires later than this is kept for ever."""

Examples = Sequence[tuple[Event, ...]]
"""The events of each example."""


def state_problems(detector: Stateful[Any, Any], examples: Examples) -> list[str]:
    """Everything in which a detector that remembers breaks the contract, found with the events of its examples."""
    checks: list[Callable[[Stateful[Any, Any], Examples], Iterable[str]]]
    checks = [_wrong_version, _not_plain, _wrong_form, _lossy, _shared, _forgetful, _impatient]
    wrong: list[str] = []
    for check in checks:
        try:
            wrong += dict.fromkeys(check(detector, examples))
        except Exception as error:  # noqa: BLE001  whatever the detector raises is what its author is told
            wrong.append(f"{check.__name__.strip('_')}: {type(error).__name__}: {error}")
    return wrong


def not_plain(value: Any, path: str = "") -> Iterator[str]:
    """Where a value is anything but None, bool, int, float, str, bytes, tuple, list and dict of these."""
    if type(value) in (tuple, list):
        for place, item in enumerate(value):
            yield from not_plain(item, f"{path}[{place}]")
    elif type(value) is dict:
        for key, item in value.items():
            yield from not_plain(key, f"{path}, key {key!r}")
            yield from not_plain(item, f"{path}[{key!r}]")
    elif type(value) not in (type(None), bool, int, float, str, bytes):
        yield f"{path or 'it'} is {type(value).__name__}"


def _both(detector: Stateful[Any, Any]) -> Iterator[Stateful[Any, Any]]:
    """The detector and those behind it."""
    yield detector
    if detector.then is not None:
        yield from _both(detector.then)


def _outcome(detector: Stateful[Any, Any], events: Iterable[Event], before: Before) -> list[Finding]:
    return list(judged(detector, observations(detector, events), before))


def _wrong_version(detector: Stateful[Any, Any], _: Examples) -> Iterator[str]:
    for one in _both(detector):
        if type(one.version) is not int:
            yield f"the version of its state is {one.version!r}, not an int"
        elif not _refuses(one, one.version + 1):
            yield "it reads state of a later version than its own: raise UnknownStateError"
        if json.loads(json.dumps(one.depends_on)) != one.depends_on:
            yield f"`depends_on` is not the same after JSON: {one.depends_on!r}"


def _refuses(detector: Stateful[Any, Any], version: int) -> bool:
    try:
        detector.from_plain(version, detector.to_plain(detector.form()))
    except UnknownStateError:
        return True
    return False


def _not_plain(detector: Stateful[Any, Any], examples: Examples) -> Iterator[str]:
    said: list[str] = []

    def look(one: Stateful[Any, Any], state: Any, observation: Observation) -> Any:
        said.extend(f"what it notes is not plain: {where}" for where in not_plain(observation.what))
        said.extend(f"its plain state is not plain: {where}" for where in not_plain(one.to_plain(state)))
        if type(one.expires(state)) is not int:
            said.append(f"`expires` gives {one.expires(state)!r}, not an int")
        return state

    for events in examples:
        _outcome(detector, events, look)
        _outcome(detector, _moved(events, FAR), look)
    yield from said


def _wrong_form(detector: Stateful[Any, Any], _: Examples) -> Iterator[str]:
    for one in _both(detector):
        fresh = one.form()
        if not isinstance(fresh, Struct):
            yield f"its form gives {type(fresh).__name__}, not a Struct"
            continue
        if not _same(one, one.from_plain(one.version, one.to_plain(fresh)), fresh):
            yield "a fresh state is not the same after `to_plain` and `from_plain`"
        if not _same(one, fresh, one.form()):
            yield "two fresh states differ"
        if {id(part) for part in _parts(fresh)} & {id(part) for part in _parts(one.form())}:
            yield "its states share a part that can be altered"


def _parts(value: Any) -> Iterator[Any]:
    """What can be altered in a state."""
    if isinstance(value, Struct):
        if not value.__struct_config__.frozen:
            yield value
        value = msgspec.structs.astuple(value)
    elif isinstance(value, (list, dict, set)):
        yield value
    if isinstance(value, dict):
        value = value.values()
    for part in value if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else ():
        yield from _parts(part)


def _same(detector: Stateful[Any, Any], one: Any, other: Any) -> bool:
    return bool(detector.to_plain(one) == detector.to_plain(other))


def _frozen(plain: Plain) -> Plain:
    return copy.deepcopy(plain)


def _lossy(detector: Stateful[Any, Any], examples: Examples) -> Iterator[str]:
    """Interrupted before every observation."""

    def resume(one: Stateful[Any, Any], state: Any, _: Observation) -> Any:
        return one.from_plain(one.version, pickle.loads(pickle.dumps(one.to_plain(state))))  # noqa: S301  of this line

    for events in examples:
        if _outcome(detector, events, resume) != findings(detector, events):
            yield "interrupted and resumed it finds something else: its plain state loses something"


def _shared(detector: Stateful[Any, Any], examples: Examples) -> Iterator[str]:
    taken: list[tuple[Plain, Plain]] = []

    def snapshot(one: Stateful[Any, Any], state: Any, _: Observation) -> Any:
        plain = one.to_plain(state)
        taken.append((plain, _frozen(plain)))
        return state

    for events in examples:
        _outcome(detector, events, snapshot)
    if any(plain != frozen for plain, frozen in taken):
        yield "its plain state changes when the state is stepped on: it must share nothing that is altered"


def _forgetful(detector: Stateful[Any, Any], examples: Examples) -> Iterator[str]:
    """With what expired forgotten at once, or never, and the example again: right after expiry, and much later."""
    latest: list[int] = []

    def expiry(one: Stateful[Any, Any], state: Any, _: Observation) -> Any:
        latest.append(one.expires(state))
        return state

    def forget(one: Stateful[Any, Any], state: Any, observation: Observation) -> Any:
        return one.form() if observation.time > one.expires(state) else state

    for events in examples:
        latest.clear()
        _outcome(detector, (*events, *_moved(events, FAR)), expiry)
        within = [moment for moment in latest if moment < min((event.time for event in events), default=0) + FAR]
        for gap in (_gap(events, max(within, default=0)), FAR):
            again = (*events, *_moved(events, gap))
            if _outcome(detector, again, forget) != findings(detector, again):
                yield "forgotten at `expires` it finds something else: `step` must treat such a state as a new one"


def _gap(events: tuple[Event, ...], expires: int) -> int:
    """Microseconds by which events are moved so that the first comes right after a moment, and all after each other."""
    times = [event.time for event in events] or [0]
    return max(expires + 1 - min(times), max(times) - min(times) + 1) if expires < NEVER else FAR


def _moved(events: Iterable[Event], gap: int) -> list[Event]:
    return [
        msgspec.structs.replace(event, time=event.time + gap, event_id=f"{event.event_id}+{gap}") for event in events
    ]


def _impatient(detector: Stateful[Any, Any], examples: Examples) -> Iterator[str]:
    """In the order of the example, backwards, and with its halves swapped."""
    for events in examples:
        expected = findings(detector, events)
        half = len(events) // 2
        for order in (events[::-1], events[half:] + events[:half]):
            if findings(detector, order) != expected:
                yield "it depends on the order in which events arrive: `observe` must look at one event alone"
