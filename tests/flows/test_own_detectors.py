"""Detectors of one's own: found, held to the contract, and run like the project's."""

import re
from pathlib import Path

import pytest

from flows.configuration import SettingsError, configure
from flows.own_detectors import broken_contracts

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """The settings and the detector that docs/settings.md shows."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "detections").mkdir()
    (tmp_path / "detections" / "tunnels.py").write_text(code)
    (tmp_path / "settings.yaml").write_text("own_detectors: [detections/]\n")
    return tmp_path


def test_the_documented_detector_runs_and_keeps_the_contract(documented: Path) -> None:
    configuration = configure(documented / "settings.yaml")
    assert "ACME_PortForward" in configuration.types
    assert "ACME_PortForward" in {detector.alert_type for detector in configuration.detectors}
    assert broken_contracts(configuration.detectors) == []


def test_a_detector_that_breaks_the_contract_is_told(documented: Path) -> None:
    file = documented / "detections" / "tunnels.py"
    file.write_text(file.read_text().replace('if ref.namespace != "prod"', 'if ref.namespace == "none"'))
    told = broken_contracts(configure(documented / "settings.yaml").detectors)
    assert any("no example in its docstring is quiet" in line for line in told)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda code: code.replace("TUNNEL = AlertType(", "TUNNEL = dict("), "no AlertType ACME_PortForward"),
        (lambda code: code + "\nraise RuntimeError('boom')\n", "RuntimeError: boom"),
        (lambda code: code + "\ndef (", "SyntaxError"),
        (lambda _: "", "defines no detector"),
    ],
    ids=["no alert type", "raises", "no Python", "empty"],
)
def test_a_module_that_cannot_be_used_is_said(documented: Path, change: object, said: str) -> None:
    file = documented / "detections" / "tunnels.py"
    assert callable(change)
    file.write_text(change(file.read_text()))
    with pytest.raises(SettingsError, match=said):
        configure(documented / "settings.yaml")
