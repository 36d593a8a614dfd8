"""What the decoder makes of envelopes, of limits, and of what is no record."""

import gzip
import json
import random
import sys
from typing import Any

import msgspec
import pytest

from events import AuditEvent, Item, Malformed, RuntimeEvent, Skipped
from events.decoder import Decoder
from tests.events.captures import FORMATS, items, lines

NATIVE = lines("native")[0]
EXEC = lines("tetragon")[0]
decode = Decoder().decode


def reasons(data: bytes, decoder: Decoder | None = None) -> list[str]:
    found = (decoder or Decoder()).decode(data)
    return [item.reason if isinstance(item, Malformed | Skipped) else type(item).__name__ for item in found]


def event(**changes: Any) -> bytes:
    record = json.loads(NATIVE)
    record.update(changes)
    return json.dumps({key: value for key, value in record.items() if value is not ...}).encode()


def audit_of(data: bytes) -> AuditEvent:
    (item,) = decode(data)
    assert isinstance(item, AuditEvent), item
    return item


@pytest.mark.parametrize("blank", [b"", b" ", b"\r", b"\t \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r"])
def test_a_blank_line_holds_nothing(blank: bytes) -> None:
    assert decode(blank) == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"null", "unknown format"),
        (b"5", "unknown format"),
        (b'"text"', "unknown format"),
        (b"{}", "unknown format"),
        (b'{"kind":0}', "unknown format"),
        (b'{"kind":"Pod","apiVersion":"v1"}', "unknown format"),
        (b'{"kind":"Pod","stage":"RequestReceived"}', "unknown format"),
        (b'{"apiVersion":"audit.k8s.io/v1","stage":"RequestReceived"}', "unknown format"),
        (b'[[{"kind":"Event"}]]', "unknown format"),
        (b"{", "not JSON"),
        (b"I1124 12:00:00 klog", "not JSON"),
        (b'{"kind":"Event"}{}', "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b"\x00", "not JSON"),
        (b"[" * (1 << 20), "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b'{"kind":"Event"}', "no verb"),
        (b'{"verb":""}', "no verb"),
        (b'{"verb":"get"}', "no time"),
        (b'{"process_exec":null,"time":"2026-11-24T12:00:00Z"}', "no process"),
        (b'{"process_exec":{}}', "no process"),
        (b'{"process_exec":"x"}', "wrong type"),
        (b'{"process_exit":{"process":{}}}', "no time"),
        (b'{"output_fields":{},"rule":"x"}', "no time"),
        (b'{"output_fields":[],"rule":"x"}', "wrong type"),
        (b'{"protoPayload":{"methodName":"io.k8s.core.v1.pods.get"}}', "no time"),
        (b'{"protoPayload":{"serviceName":"k8s.io","methodName":"get"}}', "no verb"),
        (b'{"protoPayload":[]}', "wrong type"),
        (b'{"category":"kube-audit","properties":{}}', "no log"),
        (b'{"category":"kube-audit","properties":{"log":"cut"}}', "not JSON"),
        (b'{"operationName":"A/B/WRITE"}', "no time"),
        (b'{"operationName":"A/B/WRITE","time":"yesterday"}', "bad time"),
        (b'{"messageType":"DATA_MESSAGE","logEvents":5}', "wrong type"),
        (b'{"awslogs":{"data":"%%%"}}', "bad base64"),
        (b'{"awslogs":{"data":"aGVsbG8="}}', "bad gzip"),
        (b"\x1f\x8b", "bad gzip"),
        (b"\x1f\x8bgarbage", "bad gzip"),
    ],
)
def test_what_is_no_record_is_malformed_with_a_fixed_reason(data: bytes, reason: str) -> None:
    assert reasons(data) == [reason]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stageTimestamp": "0000-01-01T00:00:00Z", "requestReceivedTimestamp": ...}, "bad time"),
        ({"stageTimestamp": "99999-01-01T00:00:00Z", "requestReceivedTimestamp": ...}, "bad time"),
        ({"stageTimestamp": 5, "requestReceivedTimestamp": ...}, "bad time"),
        ({"stageTimestamp": None, "requestReceivedTimestamp": None}, "no time"),
        ({"verb": 5}, "wrong type"),
        ({"verb": None}, "no verb"),
        ({"objectRef": "pods"}, "wrong type"),
        ({"objectRef": {"resource": ["pods"]}}, "wrong type"),
    ],
)
def test_a_record_without_its_essential_fields_is_malformed(changes: dict[str, Any], reason: str) -> None:
    assert reasons(event(**changes)) == [reason]


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"annotations": None}, "decision", None),
        ({"annotations": ["x"]}, "decision", None),
        ({"user": None}, "user.username", ""),
        ({"user": {"username": None, "groups": ["a", 5, None, "b"]}}, "user.groups", ("a", "b")),
        ({"user": {"extra": {"a": ["1"], "b": "2", "c": [3]}}}, "user.extra", {"a": ("1",), "c": ()}),
        ({"sourceIPs": "10.0.0.1"}, "addresses", ()),
        ({"responseStatus": {"code": "404"}}, "code", 404),
        ({"responseStatus": {"code": int("9" * 4000)}}, "code", None),
        ({"responseStatus": []}, "code", None),
        ({"objectRef": None}, "object.resource", ""),
        ({"impersonatedUser": 5}, "impersonated", None),
        ({"userAgent": "a\ud800b"}, "user_agent", "a\ufffdb"),
        ({"userAgent": "a\x00b"}, "user_agent", "a\x00b"),
        ({"stageTimestamp": "bad"}, "time", 1_795_521_600_000_001),
        ({"stageTimestamp": "2026-11-24T14:00:00.1999999999+02:00"}, "time", 1_795_521_600_199_999),
        ({"stageTimestamp": "2026-11-24T12:00:00Z"}, "time", 1_795_521_600_000_000),
        ({"stageTimestamp": "0001-01-01T00:00:00+14:00"}, "time", -62_135_596_800_000_000 - 14 * 3_600_000_000),
        ({"auditID": None}, "verb", "get"),
        ({"verb": "PATCH"}, "verb", "patch"),
    ],
)
def test_a_wrong_inessential_field_is_absent_and_the_event_stays(
    changes: dict[str, Any], path: str, value: Any
) -> None:
    found: Any = audit_of(event(**changes))
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


