"""How long a writer waits for a broker that does not acknowledge, and what is said meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import KafkaError

from flows.console import complain
from flows.kafka.client import words
from flows.kafka.errors import KafkaFailedError

SIGN_EVERY = 1.0
"""Seconds between two signs of life while it waits."""
PATIENCE = 5.0
"""Seconds without an acknowledgement until it is said, or until a broker that refuses is believed."""
GRACE = 10.0
"""Seconds beyond `deliver_within` that librdkafka has to give a message up."""
REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001  codes of librdkafka
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
"""What a client is told that will not be let in, however long it waits."""


def nothing() -> None:
    """Whoever waits needs no sign of life."""


class Patience:
    """How long no broker has acknowledged anything, and what was heard meanwhile.

    Parameters
    ----------
    name
        Whom it waits for.
    within
        Seconds that it waits at most.
    """

    def __init__(self, name: str, within: float) -> None:
        self.name = name
        self.within = within
        self._since = self._signed = self._acknowledged = time.monotonic()
        self._away = False
        self._refusal: str | None = None
        self._last: str | None = None

    def begin(self) -> None:
        """What is waited for from now on was written just now, if nothing else is waited for already."""
        if self._acknowledged >= self._since:
            self._since = time.monotonic()

    def acknowledged(self) -> None:
        """A broker is there."""
        self._acknowledged = time.monotonic()
        self._refusal = self._last = None
        if self._away:
            self._away = False
            complain(f"{self.name}: writes are acknowledged again, after {self._acknowledged - self._since:.0f} s")

    def heard(self, error: KafkaError) -> None:
        """An error that librdkafka tells of, and goes on from."""
        code = error.code()
        if code in REFUSALS:
            self._refusal = self._last = words(error)
        elif code != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  it says less than what came before it
            self._refusal, self._last = None, words(error)

    def look(self, waiting: Callable[[], None]) -> None:
        """Give a sign of life, and say that a broker is away.

        Raises
        ------
        KafkaFailedError
            It refuses, or has been away for too long.
        """
        now = time.monotonic()
        if now - self._signed >= SIGN_EVERY:
            self._signed = now
            waiting()
        silent = now - max(self._since, self._acknowledged)
        if silent < PATIENCE:
            return
        if self._refusal is not None:
            raise KafkaFailedError(f"{self.name}: {self._refusal}")
        if silent > self.within + GRACE:
            raise KafkaFailedError(f"{self.name}: {self.why()}")
        if not self._away:
            self._away = True
            left = max(0.0, self.within - silent)
            complain(f"{self.name}: no write acknowledged for {silent:.0f} s{self._said()}; waiting {left:.0f} s more")

    def why(self) -> str:
        """Why a message was given up."""
        return f"not acknowledged within {self.within:.0f} s{self._said()}"

    def _said(self) -> str:
        return "" if self._last is None else f" ({self._last})"
