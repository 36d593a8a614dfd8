"""What one request says of a Service or a workload, small enough to be kept until its turn."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
import re2

from detectors.audit.bodies import answer, decoded
from detectors.audit.entities import KINDS, identity
from detectors.audit.objects import POD_MAKERS, Body, ConfigMaps, Metadata
from detectors.audit.patches import LONGEST
from detectors.audit.services import Backend, ServiceBody, backend, service
from detectors.audit.workloads import workload
from detectors.contract import Quiet
from detectors.stateful import Noted, Plain
from events import AuditEvent

KEPT = ("services", *(resource for resource in POD_MAKERS if resource != "podtemplates"))
"""The resources of an inventory. A PodTemplate runs nothing."""
TEXT = 512
"""Characters of one value."""
ADDRESSES = 8


class Note(NamedTuple):
    """What one request says. A NamedTuple for reading alone: plain tuples are kept."""

    done: str
    """`wrote`; `told`: of a workload by one of its pods; `patched`: by a patch alone; or `gone`."""
    kind: str
    """As entities name it: `service`, `deployment`."""
    names: tuple[str, ...] | None
    """None: all of that kind."""
    uid: str = ""
    version: int = 0
    """resourceVersion, where the answer tells it."""
    what: Plain = None
    """The kept form, a patch, or None for a workload that is not of interest."""
    resource: str = ""
    actor: tuple[str, str, tuple[str, ...], str] = ("user", "", (), "")


def _plain(event: AuditEvent, note: Note, namespace: str) -> Noted:
    who = identity(event.user)
    addresses = tuple(text[:TEXT] for text in event.addresses[-ADDRESSES:])
    by = (who.kind, event.user.username[:TEXT], addresses, event.user_agent[:TEXT])
    return Noted(namespace, tuple(note._replace(actor=by)))


def removed(event: AuditEvent) -> Noted | Quiet:
    """What a request deleted."""
    names = (event.object.name,) if event.object.name else collected(event)
    if names == ():
        return Quiet("the request tells what it deleted", event.uri)
    return _plain(event, Note("gone", KINDS[event.object.resource], names), event.object.namespace)


def collected(event: AuditEvent) -> tuple[str, ...] | None:
    """What a deletecollection deleted: the answer lists it; else all (None), if no selector was given."""
    now = answer(event, ConfigMaps)
    if now is not None and now.items is not None:
        return tuple(item.meta.name for item in now.items if item is not None and item.meta.name)
    query = parse_qs(urlsplit(event.uri).query)
    if "labelSelector" in query:
        return ()
    terms = [term.replace("==", "=") for term in query.get("fieldSelector", [""])[0].split(",") if term]
    names = tuple(term.removeprefix("metadata.name=") for term in terms if term.startswith("metadata.name="))
    return names[:1] if terms else None


def wrote(event: AuditEvent, keeps: Callable[[Backend], bool], hints: tuple[bytes, ...] = (b"",)) -> Noted | Quiet:
    """What a create, update or patch made of an object, as far as it is recorded.

    Parameters
    ----------
    event
        A completed request for an object of an inventory.
    keeps
        Which workloads are of interest.
    hints
        One of these stands in the body of each workload that is.
    """
    is_service = event.object.resource == "services"
    if not is_service and event.response is not None and not _hinted(event, hints):
        return _uninteresting(event)
    view: type[Body] = ServiceBody if is_service else POD_MAKERS[event.resource]
    now, version = answer(event, view), 0
    if now is not None:
        version = _version(now.meta)
    elif event.verb == "patch" and event.code != 201:
        return _patch(event)
    elif event.request is not None:
        now = decoded(event.request, view)
    if now is None:
        return Quiet("the request body was recorded", "cut" if event.truncated else event.level)
    name, namespace = event.object.name or now.meta.name or "", event.object.namespace or now.meta.namespace or ""
    if not name:
        return Quiet("the object's name is known", now.meta.generate_name)
    uid = now.meta.uid or event.object.uid
    if now.meta.deletion_timestamp:
        return _plain(event, Note("gone", KINDS[event.object.resource], (name,)), namespace)
    if isinstance(now, ServiceBody):
        kept = msgspec.to_builtins(service(now, name, namespace))
        return _plain(event, Note("wrote", "service", (name,), uid, version, kept, event.resource), namespace)
    return _workload(event, now, Note("wrote", "", (name,), uid, version, None, event.resource), namespace, keeps)


def _hinted(event: AuditEvent, hints: tuple[bytes, ...]) -> bool:
    """Whether a body may hold one of these: it does, or it has escapes, which the API server hardly writes.

    The answer tells all if it is the object; one that shows no image (a table) is not.
    """
    answered = bytes(event.response or b"")
    bodies = (answered,) if b'"image"' in answered else (answered, bytes(event.request or b""))
    search = _search(hints)
    return any(search(body) for body in bodies)


@cache
def _search(hints: tuple[bytes, ...]) -> Callable[[bytes], object]:
    """Searches a body for all of them at once, and for escapes."""
    return re2.compile(b"|".join(map(re.escape, (*hints, b"\\u")))).search  # type: ignore[no-any-return]  # not typed


def _uninteresting(event: AuditEvent) -> Noted | Quiet:
    """A workload that is of no interest, or no longer. What was made just now was of none before."""
    ref = event.object
    if event.verb == "create" or event.code == 201 or not ref.name:
        return Quiet("the workload is of interest", ref.name)
    return _plain(event, Note("wrote", KINDS[ref.resource], (ref.name,), resource=event.resource), ref.namespace)


def _workload(
    event: AuditEvent, now: Body, note: Note, namespace: str, keeps: Callable[[Backend], bool]
) -> Noted | Quiet:
    """A workload; what a controller makes of a template tells of the workload that has it."""
    entity = workload(event, now.meta)
    told = entity.name != note.names[0] or entity.kind != KINDS[event.object.resource]  # type: ignore[index]  # one
    form = backend(_whole(event, now))
    wanted = keeps(form)
    made = event.verb == "create" or event.code == 201
    if not wanted and (made or told):
        return Quiet("the workload is of interest", [one.image for one in form.all_containers][:TEXT])
    kept = msgspec.to_builtins(form) if wanted else None
    told_of = note._replace(kind=entity.kind, names=(entity.name,), what=kept)
    if told:
        told_of = told_of._replace(done="told", uid="", version=0)
    return _plain(event, told_of, namespace)


def _whole(event: AuditEvent, now: Body) -> Body:
    """A pod seen through its subresource is the pod, with all its containers."""
    if event.object.subresource:
        body = event.response if event.response is not None else event.request
        if body is not None:
            return msgspec.json.decode(body, type=POD_MAKERS["pods"])
    return now


def _patch(event: AuditEvent) -> Noted | Quiet:
    """A patch whose answer was not recorded."""
    if event.request is None or not event.object.name:
        return Quiet("the patch was recorded", "cut" if event.truncated else event.level)
    sent = bytes(event.request)
    if len(sent) > LONGEST:
        return Quiet(f"a patch without an answer has at most {LONGEST} bytes", len(sent))
    ref = event.object
    note = Note("patched", KINDS[ref.resource], (ref.name,), ref.uid, 0, sent, event.resource)
    return _plain(event, note, ref.namespace)


def _version(meta: Metadata) -> int:
    text = meta.resource_version or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
