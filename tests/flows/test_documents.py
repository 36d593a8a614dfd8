"""JSON over many lines is read as the records that it holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.live import chunks
from tests.flows.running import detect
from tests.flows.test_cli import BINDING

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON, min_size=1, max_size=3)


def records(file: Path, text: str, longest: int = 1 << 20, block: int = 64) -> list[tuple[int, bytes]]:
    file.write_text(text)
    found = chunks([str(file)], longest, block)
    return [(number, line) for chunk in found for number, line in enumerate(chunk.lines, chunk.first)]


@given(values=st.lists(OBJECTS, min_size=1, max_size=4), indent=st.integers(1, 4), listed=st.booleans())
def test_each_object_is_a_record(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], indent: int, listed: bool
) -> None:
    whole = json.dumps(values, indent=indent) if listed else "\n".join(json.dumps(v, indent=indent) for v in values)
    found = records(tmp_path_factory.mktemp("json") / "a.json", whole)
    assert [json.loads(record) for _, record in found] == values


def test_a_record_has_the_number_of_its_first_line(tmp_path: Path) -> None:
    text = json.dumps([{"a": 1}, {"b": [1, 2]}], indent=2)
    assert [number for number, _ in records(tmp_path / "a", text)] == [2, 5]


def test_a_long_list_is_not_held(tmp_path: Path) -> None:
    text = json.dumps([{"a": number} for number in range(1000)], indent=2)
    assert len(records(tmp_path / "a", text, longest=50)) == 1000


def test_a_record_over_the_limit_is_cut_and_the_next_is_whole(tmp_path: Path) -> None:
    text = json.dumps([{"a": ["x"] * 100}, {"b": 1}], indent=2)
    (_, cut), (_, whole) = records(tmp_path / "a", text, longest=50)
    assert len(cut) == 51
    assert json.loads(whole) == {"b": 1}


@pytest.mark.parametrize("beginning", ["{\n", "[\n", '{\n  "cut": {\n'])
def test_a_damaged_beginning_costs_no_more_than_itself(tmp_path: Path, beginning: str) -> None:
    lines = "".join(json.dumps({**BINDING, "auditID": f"a-{n}"}) + "\n" for n in range(3))
    (tmp_path / "a").write_text(beginning + lines)
    run = detect(tmp_path / "a")
    assert run.types == ["K8S_ClusterAdminBinding"] * 3
    assert run.tally.counted()["malformed"] <= 1


def test_a_list_with_an_element_on_each_line_is_its_elements(tmp_path: Path) -> None:
    values = [{"a": 1}, {"b": [2]}, {"c": "]"}]
    lines = [json.dumps(value) for value in values]
    for text in ("[\n" + ",\n".join(lines) + "\n]\n", "\n\n[\n  " + ",\n  ".join(lines) + "\n]\n"):
        assert [json.loads(record) for _, record in records(tmp_path / "a", text, block=2) if record] == values


def test_a_bad_byte_in_one_element_does_not_hide_the_next(tmp_path: Path) -> None:
    text = json.dumps([{"a": "BAD"}, *({"b": number} for number in range(5))], indent=2).encode()
    for bad in (b"\xff{", b'\xff"{"', b"{[{["):
        (tmp_path / "a").write_bytes(text.replace(b"BAD", bad))
        found = list(chunks([str(tmp_path / "a")], 1 << 20))
        whole = [line for chunk in found for line in chunk.lines if b'"b"' in line]
        assert [json.loads(line) for line in whole] == [{"b": number} for number in range(5)]


def test_a_document_that_ends_early_is_malformed_and_counted(tmp_path: Path) -> None:
    whole = json.dumps(BINDING, indent=2)
    (tmp_path / "a").write_text(whole + "\n" + whole[: len(whole) // 2])
    run = detect(tmp_path / "a")
    assert run.types == ["K8S_ClusterAdminBinding"]
    assert run.tally.counted()["malformed"] == 1


def test_an_event_list_over_many_lines_is_an_envelope(tmp_path: Path) -> None:
    events = [{**BINDING, "auditID": f"a-{n}"} for n in range(2)]
    (tmp_path / "a").write_text(json.dumps({"kind": "EventList", "items": events}, indent=2))
    assert len(detect(tmp_path / "a").types) == 2
