"""A file is read on where an earlier run ended: nothing is lost, and nothing whole is read twice."""

import gzip
import itertools
import json
import os
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.files import Chunk, Reading
from flows.pool import Pool
from flows.unpacking import TORN

LONGEST = 30
TEXTS = st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b""))
END = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Some lines; the first of them is not packed."""
    end = draw(END)
    texts = draw(st.lists(TEXTS, min_size=1, max_size=12))
    return b"_" + end.join(texts) + draw(st.sampled_from([b"", end]))


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """JSON over several lines, as a list or one after the other, with blanks before it."""
    values = draw(st.lists(st.dictionaries(st.text(max_size=3), st.integers(), min_size=1, max_size=2), min_size=1))
    if draw(st.booleans()):
        text = json.dumps(values, indent=draw(st.integers(1, 3)))
    else:
        text = "\n".join(json.dumps(value, indent=1) for value in values)
    return draw(st.sampled_from([b"", b"\n", b"\n\n"])) + text.encode() + draw(st.sampled_from([b"", b"\n"]))


CONTENTS = lines() | documents()


def stored(folder: Path, content: bytes, packed: int) -> str:
    """A file with this content, packed in so many members or not at all."""
    size = max(1, len(content) // max(1, packed))
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    file = folder / "a"
    file.write_bytes(b"".join(gzip.compress(part) + b"\0" for part in parts) if packed else content)
    return str(file)


def numbered(chunks: Sequence[Chunk]) -> list[tuple[int, bytes]]:
    """The records, each with its number; blank ones hold nothing, and whether they are given depends on the blocks."""
    records = ((n, line) for chunk in chunks for n, line in enumerate(chunk.lines, chunk.first))
    return [(n, line.removesuffix(b"\r")) for n, line in records if line.strip()]


def rest_of(reading: Reading) -> list[Chunk]:
    return list(iter(reading.next, None))


def whole(path: str, resume: Any = None, block: int = 50) -> list[tuple[int, bytes]]:
    return numbered(rest_of(Reading(path, LONGEST, block, Pool(), resume)))


@given(content=CONTENTS, packed=st.integers(0, 3), blocks=st.lists(st.integers(1, 50), min_size=1, max_size=3))
def test_stopped_after_each_chunk_and_read_on_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, packed: int, blocks: list[int]
) -> None:
    path = stored(tmp_path_factory.mktemp("any"), content, packed)
    found, position = [], None
    for block in itertools.cycle(blocks):
        reading = Reading(path, LONGEST, block, Pool(), position)
        ahead = reading.peek()
        chunk = reading.next()
        assert ahead == chunk
        if chunk is None:
            assert reading.ended
            break
        assert chunk.lines
        found.append(chunk)
        position = json.loads(json.dumps(reading.position))
        reading.close()
    assert numbered(found) == whole(path)


@given(content=CONTENTS, share=st.floats(0, 1), packed=st.booleans(), block=st.integers(1, 50))
def test_a_file_that_has_grown_is_read_on(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, share: float, packed: bool, block: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    cut = int(len(content) * share)
    before = Reading(stored(folder, content[:cut], 0), LONGEST, block, Pool())
    first = numbered(rest_of(before))
    again = whole(str(folder / "a"), before.position)
    path = stored(folder, content, int(packed))
    then = whole(path, before.position, block)
    expected = whole(path)
    assert again == []
    assert set(expected) <= set(first) | set(then)
    assert max(Counter(first + then).values(), default=1) == 1
    assert [record for record in then if record not in expected] == []
    assert len([record for record in first if record not in expected]) <= 2


@pytest.mark.parametrize(("grown", "given"), [(b"\n", []), (b"\r\n", []), (b"", []), (b"b\n", [(2, b"onetwob")])])
def test_a_last_line_is_given_again_only_if_it_was_torn(
    tmp_path: Path, grown: bytes, given: list[tuple[int, bytes]]
) -> None:
    (tmp_path / "a").write_bytes(b"one\nonetwo")
    reading = Reading(str(tmp_path / "a"), LONGEST)
    assert numbered(rest_of(reading)) == [(1, b"one"), (2, b"onetwo")]
    (tmp_path / "a").write_bytes(b"one\nonetwo" + grown + b"three\n" * bool(grown))
    assert whole(str(tmp_path / "a"), reading.position) == given + [(3, b"three")] * bool(grown)


def test_each_record_of_an_end_that_may_be_torn_is_compared(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'{\n "a": 1,\n{"b": 2}')
    reading = Reading(str(tmp_path / "a"), LONGEST)
    assert numbered(rest_of(reading)) == [(1, b'{"a": 1'), (3, b'{"b": 2}')]
    (tmp_path / "a").write_bytes(b'{\n "a": 1,\n{"b": 2}\n{"c": 3}\n')
    assert whole(str(tmp_path / "a"), reading.position) == [(4, b'{"c": 3}')]


def test_a_cut_line_that_has_grown_is_not_given_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 50)
    reading = Reading(str(tmp_path / "a"), LONGEST)
    assert numbered(rest_of(reading)) == [(1, b"x" * 31)]
    (tmp_path / "a").write_bytes(b"x" * 90 + b"\nend\n")
    assert whole(str(tmp_path / "a"), reading.position) == [(2, b"end")]


def test_damage_is_told_once_and_what_is_repaired_is_read_on(tmp_path: Path) -> None:
    content = b"".join(b"line %d\n" % number for number in range(5000))
    packed = gzip.compress(content)
    (tmp_path / "a").write_bytes(packed[: len(packed) // 2])
    reading = Reading(str(tmp_path / "a"), LONGEST)
    found = rest_of(reading)
    assert [chunk.damage for chunk in found if chunk.damage] == [TORN]
    assert rest_of(Reading(str(tmp_path / "a"), LONGEST, resume=reading.position)) == []
    (tmp_path / "a").write_bytes(packed)
    more = whole(str(tmp_path / "a"), reading.position)
    assert sorted(set(numbered(found)[:-1] + more)) == sorted(enumerate(content.splitlines(), 1))


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_all_that_stands_before_the_damage_is_given(tmp_path: Path, block: int) -> None:
    content = b"".join(b"%d\n" % (number * 7919) for number in range(20_000))
    packed = bytearray(gzip.compress(content))
    packed[len(packed) // 2] ^= 0xFF
    unpack, intact = zlib.decompressobj(31), 0
    try:
        for byte in packed:
            intact += len(unpack.decompress(bytes([byte])))
    except zlib.error:
        pass
    (tmp_path / "a").write_bytes(packed)
    found = rest_of(Reading(str(tmp_path / "a"), LONGEST, max(block, 50)))
    assert found[-1].damage
    assert len(b"\n".join(line for _, line in numbered(found))) == intact or intact == len(content)


def test_what_stands_behind_the_packed_content_is_damage_and_zeros_are_not(tmp_path: Path) -> None:
    for behind, damaged in ((b"\0" * 70_000, False), (b"rubbish", True), (b"\0rubbish", True)):
        (tmp_path / "a").write_bytes(gzip.compress(b"one\ntwo\n") + behind)
        found = rest_of(Reading(str(tmp_path / "a"), LONGEST))
        assert numbered(found) == [(1, b"one"), (2, b"two")]
        assert bool(found[-1].damage) is damaged


def test_a_wrong_checksum_is_damage_and_the_content_is_given(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"one\ntwo\n"))
    packed[-8] ^= 1
    (tmp_path / "a").write_bytes(packed)
    found = rest_of(Reading(str(tmp_path / "a"), LONGEST))
    assert numbered(found) == [(1, b"one"), (2, b"two")]
    assert "check" in found[-1].damage


@pytest.mark.parametrize("packed", [0, 1])
def test_a_file_shorter_than_what_was_read_of_it_is_damage(tmp_path: Path, packed: int) -> None:
    reading = Reading(stored(tmp_path, b"one\ntwo\n", packed), LONGEST)
    rest_of(reading)
    (found,) = rest_of(Reading(stored(tmp_path, b"one\n", packed), LONGEST, resume=reading.position))
    assert (found.lines, bool(found.damage)) == ([], True)


def test_a_file_that_is_missing_or_no_file_is_damage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("none", "No such file or directory"), ("pipe", "no regular file"), ("", "no regular file")):
        reading = Reading(str(tmp_path / name), LONGEST)
        assert rest_of(reading) == [Chunk(str(tmp_path / name), 1, [], said)]
        assert reading.ended
        assert reading.fingerprint is None
