"""An alert's form: its fields, its times, its schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from alerts.alert import (
    Alert,
    AlertActor,
    AlertEntity,
    AlertEvidence,
    AlertOrigin,
    Explanation,
    RaisedBy,
    Suppression,
    json_schema,
    milliseconds,
    rfc3339,
)
from alerts.catalogue import CATALOGUE
from alerts.encoders import to_json
from tests.alerts.samples import ACTORS, ENTITIES, alert, signal, suppressed_alert

FIELDS = [
    "id", "revision", "activity", "alert_type", "title", "severity", "tactics", "techniques", "description", "cluster",
    "entity", "first_event_time", "last_event_time", "count", "status", "explanation", "evidence", "detector",
]  # fmt: skip


def test_an_alert_has_the_fields_that_are_promised() -> None:
    assert list(json.loads(to_json(alert()))) == FIELDS
    assert set(Alert.model_fields) - set(FIELDS) == {"actor", "suppression", "trimmed"}


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("actor", ACTORS)
def test_alerts_fit_the_schema(entity: str, actor: str) -> None:
    made = alert(signal(entity=ENTITIES[entity], actor=ACTORS[actor]))
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(to_json(made)))


def test_the_schema_refuses_what_is_no_alert() -> None:
    written = json.loads(to_json(alert()))
    validator = jsonschema.Draft202012Validator(json_schema())
    for wrong in ({"severity": "Critical"}, {"count": 0}, {"actor": None}, {"first_event_time": "yesterday"}):
        assert not validator.is_valid(written | wrong)
    assert validator.is_valid(written | {"a_field_of_a_later_version": 1})


def test_each_field_is_described() -> None:
    schema = json_schema()
    for part in (schema, *schema["$defs"].values()):
        properties = part.get("properties", {})
        assert [name for name, field in properties.items() if not field.get("description")] == []


def test_an_alert_is_never_altered_and_has_no_other_field() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        alert().count = 2  # type: ignore[misc]  # that it fails is what is shown
    with pytest.raises(ValidationError, match="Extra inputs"):
        Alert.model_validate(alert().model_dump() | {"colour": "red"})


def test_what_is_written_can_be_read_again() -> None:
    made = alert(signal(actor=ACTORS["process"]))
    assert Alert.model_validate_json(to_json(made)) == made


def test_a_suppressed_alert_says_which_exception_and_why() -> None:
    written = json.loads(to_json(suppressed_alert("ops-2026", "planned change")))
    assert written["status"] == "suppressed"
    assert written["suppression"] == {"exception": "ops-2026", "reason": "planned change"}


@pytest.mark.parametrize(
    ("microseconds", "written"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (10**30, "9999-12-31T23:59:59.999999Z"),
        (-(10**30), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_written_with_microseconds_in_utc(microseconds: int, written: str) -> None:
    assert rfc3339(microseconds) == written
    assert milliseconds(written) * 1000 <= max(min(microseconds, 253402300799999999), -62135596800000000)


def test_the_page_about_alerts_shows_a_real_one_and_names_each_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "alert-fields.md").read_text(encoding="utf8")
    shown = Alert.model_validate_json(page.partition("```json\n")[2].partition("```")[0])
    assert shown.alert_type in CATALOGUE
    assert shown.description == CATALOGUE[shown.alert_type].description
    named = page.partition("## What each field means")[2].partition("## Keeping")[0]
    parts = (Alert, AlertEntity, AlertActor, AlertOrigin, AlertEvidence, Explanation, RaisedBy, Suppression)
    assert [name for part in parts for name in part.model_fields if f"`{name}`" not in named] == []
