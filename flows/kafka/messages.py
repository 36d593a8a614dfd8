"""Messages of a partition as the judge takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from confluent_kafka import Message
from msgspec import Struct

from alerts.signal import Origin
from events import Item, Malformed, Skipped
from events.decoder import Decoder
from flows.judge import FUTURE, Decode, Stream
from flows.kafka.settings import HEADER

CLUSTERS = 4096
"""Whose decoders are kept: messages may name as many as their writers like."""
CLUSTER_LENGTH = 253
"""Characters of a cluster's name that are kept."""
MOST_LINES = 10_000
"""Of one message: each that cannot be read is a dead letter of its own."""
EMPTY = (Skipped("empty message"),)
"""A tombstone, or a message of nothing or white space."""


class Messages(Struct, frozen=True):
    """Some messages of one partition and one cluster, one after the other."""

    topic: str
    partition: int
    cluster: str
    """Of events that do not say theirs."""
    offsets: list[int]
    times: list[int]
    """Their timestamps (microseconds since 1970). They are not compared with the clock of this machine: were it an
    hour behind, all that comes would be dated wrongly."""
    lines: list[bytes]
    """Their values. What is over the limit is cut one byte behind it, as of files."""
    damage: str = ""

    def origin(self, at: int, item: int | None) -> Origin:
        """Where a message stands, counted from 0; or an item of it."""
        return Origin(topic=self.topic, partition=self.partition, offset=self.offsets[at], item=item)


class TopicStream(Stream[Messages]):
    """Records of one partition: an event is dated rightly if the message was not written long before it.

    The newest time is at most that of the message, so that a node whose clock is ahead makes nothing late that
    shares its partition.
    """

    asked_beyond = 0

    def takes(self, moment: int, rest: Sequence[Item], batch: Messages, at: int, lateness: Mapping[Any, int]) -> bool:
        written = batch.times[at]
        if moment > written + FUTURE:
            return False
        self.newest = max(self.newest, min(moment, written))
        return True


def decoders(largest: int) -> Callable[[str], Decode]:
    """For a cluster the function that decodes the values of its messages.

    Parameters
    ----------
    largest
        Bytes of a record.
    """

    @lru_cache(CLUSTERS)
    def named(cluster: str) -> Decode:
        decode = Decoder(cluster, largest).decode

        def decode_value(value: bytes) -> Sequence[Item]:
            if not value or value.isspace():
                return EMPTY
            items = decode(value)
            if len(items) == 1 and type(items[0]) is Malformed and (lines := several(value)):
                return [item for line in lines for item in decode(line)]
            return items

        return decode_value

    return named


def several(value: bytes) -> list[bytes]:
    """The records of a value that is none as a whole: shippers put several lines into one message.

    None, if it has one line, or more than a shipper would write.
    """
    text = value.strip()
    if b"\n" not in text or text.count(b"\n") + text.count(b"\r") > MOST_LINES:
        return []
    return [line for line in value.splitlines() if line.strip()]


def cluster_of(message: Message, cluster_from: str) -> str:
    """The cluster that a message names by its key or a header; empty if it names none."""
    said: Any = message.key()
    if cluster_from.startswith(HEADER):
        headers: Any = message.headers()
        said = dict(headers or ()).get(cluster_from.removeprefix(HEADER))
    if isinstance(said, bytes):
        said = said.decode("utf8", "replace")
    return str(said or "")[:CLUSTER_LENGTH]
