"""Which files a call means: paths, folders and globs, the oldest first."""

from __future__ import annotations

import glob
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct

from events import Malformed, Skipped
from events.decoder import Decoder
from flows.console import DASH
from flows.files import BLOCK
from flows.identity import COPY, HASHED, beginning, earlier, fingerprint_of, lengths, named
from flows.lines import Lines, Records

WORLD = "world.yaml"
"""What marks a capture folder: there the records of each cluster are in a folder of its name."""
OURS = frozenset({"labels.jsonl", "README.md", "settings.yaml", WORLD})
"""What stands beside the records of a capture folder and is none."""

FIRST = 6
"""Events that tell when a file begins."""
EMPTY = "0:"
"""Identity of an input that has no bytes yet, or is a pipe: it is not known again."""


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
    return sorted(paths, key=begins)


def begins(path: str) -> int:
    """Time of the first event in the file's first block (microseconds since 1970); 0 if there is none.

    It is the least of the first few, so that one that is dated far ahead does not decide alone.
    """
    return _begun(path)[0]


def _begun(path: str) -> tuple[int, bytes]:
    """When it begins, and with which bytes; most files tell it in a part of a block."""
    times: list[int] = []
    begin = b""
    for size in (BLOCK // 8, BLOCK):
        begin = beginning(path, size)
        times = list(islice(_times(begin), FIRST))
        if len(times) == FIRST or len(begin) < size:
            break
    return min(times, default=0), begin[:HASHED]


def _times(begin: bytes) -> Iterator[int]:
    lines, records, decode = Lines(BLOCK), Records(BLOCK), Decoder().decode
    found = records.take(lines.add(begin))
    rest = records.take([bytes(lines.rest)] if lines.size else [])
    items = (item for _, some in [*found, *rest, *records.rest()] for line in some for item in decode(line))
    return (item.time for item in items if not isinstance(item, Skipped | Malformed))


class Planned(Struct, frozen=True):
    """One input, as a lane reads it."""

    path: str
    identity: str
    """Tells it from all others of its lane; that of a known file is the one it is known by."""
    begins: int
    """Time of its first event (microseconds since 1970); 0 if it has none yet."""


def plan(paths: Sequence[str], known: Mapping[str, Mapping[str, Any]], lanes: int) -> dict[str, list[Planned]]:
    """Which lane reads which files: a known one where it was, new ones dealt out in order of their first events.

    Parameters
    ----------
    paths
        What `expand` gives.
    known
        By lane and identity what an earlier run kept of a file: its path first.
    lanes
        How many, at least one; lanes of an earlier run stay, empty or not.
    """
    begun = {path: _begun(path) for path in sorted(paths)}
    dealt: dict[str, list[Planned]] = {lane: [] for lane in sorted(known)}
    places = _places({path: begin for path, (_, begin) in begun.items()}, known)
    taken = {identity for files in known.values() for identity in files}
    new = []
    for path, (first, begin) in begun.items():
        if path in places:
            lane, identity = places[path]
            dealt[lane].append(Planned(path, identity, first))
        else:
            found = fingerprint_of(begin)
            identity = EMPTY if found is None else named(found, taken)
            taken.add(identity)
            new.append(Planned(path, identity, first))
    for number, planned in enumerate(sorted(new, key=_order), len(places)):
        dealt.setdefault(f"lane-{number % lanes:02}", []).append(planned)
    return {lane: sorted(files, key=_order) for lane, files in sorted(dealt.items())}


def rotated(paths: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Files beside the inputs that hold what an input held when it was read last: what was rotated since then.

    Add them to the inputs, or what was written between the last run and the rotation is lost.

    Parameters
    ----------
    paths, known
        As for `plan`.
    """
    begun = {path: beginning(path) for path in paths}
    placed = set(_places(begun, known).values())
    gone: dict[str, dict[str, Any]] = {
        lane: {
            name: kept
            for name, kept in files.items()
            if (lane, name) not in placed and kept[0] in begun and kept[0] != DASH
        }
        for lane, files in known.items()
    }
    folders = {Path(os.path.realpath(kept[0])).parent for files in gone.values() for kept in files.values()}
    named_already = {os.path.realpath(path) for path in paths}
    listed = [folder for folder in sorted(folders) if os.access(folder, os.R_OK)]
    beside = [str(file) for folder in listed for file in sorted(folder.iterdir())]
    others = [path for path in beside if os.path.realpath(path) not in named_already and Path(path).is_file()]
    return sorted(_places({path: beginning(path) for path in others}, gone))


def _order(planned: Planned) -> tuple[int, str]:
    return planned.begins, planned.path


def _places(begun: Mapping[str, bytes], known: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """By path the lane and the identity of each known file; each identity goes to one path."""
    free: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for lane, files in sorted(known.items()):
        for identity in sorted(files):
            free[identity.partition(COPY)[0]].append((lane, identity))
    hashed = lengths(free)
    alike = {path: [found for found in earlier(begun[path], hashed) if found in free] for path in sorted(begun)}
    places: dict[str, tuple[str, str]] = {}
    for stays in (True, False):
        for path in sorted(set(begun) - set(places)):
            for place in (place for found in alike[path] for place in free[found]):
                if not stays or known[place[0]][place[1]][0] == path:
                    places[path] = place
                    free[place[1].partition(COPY)[0]].remove(place)
                    break
    return places
