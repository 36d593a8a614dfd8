"""Where a command stands in shell text, and the command that is noted there."""

from __future__ import annotations

from msgspec import Struct

from detectors.commands.command import Command, Redirection
from detectors.commands.words import Unresolved

_STDIN_LENGTH = 8192


class Place(Struct, frozen=True):
    """Where a command stands: what surrounds and feeds it."""

    wrappers: tuple[str, ...] = ()
    input: int | None = None
    stdin: bytes | None = None
    redirections: tuple[Redirection, ...] = ()
    assignments: tuple[tuple[str, str], ...] = ()
    substitutions: tuple[int, ...] = ()
    unknown: bool = False
    depth: int = 0
    texts: int = 0
    alternative: bool = False
    loose: bool = False
    """The words come from one string that a sensor made of them."""


def program_name(path: str) -> str:
    """Base name of a program; of one that is not quite known, what is known of it."""
    known = path.known if isinstance(path, Unresolved) else path
    return known.rpartition("/")[2]


def command_at(words: list[str], place: Place) -> Command:
    """The command of these words at this place."""
    path = words[0] if words else ""
    name = program_name(path)
    stdin = place.stdin
    return Command(
        name,
        str(path),
        tuple(map(str, words[1:])),
        place.redirections,
        place.assignments,
        place.wrappers,
        place.input,
        place.unknown or any(type(word) is not str for word in words) or _is_pattern(name),
        place.substitutions,
        None if stdin is None else stdin[:_STDIN_LENGTH].decode(errors="replace"),
        alternative=place.alternative,
    )


def _is_pattern(name: str) -> bool:
    """Whether the shell may find another file for a name."""
    return name not in ("[", "[[") and any(char in "*?[" for char in name)
