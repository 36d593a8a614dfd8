"""Labels and alerts side by side: what was found, what was missed, and what was said without reason."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

ATTACK = "attack"
Place: TypeAlias = tuple[str, int, int]
"""Of a record: real path of its file, line (from 1), and item in it (from 0)."""
Episode: TypeAlias = tuple[str, str]
"""Cluster and name of one playing of an attack."""


class LabelsError(Exception):
    """A file of labels cannot be read; the message is for the user."""


class LabelOrigin(Struct, frozen=True):
    """Where a labelled record is: in a file below the folder of the labels, or elsewhere."""

    path: str = ""
    line: int = 0
    item: int | None = None


class Label(Struct, frozen=True):
    """A line of a file of labels, as docs/simulation.md describes it; what else is in it is not looked at."""

    time: str
    """RFC 3339, UTC."""
    origin: LabelOrigin
    episode: str
    verdict: str = ATTACK
    alert_types: tuple[str, ...] = ()
    cluster: str = ""
    variant: str = ""
    name: str = ""
    folder: str = ""
    """Of the file of labels; not written in it."""

    @property
    def place(self) -> Place:
        """Where the record is."""
        return place(os.path.join(self.folder, self.origin.path), self.origin.line, self.origin.item)  # noqa: PTH118  quick

    @property
    def key(self) -> Episode:
        """Its episode."""
        return self.cluster, self.episode


_real: dict[str, str] = {}


def place(path: str, line: int, item: int | None) -> Place:
    """The place of a record; that of a line with one record may be written with an item or without."""
    real = _real.get(path)
    if real is None:
        real = _real[path] = os.path.realpath(path)
    return real, line, item or 0


def read_labels(path: Path) -> list[Label]:
    """The labels of a file, those of records in files.

    Raises
    ------
    LabelsError
        It cannot be read, or one of its lines is no label.
    """
    decoder = msgspec.json.Decoder(Label)
    folder = str(path.parent)
    found: list[Label] = []
    number = 0
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                if line.strip():
                    found.append(msgspec.structs.replace(decoder.decode(line), folder=folder))
    except OSError as error:
        raise LabelsError(f"{path}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LabelsError(f"{path}: line {number}: not a label: {error}") from None
    return [label for label in found if label.origin.path]


class Raised(Struct, frozen=True):
    """An alert as it was told last."""

    alert_type: str
    day: str
    """UTC day of its first event."""
    places: frozenset[Place]
    """Of its evidence."""
    before: bool = False
    """It was told before the backtest began, and more is known of it now."""


class Stretch(Struct, frozen=True):
    """What a run read of one file."""

    path: str
    """As the call names it."""
    first: int = 1
    """The first line that was not read before."""
    after: str = ""
    """Time of the newest event that was read before, where lines do not tell what was: JSON over many lines."""

    def holds(self, label: Label) -> bool:
        """Whether this run read the labelled record, not one before it."""
        return label.time > self.after if self.after else label.origin.line >= self.first


class Missed(Struct, frozen=True):
    """An episode in which a type should have been raised, and was not."""

    name: str
    episode: str
    variant: str
    cluster: str
    time: str
    """Of its first event that names the type."""
    place: str
    """FILE:LINE[:ITEM] of that event, as `middlewatch explain` takes it."""


class Score(Struct, frozen=True):
    """How the alerts of one type compare with the labels."""

    alerts: int
    right: int
    """On an event of an episode that names the type."""
    further: int
    """On an event of another attack."""
    near_miss: int
    """On an event that only looks like an attack."""
    unlabelled: int
    """On no labelled event."""
    episodes: int
    """That name the type, with events that this run read and none that was read before it."""
    missed: tuple[Missed, ...]
    """Those of them of which no alert of the type has an event."""

    @property
    def found(self) -> int:
        """Episodes of which an alert of the type has an event."""
        return self.episodes - len(self.missed)

    @property
    def precision(self) -> float | None:
        """Share of the alerts that are right; None without alerts."""
        return self.right / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """Share of the episodes that were found; None without episodes."""
        return self.found / self.episodes if self.episodes else None


class Scores(Struct, frozen=True):
    """What a backtest is worth by its labels."""

    types: dict[str, Score]
    without_detector: dict[str, int]
    """Episodes by alert type that nothing detects; they do not count as missed."""
    begun_before: int
    """Episodes (of a type) that had begun before the run and went on in it; they count neither way."""
    outside: int
    """Labels of files that were not read."""


def score(
    alerts: Collection[Raised], labels: Collection[Label], read: Mapping[str, Stretch], detected: Collection[str]
) -> Scores:
    """Compare alerts with labels.

    Parameters
    ----------
    alerts
        Each once.
    labels
        Of one or more captures.
    read
        By real path, what the run read.
    detected
        Alert types that have a detector.
    """
    episodes = _Episodes(labels, read)
    found: set[tuple[str, Episode]] = set()
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    for alert in alerts:
        touched = [label for at in alert.places for label in episodes.at.get(at, ())]
        hit = {label.key for label in touched if (alert.alert_type, label.key) in episodes.naming}
        found |= {(alert.alert_type, key) for key in hit}
        verdicts[alert.alert_type][_verdict(touched, right=bool(hit))] += 1
    expected: dict[str, list[Episode]] = defaultdict(list)
    for alert_type, key in episodes.counted:
        expected[alert_type].append(key)
    types = {
        name: Score(
            alerts=verdicts[name].total(),
            **{each: verdicts[name][each] for each in ("right", "further", "near_miss", "unlabelled")},
            episodes=len(expected[name]),
            missed=tuple(episodes.missed(name, key) for key in expected[name] if (name, key) not in found),
        )
        for name in sorted({*verdicts, *(name for name in expected if name in detected)})
    }
    without = {name: len(keys) for name, keys in sorted(expected.items()) if keys and name not in types}
    return Scores(types, without, len(episodes.begun_before), episodes.outside)


def _verdict(touched: Iterable[Label], *, right: bool) -> str:
    verdicts = {label.verdict for label in touched}
    if right:
        return "right"
    if ATTACK in verdicts:
        return "further"
    return "near_miss" if verdicts else "unlabelled"


class _Episodes:
    """The labels by place and by episode, and which episodes of a type the run could find."""

    def __init__(self, labels: Iterable[Label], read: Mapping[str, Stretch]) -> None:
        self.read = read
        self.at: dict[Place, list[Label]] = defaultdict(list)
        self.naming: dict[tuple[str, Episode], list[Label]] = defaultdict(list)
        """By alert type and episode the events that were read, now or before."""
        self.outside = 0
        for label in labels:
            at = label.place
            self.at[at].append(label)
            self.outside += at[0] not in read
            for name in label.alert_types:
                self.naming[name, label.key] += [label] if at[0] in read else []
        self.counted = dict.fromkeys(sorted(self._chosen(begun=False)))
        self.begun_before = set(self._chosen(begun=True))

    def _chosen(self, *, begun: bool) -> Iterator[tuple[str, Episode]]:
        for key, labels in self.naming.items():
            now = [self.read[label.place[0]].holds(label) for label in labels]
            if any(now) and all(now) != begun:
                yield key

    def missed(self, alert_type: str, key: Episode) -> Missed:
        first = min(self.naming[alert_type, key], key=lambda label: (label.time, label.place))
        origin = first.origin
        item = "" if origin.item is None else f":{origin.item}"
        where = f"{self.read[first.place[0]].path}:{origin.line}{item}"
        return Missed(first.name or first.episode, first.episode, first.variant, first.cluster, first.time, where)
