"""The catalogue as `middlewatch alerts` prints it."""

from __future__ import annotations

import io
import json
import shutil
from typing import Any

from rich import box
from rich.table import Table

from alerts.catalogue import AlertType, find
from detectors.contract import Detector
from flows.configuration import Configuration
from flows.console import PeopleConsole
from flows.reference import described, selection

WIDTH = 160
"""Columns, where the output is no terminal."""


def listing(configuration: Configuration, alert_id: str | None, form: str) -> str:
    """All alert types in a line each, or one in full; or either as JSON.

    Raises
    ------
    UnknownAlertTypeError
        The catalogue does not have this id.
    """
    types = configuration.types
    if alert_id is None:
        rows = [entry(kind, configuration.detectors) for kind in types.values()]
        return json.dumps(rows, indent=2) if form == "json" else _table(rows)
    kind = find(alert_id, types)
    if form == "json":
        return json.dumps(entry(kind, configuration.detectors), indent=2)
    return described(kind, configuration.detectors)


def entry(kind: AlertType, detectors: tuple[Detector[Any], ...]) -> dict[str, Any]:
    """One alert type and its detectors as JSON values."""
    mine = [detector for detector in detectors if detector.alert_type == kind.id]
    return {
        "id": kind.id,
        "title": kind.title,
        "severity": str(kind.severity),
        "tactics": list(kind.tactics),
        "techniques": list(kind.techniques),
        "source": kind.source,
        "kind": kind.kind,
        "description": kind.description,
        "detectors": [
            {
                "name": detector.__name__,
                "revision": detector.revision,
                "selects": [selection(selector) for selector in detector.on],
                "misses": detector.misses,
                "noise": detector.noise,
                "parameters": detector.parameters.model_dump(mode="json") if detector.parameters else {},
            }
            for detector in mine
        ],
    }


def _table(rows: list[dict[str, Any]]) -> str:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("ALERT", "SEVERITY", "SOURCE", "DETECTED BY", "TITLE"):
        table.add_column(name, overflow="fold")
    for row in rows:
        by = ", ".join(detector["name"] for detector in row["detectors"]) or "-"
        table.add_row(row["id"], row["severity"], row["source"], by, row["title"])
    text = io.StringIO()
    PeopleConsole(text, shutil.get_terminal_size((WIDTH, 0)).columns).print(table)
    detected = sum(bool(row["detectors"]) for row in rows)
    return f"{text.getvalue().rstrip()}\n\n{detected} of {len(rows)} alert types have a detector."
