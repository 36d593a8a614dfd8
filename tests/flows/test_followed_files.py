"""A file is followed while it grows, is truncated, renamed, packed, removed and written anew."""

import gzip
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from flows.files import Reading
from flows.identity import fingerprint
from flows.pool import Pool, Stored


def taken(reading: Reading) -> list[bytes]:
    """All that there is now."""
    return [line for chunk in iter(reading.next, None) for line in chunk.lines]


def following(path: Path, pool: Pool | None = None) -> Reading:
    return Reading(str(path), 1000, 64, pool, follow=True)


def add(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_lines_are_given_as_they_come_and_a_torn_one_waits(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    reading = following(log)
    assert reading.next() is None
    for text, lines in ((b"", []), (b"one\ntw", [b"one"]), (b"o", []), (b"\n", [b"two"]), (b"three\n", [b"three"])):
        add(log, text)
        assert taken(reading) == lines
        assert not reading.ended
    assert reading.fingerprint == fingerprint(str(log))


def test_a_followed_file_that_is_packed_is_known_only_by_three_bytes(tmp_path: Path) -> None:
    reading = following(tmp_path / "a")
    packed = gzip.compress(b"one\ntwo\n")
    found = []
    for at in range(len(packed)):
        add(tmp_path / "a", packed[at : at + 1])
        found += taken(reading)
        assert not reading.ended
    assert found == [b"one", b"two"]


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    add(log, b"one\n")
    reading = following(log)
    assert taken(reading) == [b"one"]
    log.rename(tmp_path / "a.log.1")
    add(tmp_path / "a.log.1", b"two\n")
    assert taken(reading) == [b"two"]
    log.touch()
    add(tmp_path / "a.log.1", b"thr")
    assert taken(reading) == []
    assert not reading.ended
    assert reading.successor() is None
    add(tmp_path / "a.log.1", b"ee\nfour")
    add(log, b"five\n")
    assert taken(reading) == [b"three", b"four"]
    new = reading.successor()
    assert new is not None
    assert taken(new) == [b"five"]
    assert (reading.fingerprint, new.fingerprint) == (fingerprint(str(tmp_path / "a.log.1")), fingerprint(str(log)))
    assert taken(Reading(str(tmp_path / "a.log.1"), 1000, resume=reading.position)) == []


def test_what_is_written_while_the_new_file_is_found_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, is_succeeded = tmp_path / "a.log", Stored.is_succeeded
    add(log, b"one\n")
    reading = following(log)
    assert taken(reading) == [b"one"]
    log.rename(tmp_path / "a.log.1")

    def late(stored: Stored) -> bool:
        if not log.exists():
            add(tmp_path / "a.log.1", b"two\n")
            add(log, b"three\n")
        return is_succeeded(stored)

    monkeypatch.setattr(Stored, "is_succeeded", late)
    assert taken(reading) == [b"two"]


@pytest.mark.parametrize("text", [b"", b"new\n", b"new and longer than what was there\n"])
def test_a_truncated_file_ends_and_begins_anew(tmp_path: Path, text: bytes) -> None:
    log = tmp_path / "a.log"
    add(log, b"one\ntwo\nth")
    reading = following(log)
    assert taken(reading) == [b"one", b"two"]
    before = reading.fingerprint
    shutil.copy(log, tmp_path / "a.log.1")
    log.write_bytes(text)
    assert taken(reading) == [b"th"]
    assert reading.ended
    assert reading.fingerprint == before == fingerprint(str(tmp_path / "a.log.1"))
    new = reading.successor()
    assert new is not None
    assert taken(new) == text.splitlines()
    add(tmp_path / "a.log.1", b"ree\n")
    assert taken(Reading(str(tmp_path / "a.log.1"), 1000, resume=reading.position)) == [b"three"]


def test_a_removed_file_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    add(log, b"one\n")
    reading = following(log)
    assert taken(reading) == [b"one"]
    log.unlink()
    assert taken(reading) == []
    assert not reading.ended
    add(log, b"two\n")
    assert taken(reading) == []
    new = reading.successor()
    assert new is not None
    assert taken(new) == [b"two"]


def test_a_link_to_the_newest_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "pods").mkdir()
    add(tmp_path / "pods" / "0.log", b"one\n")
    (tmp_path / "a.log").symlink_to(tmp_path / "pods" / "0.log")
    pool = Pool()
    reading = following(tmp_path / "a.log", pool)
    assert taken(reading) == [b"one"]
    (tmp_path / "pods" / "0.log").rename(tmp_path / "pods" / "0.log.20260302")
    add(tmp_path / "pods" / "0.log.20260302", b"two\n")
    reading.close()
    assert taken(reading) == [b"two"]
    add(tmp_path / "pods" / "0.log", b"three\n")
    assert taken(reading) == []
    assert (new := reading.successor()) is not None
    assert taken(new) == [b"three"]


def test_a_damaged_file_that_is_followed_ends_until_another_takes_its_place(tmp_path: Path) -> None:
    add(tmp_path / "a", gzip.compress(b"one\n") + b"rubbish")
    reading = following(tmp_path / "a")
    assert [(chunk.lines, bool(chunk.damage)) for chunk in iter(reading.next, None)] == [([b"one"], False), ([], True)]
    assert reading.ended
    assert reading.successor() is None
    (tmp_path / "a").unlink()
    add(tmp_path / "b", b"two\n")
    (tmp_path / "b").rename(tmp_path / "a")
    assert (new := reading.successor()) is not None
    assert taken(new) == [b"two"]


class Rotation(RuleBasedStateMachine):
    """What one writer does to its log, while it is followed with one file open at once."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(os.environ["PYTEST_FOLLOWED"])
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.log = self.folder / "a.log"
        self.log.touch()
        self.written: list[bytes] = []
        self.read: list[bytes] = []
        self.rotated = 0
        self.pool = Pool(1)
        self.other = following(self.folder / "other", self.pool)
        self.reading = following(self.log, self.pool)

    @rule(count=st.integers(1, 5))
    def write(self, count: int) -> None:
        """Lines are appended."""
        lines = [b"%d" % (len(self.written) + number) for number in range(count)]
        self.written += lines
        add(self.log, b"".join(line + b"\n" for line in lines))

    @rule()
    def rename(self) -> None:
        """The log is renamed; as a rotation does, not before its reader has opened it."""
        self.poll()
        self.rotated += 1
        self.log.rename(self.folder / f"a.log.{self.rotated}")
        self.log.touch()

    @rule()
    def truncate(self) -> None:
        """The log is emptied, after all of it was read."""
        self.poll()
        os.truncate(self.log, 0)

    @rule()
    def read_another(self) -> None:
        """The pool closes the log."""
        add(self.folder / "other", b"x\n")
        self.other.next()

    @rule()
    def poll(self) -> None:
        """All that is there is read."""
        while True:
            self.read += taken(self.reading)
            if (new := self.reading.successor()) is None:
                break
            self.reading = new
        assert self.read == self.written


def test_whatever_the_writer_does_each_line_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_FOLLOWED", str(tmp_path / "followed"))
    machine = Rotation.TestCase
    machine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
    machine("runTest").runTest()
