"""Files as a source: folders, globs, gzip, standard input; one open at a time, in constant memory."""

from __future__ import annotations

import gzip
import io
import queue
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from msgspec import Struct

from flows.console import DASH
from flows.documents import OPENINGS, Documents, first_text

BLOCK = 1 << 18
"""Bytes that are read at once."""
GZIP = b"\x1f\x8b\x08"


class Chunk(Struct, frozen=True, array_like=True):
    """Some lines of one file, one after the other, without their line ends."""

    path: str
    first: int
    """Number of the first line, counted from 1."""
    lines: list[bytes]
    """Or one record that was written over several lines. What is over the limit is cut one byte behind it, so that
    whoever decodes it can see that it is too long."""
    damage: str = ""
    """Why the file could not be read further."""


def is_live(paths: Sequence[str]) -> bool:
    """Whether one of these goes on while it is read: a pipe, or a standard input that is no file."""
    return any(not Path("/dev/stdin" if path == DASH else path).is_file() for path in paths)


class FileSource(DynamicSource[Chunk]):
    """Chunks of the files, one file after the other, read by the first worker.

    Parameters
    ----------
    paths
        What `expand` gives.
    longest
        Bytes of a line; the rest of a longer one is passed over.
    block
        Bytes that are read at once.
    progress
        Told how many bytes of the files (as they are stored) were read so far.
    """

    def __init__(
        self, paths: Sequence[str], longest: int, block: int = BLOCK, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        self.paths = paths
        self.longest = longest
        self.block = block
        self.progress = progress

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSourcePartition[Chunk]:
        chunks = self.chunks() if worker_index == 0 else iter(())
        return _Following(chunks) if is_live(self.paths) else _Reading(chunks)

    def chunks(self) -> Iterator[Chunk]:
        """All lines of all files."""
        before = 0
        for path in self.paths:
            try:
                raw, stream = _opened(path)
            except OSError as error:
                yield Chunk(path, 1, [], error.strerror or str(error))
                continue
            with raw:
                for chunk in _chunks(path, _lines(stream, self.longest, self.block), self.longest):
                    yield chunk
                    self.progress(before + _position(raw))
                before += _position(raw)


def _chunks(path: str, blocks: Iterator[tuple[list[bytes], str]], longest: int) -> Iterator[Chunk]:
    number, documents, begun = 1, None, b""
    for lines, damage in blocks:
        if not begun and (begun := first_text(lines)) in OPENINGS:
            documents = Documents(longest, number)
        if documents is None:
            yield Chunk(path, number, lines, damage)
        else:
            yield from (Chunk(path, at, [record]) for at, record in documents.records(lines))
            if damage:
                yield Chunk(path, number + len(lines), [], damage)
        number += len(lines)
    if documents is not None:
        yield from (Chunk(path, at, [record]) for at, record in documents.rest())


def _position(raw: IO[bytes]) -> int:
    return raw.tell() if raw.seekable() else 0


class _Reading(StatelessSourcePartition[Chunk]):
    """Files: the next chunk is there when it is asked for."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self.chunks = chunks

    def next_batch(self) -> list[Chunk]:
        return [next(self.chunks)]


class _Following(StatelessSourcePartition[Chunk]):
    """A live input, read by a thread of its own: waiting for it must not hold up what else the worker has to do."""

    AHEAD = 16
    """Chunks that are read before they are asked for."""
    PAUSE = timedelta(milliseconds=20)

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self.chunks = chunks
        self.read: queue.Queue[Chunk | BaseException] = queue.Queue(self.AHEAD)
        self.awake: datetime | None = None
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self) -> None:
        """Read to the end, and say so."""
        try:
            for chunk in self.chunks:
                self.read.put(chunk)
            self.read.put(StopIteration())
        except BaseException as error:  # noqa: BLE001  raised again, where bytewax sees it
            self.read.put(error)

    def next_batch(self) -> list[Chunk]:
        try:
            found = self.read.get_nowait()
        except queue.Empty:
            self.awake = datetime.now(UTC) + self.PAUSE
            return []
        self.awake = None
        if isinstance(found, BaseException):
            raise found
        return [found]

    def next_awake(self) -> datetime | None:
        return self.awake


def _opened(path: str) -> tuple[IO[bytes], io.BufferedIOBase]:
    """The file as stored, and the stream of its bytes unpacked."""
    raw = open(0, "rb", closefd=False) if path == DASH else Path(path).open("rb")  # noqa: SIM115  stdin has no path
    head = raw.read(len(GZIP))
    if raw.seekable():
        raw.seek(0)
        stream: IO[bytes] | io.BufferedReader = raw
    else:
        stream = io.BufferedReader(_Rewound(head, raw))
    return raw, gzip.GzipFile(fileobj=stream) if head == GZIP else cast("io.BufferedIOBase", stream)


class _Rewound(io.RawIOBase):
    """A stream that cannot seek, with the bytes that were already taken from it at its beginning."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self.head = head
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.head or self.stream.read1(len(buffer))  # type: ignore[attr-defined]  # it is buffered
        self.head = b""
        buffer[: len(data)] = data
        return len(data)


def _lines(stream: io.BufferedIOBase, longest: int, block: int) -> Iterator[tuple[list[bytes], str]]:
    """Lists of whole lines, with what was wrong with the stream, if anything, in the last of them."""
    rest = b""
    passing_over = False
    damage = ""
    while True:
        try:
            data = stream.read1(block)
        except (OSError, EOFError, zlib.error) as error:
            data, damage = b"", str(error)
        if not data:
            if rest or damage:
                yield [rest] if rest else [], damage
            return
        lines = data.split(b"\n")
        if passing_over:
            if len(lines) == 1:
                continue
            lines[0] = rest
        else:
            lines[0] = rest + lines[0]
        rest = lines.pop()
        passing_over = len(rest) > longest
        if passing_over:
            rest = rest[: longest + 1]
        if lines:
            yield [line if len(line) <= longest else line[: longest + 1] for line in lines], ""
