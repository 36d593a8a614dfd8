"""What the workers of a job last said of themselves, summed: the parent keeps it for its health and its metrics."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from flows.clock import ALL_READ
from flows.console import printable

Count = Annotated[int, Meta(ge=0)]

NUMBERS = (
    "read",
    "input_bytes",
    "lost_reports",
    "held",
    "open_files",
    "gaps",
    "missing_offsets",
    "lag",
    "unread_partitions",
)
BY_LABEL = ("events", "skipped", "malformed", "late", "alerts", "failed", "keys", "bytes")
LATEST: dict[str, Any] = {
    "held": 0,
    "open_files": 0,
    "lag": 0,
    "unread_partitions": 0,
    "unreachable": None,
    "keys": {},
    "bytes": {},
    "clock": None,
    "checkpoint": None,
}
"""What a report says of now, as nothing: the rest are counters since the worker began."""
LABELS = 200
"""Label values of one metric; what is counted under further ones is counted under OTHER."""
LABEL_LENGTH = 100
"""Characters of a label value that are kept."""
REASON_LENGTH = 300
"""Characters of what a worker waits for that are kept."""
OTHER = "other"


class WorkerReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one worker has counted since it began, and how it stands now; or the sum over all workers."""

    read: Count = 0
    """Items."""
    input_bytes: Count = 0
    """Of the inputs, as they are stored; of pipes, unpacked."""
    events: dict[str, Count] = {}
    """By source: audit, runtime, arm."""
    skipped: dict[str, Count] = {}
    """Items by reason."""
    malformed: dict[str, Count] = {}
    """Items by reason."""
    late: dict[str, Count] = {}
    """Observations by source."""
    lost_reports: Count = 0
    alerts: dict[str, Count] = {}
    """By alert type."""
    failed: dict[str, Count] = {}
    """Events that a detector could not judge, by alert type."""
    clock: int | None = None
    """Microseconds of event time; None while it is not known. In a sum the least."""
    keys: dict[str, Count] = {}
    """Entities of which state is kept, by step."""
    bytes: dict[str, Count] = {}
    """Of that state, by step."""
    held: Count = 0
    """Observations that wait for their turn."""
    open_files: Count = 0
    """Inputs that are open."""
    gaps: Count = 0
    """Stretches of topics that were deleted before they were read."""
    missing_offsets: Count = 0
    """In all of them."""
    lag: Count = 0
    """Messages of topics that are there and were not read yet."""
    unread_partitions: Count = 0
    """Partitions that came after the start."""
    unreachable: Annotated[float, Meta(ge=0)] | None = None
    """Seconds for which a broker has not answered; None where no topics are read. In a sum the longest."""
    checkpoint: float | None = None
    """Seconds of wall-clock time at which the last checkpoint was written; in a sum the oldest."""


class Verdict(NamedTuple):
    """Whether all is well, and in one line why not."""

    well: bool
    line: str


