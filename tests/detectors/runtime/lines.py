"""Command lines as tests write them."""

from typing import Any

from detectors.contract import Detector
from detectors.examples import SHOP, execution
from events import Container, Event, RuntimeEvent
from flows.dispatch import Dispatch


def run(line: str, *, container: Container | None = SHOP, **fields: Any) -> RuntimeEvent:
    """The execution of a line as a sensor shows it: program, space, arguments quoted again."""
    binary, _, arguments = line.partition(" ")
    return execution(binary, fields.pop("arguments", arguments), container=container, **fields)


def shell(text: str, **fields: Any) -> RuntimeEvent:
    """The execution of `sh -c TEXT`."""
    return execution("/bin/sh", f'-c "{text}"', argv=("sh", "-c", text), **fields)


def selects(detector: Detector[Any], event: Event) -> bool:
    """Whether the event reaches the detector at all."""
    return detector in Dispatch([detector]).reached(event)
