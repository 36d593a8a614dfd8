"""The dataflow over some files, and the alerts that it raised."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bytewax.testing import cluster_main
from msgspec import Struct

from alerts import Alert
from flows.clock import Clock
from flows.configuration import Configuration, configure
from flows.detect import Job, allowed, build, waits
from flows.files import BLOCK, Reading
from flows.in_order import Keeping
from flows.inputs import expand, plan
from flows.judge import DeadLetter, Judge
from flows.lanes import Inputs, LaneSource
from flows.leaving import Leaving
from flows.sinks import CountedAlerts, Nowhere, Sink
from flows.tally import Tally
from flows.work import LANES, decoders


class Run(Struct):
    """What one run delivered."""

    delivered: list[Alert]
    letters: list[DeadLetter]
    tally: Tally

    @property
    def last(self) -> dict[str, Alert]:
        """The last content of each alert; its revision aside."""
        contents = {alert.id: alert for alert in self.delivered}
        return {
            name: alert.model_copy(update={"revision": 0, "activity": ""}) for name, alert in sorted(contents.items())
        }

    @property
    def types(self) -> list[str]:
        """The alert type of each alert, once for each alert."""
        return sorted(alert.alert_type for alert in self.last.values())


class Kept(Nowhere):
    """An output that keeps what it is given in a list."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def write(self, items: Sequence[Any]) -> None:
        self.items.extend(items)


def detect(
    *inputs: Path | str,
    configuration: Configuration | None = None,
    block: int = BLOCK,
    cluster: str = "default",
    lanes: int = LANES,
    keeping: Keeping | None = None,
) -> Run:
    """Run the flow over files in this process."""
    run = Run([], [], Tally())
    configuration = configuration or configure()
    limits = configuration.settings.limits
    dealt = plan(expand([str(path) for path in inputs]), {}, lanes)
    clock = Clock(len(dealt), waits(configuration))
    judge = Judge(configuration.dispatch, allowed(configuration.settings.lateness), run.tally)
    reader = partial(Reading, longest=limits.line, block=block)
    source = LaneSource(
        Inputs(dealt, decoders(cluster, limits.item), lambda path, resume: reader(path, resume=resume)),
        judge,
        clock,
        Leaving(),
    )
    job = Job(configuration, clock, run.tally, keeping=keeping or Keeping())
    alerts = CountedAlerts(Kept(run.delivered), run.tally)
    flow = build(source, job, Sink(alerts), Sink(Kept(run.letters)))
    cluster_main(flow, [], 0)  # type: ignore[no-untyped-call]  # bytewax's own, not typed
    return run
