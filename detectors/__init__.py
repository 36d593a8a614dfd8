"""Alert type and the logic that detects it. What a detector of one's own needs is exported here."""

from detectors.audit.conditions import dry_run, refused, unfinished
from detectors.contract import Condition, Detector, Match, Quiet, Verdict, condition, rule
from detectors.examples import audit, connection, execution, file_access, fired
from detectors.selection import connects, executes, requests, touches_files, writes
from detectors.windows import CountParameters, Sighting, value_count

__all__ = [
    "Condition",
    "CountParameters",
    "Detector",
    "Match",
    "Quiet",
    "Sighting",
    "Verdict",
    "audit",
    "condition",
    "connection",
    "connects",
    "dry_run",
    "executes",
    "execution",
    "file_access",
    "fired",
    "refused",
    "requests",
    "rule",
    "touches_files",
    "unfinished",
    "value_count",
    "writes",
]
