"""The catalogue holds the 58 alert types, each complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from alerts.catalogue import CATALOGUE, TACTICS, TECHNIQUES, AlertType, Severity, UnknownAlertTypeError, find
from tests.conftest import SAMPLES

REFERENCE = SAMPLES.parent / "alerts.yaml"
CARRIED = ("id", "title", "source", "kind", "state")
CARRIED_LISTS = ("tactics", "flags")


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference of alerts is not part of the repository")
def test_the_catalogue_says_what_the_reference_says() -> None:
    rows = yaml.safe_load(REFERENCE.read_text())
    assert [row["id"] for row in rows] == list(CATALOGUE)
    for row in rows:
        ours = CATALOGUE[row["id"]]
        assert {name: getattr(ours, name) for name in CARRIED} == {name: row[name] for name in CARRIED}
        assert {name: list(getattr(ours, name)) for name in CARRIED_LISTS} == {
            name: row[name] for name in CARRIED_LISTS
        }
        assert str(ours.severity) == row["severity"]


def test_there_are_58_alert_types() -> None:
    assert len(CATALOGUE) == 58
    assert len({alert_type.description for alert_type in CATALOGUE.values()}) == 58


@pytest.mark.parametrize("alert_type", CATALOGUE.values(), ids=lambda alert_type: alert_type.id)
def test_an_alert_type_is_complete(alert_type: AlertType) -> None:
    assert alert_type.tactics
    assert set(alert_type.tactics) <= set(TACTICS)
    assert set(alert_type.techniques) <= set(TECHNIQUES)
    # The test alert is no technique of an attacker.
    assert bool(alert_type.techniques) is (alert_type.id != "K8S.NODE_EICAR")
    assert 2 <= len(re.findall(r"[.:](?:\s|$)", alert_type.description)) <= 5
    assert alert_type.summary.endswith(".")


def test_techniques_and_tactics_have_the_ids_of_attack() -> None:
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", uid) for uid in TECHNIQUES)
    assert all(uid.partition(".")[0] in TECHNIQUES for uid in TECHNIQUES)
    assert {word for word, tactic in TACTICS.items() if not tactic.uid} == {"Probing", "Exploitation", "Unknown"}
    assert all(re.fullmatch(r"(TA\d{4})?", tactic.uid) for tactic in TACTICS.values())


def test_severities_are_ordered_and_print_as_words() -> None:
    parse: Callable[[Any], Severity] = Severity
    assert sorted(Severity) == [Severity.INFORMATIONAL, Severity.LOW, Severity.MEDIUM, Severity.HIGH]
    assert [f"{severity}" for severity in Severity] == ["Informational", "Low", "Medium", "High"]
    assert all(parse(str(severity).swapcase()) is severity for severity in Severity)
    with pytest.raises(ValueError, match="Critical"):
        parse("Critical")


def test_an_alert_type_is_found_in_any_case() -> None:
    assert all(find(alert_id.swapcase()) is alert_type for alert_id, alert_type in CATALOGUE.items())


@pytest.mark.parametrize(
    ("asked", "named"),
    [("K8S_PrivilegdContainer", "K8S_PrivilegedContainer"), ("K8S.NODE_Webshel", "K8S.NODE_Webshell")],
)
def test_an_unknown_id_names_the_nearest(asked: str, named: str) -> None:
    with pytest.raises(KeyError) as raised:
        find(asked)
    assert isinstance(raised.value, UnknownAlertTypeError)
    assert str(raised.value).startswith(f"no alert type '{asked}'; did you mean {named}")


def test_an_id_like_no_other_gets_no_hint() -> None:
    with pytest.raises(UnknownAlertTypeError, match=r"^no alert type '%%%'$"):
        find("%%%")
