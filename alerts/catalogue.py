"""The alert types: what an alert says that does not depend on the occurrence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct


class Severity(IntEnum):
    """How much an alert of a type matters. Ordered; prints as its word, and is made of it in any case.

    Examples
    --------
    >>> Severity("high") > Severity.LOW
    True
    >>> print(Severity.INFORMATIONAL)
    Informational
    """

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4

    def __str__(self) -> str:
        return self.name.capitalize()

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    @classmethod
    def _missing_(cls, value: object) -> Severity | None:
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


class Tactic(Struct, frozen=True, forbid_unknown_fields=True):
    """What an attacker wants. The id is empty for words that are no tactics of MITRE ATT&CK."""

    name: str
    uid: str = ""


class AlertType(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the catalogue."""

    id: str
    """As users know it from Defender for Containers, for example `K8S_ClusterAdminBinding`."""
    title: str
    severity: Severity
    tactics: tuple[str, ...]
    """Words of `TACTICS`."""
    techniques: tuple[str, ...]
    """MITRE ATT&CK ids, each a key of `TECHNIQUES`."""
    source: Literal["audit", "runtime", "arm"]
    """Audit events of the API server, events of a node or container, or Azure Resource Manager operations."""
    description: str
    """What happened, why it matters, and what to do first."""
    kind: Literal["rule", "join", "window", "baseline", "model"] = "rule"
    """How it is decided."""
    state: Literal["none", "object", "tree", "inventory", "cluster"] = "none"
    """What must be remembered to decide it."""
    flags: tuple[str, ...] = ()
    """`preview`, `preview-non-aks`, `no-gke`, `windows`: where Defender offers it."""
    summary: str = ""
    """What happened, in one sentence."""


class UnknownAlertTypeError(KeyError):
    """No alert type has this id; the message names the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


def _read() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = Path(__file__).with_name("catalogue.yaml").read_bytes()
    # Both loaders are safe: they make plain values only.
    read: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506
    return read


def _alert_type(row: dict[str, Any]) -> AlertType:
    return msgspec.convert(row | {"severity": int(Severity(row["severity"]))}, AlertType)


_DATA = _read()
ATTACK_VERSION: str = _DATA["attack_version"]
"""Version of MITRE ATT&CK that the names of tactics and techniques are taken from."""
TACTICS: Mapping[str, Tactic] = MappingProxyType(msgspec.convert(_DATA["tactics"], dict[str, Tactic]))
"""By the word that alerts use."""
TECHNIQUES: Mapping[str, str] = MappingProxyType(msgspec.convert(_DATA["techniques"], dict[str, str]))
"""Names of techniques and sub-techniques, by id."""
CATALOGUE: Mapping[str, AlertType] = MappingProxyType({row["id"]: _alert_type(row) for row in _DATA["alerts"]})
"""The alert types by id, in the order of the reference."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?` where a known name is near, else nothing: the end of an error message."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def find(alert_id: str, types: Mapping[str, AlertType] = CATALOGUE) -> AlertType:
    """The alert type of this id, in any case.

    Raises
    ------
    UnknownAlertTypeError
        There is none.

    Examples
    --------
    >>> find("k8s_privilegedcontainer").title
    'Privileged container detected'
    """
    found = types.get(alert_id) or next((types[name] for name in types if name.casefold() == alert_id.casefold()), None)
    if found is None:
        raise UnknownAlertTypeError(f"no alert type {alert_id!r}" + nearest(alert_id, types))
    return found
