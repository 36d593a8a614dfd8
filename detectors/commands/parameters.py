"""What `${...}` makes of a value."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from detectors.commands.scope import Value

_NUMBER = re.compile(r"\s*-?[0-9]{1,6}\s*")
_TRIMMED_LENGTH = 512
_PATHS = frozenset({"PATH", "HOME", "PWD", "SHELL", "OLDPWD"})


def modified(name: str, value: Value | None, operator: str, operand: Value) -> Value | None:
    """The value after `operator operand`; None if it cannot be told.

    >>> modified("x", Value("xmrig.sh"), "%", Value(".sh")).text
    'xmrig'
    """
    if operator.lstrip(":") in ("-", "=", "?", "+") and operator != ":":
        return _default(value, operator, operand)
    if value is None:
        return _root(name, operator, operand)
    text = _changed(value.text, operator, operand.text)
    return None if text is None else Value(text, value.certain and operand.certain)


def _default(value: Value | None, operator: str, operand: Value) -> Value | None:
    if operator.endswith("+"):
        return Value(operand.text, certain=False) if value is None else operand if value.text else Value("")
    if value is None:
        return None if operator.endswith("?") else Value(operand.text, certain=False)
    return value if value.text or not operator.startswith(":") else operand


def _root(name: str, operator: str, operand: Value) -> Value | None:
    """`${PATH:0:1}` and its like are a known way to write a slash."""
    return Value("/") if operator == ":" and name in _PATHS and operand.text.strip() == "0:1" else None


def _changed(text: str, operator: str, operand: str) -> str | None:
    if operator == ":":
        return _sliced(text, operand)
    if operator[0] in "#%":
        return _trimmed(text, operator, operand)
    if operator[0] == "/":
        return _replaced(text, operator, operand)
    cases = {"^^": text.upper(), ",,": text.lower(), "^": text[:1].upper() + text[1:], ",": text[:1].lower() + text[1:]}
    return None if operand else cases.get(operator)


def _sliced(text: str, operand: str) -> str | None:
    numbers = operand.split(":")
    if len(numbers) > 2 or not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    start = int(numbers[0])
    start = len(text) + start if start < 0 else start
    if start < 0:
        return ""
    if len(numbers) == 1:
        return text[start:]
    length = int(numbers[1])
    return text[start : start + length] if length >= 0 else text[start:length]


def _trimmed(text: str, operator: str, pattern: str) -> str | None:
    if len(text) > _TRIMMED_LENGTH or len(pattern) > 64:
        return None
    front = operator[0] == "#"
    cuts = range(len(text) + 1) if front else range(len(text), -1, -1)
    for cut in reversed(cuts) if len(operator) == 2 else cuts:
        if fnmatchcase(text[:cut] if front else text[cut:], pattern):
            return text[cut:] if front else text[:cut]
    return text


def _replaced(text: str, operator: str, operand: str) -> str | None:
    pattern, _, replacement = operand.partition("/")
    if not pattern or any(char in "*?[\\" for char in pattern) or len(replacement) > 256:
        return None
    if operator == "//":
        return text.replace(pattern, replacement)
    if operator == "/#":
        return replacement + text[len(pattern) :] if text.startswith(pattern) else text
    if operator == "/%":
        return text.removesuffix(pattern) + replacement if text.endswith(pattern) else text
    return text.replace(pattern, replacement, 1)
