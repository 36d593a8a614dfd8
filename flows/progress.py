"""A line on stderr that tells a person how far a long input was read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from flows.board import Board
from flows.console import PeopleConsole

LONG_INPUT = 16 << 20
"""Bytes from which it is shown."""


class _Shown(Progress):
    """Asks the board for what the workers have read, whenever it is drawn."""

    def __init__(self, board: Board, total: int) -> None:
        self.board = board
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        super().__init__(*columns, console=PeopleConsole(sys.stderr), transient=True, refresh_per_second=2)
        self.task = self.add_task("", total=total)

    def get_renderables(self) -> Iterable[RenderableType]:
        for task in self.tasks:
            self.update(task.id, completed=self.board.readings().input_bytes)
        return super().get_renderables()


@contextlib.contextmanager
def progress(paths: Iterable[str], board: Board) -> Iterator[None]:
    """Show how much of these files was read, if they are long.

    Parameters
    ----------
    paths
        Of all inputs; those that are no files are not counted.
    board
        Knows how many bytes the workers have read.
    """
    total = sum(map(_size, paths))
    if total < LONG_INPUT:
        yield
        return
    with _Shown(board, total):
        yield


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size if Path(path).is_file() else 0
    except OSError:
        return 0
