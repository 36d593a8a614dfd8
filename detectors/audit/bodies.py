"""What a request made of an object: the answer, the body that was sent, and what a patch itself says."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from detectors.audit.objects import Body, Operation
from detectors.contract import Quiet
from events import AuditEvent

V = TypeVar("V", bound=Body)
NOT_THE_OBJECT = ("PartialObjectMetadata", "Status", "Table")
"""Answers that a client can ask for instead of the object (`Accept: ...;as=Table`): they prove nothing about it."""
STAMP_SLACK = 60_000_000
"""Microseconds between the stamp of a change and the end of its request: the API server's own request timeout."""
UNSTAMPED = (b"null", b'"$', b"managedFields", b"\\u")
"""What a patch must not hold if the stamps are to tell whether it changed anything."""
_POSITION = re.compile(r"-|[+-]?[0-9]+")
"""How a JSON patch names a place in a list: the API server also counts from the end (`-1`)."""


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
    now = answer(event, view)
    if event.verb != "patch":
        now = now if now is not None else _decoded(event.request, view)
        return Written(now, None) if now is not None else Quiet("the request body was recorded", event.level)
    said = _patch(event.request, view, now)
    if now is not None and (stamp := unchanged_since(event, now)):
        return Quiet("the apply changes something", f"unchanged since {stamp}")
    if now is None and said is None:
        return Quiet("the request body was recorded", event.level)
    return Written(now if now is not None else said, said)  # type: ignore[arg-type]  # one of them is there


def _decoded(raw: Raw | None, view: type[V]) -> V | None:
    return None if raw is None else msgspec.json.decode(raw, type=view | None)


def answer(event: AuditEvent, view: type[V]) -> V | None:
    """The answer, where it was recorded and is the object itself."""
    body = _decoded(event.response, view)
    if body is None or body.kind in NOT_THE_OBJECT or (body.type_ or "").endswith(NOT_THE_OBJECT):
        return None
    return body


def _patch(raw: Raw | None, view: type[V], now: V | None) -> V | None:
    """What a patch says. A JSON patch that copies or moves says what came of it."""
    if raw is None or not bytes(raw).lstrip().startswith(b"["):
        return _decoded(raw, view)
    operations = msgspec.json.decode(raw, type=list[Operation])
    if now is not None and any(step.op in ("copy", "move") for step in operations):
        return now
    said: dict[str, Any] = {}
    for step in operations:
        if step.op in ("add", "replace", "remove"):
            _say(said, step)
    return msgspec.convert(said, view)


def _say(said: dict[str, Any], step: Operation) -> None:
    """Add what one step sets; what it removes is null. No position in a list is kept, so that no step hides another."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in step.path.split("/")[1:]]
    if keys and keys[0] in ("metadata", "status"):
        return
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


def unchanged_since(event: AuditEvent, now: Body) -> str | None:
    """When the object last changed, if this server-side apply did not change it.

    Every apply, and every patch that sets a field, stamps its manager's entry. A patch that only removes
    fields does not, nor one that clears the entries: so a patch with a null, a directive or entries of its
    own, or with escapes that could hide one, never counts as unchanged.
    """
    entries = [entry for entry in now.meta.managed_fields or () if entry]
    stamps = [entry.time for entry in entries if entry.time]
    sent = bytes(event.request or b"null")
    if event.code != 200 or sent.lstrip().startswith(b"[") or any(word in sent for word in UNSTAMPED):
        return None
    if not stamps or not any(entry.operation == "Apply" for entry in entries):
        return None
    newest = max(stamps)
    return newest if _microseconds(newest) < event.time - STAMP_SLACK else None


def _microseconds(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp).timestamp() * 1_000_000)
