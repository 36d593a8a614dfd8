"""From a message to the lines that say the same in a file of a capture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from confluent_kafka import Message
from msgspec import Struct

from events import Item, Malformed, Skipped
from events.decoder import ENVELOPE_ITEMS, Decoder
from events.names import cluster_name
from events.packed import GZIP, gunzip
from flows.judge import SOURCES, Decode
from flows.kafka.settings import HEADER, TopicSettings
from flows.kafka.tap_redaction import redacted

DEFAULT = "default"
"""The cluster of events of which nobody says theirs."""
NOT_JSON = "not JSON"


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

    Line ends within JSON become carriage returns, which stand for the same there, and are wrong where these are.
    What is packed is unpacked, for a packed line could hold line ends. What cannot be read stays so.

    Examples
    --------
    >>> lines_of(b'{"a":\n1}\n', Decoder().decode, 1024)
    [b'{"a":\r1}']
    >>> lines_of(b'{"verb":"get","stageTimestamp":"2026-03-02"}\n{"verb":""}', Decoder().decode, 1024)
    [b'{"verb":"get","stageTimestamp":"2026-03-02"}', b'{"verb":""}']
    """
    if value.startswith(GZIP):
        return [_unpacked(value, decode, largest)]
    text = value.strip(b"\r\n")
    if b"\n" not in text:
        return [text] if text.strip() else []
    whole = _one_line(text)
    if not _is_unreadable(decode(whole)):
        return [whole]
    parts = [part for part in text.split(b"\n") if part.strip()]
    readable = any(not isinstance(item, Malformed) for part in parts for item in decode(part))
    return parts if readable else [whole]


def message_cluster(settings: TopicSettings, message: Message) -> str:
    """The cluster of events of a message that do not say theirs; empty if nothing says it."""
    if settings.cluster_from is not None:
        said = _said(settings.cluster_from, message)
        if said:
            return said
    return settings.cluster_of(message.topic() or "") or ""


def _said(where: str, message: Message) -> str:
    """What the key or the first header of a name says."""
    if where == "key":
        return _text(message.key())
    name = where.removeprefix(HEADER)
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return next((text for found, value in pairs if found == name and (text := _text(value))), "")


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _one_line(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\r").replace(b"\n", b"\r")


def _unpacked(value: bytes, decode: Decode, largest: int) -> bytes:
    content = gunzip(value, largest * ENVELOPE_ITEMS)
    if isinstance(content, str):
        return _one_line(value)
    text = _one_line(content.strip(b"\r\n"))
    return text if text.strip() else b"\r"


def _is_unreadable(items: Sequence[Item]) -> bool:
    return len(items) == 1 and isinstance(items[0], Malformed) and items[0].reason == NOT_JSON
