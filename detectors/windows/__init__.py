"""Correlations in sliding windows of event time, in Sigma's terms: counts of events and of values, and sequences."""

from detectors.windows.correlation import (
    LARGEST,
    AtLeast,
    Burst,
    Correlation,
    CountParameters,
    Seen,
    Span,
    SpanParameters,
)
from detectors.windows.counts import EventCount, EventWindow, event_count
from detectors.windows.ordered import OrderedWindow, TemporalOrdered, temporal_ordered
from detectors.windows.values import Sighting, Temporal, ValueCount, Window, temporal, value_count

__all__ = [
    "LARGEST",
    "AtLeast",
    "Burst",
    "Correlation",
    "CountParameters",
    "EventCount",
    "EventWindow",
    "OrderedWindow",
    "Seen",
    "Sighting",
    "Span",
    "SpanParameters",
    "Temporal",
    "TemporalOrdered",
    "ValueCount",
    "Window",
    "event_count",
    "temporal",
    "temporal_ordered",
    "value_count",
]
