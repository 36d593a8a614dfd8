"""Figures as tables: on the terminal, and in a page that keeps everything around them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct


class Table(Struct, frozen=True):
    """The figures of one section."""

    section: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    """How they were measured."""

    def lines(self) -> list[str]:
        """Its lines, in Markdown; the columns after the first two are figures."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        made = [self._line(self.head, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
        made += [self._line(row, widths) for row in self.rows]
        return [*made, "", *([self.note] if self.note else [])]

    @staticmethod
    def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def machine() -> str:
    """What the figures were measured on, without its name."""
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"bytewax {version('bytewax')}, msgspec {version('msgspec')}, orjson {version('orjson')}"
    )


def write(page: Path, table: Table, options: str = "") -> None:
    """Put a table where the page has its section: between `<!-- bench NAME -->` and `<!-- end -->`.

    Parameters
    ----------
    page, table
        Where, and what.
    options
        Of the command that measured it.

    Raises
    ------
    SystemExit
        The page has no such place.
    """
    begin, end = f"<!-- bench {table.section} -->\n", "<!-- end -->"
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{page}: no place for the figures of {table.section}: {begin.strip()} ... {end}")
    measured = f"Measured with `python -m bench {table.section}{options}` on {machine()}."
    body = "\n".join([*table.lines(), "", measured, ""]).replace("\n\n\n", "\n\n")
    page.write_text(f"{before}{begin}\n{body}\n{end}{after}", encoding="utf-8")
