"""Files as a source: folders, globs, gzip, standard input; one open at a time, in constant memory."""

from __future__ import annotations

import glob
import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from msgspec import Struct

from flows.documents import Documents, is_spread

STDIN = "-"
BLOCK = 1 << 18
"""Bytes that are read at once."""
GZIP = b"\x1f\x8b\x08"
OURS = frozenset({"labels.jsonl", "README.md"})
"""What stands beside the records of a capture folder and is none."""


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


class InputError(Exception):
    """An input that the call names cannot be read; the message is for the user."""


def expand(inputs: Sequence[str]) -> list[str]:
    """The files that these paths, folders and globs mean, in order, each once.

    Raises
    ------
    InputError
        One of them is missing, unreadable, or a folder without files.
    """
    found: dict[str, None] = {}
    for text in inputs:
        matches = [text] if text == STDIN or Path(text).exists() else sorted(glob.glob(text, recursive=True))  # noqa: PTH207  absolute and relative, as typed
        if not matches:
            raise InputError(f"{text}: no such file or folder")
        for match in matches:
            found.update(dict.fromkeys(_below(match)))
    return list(found)


def _below(path: str) -> list[str]:
    if path != STDIN and Path(path).is_dir():
        files = [str(file) for file in sorted(Path(path).rglob("*")) if file.is_file() and _is_record_file(file)]
        if not files:
            raise InputError(f"{path}: a folder without files to read")
    else:
        files = [path]
    for file in files:
        if file != STDIN and not os.access(file, os.R_OK):
            raise InputError(f"{file}: not readable")
    return files


def _is_record_file(file: Path) -> bool:
    return file.name not in OURS and not file.name.startswith(".")


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

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Reading:
        return _Reading(self.chunks() if worker_index == 0 else iter(()))

    def chunks(self) -> Iterator[Chunk]:
        """All lines of all files."""
        before = 0
        for path in self.paths:
            try:
                opened = _open(path)
            except OSError as error:
                yield Chunk(path, 1, [], error.strerror or str(error))
                continue
            with opened as (raw, stream):
                for chunk in _chunks(path, _lines(stream, self.longest, self.block), self.longest):
                    yield chunk
                    self.progress(before + _position(raw))
                before += _position(raw)


def _chunks(path: str, blocks: Iterator[tuple[list[bytes], str]], longest: int) -> Iterator[Chunk]:
    first, documents = 1, None
    for lines, damage in blocks:
        if first == 1 and is_spread(lines):
            documents = Documents(longest)
        if documents is None:
            yield Chunk(path, first, lines, damage)
        else:
            yield from (Chunk(path, number, [record]) for number, record in documents.records(lines))
            if damage:
                yield Chunk(path, documents.number + 1, [], damage)
        first += len(lines)
    if documents is not None:
        yield from (Chunk(path, number, [record]) for number, record in documents.rest())


def _position(raw: IO[bytes]) -> int:
    return raw.tell() if raw.seekable() else 0


class _Reading(StatelessSourcePartition[Chunk]):
    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self.chunks = chunks

    def next_batch(self) -> list[Chunk]:
        return [next(self.chunks)]


class _open:  # noqa: N801  a context manager that reads as a function
    """The file as stored, and the stream of its bytes unpacked."""

    def __init__(self, path: str) -> None:
        self.raw: IO[bytes] = sys.stdin.buffer if path == STDIN else Path(path).open("rb")  # noqa: SIM115

    def __enter__(self) -> tuple[IO[bytes], io.BufferedIOBase]:
        head = self.raw.peek(3)[:3]  # type: ignore[attr-defined]  # both are BufferedReaders
        packed = head == GZIP
        return self.raw, gzip.GzipFile(fileobj=self.raw) if packed else self.raw  # type: ignore[return-value]

    def __exit__(self, *_: object) -> None:
        if self.raw is not sys.stdin.buffer:
            self.raw.close()


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
