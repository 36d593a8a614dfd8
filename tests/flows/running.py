"""The dataflow over some files, and the alerts that it raised."""

from collections.abc import Sequence
from pathlib import Path

from bytewax.testing import cluster_main
from msgspec import Struct

from alerts import Alert
from flows.configuration import Configuration, configure
from flows.detect import build
from flows.files import BLOCK, FileSource
from flows.inputs import expand
from flows.judge import DeadLetter
from flows.tally import Tally


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


def detect(
    *inputs: Path | str,
    configuration: Configuration | None = None,
    block: int = BLOCK,
    cluster: str = "default",
    workers: int = 1,
) -> Run:
    """Run the flow over files in this process."""
    run = Run([], [], Tally())
    configuration = configuration or configure()

    def deliver(alerts: Sequence[Alert]) -> None:
        run.delivered.extend(alerts)

    source = FileSource(expand([str(path) for path in inputs]), configuration.settings.limits.line, block)
    flow = build(
        source, configuration, cluster=cluster, alerts=deliver, dead_letters=run.letters.extend, tally=run.tally
    )
    cluster_main(flow, [], 0, worker_count_per_proc=workers)  # type: ignore[no-untyped-call]  # bytewax's own, not typed
    return run
