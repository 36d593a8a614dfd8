"""Detectors of one's own: loaded from folders, files or modules, and held to the contract of all detectors."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct

from alerts.catalogue import CATALOGUE, AlertType
from detectors import checks, registry
from detectors.contract import Detector

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
    for index, place in enumerate(places):
        at = ("own_detectors", index)
        try:
            modules = _modules(place, base)
        except Exception as error:  # noqa: BLE001  the user's code may raise anything; the settings check reports it
            problems.append((at, f"{place}: {type(error).__name__}: {error}"))
            continue
        for module in modules:
            found = registry.defined_in(module)
            own.detectors.extend(found)
            own.types.extend(value for value in vars(module).values() if isinstance(value, AlertType))
            if not found:
                problems.append((at, f"{place}: {module.__name__} defines no detector"))
        if not modules:
            problems.append((at, f"{place}: no Python files in it"))
    known = {*CATALOGUE, *(kind.id for kind in own.types)}
    for detector in own.detectors:
        if detector.alert_type not in known:
            problems.append((("own_detectors",), f"{detector.__name__}: no AlertType {detector.alert_type} is defined"))
    return own, problems


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
    name = f"{PREFIX}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def broken_contracts(detectors: tuple[Detector[Any], ...]) -> list[str]:
    """Where the user's own among these detectors break the contract, one line each."""
    own = [detector for detector in detectors if not detector.__module__.startswith(registry.PACKAGES)]
    return [f"{detector.__name__}: {problem}" for detector in own for problem in checks.problems(detector)]
