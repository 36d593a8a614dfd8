"""From a message to the lines that say the same in a file of a capture."""

from __future__ import annotations

from functools import lru_cache

from confluent_kafka import Message
from msgspec import Struct

from events import Malformed, Skipped
from events.decoder import ENVELOPE_ITEMS, Decoder
from events.names import cluster_name
from events.packed import GZIP, gunzip
from flows.judge import SOURCES, Decode
from flows.kafka.messages import cluster_of, several
from flows.kafka.settings import TopicSettings
from flows.kafka.tapping.redaction import redacted

DEFAULT = "default"
"""The cluster of events of which nobody says theirs."""


class Copied(Struct, frozen=True):
    """What a message is in a capture."""

    cluster: str
    """In whose folder its events keep their clusters."""
    clusters: frozenset[str]
    """Of its events; without events the one that it would have given them."""
    lines: list[bytes]
    """Without line ends in them."""
    items: list[int]
    """How many items each line holds."""
    sources: frozenset[str]
    events: int
    malformed: int


class Copier:
    """Makes lines of messages.

    Parameters
    ----------
    largest
        Bytes of a record.
    redact
        Whether secrets are taken out.
    """

    def __init__(self, largest: int, *, redact: bool = False) -> None:
        self.largest = largest
        self.redact = redact
        self._decoder = lru_cache(maxsize=1_024)(lambda cluster: Decoder(cluster, largest).decode)

    def __call__(self, value: bytes, otherwise: str) -> Copied:
        """The lines of a message.

        Parameters
        ----------
        otherwise
            The cluster of events that do not say theirs.
        """
        otherwise = cluster_name(otherwise, DEFAULT)
        decode: Decode = self._decoder(otherwise)
        lines = lines_of(value, decode, self.largest)
        read = [decode(line) for line in lines]
        items = [item for some in read for item in some]
        events = [item for item in items if not isinstance(item, Skipped | Malformed)]
        clusters = list(dict.fromkeys(event.cluster for event in events)) or [otherwise]
        return Copied(
            cluster=otherwise if otherwise in clusters else clusters[0],
            clusters=frozenset(clusters),
            lines=[redacted(line) for line in lines] if self.redact else lines,
            items=[len(some) for some in read],
            sources=frozenset(SOURCES[type(event)] for event in events),
            events=len(events),
            malformed=sum(isinstance(item, Malformed) for item in items),
        )


def lines_of(value: bytes, decode: Decode, largest: int) -> list[bytes]:
    r"""A message as lines: of one record or envelope one, of several records one each.

    What is several records for the job is so here. Line ends within JSON become carriage returns, which stand for the
    same there. What is packed is unpacked, for it could hold line ends. What cannot be read stays so.

    Examples
    --------
    >>> lines_of(b'{"verb":"get",\n"stageTimestamp":"2026-03-02"}\n', Decoder().decode, 1024)
    [b'{"verb":"get",\r"stageTimestamp":"2026-03-02"}']
    >>> lines_of(b'{"verb":"get","stageTimestamp":"2026-03-02"}\n{"verb":""}', Decoder().decode, 1024)
    [b'{"verb":"get","stageTimestamp":"2026-03-02"}', b'{"verb":""}']
    """
    text = value.strip(b"\r\n")
    if not text.strip():
        return []
    if b"\n" not in text and not text.startswith(GZIP):
        return [text]
    items = decode(value)
    if len(items) == 1 and isinstance(items[0], Malformed) and (lines := several(value)):
        return lines
    return [_unpacked(value, largest) if value.startswith(GZIP) else _one_line(text)]


def message_cluster(settings: TopicSettings, message: Message) -> str:
    """The cluster of events of a message that do not say theirs; empty if nothing says it."""
    said = cluster_of(message, settings.cluster_from) if settings.cluster_from else ""
    return said or settings.cluster_of(message.topic() or "") or ""


def _one_line(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\r").replace(b"\n", b"\r")


def _unpacked(value: bytes, largest: int) -> bytes:
    content = gunzip(value, largest * ENVELOPE_ITEMS)
    if isinstance(content, str):
        return _one_line(value)
    text = _one_line(content.strip(b"\r\n"))
    return text if text.strip() else b"\r"
