"""A pod, and what is known of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.kubernetes.requests import Client
    from simulation.sensors.containers import Container
    from simulation.sensors.processes import Machine, Program


@dataclass(eq=False)
class Pod:
    """A pod that exists now."""

    name: str
    namespace: str
    uid: str
    machine: Machine
    address: str
    values: dict[str, object]
    """What the holes of its events are filled with."""
    token: str
    """Id of its service account's token."""
    containers: list[Container] = field(default_factory=list)
    main: Program | None = None
    """Entry point of the first container, once it runs."""
    alive: bool = True
    clients: dict[tuple[str, str], Client] = field(default_factory=dict)

    def container_id(self, place: int) -> str:
        """The id of its container at this place of the spec: once given, it stays, and so does its hole's value."""
        key = f"container_{place}"
        if key not in self.values:
            self.values[key] = hashlib.sha256(f"{self.uid}/{place}".encode()).hexdigest()
        return str(self.values[key])

    @property
    def bound(self) -> dict[str, str]:
        """What its token is bound to, as the API server tells it."""
        node = self.machine.name
        node_uid = str(self.values["node_uid"])
        return {"node-name": node, "node-uid": node_uid, "pod-name": self.name, "pod-uid": self.uid}
