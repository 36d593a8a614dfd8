"""Conditions on runtime events that several detectors name."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.contract import condition
from events import Process, RuntimeEvent


def lineage(event: RuntimeEvent) -> Iterator[Process]:
    """The process, its parent and its ancestors, as far as the sensor knows them."""
    yield event.process
    if event.parent is not None:
        yield event.parent
    yield from event.ancestors


@condition(saw=lambda event: event.node or "a node")
def on_host(event: RuntimeEvent) -> bool:
    """It happened on the host, outside of any container."""
    return event.container is None and event.on_host is True


@condition(saw=lambda event: f"{event.sensor} on {event.node or 'a node'}: neither a container nor the host")
def place_unknown(event: RuntimeEvent) -> bool:
    """The sensor does not say whether it happened in a container."""
    return event.container is None and event.on_host is None


@condition(saw=lambda event: next((process.command_line for process in lineage(event) if process.probe), ""))
def probe(event: RuntimeEvent) -> bool:
    """The kubelet runs it as a probe."""
    return any(process.probe for process in lineage(event))
