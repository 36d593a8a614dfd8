"""An event reaches the detectors whose selection names it, and no other."""

from typing import Any

import pytest

from detectors.contract import Detector, rule
from detectors.examples import audit, connection, execution
from detectors.selection import Executions, connects, executes, executes_besides, requests, writes
from events import ActivityEvent, AuditEvent, Event
from flows.dispatch import Dispatch


def detector(name: str, *on: Any) -> Detector[Any]:
    def nothing(event: Event) -> None:
        """Never fires."""

    return rule(name, on=on)(nothing)


BINDINGS = detector("bindings", writes("clusterrolebindings", "pods/exec"))
ANYTHING = detector("anything", requests("*", of=("*",)))
SHELLS = detector("shells", executes("bash", "sh"))
FETCH = detector("fetch", executes("curl", matching=(r"169\.254", "metadata")))
EVERY = detector("every", Executions())
SOCKETS = detector("sockets", connects())


def names(event: Event, *detectors: Detector[Any]) -> list[str]:
    return [found.alert_type for found in Dispatch(detectors).reached(event)]


@pytest.mark.parametrize(
    ("event", "reached"),
    [
        (audit("create", "clusterrolebindings"), ["bindings", "anything"]),
        (audit("create", "pods/exec"), ["bindings", "anything"]),
        (audit("create", "pods"), ["anything"]),
        (audit("get", "clusterrolebindings"), ["anything"]),
        (execution("/bin/bash"), ["shells", "every"]),
        (execution("/bin/bash", "-c 'curl 169.254.169.254'"), ["shells", "fetch", "every"]),
        (execution("/opt/METADATA"), ["fetch", "every"]),
        (execution("/usr/bin/bash-completion"), ["every"]),
        (connection("curl", "1.1.1.1", 80), ["sockets"]),
        (ActivityEvent(cluster="c", time=0, event_id="", operation="x"), []),
    ],
    ids=str,
)
def test_an_event_reaches_those_that_select_it(event: Event, reached: list[str]) -> None:
    assert names(event, BINDINGS, ANYTHING, SHELLS, FETCH, EVERY, SOCKETS) == reached


def test_all_programs_but_those_of_a_list_can_be_selected() -> None:
    others = detector("others", executes_besides(frozenset({"/usr/bin/ls"})))
    assert names(execution("/usr/bin/ls", "/x"), others, SHELLS) == []
    assert names(execution("/tmp/ls"), others, SHELLS) == ["others"]
    assert names(execution("/usr/bin/sh"), others, SHELLS) == ["others", "shells"]


def test_answers_are_the_same_when_remembered() -> None:
    dispatch = Dispatch([BINDINGS])
    event: AuditEvent = audit("create", "clusterrolebindings")
    assert dispatch.reached(event) == dispatch.reached(event) == (BINDINGS,)


def test_a_pattern_that_is_not_re2_names_its_alert_type() -> None:
    with pytest.raises(ValueError, match="lookahead"):
        Dispatch([detector("lookahead", executes(matching=("(?=x)",)))])
