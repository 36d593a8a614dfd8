"""What holds for every detector that is registered: adding one adds its tests."""

import ast
import inspect
import sys
from typing import Any

import pytest

from alerts.catalogue import CATALOGUE
from alerts.signal import Entity
from detectors import registry
from detectors.checks import problems
from detectors.contract import Detector, Match, rule
from detectors.examples import audit
from detectors.selection import writes
from events import AuditEvent

ALL = registry.builtin()


@pytest.mark.parametrize("detector", ALL, ids=lambda detector: detector.__name__)
def test_every_detector_keeps_the_contract(detector: Detector[Any]) -> None:
    assert problems(detector) == []


@pytest.mark.parametrize("detector", ALL, ids=lambda detector: detector.__name__)
def test_every_detector_is_of_the_kind_that_the_catalogue_says(detector: Detector[Any]) -> None:
    assert detector.kind == CATALOGUE[detector.alert_type].kind


def test_names_are_unique_for_they_are_keys_of_the_state() -> None:
    names = [detector.__name__ for detector in ALL]
    assert len(names) == len(set(names))


FIRST = audit("create", "pods")


def test_a_detector_that_breaks_the_contract_is_told_in_what() -> None:
    judged: list[str] = []

    @rule("K8S_TI_Proxy", on=writes("pods"))
    def forgetful(event: AuditEvent) -> Match | None:
        """Answers otherwise the second time.

        >>> fired(forgetful, FIRST)
        ['x']
        """
        judged.append(event.event_id)
        return Match(Entity("user", "x"), event.event_id, "", {}) if len(judged) == 1 else None

    found = "; ".join(problems(forgetful))
    for said in ("not deterministic", "`misses`", "`noise`", "no example in its docstring is quiet"):
        assert said in found


def test_an_example_that_is_wrong_is_told() -> None:
    @rule("K8S_TI_Proxy", on=writes("pods"), misses="-", noise="-")
    def lying(event: AuditEvent) -> None:
        """Says that it fires.

        >>> fired(lying, FIRST)
        ['x']
        """

    assert any("an example fails" in problem for problem in problems(lying))


def test_no_detector_knows_a_clock_the_disk_or_the_network() -> None:
    for detector in ALL:
        tree = ast.parse(inspect.getsource(sys.modules[detector.__module__]))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not imported & {"time", "os", "pathlib", "socket", "subprocess", "urllib.request"}, detector.__name__
        assert not called & {"open", "datetime.now", "datetime.datetime.now"}, detector.__name__