def test_an_event_without_audit_id_gets_one_from_its_bytes() -> None:
    one, other = event(auditID=...), event(auditID=..., verb="list")
    assert audit_of(one).event_id == audit_of(one + b"\r").event_id == audit_of(b" " + one).event_id
    assert audit_of(one).event_id != audit_of(other).event_id


def test_a_body_that_is_nested_too_deep_is_lost_but_its_event_is_not() -> None:
    deep = NATIVE[:-1] + b',"requestObject":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"
    found = audit_of(deep)
    assert (found.verb, found.object.name, found.truncated) == ("get", "web-0", True)
    assert found.request is not None
    assert msgspec.json.decode(found.request)["a"]


def test_half_a_surrogate_pair_in_a_body_does_not_make_it_unreadable() -> None:
    found = audit_of(NATIVE[:-1] + b',"requestObject":{"a":"\\ud800","b":"\\\\ud800","c":"\\ud83d\\ude00"}}')
    assert found.request is not None
    assert msgspec.json.decode(found.request) == {"a": "\ufffd", "b": "\\ud800", "c": "😀"}


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert audit_of(NATIVE.replace(b"kubectl", b"kube\xffctl")).user_agent.startswith("kube\ufffdctl")


@pytest.mark.parametrize("name", FORMATS)
def test_whitespace_a_byte_order_mark_and_the_order_of_keys_change_nothing(name: str) -> None:
    shuffler = random.Random(1)
    for line in lines(name):
        expected = list(decode(line))
        for same in (line + b"\r", b" \t" + line, b"\xef\xbb\xbf" + line + b" "):
            assert list(decode(same)) == expected
        with_space = line[:1] + b" " + line[1:]
        assert [_without_id(item) for item in decode(with_space)] == [_without_id(item) for item in expected]
        if isinstance(record := json.loads(line), dict):
            keys = shuffler.sample(list(record), len(record))
            shuffled = json.dumps({key: record[key] for key in keys}, separators=(",", ":")).encode()
            assert [_without_id(item) for item in decode(shuffled)] == [_without_id(item) for item in expected]


def _without_id(item: Item) -> Any:
    fields = msgspec.structs.asdict(item)
    return {key: _plain(value) for key, value in fields.items() if key not in ("event_id", "head")}


def _plain(value: Any) -> Any:
    return json.loads(bytes(value)) if isinstance(value, msgspec.Raw) else value


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (b"5", "unknown format"),
        (b'{"verb":5}', "wrong type"),
        (b'{"verb":"get"}', "no time"),
        (b'{"stage":"RequestReceived","verb":"get"}', "audit stage RequestReceived"),
        (b'{"items":[],"verb":"get"}', "no time"),
        (b'{"kind":"EventList","items":[]}', "unknown format"),
    ],
)
def test_one_odd_item_changes_nothing_for_the_others(odd: bytes, reason: str) -> None:
    for envelope in (b'{"kind":"EventList","items":[%s]}', b'{"records":[%s]}', b"[%s]"):
        found = decode(envelope % b",".join([NATIVE, odd, NATIVE]))
        assert [found[0], found[2]] == [*decode(NATIVE), *decode(NATIVE)]
        assert reasons(envelope % b",".join([NATIVE, odd, NATIVE]))[1] == reason


