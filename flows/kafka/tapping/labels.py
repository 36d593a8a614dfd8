"""Labels of records in topics, for the files that they are copied to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from flows.kafka.tapping.stretch import Partition
from flows.scoring import LabelsError


class TopicOrigin(Struct, frozen=True):
    """Where a labelled record is, if it is in a topic."""

    topic: str = ""
    partition: int = 0
    offset: int = 0
    item: int | None = None


class _Label(Struct, frozen=True):
    origin: TopicOrigin


class Labels:
    """The labels of a file, and where their records are copied to.

    Parameters
    ----------
    path
        Of what `middlewatch simulate --kafka` wrote.

    Raises
    ------
    LabelsError
        It cannot be read, or one of its lines is no label.
    """

    def __init__(self, path: Path) -> None:
        self._labels = list(_read(path))
        self._places: dict[tuple[Partition, int], list[tuple[tuple[str, int], int, int]]] = {
            ((origin.topic, origin.partition), origin.offset): [] for origin, _ in self._labels
        }
        self.copied = 0
        """Labels of records that were copied."""

    def __len__(self) -> int:
        return len(self._labels)

    def note(self, partition: Partition, offset: int, file: tuple[str, int], first: int, items: Sequence[int]) -> None:
        """Take down where a message was copied to: a file, its first line there, and how many items each line holds."""
        places = self._places.get((partition, offset))
        if places is not None:
            places[:] = [(file, first + line, item) for line, count in enumerate(items) for item in range(count)]

    def lines(self, names: Mapping[tuple[str, int], str]) -> Iterator[str]:
        """Those of the messages that were copied, in their order; by file how it is called."""
        for origin, label in self._labels:
            places = self._places[(origin.topic, origin.partition), origin.offset]
            item = origin.item or 0
            if item >= len(places):
                continue
            file, line, inner = places[item]
            is_envelope = sum(place[:2] == (file, line) for place in places) > 1
            label["origin"] = {"path": names[file], "line": line} | ({"item": inner} if is_envelope else {})
            self.copied += 1
            yield msgspec.json.encode(label).decode()


def _read(path: Path) -> Iterator[tuple[TopicOrigin, dict[str, Any]]]:
    decode = msgspec.json.Decoder(_Label).decode
    number = 0
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                if line.strip() and (origin := decode(line).origin).topic:
                    yield origin, msgspec.json.decode(line)
    except OSError as error:
        raise LabelsError(f"{path}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LabelsError(f"{path}: line {number}: not a label: {error}") from None
