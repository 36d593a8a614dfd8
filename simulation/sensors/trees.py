"""Trees of processes: a program, and what it runs one after the other until it ends."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulation.clock import MILLISECOND, SECOND
from simulation.labels import Mark
from simulation.sensors.processes import Machine, Program

BETWEEN = 6 * MILLISECOND
"""From the end of one program to the start of the next."""


@dataclass(frozen=True)
class Tree:
    """A program, and what it runs; `tree` makes one."""

    argv: tuple[str, ...]
    below: tuple[Tree, ...]
    seconds: float
    status: int
    connects: tuple[tuple[str, int], ...]
    touches: tuple[tuple[str, bool], ...]
    fields: Mapping[str, Any]


def tree(
    line: str | Sequence[str],
    *below: Tree | str,
    seconds: float = 0.02,
    status: int = 0,
    connects: Sequence[tuple[str, int]] = (),
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    **fields: Any,
) -> Tree:
    """A program and what it runs.

    Parameters
    ----------
    line
        A command line without shell syntax, or arguments. Words in capitals may be replaced when it is run.
    below
        What it runs, one after the other.
    seconds
        How long it works itself.
    status
        With what it exits.
    connects
        Addresses and ports that it connects to.
    reads, writes
        Watched files that it opens.
    fields
        As `Machine.run` takes them.
    """
    argv = tuple(shlex.split(line)) if isinstance(line, str) else tuple(line)
    parts = tuple(tree(part) if isinstance(part, str) else part for part in below)
    touches = (*((path, False) for path in reads), *((path, True) for path in writes))
    return Tree(argv, parts, seconds, status, tuple(connects), touches, fields)


def grow(
    above: Program,
    grown: Tree,
    *,
    after: int = 0,
    words: Mapping[str, str] | None = None,
    mark: Mark | None = None,
    **fields: Any,
) -> int:
    """Let a program run a tree, from now on or after so many microseconds.

    Parameters
    ----------
    above, grown
        Who runs what.
    after
        When it begins.
    words
        What stands for words in capitals in arguments, addresses and paths.
    mark
        What all of it is labelled as.
    fields
        Of the outermost program, as `Machine.run` takes them.

    Returns
    -------
    int
        After how many microseconds from now it has ended.
    """
    machine = above.machine
    own = round(machine.chance.about(max(1, round(grown.seconds * SECOND)), 0.5))
    total = own + sum(_length(part) for part in grown.below)
    if machine.journal is None:
        return after + total
    argv = tuple(_filled(part, words) for part in grown.argv)
    options = {**grown.fields, **fields}
    program = machine.run(above, argv, total / SECOND, after=after, status=grown.status, mark=mark, **options)
    _touch(machine, program, grown, after, words, mark)
    begun = after
    for part in grown.below:
        begun = grow(program, part, after=begun + BETWEEN, words=words, mark=mark)
    return after + total


def _touch(
    machine: Machine, program: Program, grown: Tree, after: int, words: Mapping[str, str] | None, mark: Mark | None
) -> None:
    for address, port in grown.connects:
        machine.connect(program, _filled(address, words), port, after=after + MILLISECOND, mark=mark)
    for path, write in grown.touches:
        machine.touch(program, _filled(path, words), write=write, after=after + MILLISECOND, mark=mark)


def _length(part: Tree) -> int:
    """The longest that a tree may take, and what comes before it."""
    return BETWEEN + round(part.seconds * 1.5 * SECOND) + sum(_length(each) for each in part.below)


def _filled(text: str, words: Mapping[str, str] | None) -> str:
    if words is not None:
        for word, value in words.items():
            if word in text:
                text = text.replace(word, value)
    return text
