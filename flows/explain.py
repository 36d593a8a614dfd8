"""Why an event raised something, or nothing: what each detector that it reaches answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from alerts.redaction import redact, redact_value
from detectors.contract import Detector, Match, Quiet, Verdict
from detectors.summaries import summary
from events import Event, Malformed, Skipped
from events.decoder import Decoder
from flows.configuration import Configuration
from flows.dispatch import Dispatch
from flows.files import FileSource, InputError, expand
from flows.table import printable


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
    parts = place.rsplit(":", 2)
    numbers = [part for part in parts[1:] if part.isdecimal()]
    if len(numbers) == 2 and len(parts) == 3:
        path, line, item = parts[0], int(numbers[0]), int(numbers[1])
    elif numbers and parts[-1].isdecimal():
        path, line, item = place.rpartition(":")[0], int(parts[-1]), None
    else:
        raise PlaceError(f"{place}: a place is FILE:LINE or FILE:LINE:ITEM, as an alert's evidence names it")
    try:
        chunks = FileSource(expand([path]), longest).chunks()
    except InputError as error:
        raise PlaceError(str(error)) from None
    last = 0
    for chunk in chunks:
        if chunk.first <= line < chunk.first + len(chunk.lines):
            return Record(place, chunk.lines[line - chunk.first], item)
        last = chunk.first + len(chunk.lines) - 1
    raise PlaceError(f"{path} has {last} lines, so no line {line}")


def explanation(shown: Record, configuration: Configuration, cluster: str) -> Iterator[str]:
    """Lines for a person: the event, and for each detector that it reaches what it answers.

    Raises
    ------
    PlaceError
        The record has no such item.
    """
    items = Decoder(cluster, configuration.settings.limits.item).decode(shown.line)
    if shown.item is not None and shown.item >= len(items):
        raise PlaceError(f"{shown.place}: the line holds {len(items)} items, counted from 0")
    if shown.item is None and len(items) > 1:
        raise PlaceError(f"{shown.place}: the line holds {len(items)} items; add :ITEM, from 0 to {len(items) - 1}")
    if not items:
        yield f"{shown.place}  blank line"
        return
    item = items[shown.item or 0]
    if isinstance(item, Skipped):
        yield f"{shown.place}  skipped: {item.reason}"
    elif isinstance(item, Malformed):
        yield f"{shown.place}  malformed: {item.reason} {item.detail}".rstrip()
    else:
        yield printable(f"{shown.place}  {item.cluster}  {redact(summary(item))}")
        reached = Dispatch(configuration.detectors).reached(item)
        if not reached:
            yield "  reaches no detector: none selects this kind of event"
        for detector in reached:
            yield from _answer(detector, item)


def _answer(detector: Detector[Any], event: Event) -> Iterator[str]:
    verdict = _judged(detector, event)
    if isinstance(verdict, Match):
        yield printable(f"  FIRES  {detector.alert_type}  {redact(verdict.because)}")
        for name, value in verdict.fields.items():
            yield printable(f"         {name} = {_shown(value)}")
    elif isinstance(verdict, Quiet):
        yield printable(f"  quiet  {detector.alert_type}  FAIL {verdict.condition}; actual={_shown(verdict.saw)}")
    else:
        yield f"  quiet  {detector.alert_type}  gives no reason"


def _judged(detector: Detector[Any], event: Event) -> Verdict:
    try:
        return detector(event)
    except Exception as error:  # noqa: BLE001  whatever a detector raises is what the user asks about
        return Quiet("the detector can judge this event", f"{type(error).__name__}: {error}")


def _shown(value: Any) -> str:
    return "absent" if value is None else json.dumps(redact_value(value), ensure_ascii=False, default=str)
