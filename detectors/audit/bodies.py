"""What a request made of an object: the answer, the body that was sent, and what a patch itself says."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from detectors.audit.objects import Body, Operation
from detectors.contract import Quiet
from events import AuditEvent
from events.times import micros

V = TypeVar("V", bound=Body)
NOT_THE_OBJECT = ("PartialObjectMetadata", "Status", "Table")
"""Answers that a client can ask for instead of the object (`Accept: ...;as=Table`): they prove nothing about it."""
STAMP_SLACK = 60_000_000
"""Microseconds between the stamp of a change and the end of its request: the API server's own request timeout."""
UNRECORDED = (
    "A body that the audit policy does not record, or that the source cut (AKS does at 16 KiB). A server-side apply"
    " written in YAML: API servers that lack the fix of kubernetes/kubernetes 139419 lose its audit event."
)
"""What every detector of bodies misses."""
UNSTAMPED = (b"null", b'"$', b"managedFields", b"\\u")
"""What a patch must not hold if the stamps are to tell whether it changed anything."""
_POSITION = re.compile(r"-|[+-]?[0-9]+")
"""How a JSON patch names a place in a list: the API server also counts from the end (`-1`)."""


class Labels(Struct, forbid_unknown_fields=True):
    """Metadata that changes nothing but how an object is found."""

    labels: dict[str, str | None] | None = None
    annotations: dict[str, str | None] | None = None


class Labelling(Struct, forbid_unknown_fields=True):
    """A patch that sets labels and annotations, and nothing else: no directive, no kind as an apply has it."""

    metadata: Labels


class Written(Struct, Generic[V], frozen=True):
    """An object as a write left it."""

    now: V
    """The answer where it is the object, else what was sent."""
    said: V | None
    """What a patch itself says; None if the write is no patch, or if the patch was not recorded."""


def written(event: AuditEvent, view: type[V]) -> Written[V] | Quiet:
    """What a create, update or patch made of the object; Quiet if no body tells, or if nothing was changed.

    Raises
    ------
    msgspec.ValidationError
        A field has a type that Kubernetes would not accept.
    """
    last = _last[0]
    if last[0] is not event or last[1] is not view:
        _last[0] = last = (event, view, _written(event, view))
    return last[2]


_last: list[tuple[AuditEvent | None, type[Body] | None, Written[Any] | Quiet]] = [(None, None, Quiet(""))]
"""The last answer: several detectors ask the same of one event."""


def _written(event: AuditEvent, view: type[V]) -> Written[V] | Quiet:
    now, patched = answer(event, view), event.verb == "patch"
    said = _patch(event.request, view, now) if patched else None
    if patched and now is not None and (stamp := unchanged_since(event, now)):
        return Quiet("the apply changes something", f"unchanged since {stamp}")
    if now is None:
        now = said if patched else decoded(event.request, view)
    if now is None:
        return Quiet("the request body was recorded", "cut" if event.truncated else event.level)
    return Written(now, said)


def decoded(raw: Raw | None, view: type[V]) -> V | None:
    """A body as this view of it; None if there is none, or it is null."""
    return None if raw is None else _decoder(view)(raw)


@cache
def _decoder(view: type[V]) -> Callable[[Raw], V | None]:
    return msgspec.json.Decoder(view | None).decode


def answer(event: AuditEvent, view: type[V]) -> V | None:
    """The answer, where it was recorded and is the object itself."""
    body = decoded(event.response, view)
    if body is None or body.kind in NOT_THE_OBJECT or (body.type_ or "").endswith(NOT_THE_OBJECT):
        return None
    return body


def _patch(raw: Raw | None, view: type[V], now: V | None) -> V | None:
    """What a patch says; of one that cannot be told from its words, such as one that copies, what came of it.

    A patch that the API server takes may hold values of a wrong type, which a later step or a second key replaces.
    """
    try:
        if raw is None or not bytes(raw).lstrip().startswith(b"["):
            return decoded(raw, view)
        return _steps(msgspec.json.decode(raw, type=list[Operation]), view)
    except (msgspec.ValidationError, RecursionError):
        if now is None:
            raise
        return now


def _steps(operations: list[Operation], view: type[V]) -> V:
    """What a JSON patch says, step by step."""
    said: dict[str, Any] = {}
    for step in operations:
        if step.op != "test":
            _say(said, step)
    return msgspec.convert(said, view)


def _say(said: dict[str, Any], step: Operation) -> None:
    """Add what one step sets; what it removes is null. No position in a list is kept, so that no step hides another."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in step.path.split("/")[1:]]
    if keys and keys[0] in ("metadata", "status"):
        return
    if step.op in ("copy", "move"):
        raise msgspec.ValidationError(f"what a patch copies to {step.path} cannot be told without its answer")
    value = step.value
    for key in reversed(keys):
        value = [value] if _POSITION.fullmatch(key) else {key: value}
    if isinstance(value, dict):
        _merge(said, value)


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value)
        elif isinstance(present, list) and isinstance(value, list):
            present.extend(value)
        else:
            into[key] = value


def labels_only(event: AuditEvent) -> bool:
    """Whether a patch was recorded and sets labels and annotations alone."""
    if event.request is None:
        return False
    try:
        msgspec.json.decode(event.request, type=Labelling)
    except msgspec.ValidationError:
        return False
    return True


def unchanged_since(event: AuditEvent, now: Body) -> str | None:
    """When the object last changed, if this server-side apply did not change it.

    Every apply, and every patch that sets a field, stamps its manager's entry. A patch that only removes
    fields does not, nor one that clears the entries: so a patch with a null, a directive or entries of its
    own, or with escapes that could hide one, never counts as unchanged. Of other subresources (`status`) the
    entries do not matter.
    """
    entries = [
        entry
        for entry in now.meta.managed_fields or ()
        if entry and entry.time and (entry.subresource or "") == event.object.subresource
    ]
    sent = bytes(event.request or b"null")
    if event.code != 200 or sent.lstrip().startswith(b"[") or any(word in sent for word in UNSTAMPED):
        return None
    if not any(entry.operation == "Apply" for entry in entries):
        return None
    newest = max(entry.time or "" for entry in entries)
    stamp = micros(newest)
    return newest if stamp is not None and stamp < event.time - STAMP_SLACK else None
