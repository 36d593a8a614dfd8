"""What builtins of the shell do to its variables."""

from __future__ import annotations

from detectors.commands.scope import Scope, Value

_DECLARING = frozenset({"export", "declare", "typeset", "local", "readonly"})
_SETTING = frozenset({"read", "mapfile", "readarray", "getopts", "let"})
CHANGE_VARIABLES = _DECLARING | _SETTING | {"unset", "set", "shift", "printf"}
"""The names of these builtins."""


def declare(name: str, arguments: list[str], scope: Scope) -> None:
    """What a builtin does to variables."""
    if name == "shift":
        scope.positional = None if scope.positional is None else (*scope.positional[:1], *scope.positional[2:])
    elif name == "set":
        if arguments[:1] == ["--"]:
            scope.positional = ((scope.positional or ("",))[0], *arguments[1:])
    elif name in _DECLARING:
        _export(name, arguments, scope)
    elif name == "printf":
        if arguments[:1] == ["-v"] and len(arguments) > 1:
            scope.forget(arguments[1])
    else:
        for word in arguments:
            if name == "unset":
                scope.variables.pop(word, None)
            elif word.isidentifier():
                scope.forget(word)


def _export(name: str, arguments: list[str], scope: Scope) -> None:
    exports = name == "export" or any(word.startswith("-") and "x" in word for word in arguments)
    for word in arguments:
        variable, equals, value = word.partition("=")
        if not variable.isidentifier():
            continue
        if equals:
            scope.assign(variable, Value(value, type(word) is str))
        if exports:
            scope.exported.add(variable)
