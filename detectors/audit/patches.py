"""Patches applied to what is known of an object, where the API server's answer was not recorded."""

from __future__ import annotations

from typing import Any

import msgspec

from detectors.audit.objects import Operation

LONGEST = 16_384
"""Bytes of a patch that is kept until it is applied."""
DEEPEST = 32
KEYS = ("containerPort", "port", "name")
"""What tells the items of a list apart in a strategic patch."""


def patched(known: dict[str, Any], patch: bytes) -> dict[str, Any] | None:
    """The object after a patch; None if the patch does not fit what is known. `known` is altered.

    A list of steps is a JSON patch (RFC 6902). An object is taken for a strategic merge patch: lists of
    named things are merged. The audit log does not tell it from a merge patch, which replaces them.
    """
    try:
        said = msgspec.json.decode(patch)
        if isinstance(said, list):
            for step in msgspec.convert(said, list[Operation]):
                _take(known, step)
            return known
        return _merged(known, said, DEEPEST) if isinstance(said, dict) else None
    except (msgspec.DecodeError, RecursionError, LookupError, ValueError, TypeError):
        return None


def _take(known: dict[str, Any], step: Operation) -> None:
    """One step of a JSON patch; what lies outside of what is known is passed over."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in step.path.split("/")[1:]]
    if step.op == "test" or not keys:
        return
    if step.op not in ("add", "replace", "remove"):
        raise ValueError(step.op)
    place: Any = known
    for key in keys[:-1]:
        if isinstance(place, dict) and key not in place:
            return
        place = place[int(key)] if isinstance(place, list) else place[key]
    if isinstance(place, list):
        _take_item(place, keys[-1], step)
    elif step.op == "remove":
        place.pop(keys[-1], None)
    elif isinstance(place, dict):
        place[keys[-1]] = step.value


def _take_item(place: list[Any], key: str, step: Operation) -> None:
    if step.op == "add":
        place.insert(len(place) if key == "-" else int(key), step.value)
    elif step.op == "remove":
        del place[int(key)]
    else:
        place[int(key)] = step.value


def _merged(known: Any, said: dict[str, Any], depth: int) -> dict[str, Any]:
    if depth == 0:
        raise ValueError("too deep")
    merged = dict(known) if isinstance(known, dict) and said.get("$patch") != "replace" else {}
    for key, value in said.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merged(merged.get(key), value, depth - 1)
        elif isinstance(value, list):
            merged[key] = _merged_list(merged.get(key), value, depth - 1)
        else:
            merged[key] = value
    return merged


def _merged_list(known: Any, said: list[Any], depth: int) -> list[Any]:
    """Items of the same key are one; a list without keys is replaced."""
    items = [item for item in said if isinstance(item, dict)]
    key = next((key for key in KEYS if items and all(key in item for item in items if len(item) > 1)), None)
    if key is None or len(items) < len(said) or not isinstance(known, list):
        return said
    if {"$patch": "replace"} in items:
        return [item for item in items if "$patch" not in item]
    merged = {item.get(key): item for item in known if isinstance(item, dict)}
    for item in items:
        if item.get("$patch") == "delete":
            merged.pop(item[key], None)
        else:
            merged[item[key]] = _merged(merged.get(item[key]), item, depth - 1)
    return list(merged.values())
