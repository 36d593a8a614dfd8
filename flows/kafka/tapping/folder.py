"""The folder that a tap writes: a file for each cluster of each partition, and what says how it came about."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import yaml

from events.names import cluster_name
from events.packed import GZIP
from flows.console import printable
from flows.documents import OPENINGS
from flows.inputs import OURS, WORLD

README = "README.md"
LABELS = "labels.jsonl"
TITLE = "# A capture of Kafka topics"
"""The first line of the README, by which an earlier capture is known."""
UNFINISHED = f"{TITLE}\n\nNot complete: it is being written, or its writing was broken off.\n"
PRIVATE = 0o600
OPEN_FILES = 128
MOST_CLUSTERS = 1_000
"""Folders; events of further clusters, whose names are a sender's choice, share one."""
FURTHER = "~further"
MIXED = "records"
"""What a file is called that has events of several sources, or none."""
_LONGEST = 200
"""Bytes of a name that is a folder's as it is."""
_OURS = re.compile(r"(?:audit|runtime|arm|records)-[0-9]{4,}\.jsonl|\.[0-9]{4,}\.part")
_MADE_UP = re.compile(r".*~[0-9a-f]{16}", re.DOTALL)


class FolderError(Exception):
    """The folder cannot be used; the message is for the user."""


def folder_name(cluster: str) -> str:
    """The folder of a cluster: its name or, where no folder can be called so, one made of it.

    Examples
    --------
    >>> folder_name("prod-weu-1"), folder_name("../etc")
    ('prod-weu-1', '_etc~f922cd081f456e6b')
    """
    is_plain = (
        cluster == printable(cluster)
        and cluster == cluster_name(cluster, "")
        and "/" not in cluster
        and "\\" not in cluster
        and cluster[:1] not in (".", "~", "-")
        and len(cluster.encode(errors="replace")) <= _LONGEST
        and cluster not in {name.casefold() for name in OURS}
        and _MADE_UP.fullmatch(cluster) is None
    )
    if is_plain:
        return cluster
    mark = blake2b(cluster.encode(errors="replace"), digest_size=8).hexdigest()
    return f"{re.sub(r'[^a-z0-9._-]+', '_', cluster).lstrip('.-')[:40]}~{mark}"


class _File:
    """One file: what came from one partition of one cluster."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.number = number
        self.part = folder / f".{number:04}.part"
        self.lines = 0
        self.size = 0
        self.sources: set[str] = set()

    @property
    def name(self) -> str:
        """Below the folder of the capture, once it is complete."""
        source = next(iter(self.sources)) if len(self.sources) == 1 else MIXED
        return f"{self.folder.name}/{source}-{self.number:04}.jsonl"


class Folder:
    """A capture that is being written.

    Parameters
    ----------
    place
        Where; what an earlier tap left in it is replaced.

    Raises
    ------
    FolderError
        The folder holds something else.
    """

    def __init__(self, place: Path) -> None:
        _clear(place)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.place = place
        self.text(README, UNFINISHED)
        self.clusters: dict[str, str] = {}
        """By name its folder."""
        self._files: dict[tuple[str, int], _File] = {}
        self._open: OrderedDict[tuple[str, int], BinaryIO] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of all files of records."""
        return sum(file.size for file in self._files.values())

    @property
    def renamed(self) -> dict[str, str]:
        """By cluster its folder, where that is called otherwise."""
        return {cluster: folder for cluster, folder in self.clusters.items() if cluster != folder}

    def write(self, cluster: str, number: int, lines: Sequence[bytes], sources: frozenset[str]) -> tuple[str, int, int]:
        """Append lines to what came from a partition of this number: folder and number of the file, first line."""
        folder = self.clusters.get(cluster)
        if folder is None:
            known = len(self.clusters) < MOST_CLUSTERS
            folder = folder_name(cluster) if known else FURTHER
            if known:
                self.clusters[cluster] = folder
        key = folder, number
        file = self._files.get(key)
        if file is None:
            file = self._files[key] = _File(self.place / folder, number)
        stream = self._stream(key, file)
        if not file.lines:
            lines = _safely_begun(lines)
        first = file.lines + 1 + (not lines[0])
        data = b"\n".join(lines) + b"\n"
        stream.write(data)
        file.lines += len(lines)
        file.size += len(data)
        file.sources |= sources
        return folder, number, first

    def close(self) -> Mapping[tuple[str, int], str]:
        """End all files; by folder and number the path of each, below this folder."""
        for stream in self._open.values():
            stream.close()
        self._open.clear()
        for file in self._files.values():
            file.part.rename(self.place / file.name)
        return {key: file.name for key, file in self._files.items()}

    def introduce(self) -> None:
        """Write what is known of the clusters, and that this is a capture."""
        folders = sorted({folder for folder, _ in self._files})
        self.text(WORLD, yaml.safe_dump({"clusters": [{"name": folder} for folder in folders]}, allow_unicode=True))

    def text(self, name: str, text: str) -> None:
        """Write a file beside the records."""
        with _opened(self.place / name, "w") as file:
            file.write(text.encode())

    def _stream(self, key: tuple[str, int], file: _File) -> BinaryIO:
        stream = self._open.get(key)
        if stream is None:
            if len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            file.folder.mkdir(exist_ok=True, mode=0o700)
            stream = self._open[key] = _opened(file.part, "a")
        self._open.move_to_end(key)
        return stream


def _safely_begun(lines: Sequence[bytes]) -> Sequence[bytes]:
    """The first lines of a file, whose beginning decides how all of it is read: neither packed nor over many lines."""
    if lines[0].startswith(GZIP):
        return [b"", *lines]
    if lines[0].strip() in OPENINGS:
        return [lines[0] + b"\0", *lines[1:]]
    return lines


def _opened(path: Path, mode: str) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_APPEND if mode == "a" else os.O_TRUNC)
    descriptor = os.open(path, flags, PRIVATE)
    os.fchmod(descriptor, PRIVATE)
    return os.fdopen(descriptor, "ab" if mode == "a" else "wb", buffering=1 << 16)


def _clear(place: Path) -> None:
    """Take away what an earlier tap left."""
    if not place.exists():
        return
    if not place.is_dir():
        raise FolderError(f"{place}: not a folder")
    readme = place / README
    is_ours = readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith(TITLE)
    if not is_ours and any(place.iterdir()):
        raise FolderError(f"{place}: not empty, and no capture of topics that may be replaced")
    for path in list(_left(place)):
        path.unlink()
    for folder in [each for each in place.iterdir() if each.is_dir() and not each.is_symlink()]:
        if not any(folder.iterdir()):
            folder.rmdir()
    for name in (LABELS, WORLD, README):
        (place / name).unlink(missing_ok=True)


def _left(place: Path) -> Iterator[Path]:
    for folder in sorted(place.iterdir()):
        if folder.is_dir() and not folder.is_symlink():
            yield from (path for path in sorted(folder.iterdir()) if _OURS.fullmatch(path.name))
