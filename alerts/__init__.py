"""What we say about what happened: the catalogue of alert types, and alerts and their encodings."""

from alerts.alert import Alert, Suppression
from alerts.catalogue import CATALOGUE, AlertType, Severity, UnknownAlertTypeError, find
from alerts.signal import Actor, Entity, Evidence, Origin, Signal

__all__ = [
    "CATALOGUE",
    "Actor",
    "Alert",
    "AlertType",
    "Entity",
    "Evidence",
    "Origin",
    "Severity",
    "Signal",
    "Suppression",
    "UnknownAlertTypeError",
    "find",
]
