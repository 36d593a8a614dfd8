"""What differs between two checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct

from flows.checkpoints.errors import UnreadableRowError
from flows.checkpoints.manifest import refuse_share
from flows.checkpoints.plain import differences, read_plain
from flows.checkpoints.store import Row, cut, short

KEYS = 20
"""Of each step and kind that are named; the rest is counted."""
LINES = 5
"""Of each key."""


class StepDifference(Struct):
    """How one step differs: numbers of keys, and some of them by name."""

    step: str
    first: int = 0
    """Keys of the first checkpoint."""
    second: int = 0
    same: int = 0
    only_first: int = 0
    only_second: int = 0
    changed: int = 0
    keys_only_first: list[str] = []
    keys_only_second: list[str] = []
    keys_changed: dict[str, list[str]] = {}
    """With the places where they differ."""

    @property
    def differs(self) -> bool:
        """Whether anything of it does."""
        return bool(self.only_first or self.only_second or self.changed)


def difference(first: Path, second: Path) -> list[StepDifference]:
    """How the state of two checkpoints differs, by step; history does not matter, nor where rows lie.

    Raises
    ------
    CheckpointError
        One of them cannot be read.
    """
    found: dict[str, StepDifference] = {}
    with cut(first) as one, cut(second) as other:
        for folder, taken in ((first, one), (second, other)):
            refuse_share(folder, taken.manifest, "what is in the others")
        for left, right in _paired(one.rows(), other.rows()):
            row = left or right
            assert row is not None
            name = short(row.step)
            _count(found.setdefault(name, StepDifference(name)), row.key, left, right)
    return list(found.values())


def _paired(first: Iterator[Row], second: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of the same step and key side by side; both come in order of these."""
    left, right = next(first, None), next(second, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[:2] < right[:2]):
            yield left, None
            left = next(first, None)
        elif left is None or right[:2] < left[:2]:
            yield None, right
            right = next(second, None)
        else:
            yield left, right
            left, right = next(first, None), next(second, None)


def _count(found: StepDifference, key: str, left: Row | None, right: Row | None) -> None:
    found.first += left is not None
    found.second += right is not None
    if left is None:
        found.only_second += 1
        found.keys_only_second += [key] if found.only_second <= KEYS else []
    elif right is None:
        found.only_first += 1
        found.keys_only_first += [key] if found.only_first <= KEYS else []
    elif lines := _different(left.data, right.data):
        found.changed += 1
        if found.changed <= KEYS:
            found.keys_changed[key] = lines
    else:
        found.same += 1


def _different(left: bytes, right: bytes) -> list[str]:
    if left == right:
        return []
    try:
        return list(islice(differences(read_plain(left), read_plain(right)), LINES))
    except UnreadableRowError as error:
        return [f"unreadable: {error}"]
