"""From a settings file and the environment to the detectors that run, or to all that is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct
from pydantic import BaseModel, ValidationError

from alerts.catalogue import CATALOGUE, AlertType, Severity
from detectors import registry
from detectors.contract import Detector
from flows import own_detectors
from flows.settings import Settings

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value of the settings."""


class Problem(Struct, frozen=True):
    """One thing that is wrong with the settings."""

    place: Place
    line: int | None
    """Line of the settings file; None if it is not from there."""
    message: str

    def __str__(self) -> str:
        path = ".".join(str(part) for part in self.place)
        return ": ".join(part for part in (f"line {self.line}" if self.line else "", path, self.message) if part)


class SettingsError(Exception):
    """The settings are wrong; `problems` says all that is."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = problems
        more = f" (and {len(problems) - 1} more: middlewatch check-settings)" if len(problems) > 1 else ""
        super().__init__(f"{source}: {problems[0]}{more}")


class Configuration(Struct, frozen=True):
    """What runs, and how."""

    settings: Settings
    detectors: tuple[Detector[Any], ...]
    """Enabled, with their parameters, in order of alert types."""
    types: Mapping[str, AlertType]
    """The catalogue and the user's own alert types."""
    severities: Mapping[str, Severity]
    """Those that the settings override."""


def configure(path: Path | None = None) -> Configuration:
    """Read the settings and make the detectors ready.

    Raises
    ------
    SettingsError
        With every problem there is.
    """
    source = str(path) if path is not None else "environment"
    data, lines = _read(path)
    try:
        settings = Settings(**data)
    except ValidationError as error:
        raise SettingsError(source, [_located(problem, lines) for problem in _problems(error)]) from None
    base = path.parent if path is not None else Path()
    own, problems = own_detectors.load(settings.own_detectors, base)
    types = {**CATALOGUE, **{kind.id: kind for kind in own.types}}
    detectors = []
    for detector in (*registry.builtin(), *own.detectors):
        try:
            detectors += _adapted(detector, settings)
        except ValidationError as error:
            place: Place = ("detectors", detector.alert_type, "parameters")
            problems += [(place + found, message) for found, message in _problems(error, detector.parameters)]
        except ValueError as error:
            problems.append((("detectors", detector.alert_type, "parameters"), str(error)))
    problems += _without_detector(settings, {detector.alert_type for detector in (*registry.builtin(), *own.detectors)})
    if problems:
        raise SettingsError(source, [_located(problem, lines) for problem in problems])
    detectors.sort(key=lambda detector: (detector.alert_type, detector.__qualname__))
    severities = {name: chosen.severity for name, chosen in settings.detectors.items() if chosen.severity is not None}
    return Configuration(settings, tuple(detectors), types, severities)


def _adapted(detector: Detector[Any], settings: Settings) -> list[Detector[Any]]:
    chosen = settings.detectors.get(detector.alert_type)
    if chosen is None:
        return [detector]
    adapted = detector.with_parameters(chosen.parameters) if chosen.parameters else detector
    return [adapted] if chosen.enabled else []


def _without_detector(settings: Settings, known: set[str]) -> Iterator[tuple[Place, str]]:
    for name in settings.detectors:
        if name not in known:
            reason = "has no detector yet" if name in CATALOGUE else "no such alert type" + nearest(name, known)
            yield ("detectors", name), reason


def nearest(name: str, known: Any) -> str:
    """`; did you mean x?`, or nothing."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def _read(path: Path | None) -> tuple[dict[str, Any], dict[Place, int]]:
    """The content of a settings file, and the line of each place in it."""
    if path is None:
        return {}, {}
    try:
        text = path.read_text(encoding="utf8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except OSError as error:
        raise SettingsError(str(path), [Problem((), None, error.strerror or str(error))]) from None
    except UnicodeDecodeError:
        raise SettingsError(str(path), [Problem((), None, "not UTF-8")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"not YAML: {getattr(error, 'problem', None) or error}"
        raise SettingsError(str(path), [Problem((), mark.line + 1 if mark else None, message)]) from None
    if data is None:
        return {}, {}
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise SettingsError(str(path), [Problem((), 1, "settings are a mapping of names")])
    return data, dict(_lines(root, ()))


def _lines(node: yaml.Node | None, place: Place) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(value, (*place, index))


def _located(problem: tuple[Place, str], lines: Mapping[Place, int]) -> Problem:
    place, message = problem
    line = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), None)
    return Problem(place, line, message)


def _problems(error: ValidationError, model: BaseModel | None = None) -> list[tuple[Place, str]]:
    found = []
    for problem in error.errors(include_url=False):
        place, message = problem["loc"], problem["msg"]
        if problem["type"] == "extra_forbidden":
            known = _names(type(model) if model is not None else Settings, place[:-1])
            message = "unknown name" + nearest(str(place[-1]), known)
        found.append((place, message))
    return found


def _names(model: Any, place: Place) -> list[str]:
    """The names that the model allows at a place."""
    for part in place:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        annotation = field.annotation if field is not None else model
        arguments = getattr(annotation, "__args__", ())
        model = next((one for one in (annotation, *arguments) if hasattr(one, "model_fields")), annotation)
    return list(getattr(model, "model_fields", ()))
