"""Why an event raised something, or nothing: what each detector that it reaches answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from alerts.redaction import redact, redact_value, shortened
from detectors.contract import Detector, Match, Quiet
from detectors.stateful import Stateful
from detectors.summaries import summary
from events import Event, Item, Malformed, Skipped
from events.decoder import Decoder
from flows.configuration import Configuration
from flows.inputs import InputError, cluster_of, expand
from flows.live import chunks

LONGEST = 600
"""Characters of one value or sentence."""


class PlaceError(Exception):
    """There is no such record; the message is for the user."""


class Record(Struct, frozen=True):
    """One line of a file, and which item of it is meant."""

    place: str
    line: bytes
    item: int | None


def record(place: str, longest: int) -> Record:
    """Read the record that FILE:LINE[:ITEM] means.

    Raises
    ------
    PlaceError
        It is no such place, or the file or the line is missing.
    """
    path, line, item = _parsed(place)
    if Path(path).is_dir():
        raise PlaceError(f"{path}: a folder; name the file")
    try:
        found = chunks(expand([path]), longest)
    except InputError as error:
        raise PlaceError(str(error)) from None
    last, damage = 0, ""
    for chunk in found:
        if chunk.first <= line < chunk.first + len(chunk.lines):
            return Record(place, chunk.lines[line - chunk.first], item)
        last, damage = chunk.first + len(chunk.lines) - 1, chunk.damage
    why = f" that can be read ({damage})" if damage else ""
    raise PlaceError(f"{path}: no record begins at line {line}; the last line{why} is {last}")


def _parsed(place: str) -> tuple[str, int, int | None]:
    match place.rsplit(":", 2):
        case [path, line, item] if line.isdecimal() and item.isdecimal():
            return path, int(line), int(item)
        case [*path, line] if path and line.isdecimal():
            return ":".join(path), int(line), None
    raise PlaceError(f"{place}: a place is FILE:LINE or FILE:LINE:ITEM, as an alert's evidence names it")


def explanation(shown: Record, configuration: Configuration, cluster: str) -> Iterator[str]:
    """Lines for a person: the event, and for each detector that it reaches what it answers.

    Raises
    ------
    PlaceError
        The record has no such item.
    """
    path = _parsed(shown.place)[0]
    items = Decoder(cluster_of(path, cluster), configuration.settings.limits.item).decode(shown.line)
    if shown.item is not None and shown.item >= len(items):
        raise PlaceError(f"{shown.place}: the line holds {len(items)} items, counted from 0")
    if shown.item is None and len(items) > 1:
        raise PlaceError(f"{shown.place}: the line holds {len(items)} items; add :ITEM, from 0 to {len(items) - 1}")
    yield f"{shown.place}  {_told(items[shown.item or 0]) if items else 'blank line'}"
    if not items or isinstance(event := items[shown.item or 0], Skipped | Malformed):
        return
    reached = configuration.dispatch.reached(event)
    if not reached:
        yield "  reaches no detector: none selects this kind of event"
    for detector in reached:
        yield from _answer(detector, event)


def _told(item: Item) -> str:
    if isinstance(item, Skipped):
        return f"skipped: {item.reason}"
    if isinstance(item, Malformed):
        return f"malformed: {item.reason} {item.detail}"
    return f"{item.cluster}  {_short(redact(summary(item)))}"


def _answer(detector: Detector[Any], event: Event) -> Iterator[str]:
    try:
        verdict = detector(event)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a detector raises is what the user asks about
        yield f"  ERROR  {detector.alert_type}  {type(error).__name__}: {error}"
        return
    if isinstance(verdict, Match):
        yield f"  FIRES  {detector.alert_type}  {_short(redact(verdict.because))}"
        for name, value in verdict.fields.items():
            yield f"         {name} = {_shown(value)}"
    elif isinstance(verdict, Quiet):
        adds = isinstance(detector, Stateful) and verdict.condition == detector.required
        said = "adds to what has to come together:" if adds else "FAIL"
        yield f"  quiet  {detector.alert_type}  {said} {verdict.condition}; actual={_shown(verdict.saw)}"
    else:
        yield f"  quiet  {detector.alert_type}  gives no reason"


def _shown(value: Any) -> str:
    return "absent" if value is None else _short(json.dumps(redact_value(value), ensure_ascii=False, default=str))


def _short(text: str) -> str:
    return shortened(text, LONGEST)
