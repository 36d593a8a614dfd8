"""The audit log as the API server writes it."""

from __future__ import annotations

from typing import Protocol

from simulation.json import Json, go_json
from simulation.stencil import Filling, Stencil


class Envelope(Protocol):
    """The form in which a platform hands out audit events."""

    sizes: tuple[int, int]
    """The fewest and the most records in a message."""

    def form(self, event: Json) -> Filling | None:
        """How an audit event with holes is written; None: the platform's audit policy leaves such events out."""

    def pack(self, records: list[str]) -> str:
        """The message that holds these records."""


class Native:
    """One event a line."""

    sizes = (1, 1)

    def form(self, event: Json) -> Filling:
        return Stencil(go_json(event)).fill

    def pack(self, records: list[str]) -> str:
        return records[0]
