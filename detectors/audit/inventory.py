"""Joins: what Services and workloads of a namespace amount to together, whichever of them comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from pydantic import BaseModel

from alerts.redaction import beginning
from alerts.signal import Actor, Entity, Evidence
from detectors.audit.object_notes import KEPT, Note, removed, wrote
from detectors.audit.objects import POD_MAKERS
from detectors.audit.patches import patched
from detectors.audit.services import (
    Backend,
    Service,
    ServiceBody,
    backend,
    converted,
    service,
    service_object,
    workload_object,
)
from detectors.contract import Condition, DetectorKind, Match, Quiet, State
from detectors.selection import requests
from detectors.stateful import Finding, Noted, Observation, Scope, Stateful
from events import AuditEvent

LARGEST = 512
"""Services, and workloads, that are kept of one namespace."""
RETENTION = 90 * 24 * 3600 * 1_000_000
"""Microseconds for which a namespace is remembered of which nothing is seen."""
SUMMARY = 512
"""Characters of the evidence that is kept with an object."""
SHOWN = 5
"""Workloads behind a Service whose last requests are evidence."""


class KeptService(Struct, array_like=True):
    """A Service, and the request that told it."""

    form: Service
    uid: str
    version: int
    told: Evidence


class KeptBackend(Struct, array_like=True):
    """A workload, and the request that told it."""

    form: Backend
    uid: str
    version: int
    told: Evidence


class Inventory(Struct, array_like=True):
    """What a join remembers of one namespace."""

    services: dict[str, KeptService] = {}
    workloads: dict[str, KeptBackend] = {}
    """By kind and name: `deployment/web`."""
    found: dict[str, str] = {}
    """Services that are found, with the occurrence."""
    seen: int = 0
    """Microseconds: the last observation."""

    def behind(self, selecting: Service) -> dict[str, Backend]:
        """The workloads whose pods a Service selects, by kind and name."""
        chosen = ((name, kept.form) for name, kept in sorted(self.workloads.items()))
        return {name: form for name, form in chosen if selecting.selects(form.labels)}


class Joined(NamedTuple):
    """What a join says of a Service that fires."""

    because: str
    fields: dict[str, Any]


class Join(Stateful[AuditEvent, Inventory]):
    """Fires when a Service and what is known of its namespace amount to something.

    The function is given a Service and the inventory each time that either changes, and answers Joined or
    Quiet. A Service that goes on to be found is found once; one that stopped and begins again is found again,
    as the same occurrence. Requests that change nothing also show what was there before the log began.
    """

    kind = DetectorKind.JOIN
    state = State.INVENTORY
    scope = Scope.NAMESPACE
    form = Inventory
    keeps: Callable[[Backend], bool]
    """Which workloads matter; the others are not kept."""
    hints: tuple[bytes, ...]
    """One of these stands in the body of each workload that matters: a body without any is not opened."""
    requires: str

    @property
    def required(self) -> str:
        return self.requires

    def shown(self, told: Noted) -> str:
        note = Note(*told.what)
        return f"{note.done} {note.kind} {', '.join(note.names or ('*',))}"

    def observe(self, event: AuditEvent) -> Noted | Quiet:
        return self.excused(event) or self._noted(event)

    def _noted(self, event: AuditEvent) -> Noted | Quiet:
        if event.verb in ("delete", "deletecollection"):
            return removed(event)
        return wrote(event, self.keeps, self.hints)

    def step(self, state: Inventory, observation: Observation) -> Iterator[Finding | Noted]:
        if observation.time > self.expires(state):
            state.services, state.workloads, state.found = {}, {}, {}
        state.seen = observation.time
        note = Note(*observation.what)
        if note.kind == "service":
            affected = _take_service(state, note, observation)
        else:
            affected = self._take_workload(state, note, observation)
        for kept in affected:
            yield from self._judged(state, kept, note, observation)

    def expires(self, state: Inventory) -> int:
        return state.seen + RETENTION if state.services or state.workloads or state.found else 0

    def _take_workload(self, state: Inventory, note: Note, observation: Observation) -> list[KeptService]:
        """Take what was noted of workloads; which Services it may concern."""
        if note.done == "gone":
            _forget(state.workloads, note)
            return []
        name = f"{note.kind}/{note.names[0]}"  # type: ignore[index]  # a write names one object
        known = state.workloads.get(name)
        if _stale(known, note):
            return []
        form = _patched_backend(known, note) if note.done == "patched" else msgspec.convert(note.what, Backend | None)
        if form is None or not self.keeps(form):
            if note.done != "patched" or form is not None:
                state.workloads.pop(name, None)
            return []
        kept = KeptBackend(form, note.uid or (known.uid if known else ""), note.version, _short(observation))
        if known is not None or len(state.workloads) < LARGEST:
            state.workloads[name] = kept
        return [one for _, one in sorted(state.services.items()) if one.form.selects(form.labels)]

    def _judged(
        self, state: Inventory, kept: KeptService, note: Note, observation: Observation
    ) -> Iterator[Finding | Noted]:
        name = kept.form.name
        verdict: Joined | Quiet = self._asked(kept.form, state)
        if isinstance(verdict, Quiet):
            if note.kind == "service":
                state.found.pop(name, None)
            return
        if name in state.found:
            return
        occurrence = kept.uid or name
        if name in state.services:
            state.found[name] = occurrence
        entity = Entity("service", name, kept.form.namespace)
        match = Match(entity, occurrence, verdict.because, verdict.fields, _actor(note))
        yield Finding(match, _evidence(state, kept, observation))

    def _asked(self, one: Service, state: Inventory) -> Joined | Quiet:
        if self.parameters is None:
            return self.__wrapped__(one, state)  # type: ignore[no-any-return]  # the decorated function
        return self.__wrapped__(one, state, self.parameters)  # type: ignore[no-any-return]  # the decorated function


def _take_service(state: Inventory, note: Note, observation: Observation) -> list[KeptService]:
    """Take what was noted of Services; which of them to judge."""
    if note.done == "gone":
        for name in [name for name in state.services if note.names is None or name in note.names]:
            del state.services[name]
            state.found.pop(name, None)
        return []
    name = note.names[0]  # type: ignore[index]  # a write names one object
    known = state.services.get(name)
    if _stale(known, note):
        return []
    form = _patched_service(known, note) if note.done == "patched" else msgspec.convert(note.what, Service)
    if form is None:
        return []
    if known is not None and note.uid and known.uid and note.uid != known.uid:
        state.found.pop(name, None)
    kept = KeptService(form, note.uid or (known.uid if known else ""), note.version, _short(observation))
    if known is not None or len(state.services) < LARGEST:
        state.services[name] = kept
    return [kept]


def _stale(known: KeptService | KeptBackend | None, note: Note) -> bool:
    """Whether a newer version of the object is known, or, for what a pod tells of its workload, the workload's own."""
    if known is None:
        return False
    if note.done == "told":
        return bool(known.uid)
    return note.uid == known.uid and 0 < note.version < known.version


