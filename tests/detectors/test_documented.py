"""The detectors that docs/detectors-that-remember.md shows keep the contract, as they stand there."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from alerts import AlertType
from detectors import registry
from detectors.checks import problems
from detectors.examples import audit, fired

PAGE = Path(__file__).parents[2] / "docs" / "detectors-that-remember.md"
SHOWN = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(params=range(len(SHOWN)), ids=["windows", "a state of one's own"])
def shown(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    file = tmp_path / "shown.py"
    file.write_text(SHOWN[request.param])
    spec = importlib.util.spec_from_file_location("shown_in_docs", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_each_keeps_the_contract(shown: ModuleType) -> None:
    detectors = registry.defined_in(shown)
    assert [f"{one.__name__}: {problem}" for one in detectors for problem in problems(one)] == []
    types = {value.id for value in vars(shown).values() if isinstance(value, AlertType)}
    assert {detector.alert_type for detector in detectors} == types


@pytest.mark.parametrize("shown", [0], indirect=True)
def test_settings_reach_them(shown: ModuleType) -> None:
    detector = vars(shown)["exec_then_delete"]
    slow = [audit("create", "pods/exec", name="web"), audit("delete", "pods", name="web", at=301)]
    assert fired(detector, *slow) == []
    assert fired(detector.with_parameters({"within": "10m"}), *slow) == ["web"]
