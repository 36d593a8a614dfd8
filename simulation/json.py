"""JSON as the programs that report write it."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

Json: TypeAlias = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def plain_json(value: Any) -> str:
    """Compact, nothing escaped that need not be."""
    return _encode(value).decode()


def go_json(value: Any) -> str:
    r"""Compact, with the three characters of HTML escaped, as Go does.

    Examples
    --------
    >>> go_json({"uri": "/pods?limit=5&watch=true"})
    '{"uri":"/pods?limit=5\\u0026watch=true"}'
    """
    return escaped(plain_json(value))


def escaped(text: str) -> str:
    """A JSON text with the three characters of HTML escaped."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
