"""Where alerts and dead letters go: a table for people, JSON lines and OCSF for machines."""

from __future__ import annotations

import base64
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, TextIO

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from alerts import Alert
from alerts.encoders import to_json, to_ocsf
from flows.console import DASH
from flows.judge import DeadLetter
from flows.table import Table

ENCODERS: dict[str, Callable[[Alert], bytes]] = {"jsonl": to_json, "ocsf": to_ocsf}


class Output(Protocol):
    """Takes alerts one after the other. Raises OSError when it cannot deliver."""

    def write(self, alerts: Sequence[Alert]) -> None:
        """Deliver alerts; when it returns they are out of this process."""

    def close(self) -> None:
        """Deliver what was kept back, and end."""


class Lines:
    """One line of bytes for each item, handed to the operating system with each batch.

    Parameters
    ----------
    path
        A file, which is replaced, or `-` for stdout.
    encode
        Gives the line of an item, without its end.
    private
        Whether the file is for its owner only; a link in its place is then refused.
    """

    def __init__(self, path: str, encode: Callable[[Any], bytes], *, private: bool = False) -> None:
        self.encode = encode
        self.file: IO[bytes] = _stdout().buffer if path == DASH else _created(path, private=private)

    def write(self, items: Sequence[Any]) -> None:
        self.file.writelines(self.encode(item) + b"\n" for item in items)
        self.file.flush()

    def close(self) -> None:
        self.file.flush()
        if sys.stdout is None or self.file is not sys.stdout.buffer:
            self.file.close()


def _created(path: str, *, private: bool) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | (os.O_NOFOLLOW if private else 0)
    file = os.fdopen(os.open(path, flags, 0o600 if private else 0o666), "wb")
    if private and Path(path).is_file():
        os.fchmod(file.fileno(), 0o600)
    return file


def _stdout() -> TextIO:
    """Raises OSError if the caller closed it."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed", "stdout")
    return sys.stdout


def alert_output(path: str, form: str, *, keep: bool) -> Output:
    """The output that `--output` and `--format` name; a table that may `keep` its rows is sorted by time.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    if form != "table":
        return Lines(path, ENCODERS[form])
    return Table(_stdout() if path == DASH else Path(path).open("w", encoding="utf8"), keep=keep)


def summary_output(path: str) -> Lines:
    """Where `--summary` writes its JSON."""
    return Lines(path, lambda counted: json.dumps(counted).encode())


def dead_letter_output(path: str) -> Lines:
    """A file of dead letters, for the owner's eyes only: they hold raw input."""
    return Lines(path, dead_letter_line, private=True)


def dead_letter_line(letter: DeadLetter) -> bytes:
    """A dead letter as one line of JSON; the first bytes as text where they are UTF-8, else in base64."""
    malformed = letter.malformed
    origin = {
        name: value
        for name in letter.origin.__struct_fields__
        if (value := getattr(letter.origin, name)) not in ("", None)
    }
    line: dict[str, Any] = {"reason": malformed.reason, "detail": malformed.detail, "origin": origin}
    try:
        line["head"] = malformed.head.decode()
    except UnicodeDecodeError:
        line["head_base64"] = base64.b64encode(malformed.head).decode()
    return json.dumps(line).encode()


class Sink(DynamicSink[Any]):
    """An open output as the end of a dataflow."""

    def __init__(self, write: Callable[[Sequence[Any]], None]) -> None:
        self.write = write

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Writing:
        return _Writing(self.write)


class _Writing(StatelessSinkPartition[Any]):
    def __init__(self, write: Callable[[Sequence[Any]], None]) -> None:
        self.write = write

    def write_batch(self, items: list[Any]) -> None:
        self.write(items)
