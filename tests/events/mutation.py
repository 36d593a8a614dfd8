"""Strategies for hostile input: free bytes, free JSON, and real records with anything changed in them."""

import json
from typing import Any

from hypothesis import strategies as st

HUGE = int("9" * 4000)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "",
            "\ud800",
            "a\udfffb",
            "\x00",
            "<NA>",
            "host",
            "0000-01-01T00:00:00Z",
            "99999-01-01T00:00:00Z",
            "9999-12-31T23:59:59-14:00",
            "0001-01-01T00:00:00+14:00",
            "2026-11-24",
            "1" * 400,
            "\u0131\u0130",
            "x" * 300,
            "::ffff:1.2.3.4",
            "->",
            "a:99999",
        ]
    ),
)
NUMBERS = st.sampled_from(
    [0, -1, 1, 5, 70_000, 1 << 32, (1 << 32) - 1, 1 << 63, -(1 << 64), HUGE, 1.5, float("nan"), 1e308]
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
MARKS = """
kind verb auditID stage user objectRef items records value logEvents awslogs data category properties log process_exec
process_kprobe process args time output_fields rule output protoPayload methodName resourceName operationName identity
claims resourceId stageTimestamp timestamp
"""
"""Keys by which formats are recognised, and some that they read."""
KEYS = TEXTS | st.sampled_from(MARKS.split())
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def encoded(value: Any) -> bytes:
    """As JSON, with everything in it that Python's encoder lets pass: NaN, half surrogate pairs, long numbers."""
    return json.dumps(value).encode()


@st.composite
def mutated(draw: st.DrawFn, records: list[bytes]) -> bytes:
    """A record with some values replaced or keys deleted at any depth, then bytes flipped or cut."""
    record = json.loads(records[draw(st.integers(0, len(records) - 1))])
    for _ in range(draw(st.integers(0, 3))):
        record = _changed(draw, record)
    data = bytearray(encoded(record))
    for _ in range((0, 0, 1, 3)[draw(st.integers(0, 3))]):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.integers(0, 2)) == 2:
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


def _changed(draw: st.DrawFn, record: Any) -> Any:
    places = list(_places(record))
    if not places:
        return draw(VALUES)
    path = places[draw(st.integers(0, len(places) - 1))]
    holder = record
    for key in path[:-1]:
        holder = holder[key]
    if draw(st.booleans()):
        holder[path[-1]] = _inside(draw, holder[path[-1]])
    else:
        del holder[path[-1]]
    return record


def _inside(draw: st.DrawFn, value: Any) -> Any:
    """Another value; of text that holds JSON, sometimes the same text with something changed in it."""
    if isinstance(value, str) and value.startswith("{") and draw(st.booleans()):
        try:
            return json.dumps(_changed(draw, json.loads(value)))
        except ValueError:
            return value[: draw(st.integers(0, len(value)))]
    return draw(VALUES)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from _places(member, (*path, key))
