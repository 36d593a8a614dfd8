"""What holds for every detector, of the project and of its users: found by running its own examples."""

from __future__ import annotations

import doctest
import pickle
import sys
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from detectors import examples
from detectors.contract import Detector, Quiet
from detectors.state_checks import state_problems
from detectors.stateful import Stateful
from events import Event

REPEATED = 50
"""Times that an example is judged, to see whether the answer stays."""


class Example(Struct, frozen=True):
    """One `fired(...)` of a docstring."""

    events: tuple[Event, ...]
    raised: list[str]
    """The names of the entities that it raised."""


def problems(detector: Detector[Any]) -> list[str]:
    """Everything in which a detector breaks the contract; an empty list is what one wants."""
    shown, wrong = run_examples(detector)
    wrong += [] if detector.__doc__ else ["it has no docstring"]
    wrong += [] if detector.misses else ["`misses` does not say how the same could be done unseen"]
    wrong += [] if detector.noise else ["`noise` does not say which ordinary activity looks the same"]
    wrong += [] if any(example.raised for example in shown) else ["no example in its docstring fires"]
    wrong += [] if any(not example.raised for example in shown) else ["no example in its docstring is quiet"]
    for example in shown:
        wrong += _unsteady(detector, example)
    if isinstance(detector, Stateful):
        wrong += state_problems(detector, [example.events for example in shown])
    return wrong


def run_examples(detector: Detector[Any]) -> tuple[list[Example], list[str]]:
    """Run the examples of the docstring: what they raised, and where that is not what the docstring says."""
    shown: list[Example] = []

    def fired(judged: Detector[Any], *events: Event) -> list[str]:
        raised = examples.fired(judged, *events)
        if judged is detector:
            shown.append(Example(events, raised))
        return raised

    module = vars(sys.modules[detector.__module__])
    names = {**vars(examples), **module, detector.__name__: detector, "fired": fired}
    test = doctest.DocTestParser().get_doctest(detector.__doc__ or "", names, detector.__name__, None, None)
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=said.append)
    return shown, [f"an example fails: {' '.join(''.join(said).split())}"] if said else []


def _unsteady(detector: Detector[Any], example: Example) -> Iterator[str]:
    before = pickle.dumps(example.events)
    for again in (examples.fired(detector, *example.events) for _ in range(REPEATED)):
        if again != example.raised:
            yield f"not deterministic: {example.raised} and then {again}"
            break
    if pickle.dumps(example.events) != before:
        yield "it alters the event"
    try:
        twin = pickle.loads(pickle.dumps(detector))  # noqa: S301  what we pickled ourselves, in this line
    except (pickle.PicklingError, AttributeError, ImportError) as error:
        yield f"it cannot be pickled: {error}"
    else:
        if examples.fired(twin, *example.events) != example.raised:
            yield "its pickled copy answers differently"
    for event in example.events:
        verdict = detector(event)
        if isinstance(verdict, Quiet) and not verdict.condition:
            yield "it is quiet without a reason"
