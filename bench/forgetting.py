"""What forgetting does for memory: entities that come and go for 90 days, with the sweeper and without."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from msgspec.structs import replace

from bench.inputs import BEGIN, download, request, run_of_download, written
from bench.report import Table
from flows import work
from flows.configuration import configure
from flows.detect import Job
from flows.inputs import plan
from flows.work import LANES, Options, Share, Worker, opened
from simulation.clock import moment

DAY = 86_400_000_000
DAYS = 90
LIFE = 2 * DAY
CONTAINERS, LONG_CONTAINERS = 20_000, 100_000
EVENTS = 6
"""Of each container in its life."""
RUNS = 20
"""Of so many containers one runs in the end what it has downloaded."""
ACCOUNT = -1
"""Stands for a request of a service account."""
ACCOUNTS = 500
"""They stay, and read something every 12 hours."""
PAGE = 4096


def forgetting(_rounds: int, long: bool) -> Table:
    """Memory at each third of 90 days, and whether the alerts are the same."""
    containers = LONG_CONTAINERS if long else CONTAINERS
    rows, alerts = [], []
    with tempfile.TemporaryDirectory() as name:
        file = written(Path(name, "life.jsonl"), _lives(containers))
        for sweep in ("on", "off"):
            out = Path(name, f"{sweep}.jsonl")
            said = subprocess.run(  # noqa: S603  our own
                [sys.executable, "-m", __name__, file, out, sweep], check=True, stdout=subprocess.PIPE
            ).stdout
            marks = json.loads(said)
            alerts.append(_last(out))
            rows += [[sweep, f"{day:.0f}", f"{memory / 1e6:,.0f}", f"{keys:,}"] for day, memory, keys in marks]
    same = "the same" if alerts[0] == alerts[1] else "NOT the same"
    note = (
        f"{containers:,} containers that live for two days each and {ACCOUNTS} service accounts, in {DAYS} days;"
        f" resident memory of the process. The alerts of both runs ({len(alerts[0]):,}) are {same}."
    )
    return Table("forgetting", ("sweeper", "day", "MB", "entities with state"), rows, note)


def _lives(containers: int) -> Iterator[bytes]:
    begin, apart = moment(BEGIN), (DAYS * DAY - LIFE) // containers
    due = [
        (begin + number * apart + LIFE // EVENTS * at, number, at)
        for number in range(containers)
        for at in range(EVENTS)
    ]
    due += [(begin + at * DAY // 2 + number, number, ACCOUNT) for at in range(2 * DAYS) for number in range(ACCOUNTS)]
    for at, number, what in sorted(due):
        if what == ACCOUNT:
            yield request(number, at)
        elif what == EVENTS - 1 and number % RUNS == 0:
            yield run_of_download(number, at)
        else:
            yield download(number, at)


def _last(out: Path) -> dict[str, Any]:
    """The last content of each alert, without what only says how often it was told."""
    found = (orjson.loads(line) for line in out.read_bytes().splitlines())
    return {alert["id"]: {**alert, "revision": 0, "activity": ""} for alert in found}


class Watched(Worker):
    """A process of the job that says how large it is, and need not sweep."""

    sweep = True

    def _job(self) -> Job:
        job = super()._job()
        return replace(job, keeping=replace(job.keeping, sweep=self.sweep))


def _watch(file: str, out: str, sweep: str) -> None:
    """Run the flow in this process, and print memory and entities at each third of the time."""
    work.SAID_EVERY = 0.05
    options = Options([file], output=out)
    share = Share(plan(options.paths, {}, LANES))
    marks: list[tuple[float, int, int]] = []
    begin = moment(BEGIN)

    def say(report: dict[str, Any]) -> None:
        day = ((report["clock"] or begin) - begin) / DAY
        if day <= DAYS:
            resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE
            marks.append((day, resident, sum(report["keys"].values())))

    worker = Watched(options, configure(), share, opened(options), say)
    worker.sweep = sweep == "on"
    worker.run(lambda: None)
    thirds = [DAYS / 3 * third for third in (1, 2, 3)]
    print(json.dumps([min(marks, key=lambda mark: abs(mark[0] - third)) for third in thirds]))


if __name__ == "__main__":
    _watch(*sys.argv[1:])