def test_a_record_may_have_the_keys_of_an_envelope() -> None:
    assert audit_of(event(items=[5], records=[6])) == audit_of(NATIVE)


@pytest.mark.parametrize(
    "envelope", [b'{"records":[]}', b'{"records":null}', b'{"kind":"EventList","items":[]}', b"[]"]
)
def test_an_empty_envelope_is_one_skipped_item(envelope: bytes) -> None:
    assert list(decode(envelope)) == [Skipped("empty envelope")]


def test_an_envelope_may_mix_formats_and_each_item_keeps_its_place() -> None:
    records = [NATIVE, EXEC, b"5", lines("falco")[0], lines("aks")[1], b"[]", lines("gke")[0]]
    expected = [
        "AuditEvent",
        "RuntimeEvent",
        "unknown format",
        "RuntimeEvent",
        "AuditEvent",
        "unknown format",
        "AuditEvent",
    ]
    for envelope in (b"[%s]", b'{"records":[%s]}', b'{ "records" : [%s]}', b'{"kind":"EventList","items":[%s]}'):
        assert reasons(envelope % b",".join(records)) == expected


def test_a_record_longer_than_allowed_is_malformed_and_an_envelope_is_not() -> None:
    small = Decoder(largest=len(NATIVE))
    assert reasons(NATIVE, small) == ["AuditEvent"]
    assert reasons(NATIVE + b" ", small) == ["AuditEvent"]
    assert reasons(event(userAgent="x" * 2000), small) == ["too long"]
    for envelope in (b"[%s]", b'{"records":[%s]}', b'{"kind":"EventList","items":[%s]}'):
        filled = envelope % b",".join([NATIVE, event(userAgent="x" * 2000), NATIVE])
        assert reasons(filled, small) == ["AuditEvent", "too long", "AuditEvent"]
    assert reasons(b"[" + b",".join([NATIVE] * 17) + b"]", small) == ["too long"]
    (malformed,) = small.decode(b"x" * 100_000)
    assert isinstance(malformed, Malformed)
    assert malformed.head == b"x" * 512


def test_packed_payloads_are_opened_and_bombs_are_not() -> None:
    payload = lines("eks")[0]
    assert [_without_id(item) for item in decode(gzip.compress(payload))] == [_without_id(i) for i in decode(payload)]
    bomb = gzip.compress(b" " * (17 << 20))
    assert reasons(bomb) == ["too long"]
    assert reasons(gzip.compress(payload)[:-9]) == ["bad gzip"]
    assert reasons(gzip.compress(payload) + b"more") == ["bad gzip"]
    assert reasons(gzip.compress(gzip.compress(payload))) == ["not JSON"]
    assert reasons(gzip.compress(lines("eks")[1])) == ["unknown format"]


def test_an_eks_message_that_was_cut_is_salvaged_with_the_time_of_its_envelope() -> None:
    payload = json.loads(lines("eks")[0])
    message = payload["logEvents"][0]["message"]
    payload["logEvents"][0]["message"] = message[: message.index('"requestReceivedTimestamp"')]
    (found, _) = decode(json.dumps(payload).encode())
    assert isinstance(found, AuditEvent)
    assert (found.truncated, found.time, found.verb) == (True, 1_795_521_600_123_000, "get")


@pytest.mark.parametrize(
    ("given", "name"),
    [("Prod-1", "prod-1"), ("  Prod 1\t", "prod 1"), ("", "default"), (" ", "default"), ("x" * 300, "x" * 253)],
)
def test_cluster_names_are_folded_stripped_and_capped(given: str, name: str) -> None:
    (found,) = Decoder(given).decode(NATIVE)
    (other,) = decode(EXEC.replace(b'"cluster_name":"Prod-1"', b'"cluster_name":' + json.dumps(given).encode()))
    assert isinstance(found, AuditEvent)
    assert isinstance(other, RuntimeEvent)
    assert found.cluster == other.cluster == name


def test_decoding_does_not_depend_on_how_deep_the_caller_stands() -> None:
    nested = NATIVE[:-1] + b',"requestObject":' + b"[" * 80 + b"]" * 80 + b"}"

    def at(depth: int) -> AuditEvent:
        return at(depth - 1) if depth else audit_of(nested)

    assert at(0) == at(sys.getrecursionlimit() // 2)


def test_the_same_bytes_give_the_same_ids_and_other_bytes_others() -> None:
    for name in FORMATS:
        hashed = [item.event_id for item in items(name) if isinstance(item, RuntimeEvent)]
        assert hashed == [item.event_id for item in items(name) if isinstance(item, RuntimeEvent)]
        assert len(set(hashed)) == len(hashed)
