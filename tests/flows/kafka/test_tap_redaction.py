"""Secrets in whole records: they go, and the record stays one."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from events import AuditEvent, RuntimeEvent
from events.decoder import Decoder
from flows.kafka.tapping.redaction import redacted

DATUM = "aHVudGVyMi1zYXlzLWhl"
SIGNED = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLWJ5dGVz"


def audit(**more: Any) -> dict[str, Any]:
    return {
        "kind": "Event",
        "auditID": "a-1",
        "stage": "ResponseComplete",
        "verb": "create",
        "objectRef": {"resource": "secrets", "namespace": "shop", "name": "db"},
        "stageTimestamp": "2026-01-01T12:00:00Z",
        **more,
    }


BODY = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"password": DATUM}, "stringData": {"note": DATUM}}
BODIES: dict[str, Any] = {
    "object": BODY,
    "without a kind": {"data": {"any": DATUM}, "type": "Opaque"},
    "list": {"kind": "SecretList", "items": [BODY, {"data": {"any": DATUM}}]},
    "json patch": [{"op": "replace", "path": "/data/any", "value": DATUM}],
    "applied": {
        "kind": "Secret",
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(BODY)}},
    },
    "environment": {"spec": {"containers": [{"env": [{"name": "DB_PASSWORD", "value": DATUM}]}]}},
    "deep": {"spec": {"a": [[[[[{"b": {"c": [[[[{"d": {"kind": "Secret", "data": {"e": DATUM}}}]]]]}}]]]]]}},
}
WRAPPED: dict[str, Callable[[str], str]] = {
    "native": lambda text: text,
    "aks": lambda text: json.dumps({"records": [{"category": "kube-audit", "properties": {"log": text}}]}),
    "eks": lambda text: json.dumps(
        {"messageType": "DATA_MESSAGE", "logGroup": "/aws/eks/shop/cluster", "logStream": "kube-apiserver-audit-1",
         "logEvents": [{"id": "1", "timestamp": 1, "message": text}]}
    ),
    "docker": lambda text: json.dumps({"log": text + "\n", "stream": "stdout"}),
    "node": lambda text: f"2026-11-24T12:00:00.123456789Z stdout F {text}",
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_the_data_of_secrets_goes_and_the_event_stays(wrapped: str, body: str) -> None:
    line = WRAPPED[wrapped](json.dumps(audit(requestObject=BODIES[body], responseObject=BODIES[body]))).encode()
    shown = redacted(line)
    assert DATUM.encode() in line
    assert DATUM.encode() not in shown
    assert b"***" in shown
    assert b"\n" not in shown
    [before], [after] = Decoder().decode(line), Decoder().decode(shown)
    assert isinstance(before, AuditEvent)
    assert isinstance(after, AuditEvent)
    assert (after.event_id, after.object, after.time, after.truncated) == (
        before.event_id,
        before.object,
        before.time,
        before.truncated,
    )
    assert after.request is not None


@pytest.mark.parametrize("cut", range(5, 60, 5))
def test_a_record_that_was_cut_stays_one_that_was_cut(cut: int) -> None:
    text = json.dumps(audit(requestObject={"data": {"a": DATUM}}, responseObject=BODY), separators=(",", ":"))
    line = WRAPPED["aks"](text[:-cut]).encode()
    shown = redacted(line)
    assert DATUM.encode() not in shown
    [before], [after] = Decoder().decode(line), Decoder().decode(shown)
    assert isinstance(before, AuditEvent)
    assert isinstance(after, AuditEvent)
    assert (after.event_id, after.object, after.truncated) == (before.event_id, before.object, before.truncated)


def test_what_lambda_is_handed_is_unpacked() -> None:
    packed = base64.b64encode(gzip.compress(WRAPPED["eks"](json.dumps(audit(requestObject=BODY))).encode(), mtime=0))
    line = json.dumps({"awslogs": {"data": packed.decode()}}).encode()
    shown = redacted(line)
    assert b"***" in shown
    assert [type(item) for item in Decoder().decode(shown)] == [type(item) for item in Decoder().decode(line)]


def test_arguments_are_known_by_their_program() -> None:
    process = {"exec_id": "e", "binary": "/usr/bin/mysql", "arguments": f"-u root -p{DATUM} shop"}
    line = json.dumps({"process_exec": {"process": process}, "time": "2026-01-01T12:00:00Z"}).encode()
    shown = redacted(line)
    assert json.loads(shown)["process_exec"]["process"]["arguments"] == "-u root -p*** shop"
    assert isinstance(Decoder().decode(shown)[0], RuntimeEvent)


@pytest.mark.parametrize(
    "text",
    [
        f"curl -H 'Authorization: Bearer {SIGNED}' https://shop",
        f"mysql --password={DATUM}",
        f"token {SIGNED} in a sentence",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_texts_lose_what_looks_like_a_secret(text: str) -> None:
    line = json.dumps(audit(annotations={"note": text}, big=10**30, real=1.5)).encode()
    shown = redacted(line)
    assert json.loads(shown)["big"] == 10**30
    assert DATUM.encode() not in shown
    assert SIGNED.encode() not in shown
    assert b"MIIE" not in shown


@pytest.mark.parametrize(
    "line",
    [
        b'{"verb": "get",  "code": 1.50, "verb":"list"}',
        b"",
        b"no json",
        b'{"a":"\\ud800"}',
        b'{"n":1e400,"i":123456789012345678901234567890}',
        b"[" * 5_000,
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b"\x1f\x8bx",
    ],
    ids=range(8),
)
def test_a_line_without_secrets_means_the_same(line: bytes) -> None:
    shown = redacted(line)
    assert [type(item) for item in Decoder().decode(shown)] == [type(item) for item in Decoder().decode(line)]
    if line.isascii() and len(line) < 100 and b"1e400" not in line and b"ud800" not in line:
        assert shown == line
