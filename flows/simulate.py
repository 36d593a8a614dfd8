"""`middlewatch simulate`: a labelled capture, or the same records into Kafka."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from flows.console import PROGRAM, PeopleConsole, say
from flows.leaving import stoppable
from flows.topics import Topic, opened
from simulation.attacks.plan import chosen
from simulation.capture import Capture, command_line
from simulation.choices import SOURCES, Form, Scale
from simulation.clock import DAY, HOUR, moment
from simulation.errors import UnusableError
from simulation.horizon import horizon
from simulation.journal import Count, Outlet
from simulation.profile import profile
from simulation.schedule import Life
from simulation.world import Order, World

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """What a call of `simulate` says."""

    out: Path
    days: float
    clusters: int
    seed: int
    scale: Scale
    attacks: str
    form: Form
    sources: tuple[str, ...]
    events: int | None
    start: str
    profile: Path | None
    gzip: bool
    rotate: int
    kafka: str | None
    topics: str

    @property
    def command(self) -> str:
        """The call that gives the same bytes."""
        optional: list[tuple[str, object]] = [("events", self.events)] if self.events is not None else []
        optional += [("kafka", "BROKERS"), ("topics", self.topics)] if self.kafka is not None else []
        optional += [("profile", self.profile.name)] if self.profile is not None else []
        return command_line(
            [
                ("days", f"{self.days:g}"),
                ("clusters", self.clusters),
                ("seed", self.seed),
                ("scale", self.scale),
                ("attacks", f"'{self.attacks}'" if " " in self.attacks else self.attacks),
                ("format", self.form),
                ("sources", ",".join(self.sources)),
                ("start", self.start),
                *optional,
            ]
        )


def simulate(wanted: Wanted) -> int:
    """Write what is wanted, and say how much it was; the exit code.

    Raises
    ------
    UnusableError
        The folder, the attacks, the sources, the time or the profile that are named cannot be used.
    KafkaFailedError, KafkaSettingsError
        Kafka cannot be reached, or does not take a message.
    """
    order = _order(wanted)
    if wanted.events is not None:
        order = replace(order, horizon=horizon(order, wanted.events))
    names = {source: f"{wanted.topics}{source}" for source in wanted.sources}
    writer = opened(wanted.kafka, list(names.values())) if wanted.kafka is not None else None
    capture = Capture(wanted.out, rotate=wanted.rotate * MEGABYTE, compress=wanted.gzip)

    def outlet(cluster: str, source: str) -> Outlet:
        return Topic(writer, names[source], cluster) if writer else capture.outlet(cluster, source)

    count = Count(wanted.events)
    begun = time.monotonic()
    world = World(order, outlet, capture.label, count)
    capture.introduce(world)
    try:
        with _watched(world) as watcher, stoppable(count.stop) as stopped:
            world.run(watcher)
        if writer is not None:
            writer.close()
    finally:
        capture.close()
    capture.describe(world, wanted.command, version(PROGRAM), stopped=bool(stopped))
    _report(wanted, world, capture, time.monotonic() - begun)
    return stopped[0] if stopped else 0


def _order(wanted: Wanted) -> Order:
    unknown = [source for source in wanted.sources if source not in SOURCES]
    if unknown:
        raise UnusableError(f"no source is called {unknown[0]!r}: {', '.join(SOURCES)}")
    try:
        begin = moment(wanted.start)
    except (ValueError, OverflowError):
        raise UnusableError(f"{wanted.start}: neither a date nor a time in RFC 3339") from None
    if not moment("1970-01-01") <= begin <= begin + wanted.days * DAY < moment("2200-01-01"):
        raise UnusableError(f"{wanted.start}: not between the years 1970 and 2200 with all its days")
    attacks = chosen(wanted.attacks)
    shape = profile(wanted.scale, wanted.profile)
    return Order(shape, wanted.days, wanted.clusters, wanted.seed, wanted.form, wanted.sources, attacks, begin)


@contextlib.contextmanager
def _watched(world: World) -> Iterator[Life | None]:
    """On a terminal: an actor that shows how far the simulation is."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (BarColumn(), TextColumn("{task.fields[events]:>12,} events"), TimeRemainingColumn())
    with Progress(*columns, console=PeopleConsole(sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=1.0, events=0)

        def watch() -> Life:
            begin, count = world.schedule.now, world.count
            while True:
                passed = (world.schedule.now - begin) / (world.end - begin)
                share = count.events / count.limit if count.limit else 0.0
                progress.update(task, completed=max(passed, share), events=count.events)
                yield HOUR // 6

        yield watch()


def _report(wanted: Wanted, world: World, capture: Capture, seconds: float) -> None:
    count = world.count
    labels = ", ".join(
        f"{number:,} {variant.replace('_', ' ')}" for variant, number in sorted(capture.labelled.items())
    )
    place = wanted.kafka or wanted.out
    rate = f"{count.events / max(seconds, 0.001):,.0f} events/s"
    say(f"{place}: {count.events:,} events in {seconds:,.1f} s ({rate}); labelled: {labels or 'none'}")
    if world.left_out:
        say(f"{len(world.left_out)} episodes would not show in these logs: see README.md there")
