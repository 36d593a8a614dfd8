"""What a capture of topics says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from alerts.alert import rfc3339
from flows.console import printable
from flows.kafka.tapping.folder import FURTHER, LABELS, MOST_CLUSTERS, TITLE
from flows.kafka.tapping.stretch import Stretch


class Row:
    """What was copied of one partition.

    Parameters
    ----------
    number
        In the names of its files.
    stretch
        What was to be copied.
    """

    def __init__(self, number: int, stretch: Stretch) -> None:
        self.number = number
        self.stretch = stretch
        self.messages = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.next = stretch.begin
        """The offset at which it stopped."""
        self.ended: int | None = None
        """Where the partition ended before its stretch."""
        self.lost = 0
        """Offsets that were deleted before they could be read."""

    def count(self, offset: int, moment: int | None) -> None:
        """One more message, of this time (milliseconds since 1970)."""
        self.messages += 1
        self.next = offset + 1
        if moment is not None:
            self.first_time = moment if self.first_time is None else min(self.first_time, moment)
            self.last_time = moment if self.last_time is None else max(self.last_time, moment)

    def remarks(self) -> Iterator[str]:
        """What a user should know of it."""
        stretch = self.stretch
        if self.lost:
            yield f"{stretch}: {self.lost:,} offsets that were asked for are deleted (retention)"
        if self.ended is not None:
            yield (
                f"{stretch}: ends at {self.ended} and not at {stretch.end}: what is behind belongs to a transaction"
                " that is open, or is no longer there"
            )
        elif self.next < stretch.end:
            yield f"{stretch}: stopped at {self.next}, before its end {stretch.end}"

    def cells(self) -> list[str]:
        """Of the table in the README."""
        times = [rfc3339(time * 1000) if time is not None else "" for time in (self.first_time, self.last_time)]
        stretch = self.stretch
        numbers = (stretch.partition, stretch.begin, self.next, self.messages)
        return [f"{self.number:04}", stretch.topic, *map(str, numbers), *times]


def readme(
    command: str,
    version: str,
    rows: Sequence[Row],
    counts: Mapping[str, int],
    renamed: Mapping[str, str],
    *,
    redacted: bool,
    stopped: bool,
) -> str:
    """The text of the README.

    Parameters
    ----------
    command, version
        What was called.
    rows
        A partition each.
    counts
        Of messages, events and what was passed over.
    renamed
        By cluster its folder, where that is called otherwise.
    """
    head = ("file", "topic", "partition", "from", "to", "messages", "first time", "last time")
    table = [head, tuple("---" for _ in head), *(row.cells() for row in rows)]
    remarks = [f"- {sentence}" for row in rows for sentence in row.remarks()]
    others = [f"- {count:,} messages {what}" for what, count in sorted(counts.items()) if what in _PASSED_OVER]
    folders = [f"- `{printable(name)}` is `{folder}`" for name, folder in renamed.items()]
    if len(folders) >= MOST_CLUSTERS:
        folders.append(f"- all further ones share `{FURTHER}`")
    return "\n".join(
        [
            TITLE,
            "",
            f"    {command}",
            "",
            f"Written by middlewatch {version}: {counts.get('messages', 0):,} messages with"
            f" {counts.get('events', 0):,} events. " + (_STOPPED if stopped else _SAME),
            "",
            *(f"| {' | '.join(cells)} |" for cells in table),
            "",
            *_TEXT,
            *(["", *_REDACTED] if redacted else ["", _RAW]),
            *(["", "What is missing:", "", *remarks] if remarks else []),
            *(["", "What was passed over:", "", *others] if others else []),
            *(["", "Clusters whose folders are called otherwise:", "", *folders] if folders else []),
            "",
        ]
    )


_PASSED_OVER = frozenset({"empty", "of other clusters"})
_STOPPED = "It was stopped before its end."
_SAME = "The same offsets give the same bytes."
_RAW = "The messages are as they were: they may hold secrets."
_TEXT = (
    "Each file has the messages of one partition and one cluster, in their order; the number in its name is that of",
    "the table. Offsets are from the first to before the last; times are those of the messages, as Kafka knows them.",
    "`middlewatch detect`, `backtest` and `explain FILE:LINE` read this folder as any capture.",
    f"`{LABELS}`, if it is there, has the labels of the events that were copied.",
)
_REDACTED = (
    "Secrets were redacted (`***`): what stands where passwords, tokens and keys stand in commands, headers, addresses",
    "and environments, what has the form of a token or private key, and the data of Secret objects. Redaction cannot",
    "know secrets that look like any other word: in arguments of programs that it does not know, in ConfigMaps, in",
    "annotations, in free text. Names of people, machines and addresses are not redacted, and a record without an id",
    "of its own has another one when it was redacted. Look through it before you hand it on.",
)
