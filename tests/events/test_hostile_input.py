"""Whatever comes, the decoder answers with items whose fields have the types they promise."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from events import ActivityEvent, AuditEvent, Item, Malformed, RuntimeEvent, Skipped
from events.decoder import Decoder
from events.outcome import HEAD_BYTES
from tests.events.captures import FORMATS, lines
from tests.events.mutation import VALUES, encoded, mutated

REASONS = {
    "bad base64",
    "bad gzip",
    "bad time",
    "no log",
    "no process",
    "no time",
    "no verb",
    "not JSON",
    "too long",
    "unknown format",
    "wrong type",
}
SKIPPED = {
    "audit stage RequestReceived",
    "azure record whose identity is no object",
    "azure record without an operation",
    "eks control message",
    "empty envelope",
    "gke log entry of another service",
    "gke log entry without audit payload",
}
PREFIXES = ("azure log category ", "eks log stream ", "falco source ")
decode = Decoder("Test").decode


def strings(value: Any) -> list[str]:
    """Every string in a value, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, msgspec.Struct):
        return strings(list(msgspec.structs.asdict(value).values()))
    if isinstance(value, dict):
        return strings([*value, *value.values()])
    return [text for part in value for text in strings(part)] if isinstance(value, list | tuple) else []


def check(item: Item) -> None:
    """What holds for every item."""
    for text in strings(item):
        text.encode()
    if isinstance(item, Malformed):
        assert item.reason in REASONS
        assert len(item.head) <= HEAD_BYTES
    elif isinstance(item, Skipped):
        assert item.reason in SKIPPED or item.reason.startswith(PREFIXES)
    else:
        assert isinstance(item, AuditEvent | RuntimeEvent | ActivityEvent)
        assert item.cluster
        assert type(item.time) is int
        assert -(1 << 62) < item.time < 1 << 62
        assert item.event_id
        well_typed(item)


def well_typed(event: AuditEvent | RuntimeEvent | ActivityEvent) -> None:
    """The fields have the types that the structs declare, and a body can be decoded."""
    if not isinstance(event, AuditEvent):
        assert msgspec.convert(msgspec.to_builtins(event), type(event)) == event
        return
    for part in (event.user, event.object, event.impersonated or event.user):
        assert msgspec.convert(msgspec.to_builtins(part), type(part)) == part
    for body in (event.request, event.response):
        assert body is None or msgspec.json.decode(body, type=msgspec.Raw)


def answer(data: bytes) -> None:
    """The items are as promised, and the same where whitespace hides which format the record has."""
    found = decode(data)
    for item in found:
        check(item)
    if not data.startswith((b"\x1f\x8b", b"\xef\xbb\xbf")):
        assert list(decode(b" " + data)) == list(found)
    if data.startswith(b"{"):
        assert [same(item) for item in decode(b"{ " + data[1:])] == [same(item) for item in found]


def same(item: Item) -> Any:
    """An item without what is made of its bytes."""
    if isinstance(item, Malformed | Skipped):
        return type(item), item.reason
    return structs.replace(item, event_id="")


@given(st.binary(max_size=200))
def test_free_bytes(data: bytes) -> None:
    answer(data)


@given(VALUES)
def test_free_json(value: Any) -> None:
    answer(encoded(value))


@pytest.mark.parametrize("name", FORMATS)
@given(st.data())
def test_real_records_with_anything_changed(name: str, data: st.DataObject) -> None:
    answer(data.draw(mutated(lines(name))))
