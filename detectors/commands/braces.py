"""Brace expansion: `a{b,c}d` and `{1..3}`, bounded."""

from __future__ import annotations

import itertools
import re

from detectors.commands.syntax import Parameter, Part, Text, Word

WORDS = 32
"""A word that would become more words than this is left as it is."""
_NAME_CHARACTER = re.compile(r"[A-Za-z_0-9]")
_PARTS = 512
_OPENINGS = 16
_RANGE = re.compile(r"(-?[0-9]{1,6})\.\.(-?[0-9]{1,6})(?:\.\.(-?[0-9]{1,6}))?|([A-Za-z])\.\.([A-Za-z])")


def has_braces(word: Word) -> bool:
    """Whether an unquoted brace opens in the word."""
    return any(isinstance(part, Text) and part.text == "{" and not part.quoted for part in word)


def expanded(word: Word) -> list[Word] | None:
    """The words that the braces of a word make; None if they are too many.

    >>> [[part.text for part in word] for word in expanded((Text("{"), Text("cat,/etc/passwd"), Text("}")))]
    [['cat'], ['/etc/passwd']]
    """
    if len(word) > _PARTS or sum(_is(part, "{") for part in word) > _OPENINGS:
        return None
    done: list[Word] = [()]
    at = begin = 0
    while at < len(word):
        found = _alternatives(word, at) if _is(word[at], "{") and not _is_empty(word, at, begin) else None
        if found is None:
            choices: list[Word] | None = [(word[at],)]
            at += 1
        else:
            choices, at = found
            begin = at
        if choices is None or len(done) * len(choices) > WORDS:
            return None
        done = [head + choice for head in done for choice in choices]
    return None if any(map(_makes_names, done)) else done


def _makes_names(word: Word) -> bool:
    """Whether braces continued the name of a variable: `$v{a,b}` is `$va $vb`."""
    return any(
        isinstance(before, Parameter) and before.source[:2] != "${"
        and isinstance(after, Text) and not after.quoted and _NAME_CHARACTER.match(after.text) is not None
        for before, after in itertools.pairwise(part for part in word if part != Text(""))
    )  # fmt: skip


def _is(part: Part, mark: str) -> bool:
    return isinstance(part, Text) and not part.quoted and part.text == mark


def _is_empty(word: Word, at: int, begin: int) -> bool:
    """Whether the brace is the first of a lone `{}`, which bash passes over where nothing stands before it."""
    return at == begin and len(word) > at + 1 and _is(word[at + 1], "}")


def _alternatives(word: Word, start: int) -> tuple[list[Word] | None, int] | None:
    """What stands in the braces that open at `start`, and where they end; None if they are plain text."""
    stop = _end(word, start)
    if stop is None:
        return None
    inner = word[start + 1 : stop]
    choices = _split(inner)
    if len(choices) == 1:
        ranged = _range(inner) if len(inner) == 1 else []
        return None if ranged is None else (ranged or None, stop + 1)
    done: list[Word] = []
    for choice in choices:
        words = expanded(choice)
        if words is None or len(done) + len(words) > WORDS:
            return None, stop + 1
        done += words
    return done, stop + 1


def _end(word: Word, start: int) -> int | None:
    """The brace that closes: one before which a comma or a range stands, for others are text to bash."""
    depth, divided = 0, False
    for at in range(start + 1, len(word)):
        part = word[at]
        if _is(part, "}") and not depth and divided:
            return at
        depth = _depth(depth, part)
        text = part.text if isinstance(part, Text) and not part.quoted else ""
        divided = divided or (not depth and ("," in text or ".." in text))
    return None


def _depth(before: int, part: Part) -> int:
    """How many braces are open after a part; one that closes nothing is text."""
    return max(before + _is(part, "{") - _is(part, "}"), 0)


def _split(inner: Word) -> list[Word]:
    choices: list[list[Part]] = [[]]
    depth = 0
    for part in inner:
        depth = _depth(depth, part)
        if depth == 0 and isinstance(part, Text) and not part.quoted and "," in part.text:
            first, *others = part.text.split(",")
            choices[-1].append(Text(first))
            choices += [[Text(other)] for other in others]
        else:
            choices[-1].append(part)
    return [tuple(choice) for choice in choices]


def _range(inner: Word) -> list[Word] | None:
    """The words of a range; None if it is none, and no words if they are too many."""
    text = "".join(part.text for part in inner if isinstance(part, Text) and not part.quoted)
    found = _RANGE.fullmatch(text)
    if found is None or len(inner) != 1:
        return None
    if found[4]:
        low, high, step = ord(found[4]), ord(found[5]), 1
    else:
        low, high, step = int(found[1]), int(found[2]), abs(int(found[3] or 1)) or 1
    numbers = range(low, high + 1, step) if low <= high else range(low, high - 1, -step)
    if len(numbers) > WORDS:
        return []
    return [(Text(chr(number) if found[4] else str(number)),) for number in numbers]
