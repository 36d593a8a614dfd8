"""Where alerts and dead letters go: a table for people, JSON lines and OCSF for machines."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, TextIO

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts import Alert
from alerts.encoders import to_json, to_ocsf
from flows.console import DASH
from flows.failing import noticed
from flows.judge import DeadLetter
from flows.table import Table
from flows.tally import Tally

TORN_BLOCK = 1 << 16
"""Bytes in which the last line end of a file is looked for at once."""
ENCODERS: dict[str, Callable[[Alert], bytes]] = {"jsonl": to_json, "ocsf": to_ocsf}


class Output(Protocol):
    """Takes alerts or dead letters one after the other. Raises when it cannot deliver."""

    def write(self, items: Sequence[Any], /) -> None:
        """Deliver these, at the latest when they are settled."""

    def settle(self) -> None:
        """Make sure that what was written outlives the machine, before a checkpoint says that it was."""

    def close(self) -> None:
        """Deliver what was kept back, and end; a second time does nothing."""


class Nowhere:
    """An output that nobody wants."""

    def write(self, items: Sequence[Any]) -> None:
        """Nothing: they are counted already."""

    def settle(self) -> None:
        """Nothing was written."""

    def close(self) -> None:
        """Nothing is open."""


class Both:
    """An output that hands on to several, one after the other.

    Parameters
    ----------
    outputs
        Each takes all.
    """

    def __init__(self, outputs: Sequence[Output]) -> None:
        self.outputs = outputs

    def write(self, items: Sequence[Any], /) -> None:
        for output in self.outputs:
            output.write(items)

    def settle(self) -> None:
        for output in self.outputs:
            output.settle()

    def close(self) -> None:
        """Close all of them, also if one of them fails."""
        with contextlib.ExitStack() as closing:
            for output in reversed(self.outputs):
                closing.callback(output.close)


class CountedAlerts:
    """An output that also counts alerts in the tally, each once.

    Parameters
    ----------
    output
        Takes them.
    tally
        Counts them.
    """

    def __init__(self, output: Output, tally: Tally) -> None:
        self.write_on = output.write
        self.settle = output.settle
        self.close = output.close
        self.tally = tally

    def write(self, alerts: Sequence[Alert]) -> None:
        self.tally.alerts.update(alert.alert_type for alert in alerts if alert.revision == 1)
        self.write_on(alerts)


class Lines:
    """One line of bytes for each item, handed to the operating system with each batch.

    Parameters
    ----------
    path
        A file, or `-` for stdout.
    encode
        Gives the line of an item, without its end.
    append
        Whether a file that exists goes on, without a last line that was torn; else it is replaced.
    private
        Whether the file is for its owner only; a link in its place is then refused.
    """

    def __init__(
        self, path: str, encode: Callable[[Any], bytes], *, append: bool = False, private: bool = False
    ) -> None:
        self.encode = encode
        self.lasting = append and path != DASH and (not Path(path).exists() or Path(path).is_file())
        self.file: IO[bytes] = _stdout().buffer if path == DASH else _opened(path, append=append, private=private)

    def write(self, items: Sequence[Any]) -> None:
        self.file.writelines(self.encode(item) + b"\n" for item in items)
        self.file.flush()

    def settle(self) -> None:
        if self.lasting:
            os.fsync(self.file.fileno())

    def close(self) -> None:
        if self.file.closed:
            return
        self.file.flush()
        if sys.stdout is None or self.file is not sys.stdout.buffer:
            self.file.close()


def _opened(path: str, *, append: bool, private: bool) -> IO[bytes]:
    flags = os.O_RDWR | os.O_APPEND if append and Path(path).is_file() else os.O_WRONLY
    flags |= os.O_CREAT | (0 if append else os.O_TRUNC) | (os.O_NOFOLLOW if private else 0)
    file = os.fdopen(os.open(path, flags, 0o600 if private else 0o666), "r+b" if flags & os.O_RDWR else "wb")
    if private and Path(path).is_file():
        os.fchmod(file.fileno(), 0o600)
    if flags & os.O_RDWR:
        _cut_torn_line(file)
    return file


def _cut_torn_line(file: IO[bytes]) -> None:
    """Cut what stands behind the last line end: a run that was killed left it."""
    end = place = file.seek(0, os.SEEK_END)
    while place:
        block = min(place, TORN_BLOCK)
        place -= block
        file.seek(place)
        found = file.read(block).rfind(b"\n")
        if found >= 0:
            place += found + 1
            break
    if place < end:
        file.truncate(place)


def _stdout() -> TextIO:
    """Raises OSError if the caller closed it."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed", "stdout")
    return sys.stdout


def alert_output(path: str, form: str, *, keep: bool, append: bool = False) -> Output:
    """The output that `--output` and `--format` name.

    Parameters
    ----------
    path, form
        What the call says.
    keep
        Whether a table may keep its rows, so that it is sorted by time.
    append
        Whether a file goes on.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    if form != "table":
        return Lines(path, ENCODERS[form], append=append)
    return Table(_stdout() if path == DASH else Path(path).open("a" if append else "w", encoding="utf8"), keep=keep)


def summary_output(path: str) -> Lines:
    """Where `--summary` writes its JSON."""
    return Lines(path, lambda counted: json.dumps(counted).encode())


def dead_letter_output(path: str, *, append: bool = False) -> Lines:
    """A file of dead letters, for the owner's eyes only: they hold raw input."""
    return Lines(path, dead_letter_line, append=append, private=True)


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


class Sink(FixedPartitionedSink[Any, None]):
    """An open output as the end of a dataflow: in one process, however many there are.

    Whoever opened the output closes it: what fails while bytewax ends aborts the process.

    Parameters
    ----------
    output
        Takes the items.
    """

    def __init__(self, output: Output) -> None:
        self.output = output
        self.used = False
        """Whether this process writes."""

    def list_parts(self) -> list[str]:
        return ["all"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Writing:
        self.used = True
        return _Writing(self.output)

    def close(self) -> None:
        """Deliver what was kept back, if this process writes."""
        if self.used:
            self.output.close()


class _Writing(StatefulSinkPartition[Any, None]):
    def __init__(self, output: Output) -> None:
        self.output = output

    @noticed
    def write_batch(self, values: list[Any]) -> None:
        self.output.write(values)

    @noticed
    def snapshot(self) -> None:
        self.output.settle()
