"""Detectors of one's own: loaded from folders, files or modules, and held to the contract of all detectors."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import Struct

from alerts import CATALOGUE, AlertType, Origin
from detectors import checks, registry
from detectors.contract import Detector
from flows.judge import evaluated

PREFIX = "middlewatch_own"
"""Modules that are loaded from files are known under this name, so that they hide no other module."""
Problems = list[tuple[tuple[str | int, ...], str]]
"""Place in the settings, and what is wrong."""


class Own(Struct, frozen=True):
    """What the user's modules define."""

    detectors: list[Detector[Any]] = []
    types: list[AlertType] = []


def load(places: list[str], base: Path) -> tuple[Own, Problems]:
    """Import the modules named in the settings; relative paths start at `base`."""
    own, problems = Own(), Problems()
    loaded: set[str] = set()
    for index, place in enumerate(places):
        at = ("own_detectors", index)
        try:
            modules = _modules(place, base)
        except (Exception, SystemExit) as error:  # noqa: BLE001  the user's code may raise anything; the check reports it
            problems.append((at, f"{place}: {type(error).__name__}: {error}"))
            continue
        for module in modules:
            if module.__name__ in loaded:
                problems.append((at, f"{place}: named twice"))
                continue
            loaded.add(module.__name__)
            found = registry.defined_in(module)
            own.detectors.extend(found)
            own.types.extend(value for value in vars(module).values() if isinstance(value, AlertType))
            problems += [(at, f"{place}: {problem}") for problem in _mistyped(module)]
            if not found:
                problems.append((at, f"{place}: {module.__name__} defines no detector"))
        if not modules:
            problems.append((at, f"{place}: no Python files in it"))
    known = {*CATALOGUE, *(kind.id for kind in own.types)}
    problems += [
        (("own_detectors",), f"AlertType {kind.id} is the project's; choose an id of your own")
        for kind in own.types
        if kind.id in CATALOGUE
    ]
    for detector in own.detectors:
        if detector.alert_type not in known:
            problems.append((("own_detectors",), f"{detector.__name__}: no AlertType {detector.alert_type} is defined"))
    return own, problems


def _mistyped(module: ModuleType) -> Iterator[str]:
    for value in vars(module).values():
        if isinstance(value, AlertType):
            try:
                msgspec.convert(msgspec.to_builtins(value), AlertType)
            except msgspec.ValidationError as error:
                yield f"AlertType {value.id}: {error}"


def _modules(place: str, base: Path) -> list[ModuleType]:
    path = base / place
    if path.is_dir():
        return [_from_file(file) for file in sorted(path.glob("*.py")) if not file.name.startswith("_")]
    if path.is_file():
        return [_from_file(path)]
    if "/" in place or place.endswith(".py"):
        raise FileNotFoundError("no such file or folder")
    return [importlib.import_module(place)]


def _from_file(file: Path) -> ModuleType:
    digest = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]
    name = f"{PREFIX}_{file.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def broken_contracts(detectors: tuple[Detector[Any], ...]) -> list[str]:
    """Where the user's own among the detectors break the contract, one line each."""
    own = [one for one in detectors if not one.__module__.startswith(registry.PACKAGES)]
    return [f"{one.__name__}: {problem}" for one in own for problem in (*checks.problems(one), *_unsayable(one))]


def _unsayable(detector: Detector[Any]) -> Iterator[str]:
    """What it answers in its examples, and no alert can say."""
    for example in checks.run_examples(detector)[0]:
        for event in example.events:
            try:
                list(evaluated(detector, event, Origin()))
            except Exception as error:  # noqa: BLE001  whatever it raises is what the user is told
                yield f"{type(error).__name__}: {error}"
