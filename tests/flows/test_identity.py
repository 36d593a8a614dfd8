"""A file is known again under another name, packed, and grown; and dealt to the lane that read it."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.identity import HASHED, fingerprint, fingerprint_of, matches, named
from flows.inputs import EMPTY, Planned, begins, plan, rotated

SECOND = 1_000_000
LONG = b"".join(b"line %d\n" % number for number in range(1000))


def events(*seconds: int) -> bytes:
    """Audit events of these times."""
    times = (f"2026-03-02T00:{second // 60:02}:{second % 60:02}Z" for second in seconds)
    lines = ({"kind": "Event", "auditID": time, "verb": "get", "stageTimestamp": time} for time in times)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@given(content=st.binary(max_size=3 * HASHED), shorter=st.integers(0, 3 * HASHED))
def test_a_file_is_known_again_after_it_has_grown_and_was_packed(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, shorter: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a").write_bytes(content[:shorter])
    (folder / "b.gz").write_bytes(gzip.compress(content))
    first = fingerprint(str(folder / "a"))
    assert (first is None) is (not content[:shorter])
    assert matches(str(folder / "b.gz"), [first] if first else []) == first
    assert fingerprint(str(folder / "b.gz")) == fingerprint_of(content)


def test_a_file_that_is_another_or_shorter_is_not_matched(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LONG)
    known = [found for found in (fingerprint_of(b"_" + LONG), fingerprint_of(b"line 0\n")) if found]
    assert matches(str(tmp_path / "a"), known[:1]) is None
    assert matches(str(tmp_path / "a"), known) == known[1]
    (tmp_path / "a").write_bytes(b"line")
    assert matches(str(tmp_path / "a"), known) is None
    assert matches(str(tmp_path / "none"), known) is None


def test_the_longest_of_several_matches_counts(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LONG)
    known = [found for size in (1, 5000, 100) if (found := fingerprint_of(LONG[:size]))]
    assert matches(str(tmp_path / "a"), known) == known[1]


@pytest.mark.parametrize(
    ("seconds", "begin"), [((5, 9), 5), ((3000, 5, 6, 7), 5), ((9, 8, 7, 6, 5, 4, 3), 4), ((), None)]
)
def test_a_file_begins_with_the_least_of_its_first_events(
    tmp_path: Path, seconds: tuple[int, ...], begin: int | None
) -> None:
    (tmp_path / "a").write_bytes(b"rubbish\n" + events(*seconds))
    midnight = 1_772_409_600
    assert begins(str(tmp_path / "a")) == (0 if begin is None else (midnight + begin) * SECOND)


def test_the_beginning_of_a_file_without_an_end_of_line_is_found_in_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    assert begins(str(tmp_path / "a")) == 0


def test_a_first_event_far_into_the_first_block_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"rubbish " * 30_000 + b"\n" + events(5))
    assert begins(str(tmp_path / "a")) > 0


def paths(dealt: Mapping[str, list[Planned]]) -> dict[str, list[str]]:
    return {lane: [Path(planned.path).name for planned in files] for lane, files in dealt.items()}


def kept(dealt: Mapping[str, list[Planned]]) -> dict[str, dict[str, Any]]:
    """What lanes keep of these."""
    return {lane: {one.identity: (one.path, None, 0, True) for one in files} for lane, files in dealt.items()}


def written(folder: Path, **contents: bytes) -> list[str]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in sorted(contents)]


def test_new_files_are_dealt_in_order_of_their_first_events(tmp_path: Path) -> None:
    found = written(tmp_path, a=events(50), b=events(20), c=events(40), d=events(10), e=events(30))
    assert paths(plan(found, {}, 2)) == {"lane-00": ["d", "e", "a"], "lane-01": ["b", "c"]}
    assert paths(plan(found[:1], {}, 4)) == {"lane-00": ["a"]}


def test_known_files_stay_in_their_lanes_under_whatever_name(tmp_path: Path) -> None:
    found = written(tmp_path, a=events(50), b=events(20), c=events(40))
    first = plan(found, {}, 3)
    assert paths(first) == {"lane-00": ["b"], "lane-01": ["c"], "lane-02": ["a"]}
    (tmp_path / "a").rename(tmp_path / "a.1")
    (tmp_path / "b.gz").write_bytes(gzip.compress(events(20, 60)))
    written(tmp_path, new=events(70))
    again = plan([str(tmp_path / name) for name in ("a.1", "b.gz", "c", "new")], kept(first), 1)
    assert {lane: names[:1] for lane, names in paths(again).items()} == {
        "lane-00": ["b.gz"],
        "lane-01": ["c"],
        "lane-02": ["a.1"],
    }
    assert [one.identity for one in again["lane-02"]] == [one.identity for one in first["lane-02"]]


def test_a_lane_whose_files_are_gone_stays(tmp_path: Path) -> None:
    assert plan([], {"lane-03": {"2:aa": ("a", None, 0, True)}}, 2) == {"lane-03": []}
    assert paths(plan(written(tmp_path, a=b""), {}, 2)) == {"lane-00": ["a"]}


def test_copies_are_told_apart_by_their_paths_and_by_their_order(tmp_path: Path) -> None:
    found = written(tmp_path, a=LONG, b=LONG, c=LONG)
    first = plan(found, {}, 1)
    identities = [one.identity for one in first["lane-00"]]
    assert [identity.partition("#")[2] for identity in identities] == ["", "2", "3"]
    (tmp_path / "a").unlink()
    (tmp_path / "c").rename(tmp_path / "c.1")
    (again,) = plan([str(tmp_path / "c.1"), str(tmp_path / "b")], kept(first), 1).values()
    assert [(Path(one.path).name, one.identity) for one in again] == [("b", identities[1]), ("c.1", identities[0])]


def test_a_copy_that_is_new_is_no_file_that_is_known(tmp_path: Path) -> None:
    first = plan(written(tmp_path, a=LONG), {}, 1)
    (again,) = plan(written(tmp_path, a=LONG, b=LONG), kept(first), 1).values()
    known = first["lane-00"][0].identity
    assert [one.identity for one in again] == [known, named(known, {known})]


def test_inputs_without_bytes_are_never_known_again(tmp_path: Path) -> None:
    first = plan(written(tmp_path, a=b"", b=b""), {}, 2)
    assert [one.identity for files in first.values() for one in files] == [EMPTY, EMPTY]
    again = plan(written(tmp_path, a=b"", b=LONG), kept(first), 1)
    assert paths(again) == {"lane-00": ["a", "b"], "lane-01": []}


def test_what_an_input_was_rotated_to_is_found_beside_it(tmp_path: Path) -> None:
    (log, other) = written(tmp_path, a=events(*range(100)), b=LONG)
    known = kept(plan([log], {}, 1))
    assert rotated([log], known) == []
    (tmp_path / "a").rename(tmp_path / "a.1")
    written(tmp_path, a=events(200))
    assert rotated([log], known) == [str(tmp_path / "a.1")]
    assert rotated([log, str(tmp_path / "a.1")], known) == []
    assert rotated([other], known) == []
    with (tmp_path / "a.2.gz").open("wb") as packed:
        packed.write(gzip.compress((tmp_path / "a.1").read_bytes()))
    (tmp_path / "a.1").unlink()
    assert rotated([log], known) == [str(tmp_path / "a.2.gz")]
