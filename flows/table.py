"""Alerts as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from alerts import Alert
from alerts.redaction import shortened
from flows.console import PeopleConsole, printable

STYLES = {"High": "bold red", "Medium": "yellow", "Low": "cyan", "Informational": "dim"}
KEPT = 5_000
"""Rows that are kept to be sorted; more leave in blocks."""
WIDTH = 120
"""Columns, where the output is no terminal."""
LONGEST = 300
"""Characters of a cell's sentence."""


class Table:
    """Rows of alerts: sorted by time at the end, or at once where the input has no end.

    Parameters
    ----------
    stream
        Text stream; a terminal gets colours and its own width.
    keep
        Whether to wait for the end, so that rows are sorted and hold an alert's last revision.
    """

    def __init__(self, stream: IO[str], *, keep: bool) -> None:
        width = None if stream.isatty() else WIDTH
        self.console = PeopleConsole(stream, width)
        self.keep = keep
        self.rows: dict[str, Alert] = {}
        self.any = False
        self.closed = False

    def write(self, alerts: Sequence[Alert]) -> None:
        self.rows |= {alert.id: alert for alert in alerts}
        if not self.keep or len(self.rows) > KEPT:
            self.flush()

    def settle(self) -> None:
        """Rows leave when they are written or, where they are kept, at the end."""

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.flush()
        if not self.any:
            self.console.print("No alerts.")
        self.console.file.flush()

    def flush(self) -> None:
        """Print the rows that are kept."""
        if not self.rows:
            return
        grid = Grid(
            box=box.SIMPLE_HEAD, show_header=not self.any, expand=True, pad_edge=False, padding=(0, 2, 0, 0), leading=1
        )
        grid.add_column("TIME (UTC)", width=10)
        grid.add_column("SEVERITY", width=13)
        grid.add_column("ALERT, CLUSTER, ENTITY", ratio=4, overflow="fold")
        grid.add_column("WHY", ratio=5, overflow="fold")
        for alert in sorted(self.rows.values(), key=lambda alert: (alert.first_event_time, alert.alert_type, alert.id)):
            grid.add_row(*_cells(alert))
        self.console.print(grid)
        self.rows, self.any = {}, True


def _cells(alert: Alert) -> tuple[Text, ...]:
    severity = str(alert.severity)
    date, _, clock = str(alert.first_event_time).partition("T")
    times = f"  ({alert.count} events)" if alert.count > 1 else ""
    return (
        Text(f"{date}\n{clock[:8]}"),
        Text(severity, style=STYLES.get(severity, "")),
        Text.assemble((alert.alert_type, "bold"), "\n", (printable(f"{alert.cluster}  {entity_label(alert)}"), "dim")),
        Text(shortened(printable(alert.explanation.because), LONGEST) + times),
    )


def entity_label(alert: Alert) -> str:
    """The entity in few words: a container by its pod and name, others by kind and name."""
    entity = alert.entity
    name = "/".join(part for part in (entity.pod, entity.container) if part) or entity.name
    where = f"{entity.namespace}/" if entity.namespace else ""
    return f"{entity.kind.replace('_', ' ')} {where}{name}"
