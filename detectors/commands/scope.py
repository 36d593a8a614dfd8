"""What is known of a shell's variables while its text is read."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from detectors.commands.syntax import Node

VALUE_LENGTH = 65_536
"""Longer values are cut, and then not known."""


class Value(Struct, frozen=True):
    """A value, and whether it is certain: what one branch alone sets is not."""

    text: str
    certain: bool = True
    items: tuple[str, ...] | None = None
    """The elements, if it is an array."""
    sources: tuple[int, ...] = ()
    """Indices of the commands whose output it holds."""


WHITE_SPACE = Value(" \t\n")
Functions: TypeAlias = dict[str, Node]


class Scope:
    """Variables, positional parameters and functions of one shell.

    Parameters
    ----------
    variables
        What was assigned in the text.
    exported
        The names that a started shell inherits.
    positional
        `$0`, `$1` ...; None if they are not known.
    functions
        Functions that the text defines, by name.
    """

    def __init__(
        self,
        variables: dict[str, Value | None] | None = None,
        exported: set[str] | None = None,
        positional: tuple[str, ...] | None = None,
        functions: Functions | None = None,
    ) -> None:
        self.variables = variables or {}
        self.exported = exported or set()
        self.positional = positional
        self.functions = functions or {}
        self.uncalled: Functions = {}
        """Functions that were defined and not called yet, subshells included."""
        self.branches = 0
        """How many conditions stand around what is read now."""

    def subshell(self) -> Scope:
        """A copy: what is assigned in it is not seen outside."""
        copy = Scope(dict(self.variables), set(self.exported), self.positional, dict(self.functions))
        copy.branches, copy.uncalled = self.branches, self.uncalled
        return copy

    def started(self, positional: tuple[str, ...] | None, assignments: tuple[tuple[str, str], ...] = ()) -> Scope:
        """The scope of a shell that this one starts: it inherits what is exported."""
        inherited = {name: value for name, value in self.variables.items() if name in self.exported}
        inherited = inherited | {name: Value(str(text), type(text) is str) for name, text in assignments}
        return Scope(inherited, set(inherited), positional)

    def get(self, name: str) -> Value | None:
        """The value of a variable or parameter; None if it is not known."""
        if name in self.variables:
            return self.variables[name]
        if name == "IFS":
            return WHITE_SPACE
        return self._parameter(name) if self.positional is not None else None

    def _parameter(self, name: str) -> Value | None:
        positional = self.positional or ()
        if name in ("@", "*"):
            return Value(" ".join(positional[1:]), all(type(word) is str for word in positional[1:]), positional[1:])
        if name == "#":
            return Value(str(max(len(positional) - 1, 0)))
        if not name.isdecimal() or len(name) > 4:
            return None
        word = positional[int(name)] if int(name) < len(positional) else ""
        return Value(str(word), type(word) is str)

    def assign(self, name: str, value: Value) -> None:
        """Set a variable; in a branch, another value than before leaves it uncertain."""
        before = self.variables.get(name)
        certain = value.certain and len(value.text) <= VALUE_LENGTH
        certain = certain and not (self.branches and before is not None and before.text != value.text)
        self.variables[name] = Value(value.text[:VALUE_LENGTH], certain, value.items, value.sources)

    def forget(self, name: str) -> None:
        """Something that is not known was put into a variable."""
        self.variables[name] = None

    @property
    def separators(self) -> str:
        """The characters at which unquoted values are split."""
        value = self.get("IFS")
        return " \t\n" if value is None else value.text
