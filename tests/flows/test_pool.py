"""No more files are open than allowed, and each is still itself when it is opened again."""

import gzip
import os
from pathlib import Path

import pytest

from flows.files import Reading
from flows.pool import Pool, ReplacedError, Stored
from tests.flows.test_followed_files import add, taken


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not list the open files")
def test_many_files_are_read_in_turn_with_few_open(tmp_path: Path, packed: bool) -> None:
    lines = [b"%d" % number * 100 for number in range(200)]
    for name in range(50):
        content = b"\n".join(lines) + b"\n"
        (tmp_path / str(name)).write_bytes(gzip.compress(content) if packed else content)
    before, pool = open_files(), Pool(5)
    readings = [Reading(str(tmp_path / str(name)), 1000, 500, pool) for name in range(50)]
    found: list[list[bytes]] = [[] for _ in readings]
    while not all(reading.ended for reading in readings):
        for reading, some in zip(readings, found, strict=True):
            chunk = reading.next()
            some.extend(chunk.lines if chunk else [])
        assert open_files() - before <= 5
        assert pool.open == open_files() - before
    assert found == [lines] * 50
    assert pool.open == 0


def test_a_file_is_found_again_where_it_was_renamed_to(tmp_path: Path) -> None:
    add(tmp_path / "a", b"one\ntwo\n" * 100)
    reading = Reading(str(tmp_path / "a"), 1000, 16)
    reading.next()
    reading.close()
    (tmp_path / "a").rename(tmp_path / "a.1")
    add(tmp_path / "a", b"other\n")
    assert set(taken(reading)) == {b"one", b"two"}


@pytest.mark.parametrize("other", [b"", b"other\n" * 1000])
def test_a_file_that_was_replaced_is_damage(tmp_path: Path, other: bytes) -> None:
    add(tmp_path / "a", b"one\ntwo\n" * 100)
    reading = Reading(str(tmp_path / "a"), 1000, 16)
    first = reading.next()
    reading.close()
    (tmp_path / "a").unlink()
    add(tmp_path / "a", other)
    assert [chunk.damage for chunk in iter(reading.next, None)] == [ReplacedError().strerror]
    assert first is not None
    assert reading.ended


def test_a_file_truncated_while_it_is_read_is_damage(tmp_path: Path) -> None:
    add(tmp_path / "a", b"one\ntwo\n" * 100)
    reading = Reading(str(tmp_path / "a"), 1000, 16)
    reading.next()
    os.truncate(tmp_path / "a", 4)
    assert [chunk.damage for chunk in iter(reading.next, None)][-1] == "the file was truncated"


def test_a_pipe_is_not_even_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = None
    with pytest.raises(OSError, match="no regular file"):
        Stored(str(tmp_path / "pipe"), Pool())
    with pytest.raises(OSError, match="No such device"):
        writer = os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK)
    assert writer is None


def test_the_least_recently_used_file_is_closed(tmp_path: Path) -> None:
    pool = Pool(2)
    for name in "abc":
        add(tmp_path / name, b"one")
    first, second = (Stored(str(tmp_path / name), pool) for name in "ab")
    first.read(1, 0)
    third = Stored(str(tmp_path / "c"), pool)
    assert list(pool.opened) == [first, third]
    assert second.read(3, 0) == b"one"
