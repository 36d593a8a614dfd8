"""Where a capture goes: a folder of rotated files, or Kafka."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import IO, Any, BinaryIO

from simulation.journal import Told

BUFFER = 1 << 20


class RotatedFiles:
    """Files `<source>-<n>.jsonl` of one log, the next one begun when the last is full.

    Parameters
    ----------
    folder
        The capture's folder.
    name
        Path of the files below it, without number and suffix.
    size
        Bytes of a file, unpacked; one that would grow larger is ended before.
    compress
        Whether to pack them with gzip.
    """

    def __init__(self, folder: Path, name: str, size: int, *, compress: bool) -> None:
        self.folder = folder
        self.name = name
        self.size = size
        self.compress = compress
        self.number = 0
        self.path = ""
        self.line = 0
        self._left = 0
        self._stream: BinaryIO | _Packed | None = None

    def write(self, message: str, at: int, told: Told | None) -> None:
        """Write one line."""
        data = message.encode()
        self._left -= len(data) + 1
        if self._left < 0 or self._stream is None:
            self._rotate(len(data) + 1)
            assert self._stream is not None
        self._stream.write(data)
        self._stream.write(b"\n")
        self.line += 1
        if told is not None:
            told({"path": self.path, "line": self.line})

    def close(self) -> None:
        """End the last file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _rotate(self, first: int) -> None:
        self.close()
        self.number += 1
        self.line = 0
        self._left = self.size - first
        self.path = f"{self.name}-{self.number}.jsonl" + (".gz" if self.compress else "")
        place = self.folder / self.path
        place.parent.mkdir(parents=True, exist_ok=True)
        raw = place.open("wb", buffering=BUFFER)
        self._stream = _Packed(raw) if self.compress else raw


class _Packed(gzip.GzipFile):
    """A gzip file whose bytes depend on what is written alone: without its name and the time of day.

    It collects small writes, which gzip handles one by one, and closes the file below it.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__("", "wb", 6, raw, mtime=0)
        self._raw = raw
        self._collected = io.BytesIO()

    def write(self, data: Any) -> int:
        if self._collected.tell() > BUFFER:
            self._pass_on()
        return self._collected.write(data)

    def close(self) -> None:
        if not self._raw.closed:
            self._pass_on()
            super().close()
            self._raw.close()

    def _pass_on(self) -> None:
        super().write(self._collected.getvalue())
        self._collected = io.BytesIO()
