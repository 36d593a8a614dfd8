"""The bundled demo: one invented hour of two clusters, in the formats that clusters, nodes and Azure report."""

from __future__ import annotations

import pathlib


def capture() -> pathlib.Path:
    """The folder with the recorded files.

    Examples
    --------
    >>> sorted(entry.name for entry in capture().iterdir())
    ['forge', 'prod-weu-1']
    """
    return pathlib.Path(__file__).with_name("capture")
