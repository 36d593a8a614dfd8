"""What a detector found, on its way to becoming an alert."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from msgspec import Struct


class Entity(Struct, frozen=True, omit_defaults=True):
    """What an alert is about. Kind, namespace and name identify it; the rest is what else is known."""

    kind: str
    """`service_account`, `user`, `container`, `pod`, `node`, `namespace`, `managed_identity`, or a
    Kubernetes kind in snake case such as `cluster_role_binding`, `deployment`."""
    name: str
    namespace: str = ""
    pod: str = ""
    container: str = ""
    image: str = ""
    node: str = ""
    workload: str = ""
    """`Deployment/web`, where known and not the entity itself."""


class Actor(Struct, frozen=True, omit_defaults=True):
    """Who did it, where known and not the entity itself."""

    kind: str
    """`user`, `service_account`, `managed_identity` or `process`."""
    name: str
    """A user's name, or the command line of a process."""
    addresses: tuple[str, ...] = ()
    user_agent: str = ""
    parent: str = ""
    """Command line of the process that started it."""
    uid: int | None = None


class Origin(Struct, frozen=True, omit_defaults=True):
    """Where a record was read: a place in a file, or in a topic."""

    path: str = ""
    line: int | None = None
    """Counted from 1."""
    item: int | None = None
    """Position in the envelope, counted from 0; None where the line holds one record."""
    topic: str = ""
    partition: int | None = None
    offset: int | None = None

    def to_plain(self) -> tuple[str | int, ...]:
        """Its fields as values that can be compared: an absent number is -1."""
        line, item, partition, offset = self.line, self.item, self.partition, self.offset
        return (
            self.path,
            -1 if line is None else line,
            -1 if item is None else item,
            self.topic,
            -1 if partition is None else partition,
            -1 if offset is None else offset,
        )

    @staticmethod
    def from_plain(plain: Iterable[str | int]) -> Origin:
        """What `to_plain` wrote."""
        return Origin(*(None if value == -1 else value for value in plain))  # type: ignore[arg-type]  # in the fields' order


class Evidence(Struct, frozen=True):
    """One event that an alert rests on."""

    event_id: str
    time: int
    """Microseconds since 1970, UTC."""
    origin: Origin
    summary: str
    """One line for a person."""


class Signal(Struct, frozen=True):
    """One match of one detector, not yet merged with others of the same occurrence."""

    alert_type: str
    cluster: str
    entity: Entity
    occurrence: str
    """What makes this occurrence this one and no other."""
    because: str
    """Why, in one sentence."""
    fields: dict[str, Any]
    """The fields that decided, with their values: plain JSON values."""
    evidence: tuple[Evidence, ...]
    """In order of (time, event id); never empty."""
    detector: str
    revision: int
    """Of the detector."""
    conditions: tuple[str, ...] = ()
    """What was required and held, by name."""
    actor: Actor | None = None
    grows: bool = False
    """A later signal of the same occurrence knows more (a window); else the earliest tells what began it."""

    @property
    def alert_id(self) -> str:
        """The same for the same occurrence, in every run: 32 hex digits."""
        entity = self.entity
        parts = [self.alert_type, self.cluster, entity.kind, entity.namespace, entity.name, self.occurrence]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
