"""The generated pages of docs/: alert types and their detectors, schemas of alerts and settings.

Run as `python -m flows.reference docs`; with `--check` it only says which pages are out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alerts.alert import json_schema
from alerts.catalogue import CATALOGUE, AlertType
from alerts.redaction import shortened
from detectors import registry
from detectors.contract import Detector
from detectors.selection import Executions, Operations, Records, Requests, Selector
from flows.console import complain
from flows.settings import Settings

Detectors = tuple[Detector[Any], ...]
LONGEST = 60
"""Characters of a pattern that are shown: it only chooses what a detector reads, and may be long."""


def pages() -> dict[str, str]:
    """File name and content of each generated page."""
    return {
        "alerts.md": "\n".join(_alerts_page(registry.builtin())) + "\n",
        "alert.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "settings.schema.json": json.dumps(Settings.model_json_schema(), indent=2) + "\n",
    }


def _alerts_page(detectors: Detectors) -> Iterator[str]:
    detected = {detector.alert_type for detector in detectors}
    yield "# Alert types and what detects them"
    yield ""
    yield "Made by `make docs` from the catalogue and the detectors. A detector's parameters are set under"
    yield "`detectors: ALERT: parameters:` ([settings](settings.md))."
    yield ""
    yield f"{len(detected)} of {len(CATALOGUE)} alert types have a detector."
    yield ""
    yield "| alert type | severity | source | kind | title |"
    yield "|---|---|---|---|---|"
    for kind in CATALOGUE.values():
        name = f"[{kind.id}](#{_anchor(kind.id)})" if kind.id in detected else kind.id
        yield f"| {name} | {kind.severity} | {kind.source} | {kind.kind} | {kind.title} |"
    for kind in CATALOGUE.values():
        if kind.id in detected:
            yield ""
            yield described(kind, detectors)


def _anchor(title: str) -> str:
    return title.lower().replace(".", "")


def described(kind: AlertType, detectors: Detectors) -> str:
    """One alert type and its detectors, as Markdown that also reads well on a terminal."""
    lines = [
        f"## {kind.id}",
        "",
        f"{kind.title}. Severity {kind.severity}; {', '.join((*kind.tactics, *kind.techniques))}.",
        "",
        kind.description,
    ]
    mine = [detector for detector in detectors if detector.alert_type == kind.id]
    for detector in mine:
        lines += ["", *_detector(detector)]
    if not mine:
        lines += ["", "No detector of this alert type runs."]
    return "\n".join(lines)


def _detector(detector: Detector[Any]) -> Iterator[str]:
    yield f"**{detector.__name__}** (revision {detector.revision}, {detector.kind}, remembers: {detector.state})"
    yield ""
    prose = (detector.__doc__ or "").split(">>>")[0].split("Examples\n")[0]
    yield " ".join(prose.split())
    yield ""
    for selector in detector.on:
        yield f"- looks at: {selection(selector)}"
    for condition in detector.unless:
        yield f"- quiet if: {condition.sentence}"
    yield f"- misses: {detector.misses}"
    yield f"- noise: {detector.noise}"
    for name, field in type(detector.parameters).model_fields.items() if detector.parameters is not None else ():
        value = detector.parameters.model_dump(mode="json")[name] if detector.parameters is not None else None
        yield f"- parameter `{name}` (default `{json.dumps(value)}`): {field.description}"


def selection(selector: Selector) -> str:
    """Which events a selector chooses, in words."""
    match selector:
        case Requests(resources, verbs):
            return f"requests to {', '.join(sorted(verbs))} {', '.join(sorted(resources))}"
        case Executions(names, patterns, besides):
            programs = f"executions of {', '.join(sorted(names))}" if names else ""
            shown = ", ".join(f"`{shortened(pattern, LONGEST)}`" for pattern in patterns)
            lines = f"command lines that match {shown}" if patterns else ""
            others = f"executions of all but {len(besides)} programs of base images, by path" if besides else ""
            return "; ".join(part for part in (programs, lines, others) if part) or "all executions"
        case Records(kinds):
            return f"runtime records of kind {', '.join(sorted(kinds))}"
        case Operations(prefixes):
            return f"Azure operations {', '.join(sorted(prefixes)) or 'of any name'}"


def main() -> None:
    """Write the pages into a folder, or with --check compare them with what is there."""
    folder = Path(sys.argv[1])
    stale = [name for name, text in pages().items() if not _same(folder / name, text)]
    if "--check" in sys.argv:
        for name in stale:
            complain(f"{folder / name} is out of date: run make docs")
        sys.exit(bool(stale))
    for name in stale:
        (folder / name).write_text(pages()[name], encoding="utf8")


def _same(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf8") == text


if __name__ == "__main__":
    main()
