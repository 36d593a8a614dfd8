"""How this project speaks to Kafka: librdkafka's configuration, its words for errors, and patience at the start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from flows.console import complain
from flows.kafka.errors import KafkaFailedError, KafkaSettingsError
from flows.kafka.settings import KafkaSettings

T = TypeVar("T")
ASKED_WITHIN = 5.0
"""Seconds in which a broker must answer before it is asked again."""
SAID_EVERY = 10.0
"""Seconds between two lines about a broker that does not answer."""
READ_AT_ONCE = 64 << 20
"""Bytes that librdkafka reads ahead, over all partitions of a process."""
REFUSED = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001  codes of librdkafka
        KafkaError._SSL,  # noqa: SLF001
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)


def words(error: KafkaError | KafkaException) -> str:
    """What librdkafka says of an error, with the name by which its documentation can be searched."""
    said: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    return f"{said.str()} ({said.name()})"


def consumer(settings: KafkaSettings, **more: Any) -> Consumer:
    """A consumer that commits nothing by itself, and jumps nowhere.

    Raises
    ------
    KafkaSettingsError
        librdkafka does not take a property.
    """
    return _made(
        Consumer,
        {
            "queued.max.messages.kbytes": READ_AT_ONCE >> 10,
            "fetch.wait.max.ms": 100,
            **_common(settings),
            "group.id": settings.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            **more,
        },
    )


def producer(settings: KafkaSettings, **more: Any) -> Producer:
    """An idempotent producer that is acknowledged by all replicas in sync.

    Raises
    ------
    KafkaSettingsError
        librdkafka does not take a property.
    """
    within = int(settings.deliver_within.total_seconds() * 1000)
    return _made(
        Producer,
        {
            "linger.ms": 5,
            **_common(settings),
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": within,
            **more,
        },
    )


def admin(settings: KafkaSettings) -> AdminClient:
    """A client that asks and changes nothing.

    Raises
    ------
    KafkaSettingsError
        librdkafka does not take a property.
    """
    return _made(AdminClient, _common(settings))


def check(settings: KafkaSettings) -> None:
    """Make sure that librdkafka takes the settings; nothing is sent.

    Raises
    ------
    KafkaSettingsError
        It does not take a property.
    """
    consumer(settings).close()
    producer(settings)


class Refusals:
    """Hears from librdkafka why a broker lets nobody in; the call that waits for it only says that it took too long.

    To be given as `error_cb`, and asked after a `poll`.
    """

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if error.code() in REFUSED:
            self.last = error


def reached(
    settings: KafkaSettings,
    ask: Callable[[], T],
    leave: Callable[[], bool] = lambda: False,
    refusals: Callable[[], KafkaError | None] = lambda: None,
) -> T:
    """What a broker answers, however long it is away, but not for longer than the settings allow.

    Parameters
    ----------
    ask
        Asks it; raises KafkaException if there is no answer.
    leave
        Whether to give up before.
    refusals
        Gives why a broker lets nobody in, if one has said so.

    Raises
    ------
    KafkaFailedError
        No broker has answered by then, or it answers that it will not.
    """
    begun = said = time.monotonic()
    first = True
    while True:
        try:
            return ask()
        except KafkaException as error:
            now, why = time.monotonic(), refusals() or error.args[0]
            left = settings.away.total_seconds() - (now - begun)
            if left <= 0 or leave() or not may_pass(why):
                raise KafkaFailedError(f"kafka {settings.brokers}: {words(why)}") from None
            if first or now - said >= SAID_EVERY:
                complain(f"kafka {settings.brokers}: {words(why)}; trying again for {left:.0f} s")
                first, said = False, now
            time.sleep(0.2)


def may_pass(error: KafkaError) -> bool:
    """Whether it can be otherwise in a while: not if a broker is there and refuses."""
    return error.retriable() or error.code() in {
        KafkaError._TRANSPORT,  # noqa: SLF001  codes of librdkafka
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }


def _common(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "client.id": "middlewatch",
        "reconnect.backoff.max.ms": 1_000,
        **settings.client,
        "bootstrap.servers": settings.brokers,
        "logger": _silent(),
    }


def _made(kind: Callable[[dict[str, Any]], T], configuration: dict[str, Any]) -> T:
    try:
        return kind(configuration)
    except KafkaException as error:
        raise KafkaSettingsError(f"kafka.client: {error.args[0].str()}") from None


def _silent() -> logging.Logger:
    """What librdkafka writes by itself cannot read; what matters of it is said by us."""
    logger = logging.getLogger("middlewatch.kafka")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
