"""Inputs that cannot be read twice, and any input from its beginning to its end."""

from __future__ import annotations

import os
import queue
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flows.console import DASH
from flows.files import BLOCK, Chunk, Reading
from flows.lines import Lines, Records
from flows.pool import Pool
from flows.unpacking import GZIP, TORN, Packed


def is_live(paths: Sequence[str]) -> bool:
    """Whether one of these goes on while it is read: a pipe, or a standard input that is no file."""
    return any(not Path("/dev/stdin" if path == DASH else path).is_file() for path in paths)


def chunks(paths: Iterable[str], longest: int, block: int = BLOCK) -> Iterator[Chunk]:
    """All lines of all these, one after the other; waits for a pipe.

    Parameters
    ----------
    paths
        What `expand` gives.
    longest
        Bytes of a line; the rest of a longer one is passed over.
    block
        Bytes that are read at once.
    """
    pool = Pool()
    for path in paths:
        if Path(path).exists() and is_live([path]):
            yield from _piped(path, longest, block)
            continue
        reading = Reading(path, longest, block, pool)
        while (chunk := reading.next()) is not None:
            yield chunk


def _piped(path: str, longest: int, block: int) -> Iterator[Chunk]:
    lines, records, damage = Lines(longest), Records(longest), ""
    blocks = _blocks(path, block)
    while True:
        try:
            data = next(blocks, b"")
        except (OSError, zlib.error) as error:
            data, damage = b"", getattr(error, "strerror", None) or str(error)
        if not data:
            break
        yield from (Chunk(path, *found) for found in records.take(lines.add(data)))
    rest = [bytes(lines.rest)] if lines.size else []
    yield from (Chunk(path, *found) for found in [*records.take(rest), *records.rest()])
    if damage:
        yield Chunk(path, records.number, [], damage)


def _blocks(path: str, block: int) -> Iterator[bytes]:
    """What comes, unpacked, as soon as it comes."""
    descriptor = os.dup(0) if path == DASH else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        begun = b""
        while len(begun) < len(GZIP) and (more := os.read(descriptor, len(GZIP) - len(begun))):
            begun += more
        if begun == GZIP:
            packed = Packed(lambda size: os.read(descriptor, size), begun)
            yield from iter(lambda: packed.read(block), b"")
            if packed.is_torn:
                raise OSError(TORN)
        else:
            yield begun
            yield from iter(lambda: os.read(descriptor, block), b"")
    finally:
        os.close(descriptor)


class Live:
    """An input that cannot be read twice, read by a thread of its own: waiting for it holds up nothing.

    It has what a Reading has, but neither position nor fingerprint.

    Parameters
    ----------
    path
        Of a pipe, or `-` for the standard input.
    longest
        Bytes of a line; the rest of a longer one is passed over.
    block
        Bytes that are read at once.
    """

    AHEAD = 16
    """Chunks that are read before they are asked for."""
    position = None
    fingerprint = None
    live = True
    awaits = False

    def __init__(self, path: str, longest: int, block: int = BLOCK) -> None:
        self.path = path
        self.read: queue.Queue[Chunk | BaseException | None] = queue.Queue(self.AHEAD)
        self.first: Chunk | None = None
        self.ended = False
        self.done = 0
        """Bytes, unpacked."""
        threading.Thread(target=self._follow, args=(_piped(path, longest, block),), daemon=True).start()

    def next(self) -> Chunk | None:
        """The next chunk; None if there is nothing more now."""
        chunk = self.peek()
        self.first = None
        if chunk is not None:
            self.done += sum(map(len, chunk.lines)) + len(chunk.lines)
        return chunk

    def peek(self, number: int = 0) -> Chunk | None:
        """What `next` will give; nothing behind that, for it may not be there yet."""
        if number:
            return None
        if self.first is None and not self.ended:
            try:
                found = self.read.get_nowait()
            except queue.Empty:
                return None
            if isinstance(found, BaseException):
                raise found
            self.first, self.ended = found, found is None
        return self.first

    def successor(self) -> None:
        """Nothing takes its place."""

    def close(self) -> None:
        """Nothing: its thread ends with the input or the process."""

    def _follow(self, found: Iterator[Chunk]) -> None:
        try:
            for chunk in found:
                self.read.put(chunk)
            self.read.put(None)
        except BaseException as error:  # noqa: BLE001  raised again, where it is seen
            self.read.put(error)
