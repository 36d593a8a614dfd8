"""An alert that is too large for where it goes: cut, always in the same way, so that it fits and says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from alerts.alert import Alert

PARTS = ("cluster", "entity", "actor", "explanation", "evidence")
"""Parts of an alert that come from events: all the others are as long as we wrote them."""
SMALLEST = 8_192
"""Bytes in which every alert fits, in each encoding, if the texts of its alert type are as long as the catalogue's."""


class _Cut(NamedTuple):
    """How much is left."""

    evidence: int
    """Events."""
    text: int
    """Bytes of a text, as JSON writes it."""
    items: int
    """Of a list or a mapping."""
    levels: int
    """Of the values in `explanation.fields`."""


CUTS = (_Cut(20, 2048, 128, 8), _Cut(20, 1024, 32, 4), _Cut(10, 512, 16, 3), _Cut(3, 256, 8, 2), _Cut(1, 96, 2, 1))
"""Tried one after the other."""


def fitted(alert: Alert, encode: Callable[[Alert], bytes], largest: int) -> bytes | None:
    """The alert as bytes, with as much of it as fits; `trimmed` then names the parts that were cut.

    Parameters
    ----------
    alert
        Whole.
    encode
        One of `alerts.encoders`.
    largest
        Bytes. None is returned if not even the smallest form fits, which happens below SMALLEST alone.
    """
    value = encode(alert)
    if len(value) <= largest:
        return value
    forms = (encode(_cut(alert, cut)) for cut in CUTS)
    return next((form for form in forms if len(form) <= largest), None)


def _cut(alert: Alert, cut: _Cut) -> Alert:
    whole = alert.model_dump(mode="json", exclude_defaults=True)
    parts = {name: whole[name] for name in PARTS if name in whole}
    explanation = parts["explanation"]
    shown = {
        **parts,
        "explanation": {
            **explanation,
            "conditions": explanation["conditions"][: cut.items],
            "fields": _shallow(explanation["fields"], cut, cut.levels),
        },
        "evidence": parts["evidence"][: cut.evidence],
    }
    if "addresses" in parts.get("actor", {}):
        shown["actor"] = {**parts["actor"], "addresses": parts["actor"]["addresses"][-cut.items :]}
    shorter = {name: _texts(part, cut.text) for name, part in shown.items()}
    trimmed = tuple(name for name in parts if shorter[name] != parts[name])
    return Alert.model_validate({**whole, **shorter, "trimmed": trimmed})


def _shallow(value: Any, cut: _Cut, levels: int) -> Any:
    """A value of free JSON with the first of its items, and without what lies deeper."""
    if not isinstance(value, dict | list):
        return value
    if levels < 0:
        return "…"
    if isinstance(value, dict):
        return {key: _shallow(item, cut, levels - 1) for key, item in list(value.items())[: cut.items]}
    return [_shallow(item, cut, levels - 1) for item in value[: cut.items]]


def _texts(value: Any, longest: int) -> Any:
    """A value with all of its texts cut, and with numbers that no ordinary program reads as texts."""
    if isinstance(value, dict):
        return {_shortened(key, longest): _texts(item, longest) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item, longest) for item in value]
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return "…"
    return _shortened(value, longest) if isinstance(value, str) else value


def _shortened(text: str, longest: int) -> str:
    """The beginning of a text that JSON writes in so many bytes: of a control character it makes six."""
    kept = text
    while (size := _size(kept)) > longest:
        kept = kept[: min(len(kept) - 1, len(kept) * longest // size)]
    return text if kept == text else f"{kept}…"


def _size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))
