"""Which events a detector wants, as data: dispatch, the RE2 sets and the reference pages are built from it."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from events import Kind

WRITE_VERBS = frozenset({"create", "update", "patch"})
_SHELL = r"(?s)(?:^|[ /])[a-z]{0,4}sh[0-9.]* (?:[-+][^ ]* (?:[^-+ ][^ ]* )?){0,5}-[a-z]*c[a-z]* "
DISGUISED_TEXT = _SHELL + r".*(?:base64|base32|xxd|eval|/dev/|[$`\\]|[^ =(]['\"][^ ])"
"""A shell whose text has means to hide a word: quotes inside it, expansions, encodings, sockets as files."""


class Requests(Struct, frozen=True):
    """Audit events of these resources (`pods`, `pods/exec`; `*` is any) and these verbs (`*` is any)."""

    resources: frozenset[str]
    verbs: frozenset[str]


class Executions(Struct, frozen=True):
    """Executed programs: of a base name, with a command line that matches a pattern, or not listed; else all."""

    names: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()
    """RE2, case-insensitive, searched in `binary arguments`. A prefilter: it may say too much, never too little."""
    besides: frozenset[str] = frozenset()
    """If given, programs of all other paths are wanted as well."""


class Records(Struct, frozen=True):
    """Runtime events of these kinds: connections, files, exits, lost events."""

    kinds: frozenset[Kind]


class Operations(Struct, frozen=True):
    """Azure operations with one of these prefixes, lower case; the empty prefix is any."""

    prefixes: frozenset[str]


Selector: TypeAlias = Requests | Executions | Records | Operations


def writes(*resources: str) -> Requests:
    """Requests that create or change one of these resources."""
    return Requests(frozenset(resources), WRITE_VERBS)


def requests(*verbs: str, of: tuple[str, ...]) -> Requests:
    """Requests of these verbs for these resources."""
    return Requests(frozenset(of), frozenset(verbs))


def shell_text(words: str) -> tuple[str, ...]:
    """Patterns of a shell that is given commands as text, with one of these words (RE2) in it, or disguised ones."""
    return f"{_SHELL}.*(?:{words})", DISGUISED_TEXT


def executes(*names: str, matching: tuple[str, ...] = ()) -> Executions:
    """Executions of programs with these base names, or whose command line matches one of these patterns."""
    return Executions(frozenset(names), matching)


def executes_besides(paths: frozenset[str]) -> Executions:
    """Executions of all programs but those with these paths."""
    return Executions(besides=paths)


def connects() -> Records:
    """Connections that a sensor reports."""
    return Records(frozenset({Kind.CONNECTION}))


def touches_files() -> Records:
    """File accesses that a sensor reports."""
    return Records(frozenset({Kind.FILE}))
