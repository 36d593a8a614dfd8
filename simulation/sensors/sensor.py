"""What a sensor does: it writes down what programs do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from simulation.sensors.processes import Machine, Program

Report: TypeAlias = tuple[str, str]
"""A record, and its event id."""


class Sensor(Protocol):
    """What writes down what happens on a machine. None: it does not report such a thing."""

    def started(self, program: Program) -> Report | None:
        """A program was executed."""

    def ended(self, program: Program, at: int, status: int) -> Report | None:
        """A process ended."""

    def connected(self, program: Program, at: int, address: str, port: int) -> Report | None:
        """A process opened a TCP connection."""

    def touched(self, program: Program, at: int, path: str, *, write: bool) -> Report | None:
        """A process read or wrote a file that the sensor's policies watch."""

    def lost(self, machine: Machine, at: int, count: int) -> Sequence[Report]:
        """The sensor could not keep up: so many events are missing."""
