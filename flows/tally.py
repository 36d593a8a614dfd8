"""What one run read and raised, counted: `read = events + skipped + malformed`, always."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from events import ActivityEvent, AuditEvent, Item, Kind, Malformed, RuntimeEvent, Skipped

_LOST = Kind.LOST
"""By itself: to look it up in its class is slow."""


class Tally:
    """Counters of one run."""

    def __init__(self) -> None:
        self.read = 0
        self.input_bytes = 0
        """Of the inputs, as they are stored."""
        self.events: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.malformed: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        """Events that a detector could not judge, by alert type."""
        self.alerts: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        """Entities that have state, by step."""
        self.bytes: Counter[str] = Counter()
        """Of that state as it was last written, by step."""
        self.checkpoint: float | None = None
        """Seconds of wall-clock time at which state was last written."""
        self.truncated = 0
        self.late: Counter[str] = Counter()
        """Events that came later than allowed: rules judged them, state did not take them."""
        self.latest = timedelta(0)
        """By how much the latest of them was late."""
        self.lost_reports = 0
        self.gaps = 0
        """Stretches of topics that were deleted before they were read."""
        self.missing_offsets = 0
        """In all of them."""

    def count(self, item: Item) -> None:
        """Count one item that was read."""
        self.read += 1
        kind = type(item)
        if kind is AuditEvent:
            self.events["audit"] += 1
            self.truncated += item.truncated  # type: ignore[union-attr]  # narrowed by `kind`, which is fast
        elif isinstance(item, RuntimeEvent):
            self.events["runtime"] += 1
            self.lost_reports += item.kind is _LOST
        elif isinstance(item, ActivityEvent):
            self.events["arm"] += 1
        elif isinstance(item, Skipped):
            self.skipped[item.reason] += 1
        elif isinstance(item, Malformed):
            self.malformed[item.reason] += 1

    def count_late(self, source: str, by: int) -> None:
        """Count one event that is older than the newest of its file by so many microseconds."""
        self.late[source] += 1
        self.latest = max(self.latest, timedelta(microseconds=by))

    def add(self, other: Tally) -> None:
        """Count what another process counted as well."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if isinstance(value, Counter):
                mine.update(value)
            elif name == "latest":
                self.latest = max(self.latest, other.latest)
            elif isinstance(value, int):
                setattr(self, name, mine + value)

    def counted(self) -> dict[str, Any]:
        """The counters as JSON, in a stable order."""
        events, skipped, malformed = self.events.total(), self.skipped.total(), self.malformed.total()
        return {
            "read": self.read,
            "events": events,
            "skipped": skipped,
            "malformed": malformed,
            "truncated": self.truncated,
            "late": self.late.total(),
            "lost_reports": self.lost_reports,
            "gaps": self.gaps,
            "missing_offsets": self.missing_offsets,
            "alerts": _sorted(self.alerts),
            "late_by_source": _sorted(self.late),
            "events_by_source": _sorted(self.events),
            "skipped_by_reason": _sorted(self.skipped),
            "malformed_by_reason": _sorted(self.malformed),
            "failed_by_detector": _sorted(self.failed),
        }


def _sorted(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items()))
