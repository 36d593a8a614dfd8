"""What a decoder answers besides events: records that are not for us, and records that it cannot read."""

from __future__ import annotations

from msgspec import Struct


class Skipped(Struct, frozen=True):
    """A record that was read and is not for us."""

    reason: str
    """Few and fixed, for they are counted: `audit stage RequestReceived`, `azure log category guard` ..."""


class Malformed(Struct, frozen=True):
    """A record that could not be read, or not be judged: it goes to the dead letters."""

    reason: str
    """Few and fixed, for they are counted: `not JSON`, `no time`, `too long` ..."""
    head: bytes
    """The first bytes of the record, at most HEAD_BYTES."""
    detail: str = ""
    """What exactly, for a person."""


HEAD_BYTES = 512
