"""Alert type and the logic that detects it. What a detector of one's own needs is exported here."""

from detectors.audit.conditions import dry_run, refused, unfinished
from detectors.contract import Condition, Detector, Match, Quiet, Verdict, condition, rule
from detectors.examples import audit, connection, execution, file_access, fired
from detectors.selection import connects, executes, requests, touches_files, writes
from detectors.stateful import Finding, Noted, Observation, Scope, Stateful, UnknownStateError
from detectors.windows import (
    AtLeast,
    CountParameters,
    Sighting,
    SpanParameters,
    event_count,
    temporal,
    temporal_ordered,
    value_count,
)

__all__ = [
    "AtLeast",
    "Condition",
    "CountParameters",
    "Detector",
    "Finding",
    "Match",
    "Noted",
    "Observation",
    "Quiet",
    "Scope",
    "Sighting",
    "SpanParameters",
    "Stateful",
    "UnknownStateError",
    "Verdict",
    "audit",
    "condition",
    "connection",
    "connects",
    "dry_run",
    "event_count",
    "executes",
    "execution",
    "file_access",
    "fired",
    "refused",
    "requests",
    "rule",
    "temporal",
    "temporal_ordered",
    "touches_files",
    "unfinished",
    "value_count",
    "writes",
]
