"""Signals of one alert id become one alert: whatever their order, and however often they are repeated."""

from __future__ import annotations

import bisect
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from alerts.alert import Alert, AlertActor, AlertEntity, AlertEvidence, AlertOrigin, Explanation, RaisedBy, rfc3339
from alerts.catalogue import CATALOGUE, AlertType, Severity, find
from alerts.redaction import beginning, redact, redact_value, shortened, well_formed
from alerts.signal import Actor, Evidence, Origin, Signal

VERSION = 1
"""Of the plain form of the state."""
KEPT_EVIDENCE = 20
"""The earliest events are kept."""
COUNTED_EXACTLY = 4096
"""As many event ids are remembered, by a hash of 8 bytes; beyond, each event counts, a repeated one too."""
LONGEST_TEXT = 4096
"""Characters of one text in an alert; what is longer is cut."""
LONGEST_READ = 16 * LONGEST_TEXT
"""Characters in which secrets are looked for, so that no secret is cut in two where the text is."""
LONGEST_SUMMARY = 400
"""Characters of the summary of an event."""
KEPT_ADDRESSES = 16
_HASH_BYTES = 8

Moment: TypeAlias = tuple[int, str]
"""Time and event id: the order in which state takes events."""


class UnknownStateError(ValueError):
    """A checkpoint holds alerts in a form that this version does not know."""


class Merged(Struct, frozen=True):
    """What is known of one alert: a value that `merge` replaces and never alters.

    It depends on the set of signals alone, as long as their events can all be remembered.
    """

    signal: Signal
    """The one that tells most: the latest of those that grow, else the earliest; its evidence is kept apart."""
    telling: Moment
    """The last event of that signal."""
    newest: Moment
    """The latest event."""
    first: int
    """Time of the earliest event."""
    evidence: tuple[Evidence, ...]
    """The earliest events, in order of (time, event id)."""
    count: int
    """Different events."""
    seen: bytes
    """Sorted hashes of their ids."""

    def to_plain(self) -> tuple[Any, ...]:
        """The state as plain values, for a checkpoint."""
        return VERSION, msgspec.to_builtins(self, builtin_types=(bytes,))

    @staticmethod
    def from_plain(plain: tuple[Any, ...]) -> Merged:
        """The state that `to_plain` wrote.

        Raises
        ------
        UnknownStateError
            It was written by a version that this one does not know.
        """
        version, values = plain
        if version != VERSION:
            raise UnknownStateError(f"alert state has version {version!r}, and this program reads {VERSION}")
        return msgspec.convert(values, Merged)


def merge(state: Merged | None, signal: Signal) -> Merged:
    """What is known after this signal. It is `state` itself if the signal adds nothing, as a repeated one does.

    Raises
    ------
    ValueError
        The signal belongs to another alert.
    """
    moments = [(item.time, item.event_id) for item in signal.evidence]
    newest, first = max(moments), min(moments)[0]
    bare = msgspec.structs.replace(signal, evidence=())
    if state is None:
        count, seen = _counted(0, b"", signal.evidence)
        return Merged(bare, newest, newest, first, _earliest((), signal.evidence), count, seen)
    if state.signal.alert_id != signal.alert_id:
        raise ValueError(f"a signal of alert {signal.alert_id} does not belong to alert {state.signal.alert_id}")
    count, seen = _counted(state.count, state.seen, signal.evidence)
    wins = _tells_more(bare, newest, state)
    merged = Merged(
        signal=bare if wins else state.signal,
        telling=newest if wins else state.telling,
        newest=max(newest, state.newest),
        first=min(first, state.first),
        evidence=_earliest(state.evidence, signal.evidence),
        count=count,
        seen=seen,
    )
    return state if merged == state else merged


def _tells_more(signal: Signal, newest: Moment, state: Merged) -> bool:
    if signal.grows != state.signal.grows:
        return signal.grows
    if newest != state.telling:
        return (newest > state.telling) == signal.grows
    return _content(signal) > _content(state.signal)


def _content(signal: Signal) -> str:
    return json.dumps(msgspec.to_builtins(signal, str_keys=True), sort_keys=True)


