"""The detectors there are: every Detector that a module of this package defines."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType
from typing import Any

from detectors.contract import Detector

PACKAGES = ("detectors.audit", "detectors.runtime")


def defined_in(module: ModuleType) -> list[Detector[Any]]:
    """The detectors that a module defines itself, in their order there."""
    return [
        value for value in vars(module).values() if isinstance(value, Detector) and value.__module__ == module.__name__
    ]


@functools.cache
def builtin() -> tuple[Detector[Any], ...]:
    """All detectors of the project, in order of their alert types."""
    found: list[Detector[Any]] = []
    for package in PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            found += defined_in(importlib.import_module(f"{package}.{module.name}"))
    return tuple(sorted(found, key=lambda detector: (detector.alert_type, detector.__qualname__)))
