"""The command `middlewatch simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flows.console import EXIT_FAILED, complain, say, usage
from simulation.choices import SOURCES, Form, Scale


def simulate(
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="Folder; an earlier capture in it is replaced.")
    ] = None,
    days: Annotated[float, typer.Option(min=0.01, max=3650, help="Simulated days.")] = 28,
    clusters: Annotated[int, typer.Option(min=1, max=1000, help="How many clusters.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    scale: Annotated[Scale, typer.Option(help="How large each cluster is.")] = Scale.SMALL,
    attacks: Annotated[
        str, typer.Option(metavar="all|none|LIST", help="Alert types, classes, variants or episodes, by commas.")
    ] = "all",
    form: Annotated[Form, typer.Option("--format", help="How audit logs are written.")] = Form.NATIVE,
    sources: Annotated[str, typer.Option(metavar="LIST", help="Of audit, runtime and arm.")] = ",".join(SOURCES),
    events: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many; attacks are played within them.")
    ] = None,
    start: Annotated[str, typer.Option(metavar="DATE", help="When it begins (RFC 3339).")] = "2026-03-02",
    profile: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML that changes the scale's profile.")] = None,
    gzip: Annotated[bool, typer.Option("--gzip", help="Pack the files of records.")] = False,
    rotate: Annotated[int, typer.Option(min=1, metavar="MB", help="Size at which a file of records is full.")] = 100,
    kafka: Annotated[
        str | None, typer.Option(metavar="BROKERS", help="Write the records to Kafka; OUT has the labels.")
    ] = None,
    topics: Annotated[str, typer.Option(metavar="PREFIX", help="What topics begin with.")] = "middlewatch-",
    shown: Annotated[bool, typer.Option("--list", help="Print what can be played, and end.")] = False,
) -> None:
    """Write a labelled capture: ordinary life of clusters, and attacks in it."""
    if shown:
        _playable(attacks)
    if out is None:
        usage("simulate: name the folder to write to")
    from flows.kafka.errors import KafkaFailedError, KafkaSettingsError
    from flows.simulate import Wanted
    from flows.simulate import simulate as write
    from simulation.errors import UnusableError

    named = tuple(source.strip() for source in sources.split(","))
    wanted = Wanted(
        out, days, clusters, seed, scale, attacks, form, named, events, start, profile, gzip, rotate, kafka, topics
    )
    try:
        raise typer.Exit(write(wanted))
    except (UnusableError, KafkaSettingsError) as error:
        usage(f"simulate: {error}")
    except KafkaFailedError as error:
        complain(str(error))
        raise typer.Exit(EXIT_FAILED) from None


def _playable(attacks: str) -> NoReturn:
    from flows.episodes import listing as playable
    from simulation.errors import UnusableError

    try:
        say(playable(attacks))
    except UnusableError as error:
        usage(f"simulate: {error}")
    raise typer.Exit
