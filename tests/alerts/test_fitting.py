"""Alerts that are too large for where they go."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import Actor, Alert, Entity
from alerts.encoders import to_json, to_ocsf
from alerts.fitting import CUTS, PARTS, SMALLEST, fitted
from alerts.merge import LONGEST_READ
from tests.alerts.samples import alert, evidence, signal

ENCODERS = pytest.mark.parametrize("encode", [to_json, to_ocsf])
CONTROL = "\x01" * (LONGEST_READ - 1)
"""JSON writes six bytes for each of these signs."""
Encode = Callable[[Alert], bytes]


def deep(levels: int) -> Any:
    return {CONTROL[:50]: [deep(levels - 1)] * 3, "n": 10**400} if levels else [CONTROL] * 4


@cache
def hostile(actor: str = "process") -> Alert:
    """As large as input can make an alert, in every field."""
    items = [evidence(at, f"{at}{CONTROL}", CONTROL, topic="t" * 249, partition=1, offset=at) for at in range(20)]
    who = Actor(actor, CONTROL, addresses=(CONTROL,) * 40, user_agent=CONTROL, parent=CONTROL, uid=1)
    about = Entity("container", *[CONTROL] * 7)
    fields = {"deep": deep(3), **{f"{place}{CONTROL}": CONTROL for place in range(40)}}
    return alert(signal(*items, entity=about, actor=who, cluster=CONTROL, because=CONTROL, fields=fields))


@ENCODERS
def test_what_fits_is_left_alone(encode: Encode) -> None:
    whole = encode(alert())
    assert fitted(alert(), encode, len(whole)) == whole
    assert b"trimmed" not in whole


@ENCODERS
@pytest.mark.parametrize("actor", ["process", "user"])
@pytest.mark.parametrize("largest", [995_904, 200_000, 20_000, SMALLEST])
def test_the_largest_that_input_can_make_fits_and_says_what_was_cut(encode: Encode, actor: str, largest: int) -> None:
    made = hostile(actor)
    assert len(encode(made)) > 1_500_000
    value = fitted(made, encode, largest)
    assert value is not None
    assert len(value) <= largest
    assert value == fitted(made, encode, largest)
    shown = json.loads(value)
    assert set(shown.get("unmapped", shown)["trimmed"]) <= set(PARTS)
    assert made.id.encode() in value


def test_evidence_goes_last_to_first_and_the_connection_stays() -> None:
    made = hostile("user")
    addresses = tuple(f"10.0.0.{place}" for place in range(16))
    assert made.actor is not None
    made = made.model_copy(update={"actor": made.actor.model_copy(update={"addresses": addresses})})
    value = fitted(made, to_json, 16_000)
    assert value is not None
    cut = Alert.model_validate_json(value)
    assert [item.event_id[0] for item in cut.evidence] == ["0", "1", "2"]
    assert cut.actor is not None
    assert cut.actor.addresses == addresses[-CUTS[-2].items :]
    assert (cut.id, cut.revision, cut.severity, cut.count, cut.alert_type, cut.last_event_time) == (
        made.id,
        made.revision,
        made.severity,
        made.count,
        made.alert_type,
        made.last_event_time,
    )


def test_only_what_was_cut_is_named() -> None:
    made = alert(signal(*[evidence(at, summary="s" * 300) for at in range(20)], fields={"paths": ["/x" * 50] * 2000}))
    value = fitted(made, to_json, 100_000)
    assert value is not None
    cut = Alert.model_validate_json(value)
    assert cut.trimmed == ("explanation",)
    assert cut.evidence == made.evidence
    assert cut.explanation.fields == {"paths": ["/x" * 50] * CUTS[0].items}


def test_what_no_form_fits_is_none() -> None:
    assert fitted(alert(), to_json, 100) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)


@given(st.dictionaries(st.text(), JSON), st.integers(min_value=600, max_value=4_000))
def test_whatever_decided_a_form_that_is_given_fits(fields: dict[str, Any], largest: int) -> None:
    value = fitted(alert(signal(fields=fields)), to_json, largest)
    assert value is None or len(value) <= largest
    if value is not None:
        Alert.model_validate_json(value)
