"""Records that are written once, with holes for what differs, and filled in many times."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

Filling: TypeAlias = Callable[[Any], str]
"""How a stencil is filled: with a mapping that has a value for each hole; more values do no harm."""
_HOLE = re.compile("⟦([a-z_0-9]+)⟧")
_NUMBER = re.compile(r'\\?"⟦#([a-z_0-9]+)⟧\\?"')
"""With its quotes, which JSON inside of JSON escapes."""


def hole(name: str) -> str:
    """What stands for a value that is filled in later."""
    return f"⟦{name}⟧"


def number(name: str) -> str:
    """What stands for a number that is filled in later: it is written without quotes."""
    return f"⟦#{name}⟧"


class Stencil:
    """A text with holes.

    Parameters
    ----------
    text
        Its holes are what `hole` gives. It may be JSON, or JSON inside of JSON: what is filled in must need no
        escaping in either, which names, numbers, times and ids do not.

    Examples
    --------
    >>> Stencil('{"name":"' + hole("pod") + '","share":"5%"}').fill({"pod": "web-x2x7k"})
    '{"name":"web-x2x7k","share":"5%"}'
    >>> Stencil('{"replicas":"' + number("replicas") + '"}').fill({"replicas": 3})
    '{"replicas":3}'
    """

    __slots__ = ("fill", "size")

    def __init__(self, text: str) -> None:
        self.size = len(text)
        if "⟦#" in text:
            text = _NUMBER.sub(r"⟦\1⟧", text)
        parts = _HOLE.split(text.replace("%", "%%"))
        parts[1::2] = [f"%({name})s" for name in parts[1::2]]
        self.fill: Filling = "".join(parts).__mod__
