"""Alerts as bytes: one line of their own JSON, and an OCSF Detection Finding that others can read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_ocsf_models import OCSF_VERSION as KNOWN_VERSION
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from alerts import CATALOGUE, Alert
from alerts.encoders import OCSF_VERSION, to_json, to_ocsf
from tests.alerts.samples import ACTORS, ENTITIES, START, alert, evidence, signal, suppressed_alert


def ocsf(made: Alert) -> dict[str, Any]:
    encoded = to_ocsf(made)
    DetectionFinding.model_validate_json(encoded)
    finding: dict[str, Any] = json.loads(encoded)
    return finding


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("actor", ACTORS)
def test_alerts_of_all_kinds_are_detection_findings(entity: str, actor: str) -> None:
    made = alert(signal(entity=ENTITIES[entity], actor=ACTORS[actor]))
    read = DetectionFinding.model_validate_json(to_ocsf(made))
    assert read.finding_info.uid == made.id
    assert read.resources is not None
    assert (read.resources[0].type, read.resources[0].name) == (entity, ENTITIES[entity].name)
    assert read.metadata.version == OCSF_VERSION == KNOWN_VERSION


@pytest.mark.parametrize("alert_type", CATALOGUE)
def test_alerts_of_all_types_are_detection_findings(alert_type: str) -> None:
    made = alert(signal(alert_type=alert_type))
    attacks = ocsf(made)["finding_info"]["attacks"]
    assert len(attacks) == len(made.tactics) + len(made.techniques)
    named = [attack.get("sub_technique", attack.get("technique", {})).get("uid") for attack in attacks]
    assert named[len(made.tactics) :] == list(made.techniques)


def test_a_finding_says_what_the_alert_says() -> None:
    made = alert(signal(evidence(0), evidence(2_000_000)), revision=3, activity="update")
    finding = ocsf(made)
    assert (finding["type_uid"], finding["activity_id"], finding["class_uid"]) == (200402, 2, 2004)
    assert (finding["severity_id"], finding["severity"]) == (1, "Informational")
    assert (finding["start_time"], finding["time"]) == (START // 1000, START // 1000 + 2000)
    assert (finding["count"], finding["status_id"], finding["message"]) == (2, 1, made.explanation.because)
    assert finding["metadata"]["uid"] == f"{made.id}-3"
    assert finding["finding_info"]["types"] == ["K8S_ClusterAdminBinding"]
    assert finding["finding_info"]["analytic"]["name"] == "cluster_admin_binding"
    assert [item["uid"] for item in finding["evidences"]] == ["event-0", "event-2000000"]
    assert finding["unmapped"]["explanation"]["fields"] == {"role": "cluster-admin"}


def test_a_new_alert_is_created_and_a_suppressed_one_says_so() -> None:
    finding = ocsf(suppressed_alert("ops-2026", "planned"))
    assert (finding["type_uid"], finding["status_id"], finding["status_detail"]) == (200401, 3, "planned")
    assert finding["is_alert"] is False


def test_who_did_it_is_a_user_or_a_process() -> None:
    user = ocsf(alert(signal(actor=ACTORS["user"])))["evidences"][0]
    assert user["actor"]["user"] == {"name": "jane@contoso.example", "type_id": 1, "type": "User"}
    assert user["src_endpoint"] == {"ip": "2001:db8::1"}
    process = ocsf(alert(signal(actor=ACTORS["process"], entity=ENTITIES["container"])))["evidences"][0]["process"]
    assert process["cmd_line"] == "/usr/bin/nmap 10.0.0.0/8"
    assert process["parent_process"] == {"cmd_line": "/bin/bash"}
    assert process["container"] == {"name": "web", "image": {"name": "r.example/web:1"}}


def test_observables_are_what_one_can_look_for() -> None:
    finding = ocsf(alert(signal(entity=ENTITIES["container"], actor=ACTORS["user"])))
    assert [(item["type"], item["value"]) for item in finding["observables"]] == [
        ("Resource UID", "prod/container/shop/web"),
        ("Hostname", "node-1"),
        ("User Name", "jane@contoso.example"),
        ("IP Address", "10.0.0.1"),
        ("IP Address", "2001:db8::1"),
    ]


def test_azure_is_named_where_the_alert_is_of_azure() -> None:
    finding = ocsf(alert(signal(alert_type="K8S_AbnormalMiActivity", entity=ENTITIES["managed_identity"])))
    assert finding["cloud"] == {"provider": "Azure"}
    assert "cloud" not in ocsf(alert())


def test_absent_parts_are_left_out_and_values_that_are_null_stay() -> None:
    written = json.loads(to_json(alert(signal(fields={"saw": None}))))
    assert "actor" not in written
    assert written["entity"] == {"kind": "cluster_role_binding", "name": "ops-admin"}
    assert written["evidence"][0]["origin"] == {"path": "audit.log", "line": 1}
    assert written["explanation"]["fields"] == {"saw": None}


@pytest.mark.parametrize("encode", [to_json, to_ocsf])
def test_an_alert_is_one_line_without_its_end(encode: Any) -> None:
    written = encode(alert(signal(evidence(summary="a\nb\r\x00\x1b[31m"), because="a\u2028b")))
    assert b"\n" not in written
    assert written == encode(alert(signal(evidence(summary="a\nb\r\x00\x1b[31m"), because="a\u2028b")))
    read = json.loads(written)
    summary = read["evidence"][0]["summary"] if encode is to_json else read["evidences"][0]["data"]["summary"]
    assert summary == "a\nb\r\x00\x1b[31m"


@given(st.text(), st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_text_and_any_field_can_be_encoded(text: str, value: Any) -> None:
    made = alert(signal(evidence(summary=text), because=text + "\udfff", fields={text: value}, cluster=text))
    for encoded in (to_json(made), to_ocsf(made)):
        assert json.loads(encoded.decode(), parse_constant=pytest.fail)
