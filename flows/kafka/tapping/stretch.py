"""Which offsets of which partitions a stretch of topics is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition
from msgspec import Struct

from detectors.parameters import duration
from events.times import micros
from flows.kafka.client import ASKED_WITHIN
from flows.kafka.connection import Connection
from flows.kafka.plan import chosen_topics, refuse_missing
from flows.kafka.settings import LEGAL, TopicSettings

Partition: TypeAlias = tuple[str, int]
"""Topic and number."""
_PLACE = re.compile(rf"({LEGAL})\[([0-9]{{1,9}})\]@([0-9]{{1,18}})")
_OFFSET = re.compile(r"[0-9]{1,18}")


class StretchError(Exception):
    """A stretch cannot be what the call says; the message is for the user."""


class Bound(Struct, frozen=True):
    """Where a stretch begins or ends; the first of its fields that is set counts, and without any it is open."""

    offsets: Mapping[Partition, int] = {}
    """Of single partitions."""
    offset: int | None = None
    """Of every partition."""
    time: int | None = None
    """Milliseconds since 1970: the first message with this time or a later one."""


class Stretch(Struct, frozen=True):
    """What is copied of one partition."""

    topic: str
    partition: int
    begin: int
    end: int
    """The first offset that does not belong to it."""
    settings: TopicSettings
    missing: int = 0
    """Offsets before `begin` that were asked for and are deleted."""

    @property
    def key(self) -> Partition:
        """Topic and number of the partition."""
        return self.topic, self.partition

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


def bound(texts: Sequence[str], now: int) -> Bound:
    """Read what an option says.

    Parameters
    ----------
    texts
        A time (RFC 3339), a duration back from now, an offset, or any number of `topic[partition]@offset`.
    now
        Milliseconds since 1970.

    Raises
    ------
    StretchError
        It is none of these.

    Examples
    --------
    >>> bound(["audit[3]@120", "audit[4]@7"], 0).offsets
    {('audit', 3): 120, ('audit', 4): 7}
    >>> bound(["90s"], 100_000).time, bound(["1970-01-01T00:00:01Z"], 0).time, bound(["90"], 0).offset
    (10000, 1000, 90)
    """
    parts = [part.strip() for text in texts for part in text.split(",")]
    if not parts:
        return Bound()
    places = [_PLACE.fullmatch(part) for part in parts]
    found = {(place[1], int(place[2])): int(place[3]) for place in places if place is not None}
    if found and len(found) == len(parts):
        return Bound(offsets=found)
    if len(parts) > 1:
        raise StretchError(f"{', '.join(parts)}: several must be places such as audit[0]@1200, of different partitions")
    if _OFFSET.fullmatch(parts[0]):
        return Bound(offset=int(parts[0]))
    return Bound(time=_time(parts[0], now))


def _time(text: str, now: int) -> int:
    moment = micros(text)
    if moment is not None:
        return -(-moment // 1000)
    try:
        return now - int(duration(text).total_seconds() * 1000)
    except ValueError:
        expected = "a time (RFC 3339), a duration back from now (1h), an offset (1200) or a place (audit[0]@1200)"
        raise StretchError(f"{text}: expected {expected}") from None


def stretches(connection: Connection, topics: Sequence[str], begin: Bound, end: Bound) -> list[Stretch]:
    """What is to be copied, in order of topics and partitions.

    Parameters
    ----------
    topics
        Names, all of which the settings must name too; none: all that they name.
    begin, end
        If one of them names partitions, no others are copied.

    Raises
    ------
    StretchError
        The call names a topic or a partition that is not there, or is not read.
    KafkaFailedError
        No broker answers, or a topic of the settings is not there.
    """
    settings = connection.settings
    metadata = connection.ask(lambda consumer: consumer.list_topics(timeout=ASKED_WITHIN))
    chosen = chosen_topics(settings, metadata.topics)
    for name in topics:
        if name not in chosen:
            raise StretchError(f"{name}: no topic that the settings name and that is there")
    if not topics:
        refuse_missing(settings, metadata.topics, chosen)
    names = [name for name in chosen if not topics or name in topics]
    partitions = [(name, number) for name in names for number in sorted(metadata.topics[name].partitions)]
    named = {*begin.offsets, *end.offsets}
    for topic, number in sorted(named.difference(partitions)):
        raise StretchError(f"{topic}[{number}]: no partition of the topics that are copied")
    wanted = [one for one in partitions if not named or one in named]
    limits = {one: _limits(connection, one) for one in wanted}
    first, last = (_times(connection, wanted, one.time) for one in (begin, end))
    return [
        _stretch(one, chosen[one[0]], limits[one], _offset(begin, one, first), _offset(end, one, last))
        for one in wanted
    ]


def _limits(connection: Connection, partition: Partition) -> tuple[int, int]:
    """The first offset that is kept, and the one that comes next."""

    def ask(consumer: Consumer) -> tuple[int, int]:
        found = consumer.get_watermark_offsets(TopicPartition(*partition), timeout=ASKED_WITHIN)
        if found is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001  code of librdkafka
        return found

    return connection.ask(ask)


def _times(connection: Connection, partitions: Sequence[Partition], moment: int | None) -> Mapping[Partition, int]:
    """By partition the offset of the first message with this time or a later one; OFFSET_END if there is none."""
    if moment is None or not partitions:
        return {}

    def ask(consumer: Consumer) -> Mapping[Partition, int]:
        asked = [TopicPartition(*one, max(moment, 0)) for one in partitions]
        found = consumer.offsets_for_times(asked, timeout=ASKED_WITHIN)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return {(one.topic, one.partition): one.offset for one in found}

    return connection.ask(ask)


def _offset(wanted: Bound, partition: Partition, times: Mapping[Partition, int]) -> int | None:
    """The offset that a bound means in a partition; None if it is open there."""
    if wanted.offsets:
        return wanted.offsets.get(partition)
    return times.get(partition, wanted.offset)


def _stretch(
    partition: Partition, settings: TopicSettings, limits: tuple[int, int], begin: int | None, end: int | None
) -> Stretch:
    low, high = limits
    first = low if begin is None else high if begin == OFFSET_END else begin
    last = high if end is None or end == OFFSET_END else min(end, high)
    missing = max(0, min(low, last) - first) if begin is not None else 0
    first = max(low, min(first, high))
    return Stretch(*partition, first, max(first, last), settings, missing)
