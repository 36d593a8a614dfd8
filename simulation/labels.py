"""Labels: which of the records are part of an attack, which only look like one, and what a detector should say."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class Verdict(StrEnum):
    """What an event is part of."""

    ATTACK = "attack"
    ORDINARY = "ordinary"


class Variant(StrEnum):
    """How an episode is played."""

    STRAIGHT = "straight"
    """As the catalogue describes the alert."""
    CAREFUL = "careful"
    """By someone who knows the usual rules and does the same in another way."""
    NEAR_MISS = "near_miss"
    """By somebody at work, who does what only looks like it."""


class Mark(NamedTuple):
    """What an event is to be labelled as, before it is known where it will be written."""

    episode: str
    name: str
    variant: Variant
    kind: str = ""
    alert_types: tuple[str, ...] = ()
    near_miss_of: tuple[str, ...] = ()


class Label(BaseModel):
    """One labelled event: a line of `labels.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    event_id: str = Field(
        description="Of the record: auditID, insertId, exec id, correlation id; empty where the record has none."
    )
    time: str = Field(description="RFC 3339, UTC.")
    cluster: str
    source: str = Field(description="`audit`, `runtime` or `arm`.")
    origin: dict[str, Any] = Field(
        description="Path (below the capture's folder), line and, in an envelope, item; or topic, partition and offset."
    )
    verdict: Verdict
    variant: Variant
    alert_types: tuple[str, ...] = Field(
        description="What should be raised, and this event is evidence of; empty for what is only on the way."
    )
    near_miss_of: tuple[str, ...] = Field(description="What must not be raised for it.")
    kind: str = Field(alias="class", description="Class of attack, such as `secrets theft`; empty for most.")
    episode: str = Field(description="The same for all events of one attack.")
    name: str = Field(description="Of the episode, as `middlewatch simulate --list` shows it.")
