"""Containers, as sensors know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulation.labels import Mark

if TYPE_CHECKING:
    from simulation.sensors.processes import Program


class Container:
    """A container as a sensor knows it; `known` holds what a sensor has written of it."""

    __slots__ = ("address", "id", "image", "kind", "known", "labels", "last_pid", "main", "mark", "name", "namespace",
                 "pod", "privileged", "shim", "started", "workload")  # fmt: skip

    def __init__(
        self,
        name: str,
        image: str,
        *,
        identifier: str,
        namespace: str,
        pod: str,
        workload: str,
        kind: str,
        started: int,
        labels: Mapping[str, str],
        address: str = "",
        privileged: bool = False,
    ) -> None:
        self.name = name
        self.image = image
        self.id = identifier
        """64 hex digits."""
        self.namespace = namespace
        self.pod = pod
        self.workload = workload
        self.kind = kind
        self.started = started
        self.labels = labels
        self.address = address
        """Of its pod."""
        self.privileged = privileged
        self.last_pid = 0
        self.shim: Program | None = None
        """The runtime's process above all others of it."""
        self.main: Program | None = None
        """Its entry point, once it runs."""
        self.mark: Mark | None = None
        """What the end of its entry point is labelled as."""
        self.known: dict[str, str] = {}
