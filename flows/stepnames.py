"""Names of the dataflow's steps. They stand in every checkpoint: renaming one makes its state unreachable."""

from __future__ import annotations

from detectors.stateful import Scope

FLOW = "middlewatch"
SOURCE = "source"
CLOCK = "clock"
ALERTS = "alerts"
OUTPUT = "output"
DEAD_LETTERS = "dead_letters"
SCOPES: tuple[str, ...] = tuple(Scope)
"""Steps of entities, whose rows hold detectors' states."""
STEPS: tuple[str, ...] = (SOURCE, CLOCK, *SCOPES, ALERTS, OUTPUT, DEAD_LETTERS)
"""All that may have rows in a checkpoint."""


def step_id(name: str) -> str:
    """What bytewax calls a step.

    Examples
    --------
    >>> step_id(ALERTS)
    'middlewatch.alerts'
    """
    return f"{FLOW}.{name}"