def _patched_service(known: KeptService | None, note: Note) -> Service | None:
    plain = patched(service_object(known.form), note.what) if known else None
    if known is None or plain is None:
        return None
    try:
        return service(converted(plain, ServiceBody), known.form.name, known.form.namespace)
    except msgspec.ValidationError:
        return None


def _patched_backend(known: KeptBackend | None, note: Note) -> Backend | None:
    plain = patched(workload_object(known.form, note.resource), note.what) if known else None
    if plain is None:
        return None
    try:
        return backend(converted(plain, POD_MAKERS[note.resource]))
    except msgspec.ValidationError:
        return None


def _forget(workloads: dict[str, KeptBackend], note: Note) -> None:
    for name in [name for name in workloads if name.startswith(f"{note.kind}/")]:
        if note.names is None or name.partition("/")[2] in note.names:
            del workloads[name]


def _short(observation: Observation) -> Evidence:
    return observation._replace(summary=beginning(observation.summary, SUMMARY)).evidence


def _evidence(state: Inventory, kept: KeptService, observation: Observation) -> tuple[Evidence, ...]:
    """The last requests of the Service and of what is behind it, and the one that completed it, in order."""
    told = [kept.told, *(state.workloads[name].told for name in list(state.behind(kept.form))[:SHOWN])]
    found = {one.event_id: one for one in (*told, observation.evidence)}
    return tuple(sorted(found.values(), key=lambda one: (one.time, one.event_id)))


def _actor(note: Note) -> Actor:
    kind, name, addresses, agent = note.actor
    return Actor(kind, name, tuple(addresses), agent)


def join(
    alert_type: str,
    *,
    keeps: Callable[[Backend], bool],
    hints: tuple[bytes, ...],
    requires: str,
    unless: tuple[Condition[Any], ...] = (),
    parameters: BaseModel | None = None,
    revision: int = 1,
    misses: str = "",
    noise: str = "",
) -> Callable[[Callable[..., Joined | Quiet]], Join]:
    """Make a join of a function that is given a Service, the inventory of its namespace, and its parameters."""
    on = requests("create", "update", "patch", "delete", "deletecollection", of=KEPT)

    def decorate(function: Callable[..., Joined | Quiet]) -> Join:
        made = Join(function, alert_type, on, unless, parameters, revision, misses, noise)
        made.keeps, made.hints, made.requires = keeps, hints, requires
        return made

    return decorate
