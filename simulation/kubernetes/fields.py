"""Managed fields, as an API server writes them: which manager set which field of an object (`fieldsV1`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from simulation.json import Json

ATOMIC = frozenset(
    {
        "args", "command", "endpoints", "involvedObject", "matchExpressions", "nodeSelector",
        "regarding", "requiredDuringSchedulingIgnoredDuringExecution", "roleRef", "rules", "selector", "sources",
        "subjects", "tolerations", "uncountedTerminatedPods",
    }
)  # fmt: skip
"""Fields that are owned as a whole."""
PLAIN = frozenset({"metadata", "spec", "template", "strategy", "updateStrategy", "jobTemplate", "status", "source"})
"""Parts of which only the fields are owned, not the part itself."""
UNMARKED_LISTS = frozenset({"containers", "initContainers"})
LIST_KEYS = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
NOT_OWNED = frozenset({"apiVersion", "kind"})
SERVER_SET = frozenset(
    {"creationTimestamp", "generation", "managedFields", "name", "namespace", "resourceVersion", "uid"}
)


def owned(body: Mapping[str, Any], parts: Sequence[str]) -> Json:
    """The fields of these parts of an object, in the form of `fieldsV1`.

    Examples
    --------
    >>> owned({"metadata": {"name": "x", "labels": {"app": "x"}}, "data": {"a": "1"}}, ["data", "metadata"])
    {'f:data': {'.': {}, 'f:a': {}}, 'f:metadata': {'f:labels': {'.': {}, 'f:app': {}}}}
    """
    found = {part: _field(part, body[part]) for part in sorted(parts) if part not in NOT_OWNED and part in body}
    return {f"f:{part}": fields for part, fields in found.items() if fields or part not in PLAIN}


def _field(name: str, value: Any) -> Json:
    if name in ATOMIC or value is None:
        return {}
    if isinstance(value, Mapping):
        return _mapping(name, value)
    if isinstance(value, list):
        return _keyed(name, value)
    return {}


def _mapping(name: str, value: Mapping[str, Any]) -> Json:
    mine = [key for key in sorted(value) if not (name == "metadata" and key in SERVER_SET)]
    found = {key: _field(key, value[key]) for key in mine}
    fields = {f"f:{key}": part for key, part in found.items() if part or key not in PLAIN}
    return fields if name in PLAIN or not fields else {".": {}, **fields}


def _keyed(name: str, value: list[Any]) -> Json:
    if name == "finalizers":
        return {".": {}, **{f"v:{json.dumps(item)}": {} for item in value}}
    keys = _port_keys(value) if name == "ports" else LIST_KEYS.get(name)
    if keys is None or not value:
        return {}
    items = {_key(item, keys): _item(name, item) for item in value}
    ordered = {key: items[key] for key in sorted(items)}
    return ordered if name in UNMARKED_LISTS else {".": {}, **ordered}


def _port_keys(ports: list[Any]) -> tuple[str, str] | None:
    if "containerPort" in ports[0]:
        return "containerPort", "protocol"
    return ("port", "protocol") if "targetPort" in ports[0] else None


def _key(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps({key: item[key] for key in keys}, separators=(",", ":"))


def _item(name: str, item: Mapping[str, Any]) -> Json:
    if name == "ownerReferences":
        return {}
    return {".": {}, **{f"f:{key}": _field(key, item[key]) for key in sorted(item)}}


def merged(old: Json, new: Json) -> Json:
    """The fields of both, for a manager that comes again."""
    both = {**old, **{key: merged(old.get(key, {}), part) for key, part in new.items()}}
    return {key: both[key] for key in sorted(both)}


def without(fields: Json, taken: Json) -> Json:
    """The fields less those that another manager has taken over.

    Examples
    --------
    >>> without({"f:spec": {"f:a": {}, "f:b": {}}}, {"f:spec": {"f:a": {}}})
    {'f:spec': {'f:b': {}}}
    """
    kept = {}
    for key, part in fields.items():
        if key not in taken or key == ".":
            kept[key] = part
        elif part and taken[key]:
            kept[key] = without(part, taken[key])
    return {key: part for key, part in kept.items() if part or key not in taken or key == "."}
