"""What a call of `middlewatch simulate` chooses from."""

from __future__ import annotations

from enum import StrEnum

SOURCES = ("audit", "runtime", "arm")
"""Audit logs of the API servers, sensors on the nodes, Azure Resource Manager."""


class Scale(StrEnum):
    """How large a cluster is."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Form(StrEnum):
    """In which form audit logs are written."""

    NATIVE = "native"
    AKS = "aks"
    EKS = "eks"
    GKE = "gke"
    MIXED = "mixed"
    """Every cluster in another one."""
