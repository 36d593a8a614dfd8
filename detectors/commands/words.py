"""Words: those of a sensor's one string, and those of which some part cannot be known."""

from __future__ import annotations

import re
from typing import Self

SHELL_ESCAPES = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:x(?P<hex>[0-9a-fA-F]{1,2})|[uU](?P<code>[0-9a-fA-F]{1,8})|(?P<octal>0?[0-7]{1,3})|(?P<char>.))", re.DOTALL
)
_QUOTING = re.compile(r"""\\.|["']""", re.DOTALL)


class Unresolved(str):
    """A word as written, of which some part is not known."""

    __slots__ = ("known",)
    known: str
    """What is left when the unknown parts are taken out."""

    def __new__(cls, written: str, known: str = "") -> Self:
        word = super().__new__(cls, written)
        word.known = str(known)
        return word


def unescape(text: str) -> bytes:
    r"""Resolve the backslash escapes of `$'...'`, `echo -e` and `printf`.

    >>> unescape(r"\x6e\155ap\n")
    b'nmap\n'
    """
    if "\\" not in text:
        return text.encode(errors="replace")
    at = 0
    pieces = []
    for match in _ESCAPE.finditer(text):
        pieces += [text[at : match.start()].encode(errors="replace"), _escaped(match)]
        at = match.end()
    return b"".join([*pieces, text[at:].encode(errors="replace")])


def _escaped(match: re.Match[str]) -> bytes:
    if match["hex"]:
        return bytes((int(match["hex"], 16),))
    if match["octal"]:
        return bytes((int(match["octal"], 8) & 0xFF,))
    if match["code"]:
        code = int(match["code"], 16)
        return chr(code).encode(errors="replace") if code <= 0x10FFFF else b"?"
    return SHELL_ESCAPES.get(match["char"], match[0]).encode(errors="replace")


def split(arguments: str) -> list[str]:
    """Split the one string in which a sensor gives the arguments.

    Words with spaces, and empty ones, stand in double quotes. Quotes inside are not escaped, so the end of such a word
    is the first quote before a space at which the quoting inside is balanced.

    >>> split('-c "echo "a b" > /tmp/x" "" y')
    ['-c', 'echo "a b" > /tmp/x', '', 'y']
    """
    if '"' not in arguments:
        return [word for word in arguments.split(" ") if word]
    words = []
    at, end = 0, len(arguments)
    while at < end:
        if arguments[at] == " ":
            at += 1
            continue
        quoted = arguments[at] == '"'
        stop = _closing(arguments, at + 1) if quoted else arguments.find(" ", at)
        stop = end if stop < 0 else stop
        words.append(arguments[at + 1 : stop] if quoted else arguments[at:stop])
        at = stop + 1
    return words


def _closing(text: str, start: int) -> int:
    """Where the quote that opened before `start` is closed; -1 if nowhere."""
    if text.startswith('"', start) and text[start + 1 : start + 2] in ("", " "):
        return start
    found = _balanced(text, start, "\"'")
    if found < 0:
        found = _balanced(text, start, '"')
    return found if found >= 0 else _last_quote(text, start)


def _balanced(text: str, start: int, quotes: str) -> int:
    state = ""
    for match in _QUOTING.finditer(text, start):
        char = match[0]
        if char[0] == "\\" or char not in quotes:
            continue
        at = match.start()
        closes = char == '"' and text[at + 1 : at + 2] in ("", " ")
        if not state and closes and (at + 1 == len(text) or text[at - 1] != " "):
            return at
        state = char if not state else "" if state == char else state
    return -1


def _last_quote(text: str, start: int) -> int:
    last = text.rfind('"', start)
    return last if last == len(text) - 1 else text.find('" ', start)
