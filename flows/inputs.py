"""Which files a call means: paths, folders and globs, the oldest first."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from events import Malformed, Skipped
from events.decoder import Decoder
from flows.console import DASH
from flows.files import BLOCK, FileSource

WORLD = "world.yaml"
"""What marks a capture folder: there the records of each cluster are in a folder of its name."""
OURS = frozenset({"labels.jsonl", "README.md", WORLD})
"""What stands beside the records of a capture folder and is none."""


class InputError(Exception):
    """An input that the call names cannot be read; the message is for the user."""


def expand(inputs: Sequence[str]) -> list[str]:
    """The files that these paths, folders and globs mean, each once; those of a folder or glob oldest first.

    Raises
    ------
    InputError
        One of them is missing, unreadable, or a folder without files.
    """
    found: dict[str, str] = {}
    for text in inputs:
        try:
            for path in _meant(text):
                found.setdefault(DASH if path == DASH else os.path.realpath(path), path)
        except OSError as error:
            raise InputError(f"{text}: {error.strerror}") from None
    return list(found.values())


def cluster_of(path: str, otherwise: str) -> str:
    """The cluster whose records a file of a capture folder holds; of any other file what is said otherwise."""
    above = Path(path).absolute().parent
    return above.name if path != DASH and (above.parent / WORLD).is_file() else otherwise


def _meant(text: str) -> list[str]:
    if text == DASH:
        if sys.stdin is None:
            raise InputError("standard input is closed")
        return [DASH]
    if Path(text).exists():
        return _below(text)
    matches = glob.glob(text, recursive=True)  # noqa: PTH207  absolute and relative, as typed
    if not matches:
        raise InputError(f"{text}: no such file or folder")
    return _oldest_first([path for match in sorted(matches) for path in _below(match)])


def _below(path: str) -> list[str]:
    if not Path(path).is_dir():
        return [_readable(path)]
    inside = [file.relative_to(path) for file in sorted(Path(path).rglob("*")) if file.is_file()]
    files = [str(Path(path) / file) for file in inside if _is_record_file(file)]
    if not files:
        raise InputError(f"{path}: a folder without files to read")
    return _oldest_first([_readable(file) for file in files])


def _readable(path: str) -> str:
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: not readable")
    return path


def _is_record_file(file: Path) -> bool:
    return file.name not in OURS and not any(part.startswith(".") for part in file.parts)


def _oldest_first(paths: list[str]) -> list[str]:
    """In order of the first event in each, not of their names: rotated files are named in many ways."""
    return sorted(paths, key=_begins)


def _begins(path: str) -> int:
    """Time of the first event in the file's first block; 0 if there is none."""
    if not Path(path).is_file():
        return 0
    decode = Decoder().decode
    chunk = next(FileSource([path], BLOCK).chunks(), None)
    items = (item for line in (chunk.lines if chunk is not None else ()) for item in decode(line))
    return next((item.time for item in items if not isinstance(item, Skipped | Malformed)), 0)
