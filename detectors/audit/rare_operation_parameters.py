"""What can be set about rare operations of service accounts."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from detectors.audit.networks import DeclaredNetworks, Networks
from detectors.parameters import Duration, written


class RareOperationParameters(BaseModel, frozen=True, extra="forbid"):
    """How strange is too strange, and how long the habits of a cluster are learned before anything is."""

    threshold: float = Field(12.6, gt=0, le=1000, description="Score in nats; 11 finds more, with more noise.")
    warm_up: Annotated[Duration, Field(le=timedelta(days=60))] = Field(
        timedelta(days=7), description="From the cluster's first event, by event time; no alert before."
    )
    networks: DeclaredNetworks = Field(
        {},
        description="CIDRs by class (`pod`, `node`, `control_plane`, `ci`): all addresses of a class are one network,"
        " the longest prefix counts. What is in none is told by its /24. For all clusters.",
    )

    @functools.cached_property
    def network(self) -> Networks:
        """Tells the network of an address."""
        return Networks(self.networks)

    @property
    def required(self) -> str:
        """What is required, in words."""
        return f"a score of {self.threshold:g} nats, {written(self.warm_up)} after the cluster's first event"
