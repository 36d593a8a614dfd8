"""The command `middlewatch tap`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli_options import configured
from flows.console import EXIT_FAILED, complain, usage

WHEN = "WHEN"


def tap(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder; an earlier capture of topics is replaced.")],
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="YAML with `kafka`; MIDDLEWATCH_... in the environment wins."),
    ] = None,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", metavar="NAME", help="Of those that the settings name. Default: all.")
    ] = None,
    begin: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar=WHEN,
            help="A time (RFC 3339), a duration back from now (1h), an offset, or TOPIC[PARTITION]@OFFSET, which can"
            " be repeated. Default: the beginning.",
        ),
    ] = None,
    end: Annotated[
        list[str] | None,
        typer.Option("--to", metavar=WHEN, help="The same; what is there is not copied. Default: the end as it is."),
    ] = None,
    clusters: Annotated[
        list[str] | None, typer.Option("--cluster", metavar="NAME", help="Only messages with events of these.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="At most so many messages, of all partitions alike.")
    ] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Replace secrets before anything is written.")] = False,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of `simulate --kafka`: those of what is copied come along.")
    ] = None,
) -> None:
    """Copy a stretch of topics into a capture folder."""
    from flows.kafka.errors import KafkaFailedError, KafkaSettingsError
    from flows.kafka.tapping.folder import FolderError
    from flows.kafka.tapping.stretch import StretchError
    from flows.kafka.tapping.tap import Wanted
    from flows.kafka.tapping.tap import tap as copy
    from flows.scoring import LabelsError

    found = configured(settings).settings
    if found.kafka is None:
        usage("tap: the settings do not say where Kafka is: kafka (docs/settings.md)")
    wanted = Wanted(
        out=out,
        topics=tuple(topics or ()),
        begin=tuple(begin or ()),
        end=tuple(end or ()),
        clusters=_folded(clusters or []),
        most=most,
        redact=redact,
        labels=labels,
        settings=settings,
    )
    try:
        code = copy(wanted, found.kafka, found.limits.item)
    except (FolderError, KafkaSettingsError, LabelsError, StretchError) as error:
        usage(f"tap: {error}")
    except KafkaFailedError as error:
        complain(f"tap: {error}")
        raise typer.Exit(EXIT_FAILED) from None
    except OSError as error:
        complain(f"tap: {error.filename or out}: {error.strerror or error}")
        raise typer.Exit(EXIT_FAILED) from None
    raise typer.Exit(code)


def _folded(names: list[str]) -> tuple[str, ...]:
    from events.names import cluster_name

    return tuple(name for text in names if (name := cluster_name(text, "")))
