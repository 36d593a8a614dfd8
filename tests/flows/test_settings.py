"""Settings: the environment over the file, and every mistake with its line."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from flows.configuration import SettingsError, configure


def settings(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    return file


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        configure(settings(tmp_path, text))
    return [str(problem) for problem in raised.value.problems]


def test_without_a_file_all_detectors_run_with_their_defaults() -> None:
    assert {"K8S_ClusterAdminBinding", "K8S.NODE_EICAR"} <= {detector.alert_type for detector in configure().detectors}


@pytest.mark.parametrize("name", ["K8S.NODE_EICAR", "k8s_node_eicar"])
def test_a_detector_is_switched_off_by_any_spelling_of_its_alert_type(tmp_path: Path, name: str) -> None:
    configuration = configure(settings(tmp_path, f"detectors:\n  {name}:\n    enabled: false\n"))
    assert "K8S.NODE_EICAR" not in {detector.alert_type for detector in configuration.detectors}


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = settings(
        tmp_path, "detectors:\n  K8S.NODE_EICAR:\n    enabled: false\n    severity: Low\nlimits: {item: 2000}\n"
    )
    monkeypatch.setenv("MIDDLEWATCH_DETECTORS__K8S_NODE_EICAR__ENABLED", "true")
    monkeypatch.setenv("MIDDLEWATCH_LIMITS__ITEM", "4096")
    configuration = configure(file)
    assert "K8S.NODE_EICAR" in {detector.alert_type for detector in configuration.detectors}
    assert str(configuration.severities["K8S.NODE_EICAR"]) == "Low"
    assert configuration.settings.limits.item == 4096


def test_parameters_reach_the_detector(tmp_path: Path) -> None:
    text = "detectors:\n  K8S.NODE_ReconnaissanceArtifactsBurst:\n    parameters: {commands: 9, within: 10m}\n"
    (burst,) = [d for d in configure(settings(tmp_path, text)).detectors if "Reconnaissance" in d.alert_type]
    assert burst.parameters is not None
    assert burst.parameters.model_dump(mode="json")["commands"] == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("detektors: {}\n", ["line 1: detektors: unknown name; did you mean detectors?"]),
        ("limits:\n  line: many\n", ["line 2: limits.line: Input should be a valid integer"]),
        ("detectors:\n  K8S_SensitiveMont: {}\n", ["line 2", "did you mean K8S_SensitiveMount?"]),
        ("detectors:\n  K8S_ExposedPostgresTrustAuth: {}\n", ["line 2", "has no detector yet"]),
        ("detectors:\n  K8S.NODE_EICAR:\n    severity: Severe\n", ["line 3", "severity"]),
        (
            "detectors:\n  K8S.NODE_ReconnaissanceArtifactsBurst:\n    parameters:\n      comands: 3\n",
            ["line 4", "did you mean commands?"],
        ),
        ("limits: [\n", ["not YAML"]),
        ("- a\n", ["mapping"]),
        ("own_detectors: [nowhere/]\n", ["nowhere/", "no such file"]),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str, said: list[str]) -> None:
    (problem,) = mistakes(tmp_path, text)
    assert all(part in problem for part in said), problem


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, "limits: {item: x, line: y}\nnothing: 1\n")) == 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MIDDLEWATCH_LIMTS__ITEM", "5", "did you mean limits?"),
        ("MIDDLEWATCH_LIMITS", "abc", "limits"),
        ("MIDDLEWATCH_OWN_DETECTORS", "detections/", "own_detectors"),
        ("MIDDLEWATCH_DETECTORS", "", "detectors"),
        ("MIDDLEWATCH_LIMITS__ITEM", "many", "from the environment"),
    ],
)
def test_a_mistake_in_the_environment_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        configure()
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limits: {item: 2000}\nlimits: {item: 3000}\n", "line 2: limits: named twice"),
        ("_env_prefix: X_\n", "unknown name"),
        ("detectors: &a\n  K8S_DeleteEvents: *a\n", "alias"),
        ("limits: {item: 4096, line: 2048}\n", "line is smaller than item"),
    ],
)
def test_what_yaml_allows_and_settings_do_not_is_said(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in problem for problem in mistakes(tmp_path, text))


def test_the_schema_accepts_what_the_documentation_shows() -> None:
    docs = Path(__file__).parents[2] / "docs"
    (shown,) = re.findall(r"```yaml\n(.*?)```", (docs / "settings.md").read_text(), re.DOTALL)
    jsonschema.validate(yaml.safe_load(shown), json.loads((docs / "settings.schema.json").read_text()))
