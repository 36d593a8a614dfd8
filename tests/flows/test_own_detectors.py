"""Detectors of one's own: found, held to the contract, and run like the project's."""

import re
from collections.abc import Callable
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


def look_ahead(code: str) -> str:
    selected = code.replace("on=requests(", "on=executes(matching=('(?=x)',)) or requests(")
    return selected.replace("import Match, Quiet,", "import executes, Match, Quiet,")


def taken_name(code: str) -> str:
    return code.replace("def port_forward", "def reconnaissance_burst").replace("fired(port_", "fired(reconnaissance_")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda code: code + "\nimport sys\nsys.exit(0)\n", "SystemExit"),
        (lambda code: code.replace("Severity.LOW", "'low'"), "AlertType ACME_PortForward"),
        (look_ahead, "not an RE2 pattern"),
        (taken_name, "another detector has this name"),
        (lambda code: code.replace('id="ACME_PortForward"', 'id="K8S.NODE_EICAR"'), "K8S.NODE_EICAR is the project's"),
    ],
    ids=["exits", "mistyped", "no RE2", "name taken", "type taken"],
)
def test_what_would_fail_later_is_said_at_once(documented: Path, change: Callable[[str], str], said: str) -> None:
    file = documented / "detections" / "tunnels.py"
    file.write_text(change(file.read_text()))
    with pytest.raises(SettingsError) as raised:
        configure(documented / "settings.yaml")
    assert any(said in str(problem) for problem in raised.value.problems)


@pytest.mark.parametrize(
    "answer", ["True", 'Match(Entity(None, "x"), "", "", {})', 'Match(Entity("a", "b"), "", "", {"x": object()})']
)
def test_an_answer_that_no_alert_can_say_breaks_the_contract(documented: Path, answer: str) -> None:
    file = documented / "detections" / "tunnels.py"
    head, _, _ = file.read_text().rpartition("    return Match(")
    file.write_text(f"{head}    return {answer}\n")
    assert any("TypeError" in line for line in broken_contracts(configure(documented / "settings.yaml").detectors))


def test_two_files_of_one_name_are_two_modules(documented: Path) -> None:
    code = (documented / "detections" / "tunnels.py").read_text()
    (documented / "more").mkdir()
    other = code.replace("port_forward", "other_forward").replace("TUNNEL = AlertType(", "KIND = dict(")
    (documented / "more" / "tunnels.py").write_text(other)
    (documented / "settings.yaml").write_text("own_detectors: [detections/, more/]\n")
    assert broken_contracts(configure(documented / "settings.yaml").detectors) == []
