"""From a settings file and the environment to the detectors that run, or to all that is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic_settings
import yaml
from msgspec import Struct
from pydantic import BaseModel, ValidationError

from alerts.catalogue import CATALOGUE, AlertType, Severity, nearest
from detectors import registry
from detectors.contract import Detector
from flows import own_detectors
from flows.dispatch import Dispatch
from flows.kafka.settings import written_secrets
from flows.settings import DetectorSettings, Settings, folded

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
    dispatch: Dispatch
    types: Mapping[str, AlertType]
    """The catalogue and the user's own alert types."""
    severities: Mapping[str, Severity]
    """Those that the settings override."""

    def severity(self, alert_type: str) -> str:
        """What alerts of this type have."""
        return str(self.severities.get(alert_type, self.types[alert_type].severity))


def configure(path: Path | None = None) -> Configuration:
    """Read the settings and make the detectors ready.

    Raises
    ------
    SettingsError
        With every problem there is.
    """
    source = str(path) if path is not None else "environment"
    data, lines = _read(path)
    settings, problems = _settings(data)
    if settings is None:
        raise SettingsError(source, [_located(problem, lines) for problem in problems])
    own, found = own_detectors.load(settings.own_detectors, path.parent if path is not None else Path())
    problems += found
    known = (*registry.builtin(), *own.detectors)
    problems += _ambiguous(known)
    chosen = {folded(name): values for name, values in settings.detectors.items()}
    detectors, found = _adapted(known, chosen)
    problems += found
    types = {**CATALOGUE, **{kind.id: kind for kind in own.types}}
    problems += _without_detector(settings, {detector.alert_type for detector in known})
    try:
        dispatch = Dispatch(detectors)
    except ValueError as error:
        problems.append((("own_detectors",), str(error)))
    if problems:
        raise SettingsError(source, [_located(problem, lines) for problem in problems])
    severities = {
        name: Severity[given.severity.upper()]
        for name in types
        if (given := chosen.get(folded(name))) is not None and given.severity is not None
    }
    return Configuration(settings, detectors, dispatch, types, severities)


def _settings(data: dict[str, Any]) -> tuple[Settings | None, list[tuple[Place, str]]]:
    """The settings, or what is wrong with them: in the file's data or in the environment."""
    fields = list(Settings.model_fields)
    prefix = str(Settings.model_config["env_prefix"])
    problems: list[tuple[Place, str]] = [
        ((name,), "unknown name" + nearest(name, fields)) for name in data if name not in fields
    ]
    problems += [
        (("kafka", "client", name), f"a secret: give it in the environment, or as {name}.file")
        for name in written_secrets(data)
    ]
    for name in os.environ:
        first = name[len(prefix) :].split("__")[0].lower()
        if name.upper().startswith(prefix) and first not in fields:
            problems.append(((name,), "no such setting in the environment" + nearest(first, fields)))
    try:
        settings = Settings(**{name: value for name, value in data.items() if name in fields})
    except ValidationError as error:
        return None, problems + _problems(error)
    except pydantic_settings.SettingsError as error:
        return None, [*problems, (("environment",), f"{error}: {error.__cause__ or 'not JSON'}")]
    return (None if problems else settings), problems


def _adapted(
    known: Iterable[Detector[Any]], chosen: Mapping[str, DetectorSettings]
) -> tuple[tuple[Detector[Any], ...], list[tuple[Place, str]]]:
    """The detectors that are enabled, with their parameters, and what is wrong with these."""
    detectors: list[Detector[Any]] = []
    problems: list[tuple[Place, str]] = []
    for detector in known:
        given = chosen.get(folded(detector.alert_type), DetectorSettings())
        place: Place = ("detectors", detector.alert_type, "parameters")
        try:
            adapted = detector.with_parameters(given.parameters) if given.parameters else detector
            detectors += [adapted] if given.enabled else []
        except ValidationError as error:
            problems += [((*place, *found), message) for found, message in _problems(error, detector.parameters)]
        except ValueError as error:
            problems.append((place, str(error)))
    detectors.sort(key=lambda detector: (detector.alert_type, detector.__qualname__))
    return tuple(detectors), problems


def _ambiguous(detectors: Iterable[Detector[Any]]) -> Iterator[tuple[Place, str]]:
    """Names that two detectors share: a name is the key of a detector's state, and stands in its alerts."""
    seen: set[str] = set()
    for detector in detectors:
        if detector.__name__ in seen:
            yield ("own_detectors",), f"{detector.__name__}: another detector has this name; choose one of its own"
        seen.add(detector.__name__)


def _without_detector(settings: Settings, known: set[str]) -> Iterator[tuple[Place, str]]:
    spelled = {folded(name) for name in known}
    listed = {folded(name) for name in CATALOGUE}
    for name in settings.detectors:
        if folded(name) not in spelled:
            reason = "has no detector yet" if folded(name) in listed else "no such alert type" + nearest(name, known)
            yield ("detectors", name), reason


def _read(path: Path | None) -> tuple[dict[str, Any], dict[Place, int]]:
    """The content of a settings file, and the line of each place in it."""
    if path is None:
        return {}, {}
    try:
        text = path.read_text(encoding="utf8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        places = list(_lines(root, ()))
        data = yaml.safe_load(text)
    except OSError as error:
        raise SettingsError(str(path), [Problem((), None, error.strerror or str(error))]) from None
    except UnicodeDecodeError:
        raise SettingsError(str(path), [Problem((), None, "not UTF-8")]) from None
    except RecursionError:
        raise SettingsError(str(path), [Problem((), None, "an alias that contains itself, or too deep")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"not YAML: {getattr(error, 'problem', None) or error}"
        raise SettingsError(str(path), [Problem((), mark.line + 1 if mark else None, message)]) from None
    if data is None:
        return {}, {}
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise SettingsError(str(path), [Problem((), 1, "settings are a mapping of names")])
    return data, _once(path, places)


def _once(path: Path, places: list[tuple[Place, int]]) -> dict[Place, int]:
    """The line of each place; YAML would silently take the last of two equal names."""
    lines: dict[Place, int] = {}
    problems = [Problem(place, line, "named twice") for place, line in places if lines.setdefault(place, line) != line]
    if problems:
        raise SettingsError(str(path), problems)
    return lines


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
    if _in_environment(place):
        return Problem(place, None, f"{message} (from the environment)")
    line = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), None)
    return Problem(place, line, message)


def _in_environment(place: Place) -> bool:
    """Whether an environment variable gives this value, and so wins over the file's."""
    name = str(Settings.model_config["env_prefix"]) + "__".join(str(part) for part in place)
    return bool(place) and any(folded(name) == folded(given) for given in os.environ)


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
