"""What a command line was read into: commands, and where their input and output go."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Redirection(Struct, frozen=True):
    """One redirection of a command, its own or of the compound statement around it."""

    operator: str
    """As written: `>`, `>>`, `<`, `<>`, `>|`, `&>`, `>&`, `<&`, `<<`, `<<<` ..."""
    target: str
    """A path, a descriptor (`1` in `2>&1`), or the text of a here-document or here-string."""
    descriptor: int | None = None
    """The number before the operator; None if none is written."""


class Command(Struct, frozen=True):
    """One simple command, with the wrappers around it taken off."""

    name: str
    """Base name of the program as called: `curl`. Empty if it is unknown, or if there is no program, as in
    `HISTSIZE=0` and `> file`."""
    path: str
    """The program as written: `/usr/bin/curl`, `./x`."""
    arguments: tuple[str, ...] = ()
    """The words after the name: quotes removed, expansions resolved where known and else kept as written."""
    redirections: tuple[Redirection, ...] = ()
    assignments: tuple[tuple[str, str], ...] = ()
    """`FOO=bar` before the command, or given to `env` or `sudo`."""
    wrappers: tuple[str, ...] = ()
    """What was seen through, outermost first: `sudo`, `sh -c`, `nohup`."""
    input: int | None = None
    """Index of the command that feeds it through a pipe."""
    unknown: bool = False
    """Some word could not be resolved, or something was too long, too deep or broken. Unknown is not clean."""
    substitutions: tuple[int, ...] = ()
    """Indices of the commands whose output stands in its words: `$(...)`, backticks, `<(...)`."""
    stdin: str | None = None
    """The text on its standard input, where it can be told: a here-document, or what `echo ... | base64 -d` prints."""
    background: bool = False
    """Ended with `&`."""
    alternative: bool = False
    """It, or the statement that it is part of, stands after `||`: it runs if what is before failed."""


def sources(commands: Sequence[Command], command: Command) -> tuple[Command, ...]:
    """The commands whose output reaches this one, by pipes or in its words, over any number of steps; nearest first.

    >>> commands = (Command("curl", "curl"), Command("gunzip", "gunzip", input=0), Command("sh", "sh", input=1))
    >>> [source.name for source in sources(commands, commands[2])]
    ['gunzip', 'curl']
    """
    found: dict[int, Command] = {}
    waiting = [command]
    for current in waiting:
        feeding = (*current.substitutions, *(() if current.input is None else (current.input,)))
        new = {index: commands[index] for index in feeding if index not in found}
        found |= new
        waiting += new.values()
    return tuple(found.values())