def _counted(count: int, seen: bytes, evidence: Iterable[Evidence]) -> tuple[int, bytes]:
    for item in evidence:
        digest = hashlib.blake2b(well_formed(item.event_id).encode(), digest_size=_HASH_BYTES).digest()
        place = bisect.bisect_left(range(len(seen) // _HASH_BYTES), digest, key=lambda index: _hash_at(seen, index))
        if _hash_at(seen, place) == digest:
            continue
        count += 1
        if len(seen) < COUNTED_EXACTLY * _HASH_BYTES:
            seen = seen[: place * _HASH_BYTES] + digest + seen[place * _HASH_BYTES :]
    return count, seen


def _hash_at(seen: bytes, index: int) -> bytes:
    return seen[index * _HASH_BYTES : (index + 1) * _HASH_BYTES]


def _earliest(kept: tuple[Evidence, ...], more: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """The earliest events of both; of one event's records, the first."""
    by_id = {item.event_id: item for item in kept}
    for item in more:
        other = by_id.get(item.event_id)
        if other is None or _order(item) < _order(other):
            by_id[item.event_id] = item
    return tuple(sorted(by_id.values(), key=_order)[:KEPT_EVIDENCE])


def _order(item: Evidence) -> tuple[Any, ...]:
    return item.time, item.event_id, item.origin.to_plain(), item.summary


def to_alert(
    state: Merged,
    severity: Severity | None,
    revision: int,
    activity: Literal["create", "update"],
    types: Mapping[str, AlertType] = CATALOGUE,
) -> Alert:
    """The alert as far as it is known, with every secret in its texts redacted.

    Parameters
    ----------
    state
        What is known.
    severity
        The one that the settings give instead of the alert type's own.
    revision
        1, 2, ...
    activity
        Whether the alert is new.
    types
        The catalogue, or one with more types in it.

    Raises
    ------
    UnknownAlertTypeError
        No type of these has the signal's.
    """
    signal = state.signal
    alert_type = find(signal.alert_type, types)
    return Alert(
        id=signal.alert_id,
        revision=revision,
        activity=activity,
        severity=str(alert_type.severity if severity is None else severity),
        cluster=_text(signal.cluster),
        first_event_time=rfc3339(state.first),
        last_event_time=rfc3339(state.newest[0]),
        count=state.count,
        status="new",
        evidence=tuple(_evidence(item) for item in state.evidence),
        **_of_type(alert_type),
        **_of_signal(signal),
    )


def _of_type(alert_type: AlertType) -> dict[str, Any]:
    return {
        "alert_type": alert_type.id,
        "title": alert_type.title,
        "tactics": alert_type.tactics,
        "techniques": alert_type.techniques,
        "description": alert_type.description,
    }


def _of_signal(signal: Signal) -> dict[str, Any]:
    fields = _plain(dict(signal.fields))
    return {
        "entity": AlertEntity.model_validate(_plain(signal.entity)),
        "actor": None if signal.actor is None else AlertActor.model_validate(_actor(signal.actor)),
        "explanation": Explanation(because=_text(signal.because), conditions=signal.conditions, fields=fields),
        "detector": RaisedBy(name=signal.detector, revision=signal.revision),
    }


def _actor(actor: Actor) -> dict[str, Any]:
    """With its last addresses, the connection's own among them: a client may claim any number before it."""
    return _plain(msgspec.structs.replace(actor, addresses=actor.addresses[-KEPT_ADDRESSES:]))


def _evidence(item: Evidence) -> AlertEvidence:
    return AlertEvidence(
        event_id=shortened(well_formed(item.event_id), LONGEST_TEXT),
        time=rfc3339(item.time),
        origin=_origin(item.origin),
        summary=shortened(_text(item.summary), LONGEST_SUMMARY),
    )


def _origin(origin: Origin) -> AlertOrigin:
    values: dict[str, Any] = msgspec.to_builtins(origin)
    return AlertOrigin.model_validate(
        {name: well_formed(value) if isinstance(value, str) else value for name, value in values.items()}
    )


def _text(text: str) -> str:
    return shortened(redact(beginning(text, LONGEST_READ)), LONGEST_TEXT)


def _plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = redact_value(msgspec.to_builtins(value, str_keys=True), _text)
    return plain
