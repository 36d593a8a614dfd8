"""How the command line speaks to people: one clear line for a mistake, and no stack of a dataflow engine."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import IO, NoReturn

import typer
from rich.console import Console

PROGRAM = "middlewatch"
DASH = "-"
"""Standard input or output, where a path is expected."""
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"{PROGRAM}: {printable(' '.join(message.split()))}", file=sys.stderr, flush=True)  # noqa: T201


def usage(message: str) -> NoReturn:
    """End the program: the call was wrong."""
    complain(message)
    raise typer.Exit(EXIT_USAGE)


def printable(text: str) -> str:
    """The text without what could move a cursor, colour a terminal or turn the reading direction."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign)[0] == "C" else sign for sign in text)


class _WithoutPanics(io.TextIOWrapper):
    """A stderr that drops what bytewax's threads write on it when they lose other processes."""

    held = ""

    def write(self, text: str) -> int:
        self.held += text
        if self.held.endswith("\n"):
            said, self.held = self.held, ""
            if "panicked at" not in said:
                super().write(said)
        return len(text)


@contextlib.contextmanager
def without_panic_traces() -> Iterator[IO[str]]:
    """Keep bytewax's own trace of a failure off stderr; the exception that it raises says the same.

    Gives a stderr that still reaches the user.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    before = sys.stderr
    with _WithoutPanics(os.fdopen(os.dup(kept), "wb"), errors="backslashreplace", line_buffering=True) as stderr:
        sys.stderr = stderr
        try:
            yield stderr
        finally:
            sys.stderr = before
            os.dup2(kept, 2)
            os.close(kept)


class PeopleConsole(Console):
    """A console that takes text as it is, and leaves a closed pipe to the caller."""

    def __init__(self, stream: IO[str], width: int | None = None) -> None:
        super().__init__(file=stream, width=width, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def say(line: str) -> None:
    """Print on stdout; ends the program if nobody reads it any more, which is no failure."""
    try:
        print(line, flush=True)  # noqa: T201
    except BrokenPipeError:
        forget_stdout()
        sys.exit(0)


def forget_stdout() -> None:
    """Nobody reads stdout any more: let the interpreter's last flush succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
