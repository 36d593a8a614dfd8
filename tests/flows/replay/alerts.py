"""Alerts as a run left them, and how two runs differ."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct

Content: TypeAlias = dict[str, Any]
Alerts: TypeAlias = dict[str, Content]
"""The last content of each, by id."""
SHOWN = 5


class Delivered(Struct):
    """All that a run, or several after one another, wrote."""

    last: Alerts
    lines: int
    repeated: int
    """Lines with an id and a revision that were there before."""
    altered: int
    """Those of them that say something else, but of where an event stands: files may have been renamed between."""


def delivered(path: Path) -> Delivered:
    """What a file of alerts holds."""
    last: Alerts = {}
    seen: dict[tuple[str, int], Content] = {}
    lines = repeated = altered = 0
    for line in path.read_bytes().splitlines() if path.exists() else ():
        alert = json.loads(line)
        revision, what = alert["revision"], content(alert)
        lines += 1
        before = seen.setdefault((alert["id"], revision), what)
        if before is not what:
            repeated += 1
            altered += without_origins({"": before}) != without_origins({"": what})
        last[alert["id"]] = what
    return Delivered(last, lines, repeated, altered)


def content(alert: Mapping[str, Any]) -> Content:
    """What must not depend on how it was found: all but its revision."""
    return {name: value for name, value in alert.items() if name not in ("revision", "activity")}


def without_origins(alerts: Alerts) -> Alerts:
    """The same wherever its events stand."""
    return {
        name: {**alert, "evidence": [{**one, "origin": None} for one in alert["evidence"]]}
        for name, alert in alerts.items()
    }


def assert_same(found: Alerts, expected: Alerts) -> None:
    """Fail, and say what is lost, invented or changed."""
    told = list(_differences(found, expected))
    assert not told, "\n".join([f"{len(told)} of {len(expected)} alerts differ:", *told[:SHOWN]])


def _differences(found: Alerts, expected: Alerts) -> Iterator[str]:
    for name in sorted(found.keys() | expected.keys()):
        one, other = found.get(name), expected.get(name)
        if one is None or other is None:
            alert = one or other or {}
            yield f"{'invented' if other is None else 'lost'}: {name} {alert['alert_type']}"
        elif one != other:
            fields = {field: (one.get(field), other.get(field)) for field in other if one.get(field) != other[field]}
            yield f"changed: {name} {one['alert_type']}: {fields}"[:600]
