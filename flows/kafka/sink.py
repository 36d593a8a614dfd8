"""Alerts and dead letters to topics of Kafka."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException

from alerts import Alert
from alerts.fitting import SMALLEST, fitted
from alerts.signal import Origin
from flows.judge import DeadLetter
from flows.kafka.client import ASKED_WITHIN, producer, reached
from flows.kafka.errors import KafkaFailedError, KafkaSettingsError
from flows.kafka.patience import nothing
from flows.kafka.settings import KafkaSettings
from flows.kafka.writing import REASONS, Headers, Message, Writer
from flows.sinks import ENCODERS, dead_letter_line

LARGEST = 1_000_000
"""Bytes of a message, unless the client property `message.max.bytes` says otherwise."""
AROUND = 4_096
"""Bytes that are left for what stands around a value: its key, its headers, its batch."""
LONGEST_KEY = 1_024
"""Bytes; of a longer key the end is a hash."""
LONGEST_HEADER = 256
"""Bytes of a header that is cut: what it says in full stands in the value."""
CUT_LETTERS = (256, 64, 0)
"""Characters of the texts of a dead letter that a topic has refused as too large."""


class KafkaAlerts:
    """Alerts, one a message: an `Output`.

    The key is `cluster/kind/namespace/name` of the entity, so that its alerts are in one partition, in order.
    Headers: id, alert_type, severity, revision. The time of a message is that of writing: retention counts from it, and
    an alert about last month's events is to be kept as long as any other.

    Parameters
    ----------
    settings
        With `alerts`.
    waiting
        Called about every second while a broker is waited for.

    Raises
    ------
    KafkaSettingsError
        `message.max.bytes` is too small.
    """

    def __init__(self, settings: KafkaSettings, waiting: Callable[[], None] = nothing) -> None:
        assert settings.alerts is not None
        self.topic = settings.alerts.topic
        self.encode = ENCODERS[settings.alerts.format]
        self.largest = _largest(settings)
        self.writer = Writer(settings, waiting)
        self.settle = self.writer.settle
        self.close = self.writer.close

    def write(self, alerts: Sequence[Alert]) -> None:
        """Hand alerts over; KafkaFailedError if one that was written is not delivered."""
        for alert in alerts:
            self.writer.write(self._message(alert))

    def _message(self, alert: Alert) -> Message:
        smaller = partial(fitted, alert, self.encode)
        value = smaller(self.largest)
        headers: Headers = [
            ("id", alert.id.encode()),
            ("alert_type", _header(alert.alert_type)),
            ("severity", alert.severity.encode()),
            ("revision", b"%d" % alert.revision),
        ]
        name = f"alert {alert.id}"
        if value is None:
            raise KafkaFailedError(f"kafka topic {self.topic}: {name}: does not fit into message.max.bytes")
        return Message(self.topic, value, alert_key(alert), headers, name=name, smaller=smaller)


class KafkaDeadLetters:
    """Dead letters, one a message: an `Output`.

    The key is `topic/partition`, or the path. Headers: reason, and the fields of the origin.

    Parameters
    ----------
    settings
        With `dead_letters`.
    waiting
        Called about every second while a broker is waited for.

    Raises
    ------
    KafkaSettingsError
        `message.max.bytes` is too small.
    """

    def __init__(self, settings: KafkaSettings, waiting: Callable[[], None] = nothing) -> None:
        assert settings.dead_letters is not None
        self.topic = settings.dead_letters.topic
        self.largest = _largest(settings)
        self.writer = Writer(settings, waiting)
        self.settle = self.writer.settle
        self.close = self.writer.close

    def write(self, letters: Sequence[Any]) -> None:
        """Hand dead letters over; KafkaFailedError if one that was written is not delivered."""
        for letter in letters:
            self.writer.write(self._message(letter))

    def _message(self, letter: DeadLetter) -> Message:
        value: bytes | None = dead_letter_line(letter)
        smaller = partial(_smaller_letter, letter)
        if value is None or len(value) > self.largest:
            value = smaller(self.largest)
        headers = [("reason", _header(letter.malformed.reason)), *_origin(letter.origin)]
        if value is None:
            raise KafkaFailedError(f"kafka topic {self.topic}: a dead letter does not fit into message.max.bytes")
        return Message(self.topic, value, _origin_key(letter.origin), headers, name="a dead letter", smaller=smaller)


def check_topics(settings: KafkaSettings, leave: Callable[[], bool] = lambda: False) -> None:
    """Make sure that the topics that are written to are there, before anything is read.

    Raises
    ------
    KafkaFailedError
        One is not, or no broker has answered for as long as the settings allow.
    """
    named = [chosen.topic for chosen in (settings.alerts, settings.dead_letters) if chosen is not None]
    if not named:
        return
    made = producer(settings)
    for topic in dict.fromkeys(named):

        def ask(topic: str = topic) -> KafkaError | None:
            error: KafkaError | None = made.list_topics(topic, timeout=ASKED_WITHIN).topics[topic].error
            if error is not None and error.code() not in REASONS:
                raise KafkaException(error)
            return error

        if (error := reached(settings, ask, leave)) is not None:
            raise KafkaFailedError(f"kafka topic {topic}: {REASONS[error.code()]} ({error.name()})")


def alert_key(alert: Alert) -> bytes:
    """Cluster, kind, namespace and name of what an alert is about, by slashes; the namespace may be empty."""
    entity = alert.entity
    return _key("/".join((alert.cluster, entity.kind, entity.namespace or "", entity.name)))


def _origin_key(origin: Origin) -> bytes:
    return _key(f"{origin.topic}/{origin.partition}" if origin.topic else origin.path)


def _key(text: str) -> bytes:
    whole = _bytes(text)
    if len(whole) <= LONGEST_KEY:
        return whole
    digest = hashlib.blake2b(whole, digest_size=16).hexdigest().encode()
    kept = whole[: LONGEST_KEY - len(digest) - 1].decode("utf-8", "ignore")
    return b"%b~%b" % (kept.encode(), digest)


def _origin(origin: Origin) -> Iterator[tuple[str, bytes]]:
    for name in origin.__struct_fields__:
        if (value := getattr(origin, name)) not in ("", None):
            yield name, _header(str(value))


def _header(text: str) -> bytes:
    """A text for a header, cut where it is longer than any that we write ourselves."""
    whole = _bytes(text)
    return whole if len(whole) <= LONGEST_HEADER else whole[:LONGEST_HEADER].decode("utf-8", "ignore").encode()


def _bytes(text: str) -> bytes:
    """As UTF-8; a file name may hold what it cannot say."""
    return text.encode("utf-8", "backslashreplace")


def _largest(settings: KafkaSettings) -> int:
    given = settings.client.get("message.max.bytes", str(LARGEST))
    if not given.isdecimal() or int(given) < SMALLEST + AROUND:
        raise KafkaSettingsError(f"kafka.client: message.max.bytes: at least {SMALLEST + AROUND}, for any alert to fit")
    return int(given) - AROUND


def _smaller_letter(letter: DeadLetter, largest: int) -> bytes | None:
    malformed = letter.malformed
    for longest in CUT_LETTERS:
        cut = msgspec.structs.replace(malformed, head=malformed.head[:longest], detail=malformed.detail[:longest])
        origin = msgspec.structs.replace(letter.origin, path=letter.origin.path[: longest or CUT_LETTERS[-2]])
        value = dead_letter_line(DeadLetter(origin, cut))
        if len(value) <= largest:
            return value
    return None
