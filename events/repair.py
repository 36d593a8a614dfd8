"""Mending of JSON text that a strict parser refuses, or that a source has cut."""

from __future__ import annotations

import json
import re

import msgspec

DEEPEST = 100
"""Levels of nesting kept where a record has more than the parser takes."""
_BOM = b"\xef\xbb\xbf"
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""A pair, or half of one, behind an even number of backslashes."""
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]+|[\]}]+', re.DOTALL)
"""Strings, and runs of brackets. It is linear: a string that has begun always matches, and nothing is tried twice."""
_SPACE = re.compile(r"[ \t\r\n]*")
_skip = msgspec.json.Decoder(msgspec.Raw).decode
_values = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def well_encoded(data: bytes) -> bytes:
    """The same without a byte order mark, and with U+FFFD for bytes that are not UTF-8."""
    data = data.removeprefix(_BOM)
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="replace").encode()
    return data


def paired(data: bytes) -> bytes:
    r"""The same with U+FFFD for half a surrogate pair, which no UTF-8 can hold.

    >>> paired(rb'["\ud83d\ude00", "\ud800", "\\ud800"]').decode()
    '["\\ud83d\\ude00", "\\ufffd", "\\\\ud800"]'
    """
    if b"\\ud" not in data and b"\\uD" not in data:
        return data
    return _SURROGATES.sub(lambda match: match[0] if match[2] else match[1] + rb"\ufffd", data)


def shallow(data: bytes) -> bytes:
    """The same with null for what is nested deeper than DEEPEST.

    >>> shallow(b"[" * 200 + b"]" * 200) == b"[" * 100 + b"null" + b"]" * 100
    True
    """
    kept, position, depth = [], 0, 0
    for match in _STRUCTURE.finditer(data):
        first, length = data[match.start()], match.end() - match.start()
        if first in b"[{":
            if depth <= DEEPEST < depth + length:
                kept += [data[position : match.start() + DEEPEST - depth], b"null"]
            depth += length
        elif first in b"]}":
            if depth - length <= DEEPEST < depth:
                position = match.start() + depth - DEEPEST
            depth -= length
    return b"".join([*kept, data[position:]]) if depth <= DEEPEST else data


def is_cut(value: bytes) -> bool:
    """Whether a value is certainly not whole, because its text ends before it does.

    >>> is_cut(b'{"a":[1,'), is_cut(b'{"a":[1]}'), is_cut(b'{"a":[1]},"b":2')
    (True, False, False)
    """
    if value != paired(value):
        return False
    try:
        _skip(value)
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    except RecursionError:
        return False
    return False


def leading_members(text: str) -> str:
    """The object made of those members of a cut object that came whole, in front of the cut.

    >>> leading_members('{"verb":"get","user":{"username":"jane"},"objectRef":{"resource":"po')
    '{"verb":"get","user":{"username":"jane"}}'
    """
    position = _after_space(text, 0)
    if not text.startswith("{", position):
        return "{}"
    position, end = position + 1, position + 1
    try:
        while True:
            key, position = _values(text, _after_space(text, position))
            position = _after_space(text, position)
            if not isinstance(key, str) or not text.startswith(":", position):
                break
            _, position = _values(text, _after_space(text, position + 1))
            position = _after_space(text, position)
            if text[position : position + 1] not in (",", "}"):
                break
            end, position = position, position + 1
    except (ValueError, RecursionError):
        pass
    return text[:end] + "}"


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
