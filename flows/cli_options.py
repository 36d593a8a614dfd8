"""What several commands take, and what they make of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.console import usage

if TYPE_CHECKING:
    from flows.configuration import Configuration

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="YAML; MIDDLEWATCH_... in the environment wins.")
]
Cluster = Annotated[str, typer.Option(help="Name of the cluster, for events that do not say it.")]


def configured(settings: Path | None) -> Configuration:
    """What the settings say; ends the program if they are wrong."""
    from flows.configuration import SettingsError, configure

    try:
        return configure(settings)
    except SettingsError as error:
        usage(str(error))
