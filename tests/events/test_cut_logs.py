"""Audit events that the platform cut: at every byte, the event is salvaged or the record is Malformed."""

import json

import pytest

from events import AuditEvent, Item, Malformed
from events.decoder import Decoder
from tests.events.captures import lines

EXEC, CREATE = (line.decode() for line in lines("native")[:2])
SAME = ("event_id", "verb", "stage", "user", "impersonated", "addresses", "user_agent", "uri", "level")
"""Fields that stand before the object: a salvaged event has them all."""


def delivered(log: str) -> Item:
    record = {"category": "kube-audit", "time": "2026-11-24T12:00:09Z", "properties": {"log": log}}
    (item,) = Decoder().decode(json.dumps({"records": [record]}).encode())
    return item


@pytest.mark.parametrize("log", [EXEC, CREATE], ids=["exec", "create"])
def test_a_log_cut_anywhere_is_salvaged_or_malformed(log: str) -> None:
    whole = delivered(log)
    assert isinstance(whole, AuditEvent)
    object_ends = log.index("}", log.index('"objectRef"')) + 1
    for length in range(1, len(log)):
        item = delivered(log[:length])
        if length <= object_ends:
            assert isinstance(item, Malformed), length
            assert item.reason == "not JSON"
            continue
        assert isinstance(item, AuditEvent), length
        assert item.truncated
        assert [getattr(item, name) for name in SAME] == [getattr(whole, name) for name in SAME]
        assert (item.object.resource, item.object.subresource) == (whole.object.resource, whole.object.subresource)
        assert item.object.name in ("", whole.object.name)
        assert item.code in (None, whole.code)
        assert item.request in (None, whole.request)
        assert item.response in (None, whole.response)


def test_a_number_or_a_word_at_the_cut_is_not_taken_for_a_whole_one() -> None:
    head = EXEC[: EXEC.index('"responseStatus"')]
    item = delivered(head + '"level":"Meta')
    assert isinstance(item, AuditEvent)
    assert item.level == "Metadata"
    assert delivered(head + '"verb":1') == item