class Board:
    """Takes the reports of all workers; any thread may ask what they come to.

    Parameters
    ----------
    workers
        How many there are; they are numbered from 0.
    stalled
        Seconds of silence after which a worker counts as stalled.
    severities
        By alert type, of all that may be raised: their counters begin at zero, so that the first alert is an increase.
    monotonic
        Seconds, from any beginning.

    Examples
    --------
    >>> board = Board(workers=2)
    >>> board.put(0, {"read": 2, "events": {"audit": 2}, "clock": 5_000_000})
    >>> board.put(1, {"read": 3, "events": {"audit": 1, "arm": 2}, "clock": 4_000_000})
    >>> summed = board.readings()
    >>> summed.read, summed.events, summed.clock
    (5, {'audit': 3, 'arm': 2}, 4000000)
    """

    def __init__(
        self,
        workers: int,
        *,
        stalled: float = 60.0,
        severities: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stalled = stalled
        self.severities = dict(severities or {})
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._reports: list[WorkerReport | None] = [None] * workers
        self._heard = [monotonic()] * workers
        self._waits: dict[int, str] = {}
        self._gone: set[int] = set()
        self._leaving = False
        self._former = WorkerReport()
        self._labels: dict[str, set[str]] = {name: set() for name in BY_LABEL}

    def put(self, worker: int, report: Mapping[str, Any]) -> None:
        """Take what a worker has counted by now, in place of what it said before.

        A worker that has read less than before is a new process in the place of one that ended: what that one had
        counted stays counted.

        Raises
        ------
        ValueError
            The report has another form than `WorkerReport`, or there is no such worker.
        """
        self._known(worker)
        taken = msgspec.convert(report, WorkerReport)
        with self._lock:
            taken = msgspec.structs.replace(
                taken, clock=_told(taken.clock), **{name: self._labelled(name, taken) for name in BY_LABEL}
            )
            before = self._reports[worker]
            if before is not None and taken.read < before.read:
                self._former = _sum((self._former, msgspec.structs.replace(before, **LATEST)))
            self._reports[worker] = taken
            self._heard[worker] = self._monotonic()
            self._gone.discard(worker)

    def wait(self, worker: int, reason: str) -> None:
        """A worker is well, and cannot begin yet: for what `ready` says until it reports."""
        self._known(worker)
        with self._lock:
            self._waits[worker] = printable(reason[:REASON_LENGTH])
            self._heard[worker] = self._monotonic()

    def gone(self, worker: int) -> None:
        """The process of this worker has ended, and its last report was taken."""
        self._known(worker)
        with self._lock:
            self._gone.add(worker)

    def leave(self) -> None:
        """The job drains: it takes nothing new, and workers may end.

        A signal handler calls this, perhaps in the midst of `put`: it must not wait for the lock.
        """
        self._leaving = True

    def readings(self) -> WorkerReport:
        """The sum over all workers, and over those that were there before them."""
        with self._lock:
            reports = [report for report in self._reports if report is not None]
            former = self._former
        return _sum((former, *reports))

    def silences(self) -> dict[int, float]:
        """Seconds since each worker was heard of, or since the board was made; without those that are gone."""
        with self._lock:
            now = self._monotonic()
            return {worker: now - heard for worker, heard in enumerate(self._heard) if worker not in self._gone}

    def live(self) -> Verdict:
        """Whether no worker is stalled. One that ends while the job drains is not; one that ends before is."""
        with self._lock:
            now = self._monotonic()
            ended = self._gone if self._leaving else ()
            silent = [
                (now - heard, worker)
                for worker, heard in enumerate(self._heard)
                if now - heard > self.stalled and worker not in ended
            ]
        if not silent:
            return Verdict(True, "live")
        longest, worker = max(silent)
        more = f", and {len(silent) - 1} more" if len(silent) > 1 else ""
        return Verdict(False, f"worker {worker} was not heard of for {longest:.0f} s{more}")

    def ready(self) -> Verdict:
        """Whether every worker is there and has reported, and the job does not drain."""
        with self._lock:
            if self._leaving:
                return Verdict(False, "leaving")
            if self._gone:
                return Verdict(False, f"worker {min(self._gone)} is gone")
            if None in self._reports:
                worker = self._reports.index(None)
                return Verdict(False, self._waits.get(worker, f"worker {worker} has not reported yet"))
        return Verdict(True, "ready")

    def _known(self, worker: int) -> None:
        if not 0 <= worker < len(self._reports):
            raise ValueError(f"expected the number of a worker below {len(self._reports)}, not {worker}")

    def _labelled(self, name: str, report: WorkerReport) -> dict[str, int]:
        """The numbers under label values that are few, short and printable; one once given stays."""
        given = self._labels[name]
        labelled: Counter[str] = Counter()
        for value, number in getattr(report, name).items():
            label = value if value in given else printable(value[:LABEL_LENGTH])
            if len(given) < LABELS:
                given.add(label)
            labelled[label if label in given else OTHER] += number
        return dict(labelled)


def _told(clock: int | None) -> int | None:
    """The clock, if it is a time: not before all inputs have told theirs, and not after all is read."""
    return None if clock is None or abs(clock) >= ALL_READ else clock


def _sum(reports: Iterable[WorkerReport]) -> WorkerReport:
    reports = tuple(reports)
    summed: dict[str, Any] = {name: sum(getattr(report, name) for report in reports) for name in NUMBERS}
    for name in BY_LABEL:
        counter: Counter[str] = Counter()
        for report in reports:
            counter.update(getattr(report, name))
        summed[name] = dict(counter)
    for name in ("clock", "checkpoint"):
        summed[name] = min((told for report in reports if (told := getattr(report, name)) is not None), default=None)
    summed["unreachable"] = max((away for report in reports if (away := report.unreachable) is not None), default=None)
    return WorkerReport(**summed)
