"""The syntax of shell text, as far as it tells which commands run and what stands in their words."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class Text(Struct):
    """Literal text."""

    text: str
    quoted: bool = False


class Parameter(Struct):
    """`$name`, or `${...}` with what is done to the value."""

    source: str
    name: str
    quoted: bool
    subscript: str = ""
    length: bool = False
    indirect: bool = False
    operator: str = ""
    operand: Word = ()


class Substitution(Struct):
    """`$(...)`, backticks, `<(...)` and `>(...)`."""

    source: str
    body: list[Item]
    quoted: bool
    process: bool = False


class Opaque(Struct):
    """Arithmetic: not worked out, but substitutions in it run."""

    source: str
    inner: Word = ()


Part: TypeAlias = Text | Parameter | Substitution | Opaque
Word: TypeAlias = tuple[Part, ...]


class Redirect(Struct):
    """A redirection whose target is not yet expanded."""

    operator: str
    descriptor: int | None
    target: Word


class Assignment(Struct):
    """`name=value`, `name+=value`, `name=(value ...)`."""

    name: str
    values: list[Word]
    appends: bool = False
    array: bool = False


class Simple(Struct):
    """A simple command."""

    words: list[Word]
    assignments: list[Assignment]
    redirects: list[Redirect]


class Pipeline(Struct):
    """Commands, each fed by the one before."""

    stages: list[Node]


class Block(Struct):
    """A compound command: its lists of statements, in the order of the text."""

    kind: str
    """`group`, `subshell`, `if`, `while`, `for`, `case`, `function`."""
    bodies: list[list[Item]]
    redirects: list[Redirect]
    name: str = ""
    """Of the loop variable or the function."""
    words: list[Word] = []
    """What a `for` runs over; the subject of a `case`; what stands in `((...))`."""


class Item(Struct):
    """One pipeline of a list."""

    node: Node
    connector: str = ""
    """`&&` or `||` if that stands before it."""
    background: bool = False


Node: TypeAlias = Simple | Pipeline | Block
