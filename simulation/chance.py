"""Chance that can be repeated: the same names draw the same values, on any machine and under any hash seed."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes uses for the ends of generated names."""
_QUANTILES = 1 << 12
_WAITS = tuple(round(-math.log((place + 0.5) / _QUANTILES) * 65_536) for place in range(_QUANTILES))
"""Quantiles of the exponential distribution, in 65,536ths of its mean: whole numbers are the same on every machine."""


class Chance:
    """A source of random values.

    Parameters
    ----------
    names
        What it is for. Sources of different names are independent of each other: whoever adds an actor does not
        change what the others draw.

    Examples
    --------
    >>> Chance(7, "names").ending(5) == Chance(7, "names").ending(5) != Chance(8, "names").ending(5)
    True
    """

    def __init__(self, *names: object) -> None:
        self.names = names
        text = "/".join(map(str, names))
        generator = random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()))  # noqa: S311  to be repeated, not to be secret
        self._unit = generator.random
        self._bits = generator.getrandbits

    def child(self, *names: object) -> Chance:
        """A source of its own, for a part of what this one is for."""
        return Chance(*self.names, *names)

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        return int(self._unit() * limit)

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._unit() * (high - low + 1))

    def happens(self, share: float) -> bool:
        """True in this share of the cases (0 to 1)."""
        return self._unit() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, each as likely as the others."""
        return choices[int(self._unit() * len(choices))]

    def picks(self, choices: Sequence[T], count: int) -> list[T]:
        """So many different ones, or all if there are fewer, in random order."""
        left = list(choices)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]

    def wait(self, mean: int) -> int:
        """How long until something happens that happens at any time alike; at most some nine times the mean."""
        return mean * _WAITS[self._bits(12)] >> 16

    def about(self, value: int, spread: float = 0.1) -> int:
        """A value near this one, at most this share of it off."""
        return round(value * (1 - spread + 2 * spread * self._unit()))

    def uuid(self) -> str:
        """A UUID of version 4."""
        text = f"{self._bits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def hexadecimal(self, length: int) -> str:
        """So many hex digits."""
        return f"{self._bits(length * 4):0{length}x}"

    def ending(self, length: int) -> str:
        """The end of a generated name, such as `x2x7k`."""
        return "".join([NAME_LETTERS[int(self._unit() * 27)] for _ in range(length)])
