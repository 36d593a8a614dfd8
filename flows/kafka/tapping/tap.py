"""`middlewatch tap`: a stretch of topics becomes a capture folder."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message
from msgspec import Struct
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from flows.console import PROGRAM, PeopleConsole, complain, printable, say
from flows.kafka.connection import Connection
from flows.kafka.errors import KafkaFailedError
from flows.kafka.settings import KafkaSettings
from flows.kafka.tapping.folder import LABELS, README, Folder
from flows.kafka.tapping.labels import Labels
from flows.kafka.tapping.messages import Copier, message_cluster
from flows.kafka.tapping.reading import Reading
from flows.kafka.tapping.readme import Row, readme
from flows.kafka.tapping.stretch import Partition, Stretch, bound, stretches
from flows.leaving import stoppable

SHOWN_EVERY = 500
"""Messages after which the line on the terminal changes."""


class Wanted(Struct, frozen=True):
    """What a call of `tap` says."""

    out: Path
    topics: tuple[str, ...] = ()
    begin: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    """Folded names; without any, all."""
    most: int | None = None
    """Messages."""
    redact: bool = False
    labels: Path | None = None
    settings: Path | None = None
    """The file, to name it."""

    @property
    def command(self) -> str:
        """The call."""
        options = [
            *((("--settings", self.settings.name),) if self.settings is not None else ()),
            *(("--topic", name) for name in self.topics),
            *(("--from", text) for text in self.begin),
            *(("--to", text) for text in self.end),
            *(("--cluster", name) for name in self.clusters),
            *((("--max", str(self.most)),) if self.most is not None else ()),
            *((("--labels", self.labels.name),) if self.labels is not None else ()),
        ]
        words = [f"{PROGRAM} tap OUT", *(f"{name} {shlex.quote(value)}" for name, value in options)]
        return printable(" ".join(words + ["--redact"] * self.redact))


def tap(wanted: Wanted, settings: KafkaSettings, largest: int) -> int:
    """Copy what is wanted, and say how much it was; the exit code.

    Parameters
    ----------
    largest
        Bytes of a record.

    Raises
    ------
    StretchError, FolderError, LabelsError, KafkaSettingsError
        The call or the settings cannot be used.
    KafkaFailedError
        Kafka refuses, or is away for too long.
    """
    begun = time.monotonic()
    now = time.time_ns() // 1_000_000
    begin, end = bound(wanted.begin, now), bound(wanted.end, now)
    labels = Labels(wanted.labels) if wanted.labels is not None else None
    with stoppable() as codes:
        connection = Connection(settings, lambda: bool(codes))
        try:
            planned = stretches(connection, wanted.topics, begin, end)
            copying = _Copying(wanted, planned, Folder(wanted.out), Copier(largest, redact=wanted.redact), labels)
            reading = Reading(connection, planned)
            with _watched(reading, planned) as watch:
                copying.run(reading, watch)
        except KafkaFailedError:
            if codes:
                return codes[0]
            raise
        finally:
            connection.consumer.close()
    copying.end(reading, stopped=bool(codes))
    _report(wanted, copying, reading, time.monotonic() - begun)
    return codes[0] if codes else 0


class _Copying:
    """What was copied so far."""

    def __init__(
        self, wanted: Wanted, planned: Sequence[Stretch], folder: Folder, copier: Copier, labels: Labels | None
    ) -> None:
        self.wanted = wanted
        self.folder = folder
        self.copier = copier
        self.labels = labels
        self.numbers = {stretch.key: number for number, stretch in enumerate(planned, 1)}
        self.rows = {stretch.key: Row(self.numbers[stretch.key], stretch) for stretch in planned}
        self.rooms = _rooms(planned, wanted.most)
        self.counts: Counter[str] = Counter()

    def run(self, reading: Reading, watch: Callable[[], None]) -> None:
        """Copy everything."""
        for stretch in [one for one in reading.open.values() if self.rooms.get(one.key) == 0]:
            reading.finish(stretch)
        for number, (stretch, message) in enumerate(reading):
            if self._take(stretch, message) and self._is_full(stretch.key):
                reading.finish(stretch)
            if number % SHOWN_EVERY == 0:
                watch()

    def _is_full(self, partition: Partition) -> bool:
        if partition not in self.rooms:
            return False
        self.rooms[partition] -= 1
        return self.rooms[partition] <= 0

    def _take(self, stretch: Stretch, message: Message) -> bool:
        """Copy a message; whether it was one to be copied."""
        value = message.value()
        if not value:
            self.counts["empty"] += 1
            return False
        copied = self.copier(
            value if isinstance(value, bytes) else value.encode(), message_cluster(stretch.settings, message)
        )
        if not copied.lines:
            self.counts["empty"] += 1
            return False
        if self.wanted.clusters and copied.clusters.isdisjoint(self.wanted.clusters):
            self.counts["of other clusters"] += 1
            return False
        folder, number, first = self.folder.write(
            copied.cluster, self.numbers[stretch.key], copied.lines, copied.sources
        )
        if self.labels is not None:
            self.labels.note(stretch.key, message.offset() or 0, (folder, number), first, copied.items)
        self.counts["messages"] += 1
        self.counts["events"] += copied.events
        self.counts["malformed"] += copied.malformed
        kind, moment = message.timestamp()
        self.rows[stretch.key].count(message.offset() or 0, None if kind == TIMESTAMP_NOT_AVAILABLE else moment)
        return True

    def end(self, reading: Reading, *, stopped: bool) -> None:
        """Complete the folder."""
        names = self.folder.close()
        if self.labels is not None:
            self.folder.text(LABELS, "".join(f"{line}\n" for line in self.labels.lines(names)))
        self.folder.introduce()
        for key, row in self.rows.items():
            row.next = reading.positions[key]
            row.ended = reading.cut.get(key)
            row.lost = reading.lost[key] + row.stretch.missing
        text = readme(
            self.wanted.command,
            version(PROGRAM),
            list(self.rows.values()),
            self.counts,
            self.folder.renamed,
            redacted=self.wanted.redact,
            stopped=stopped,
        )
        self.folder.text(README, text)


def _rooms(planned: Sequence[Stretch], most: int | None) -> dict[Partition, int]:
    """How many messages each partition may give: the same for all, and what the short ones leave for the others."""
    if most is None:
        return {}
    rooms: dict[Partition, int] = {}
    by_length = sorted(planned, key=lambda one: (one.end - one.begin, one.key))
    for index, one in enumerate(by_length):
        rooms[one.key] = min(one.end - one.begin, most // (len(by_length) - index))
        most -= rooms[one.key]
    return rooms


@contextlib.contextmanager
def _watched(reading: Reading, planned: Sequence[Stretch]) -> Iterator[Callable[[], None]]:
    """On a terminal: a line that shows how far it is."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    total = sum(one.end - one.begin for one in planned)
    columns = (BarColumn(), TextColumn("{task.completed:>12,.0f} offsets"), TimeRemainingColumn())
    with Progress(*columns, console=PeopleConsole(sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.update(task, completed=sum(reading.positions[one.key] - one.begin for one in planned))


def _report(wanted: Wanted, copying: _Copying, reading: Reading, seconds: float) -> None:
    counts, folder = copying.counts, copying.folder
    for row in copying.rows.values():
        for sentence in row.remarks():
            complain(sentence)
    for cluster, name in list(folder.renamed.items())[:10]:
        complain(f"{wanted.out}: cluster {cluster}: no folder can be called so: {name}")
    say(
        f"{wanted.out}: {counts['messages']:,} messages with {counts['events']:,} events of"
        f" {len(folder.clusters):,} clusters, {folder.size:,} bytes in {seconds:,.1f} s"
        f" ({counts['messages'] / max(seconds, 0.001):,.0f} messages/s)"
    )
    if copying.labels is not None:
        say(f"labels: {copying.labels.copied:,} of {len(copying.labels):,}")
    if counts["malformed"]:
        say(f"{counts['malformed']:,} items cannot be read; they are in the files, and detect reports them")
