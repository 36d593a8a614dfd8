"""The metrics of a job, in the text format of Prometheus; docs/metrics.md says what each is good for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from flows.board import Board, WorkerReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `Metrics.page` gives."""
SOURCES = ("audit", "runtime", "arm")
MICROSECONDS = 1_000_000


class Metrics(Collector):
    """Reads the board whenever it is asked.

    Parameters
    ----------
    board
        What the workers reported.
    release
        Of this program.
    wall
        Seconds since 1970.

    Examples
    --------
    >>> board = Board(workers=1)
    >>> board.put(0, {"read": 7})
    >>> "middlewatch_items_read_total 7.0" in Metrics(board, "0.1.0").page().decode()
    True
    """

    def __init__(self, board: Board, release: str, wall: Callable[[], float] = time.time) -> None:
        self._board = board
        self._release = release
        self._wall = wall
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def page(self) -> bytes:
        """All metrics, and those of this process."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing: no metric is added to the registry by anyone else."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family for each metric; one of which nothing is known has no sample."""
        readings = self._board.readings()
        yield InfoMetricFamily("middlewatch_build", "The release that runs.", {"version": self._release})
        yield from self._counters(readings)
        yield from self._alerts(readings)
        yield from self._state(readings)
        yield from self._topics(readings)
        yield from self._workers()

    def _counters(self, readings: WorkerReport) -> Iterator[Metric]:
        yield CounterMetricFamily("middlewatch_items_read", "Items read from all inputs.", readings.read)
        yield CounterMetricFamily(
            "middlewatch_input_bytes", "Bytes read from all inputs, as they are stored.", readings.input_bytes
        )
        yield _counter("middlewatch_events", "Events by source.", "source", _from_zero(readings.events, SOURCES))
        yield _counter("middlewatch_skipped_items", "Items that are not for us.", "reason", readings.skipped)
        yield _counter("middlewatch_malformed_items", "Items that cannot be read.", "reason", readings.malformed)
        yield _counter(
            "middlewatch_late_observations",
            "Observations that came too late for the state that wanted them.",
            "source",
            _from_zero(readings.late, SOURCES),
        )
        yield CounterMetricFamily(
            "middlewatch_lost_reports", "Records in which a sensor says that it lost events.", readings.lost_reports
        )

    def _alerts(self, readings: WorkerReport) -> Iterator[Metric]:
        severities = self._board.severities
        alerts = CounterMetricFamily(
            "middlewatch_alerts", "Alerts by type, each once whatever its revisions.", labels=["alert_type", "severity"]
        )
        for alert_type, number in _from_zero(readings.alerts, severities).items():
            alerts.add_metric([alert_type, severities.get(alert_type, "")], number)
        yield alerts
        yield _counter(
            "middlewatch_detector_failures",
            "Events that a detector could not judge.",
            "alert_type",
            _from_zero(readings.failed, severities),
        )

    def _state(self, readings: WorkerReport) -> Iterator[Metric]:
        now = self._wall()
        lag = None if readings.clock is None else now - readings.clock / MICROSECONDS
        yield GaugeMetricFamily("middlewatch_clock_lag_seconds", "Time now less the clock of the job.", lag)
        age = None if readings.checkpoint is None else now - readings.checkpoint
        yield GaugeMetricFamily("middlewatch_checkpoint_age_seconds", "Time since the last checkpoint.", age)
        yield _gauge("middlewatch_state_keys", "Entities of which state is kept.", "step", readings.keys)
        yield _gauge("middlewatch_state_bytes", "Size of the state that is kept.", "step", readings.bytes)
        yield GaugeMetricFamily("middlewatch_held_observations", "Observations that wait.", readings.held)
        yield GaugeMetricFamily("middlewatch_open_files", "Inputs that are open.", readings.open_files)

    def _topics(self, readings: WorkerReport) -> Iterator[Metric]:
        if readings.unreachable is None:
            return
        yield GaugeMetricFamily(
            "middlewatch_kafka_unreachable_seconds",
            "Time for which a broker has not answered.",
            readings.unreachable,
        )
        yield GaugeMetricFamily("middlewatch_kafka_lag", "Messages that are there and not read yet.", readings.lag)
        yield GaugeMetricFamily(
            "middlewatch_kafka_unread_partitions",
            "Partitions that came after the start, and are read after the next.",
            readings.unread_partitions,
        )
        yield CounterMetricFamily(
            "middlewatch_kafka_gaps", "Stretches of topics deleted before they were read.", readings.gaps
        )
        yield CounterMetricFamily(
            "middlewatch_kafka_missing_offsets", "Offsets deleted before they were read.", readings.missing_offsets
        )

    def _workers(self) -> Iterator[Metric]:
        silences = {str(worker): seconds for worker, seconds in self._board.silences().items()}
        yield GaugeMetricFamily("middlewatch_workers", "Workers that are there.", len(silences))
        yield _gauge("middlewatch_report_age_seconds", "Time since a worker was heard of.", "worker", silences)


def _from_zero(counted: Mapping[str, int], known: Mapping[str, str] | tuple[str, ...]) -> dict[str, int]:
    """The counters with those that have counted nothing yet: an increase is seen only from a number that was there."""
    return {**dict.fromkeys(known, 0), **counted}


def _counter(name: str, meaning: str, label: str, counted: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, number in sorted(counted.items()):
        family.add_metric([value], number)
    return family


def _gauge(name: str, meaning: str, label: str, measured: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, number in sorted(measured.items()):
        family.add_metric([value], number)
    return family
