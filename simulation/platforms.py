"""What each platform runs in kube-system, and how it names things."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec


class Platform(StrEnum):
    """Who runs the control plane."""

    AKS = "aks"
    EKS = "eks"
    GKE = "gke"
    SELF = "self"


class System(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workload that the platform brings."""

    kind: str
    name: str
    image: str
    account: str = ""
    privileged: bool = False
    host_paths: tuple[str, ...] = ()
    replicas: int = 2


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A platform's ways."""

    version: str
    """Of the control plane, when the log begins."""
    later: str
    """That it is upgraded to."""
    node_name: str
    systems: tuple[System, ...]
    dns: str = "coredns"
    """Name of the DNS workload and its ConfigMap."""


PLATFORMS: Mapping[Platform, Facts] = msgspec.yaml.decode(
    Path(__file__).with_name("platforms.yaml").read_bytes(), type=dict[Platform, Facts]
)
