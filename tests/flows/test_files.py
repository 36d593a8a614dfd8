"""Lines come out whole, whatever the blocks, the packing and the damage."""

import gzip
import json
import os
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flows.documents import OPENINGS, first_text
from flows.inputs import InputError, expand
from flows.live import Live, chunks
from flows.unpacking import GZIP


def read(paths: list[str], longest: int = 1000, block: int = 7) -> list[tuple[str, int, bytes]]:
    found = chunks(paths, longest, block)
    return [(Path(c.path).name, number, line) for c in found for number, line in enumerate(c.lines, c.first)]


@given(lines=st.lists(st.binary().map(lambda line: line.replace(b"\n", b"")), min_size=1), block=st.integers(1, 50))
def test_lines_are_those_of_the_file_whatever_the_block(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], block: int
) -> None:
    assume(not lines[0].startswith(GZIP) and first_text(lines) not in OPENINGS)
    file = tmp_path_factory.mktemp("any") / "a.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    assert [line for _, _, line in read([str(file)], block=block)] == lines


def test_a_last_line_without_an_end_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\ntwo")
    assert read([str(tmp_path / "a")]) == [("a", 1, b"one"), ("a", 2, b"two")]


def test_a_gzip_file_is_known_by_its_first_bytes_not_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(b"one\ntwo\n"))
    assert [line for _, _, line in read([str(tmp_path / "a.jsonl")])] == [b"one", b"two"]


@pytest.mark.parametrize("block", [1, 3, 64, 4096])
def test_a_line_over_the_limit_is_cut_and_the_next_ones_keep_their_numbers(tmp_path: Path, block: int) -> None:
    (tmp_path / "a").write_bytes(b"x" * 50 + b"\nok\n" + b"y" * 11 + b"\n" + b"z" * 10 + b"\n")
    read_lines = read([str(tmp_path / "a")], longest=10, block=block)
    assert [(number, line) for _, number, line in read_lines] == [
        (1, b"x" * 11),
        (2, b"ok"),
        (3, b"y" * 11),
        (4, b"z" * 10),
    ]


@pytest.mark.parametrize("keep", [20, -4])
def test_a_damaged_gzip_file_gives_what_can_be_read_and_the_damage(tmp_path: Path, keep: int) -> None:
    packed = gzip.compress(b"line\n" * 100)
    (tmp_path / "a.gz").write_bytes(packed[:keep])
    found = list(chunks([str(tmp_path / "a.gz")], 1000))
    assert found[-1].damage
    assert all(set(chunk.lines) <= {b"line", b"l", b"li", b"lin", b""} for chunk in found)


def test_a_file_that_is_no_gzip_behind_its_first_bytes_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(GZIP + b"not at all")
    (chunk,) = chunks([str(tmp_path / "a.gz")], 1000)
    assert chunk.damage
    assert chunk.lines == []


def test_a_folder_gives_its_files_but_not_what_describes_them(tmp_path: Path) -> None:
    for name in ("b/audit.log", "a.jsonl", "labels.jsonl", "README.md", ".hidden", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    assert [Path(path).name for path in expand([str(tmp_path)])] == ["a.jsonl", "audit.log"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    assert expand([str(tmp_path / "*.jsonl"), str(tmp_path / "a.jsonl")]) == [str(tmp_path / "a.jsonl")]


@pytest.mark.parametrize(
    ("name", "said"), [("none.jsonl", "no such file"), ("*.none", "no such file"), ("empty", "without files")]
)
def test_what_is_not_there_is_said(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=said):
        expand([str(tmp_path / name)])


def test_an_unreadable_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="not readable"):
        expand([str(tmp_path / "a")])


def test_a_name_that_no_file_can_have_is_said() -> None:
    with pytest.raises(InputError, match="too long"):
        expand(["x" * 300])


def test_rotated_files_are_read_oldest_first_whatever_their_names(tmp_path: Path) -> None:
    for name, day in (("falco.log", 3), ("falco.log.1", 2), ("falco.log.2", 1)):
        event = {"auditID": name, "verb": "get", "stageTimestamp": f"2026-09-{day:02}T00:00:00Z"}
        (tmp_path / name).write_text(json.dumps({"kind": "Event", **event}) + "\n")
    assert [Path(path).name for path in expand([str(tmp_path)])] == ["falco.log.2", "falco.log.1", "falco.log"]
    assert [Path(path).name for path in expand([str(tmp_path / "*")])] == ["falco.log.2", "falco.log.1", "falco.log"]


def test_gzip_is_known_on_a_pipe_that_gives_a_byte_first(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    packed = gzip.compress(b"one\ntwo\n")

    def write() -> None:
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            pipe.write(packed[:1])
            time.sleep(0.2)
            pipe.write(packed[1:])

    writer = threading.Thread(target=write)
    writer.start()
    assert [line for _, _, line in read([str(tmp_path / "pipe")])] == [b"one", b"two"]
    writer.join()


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"one\ntwo\n",))
    writer.start()
    assert [line for _, _, line in read([str(tmp_path / "pipe")])] == [b"one", b"two"]
    writer.join()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(megabytes: int) -> int:
        (tmp_path / "a").write_bytes((b"x" * 999 + b"\n") * 1000 * megabytes)
        tracemalloc.start()
        for _ in chunks([str(tmp_path / "a")], 1 << 20):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(8) < 1.5 * peak(2)


def test_a_file_that_vanished_is_damage_and_the_next_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"one\n")
    gone, there = chunks([str(tmp_path / "a"), str(tmp_path / "b")], 1000)
    assert (gone.lines, gone.damage) == ([], "No such file or directory")
    assert there.lines == [b"one"]


def soon(live: Live) -> list[bytes]:
    """What comes within two seconds, or until the input has ended."""
    until = time.monotonic() + 2
    while (chunk := live.next()) is None and not live.ended and time.monotonic() < until:
        time.sleep(0.005)
    return chunk.lines if chunk is not None else []


def test_a_live_input_never_waits_and_ends_with_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    live = Live(str(tmp_path / "pipe"), 1000)
    assert (live.next(), live.ended) == (None, False)
    with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
        pipe.write(b"one\ntw")
        assert soon(live) == [b"one"]
        assert live.peek() is live.next() is None
        pipe.write(b"o\nthree")
        assert soon(live) == [b"two"]
    assert soon(live) == [b"three"]
    assert soon(live) == []
    assert live.ended
    assert live.position is None


def test_a_live_input_that_is_cut_off_tells_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    live = Live(str(tmp_path / "pipe"), 1000)
    (tmp_path / "pipe").write_bytes(gzip.compress(b"one\n")[:-4])
    assert soon(live) == [b"one"]
    assert soon(live) == []
    assert soon(live) == []
    assert live.ended


def test_what_fails_in_the_thread_of_a_live_input_is_raised_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(os, "dup", fail)
    with pytest.raises(RuntimeError, match="broken"):
        soon(Live("-", 1000))
