"""Downloads that are remembered until something runs them."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from alerts.signal import Evidence
from detectors.runtime.download_paths import UNKNOWN, unpacked_name

TYPED = 300_000_000
"""Microseconds for which a file that is made executable may be what the same shell fetched before."""
TOGETHER = 1_000_000
"""Microseconds between the starts of the two ends of a pipe."""
SHELLS = 16
"""Shells in which someone types, remembered with what was fetched last in them."""
_EVIDENCE = 4
_DEPTH = 16
_SHARED = frozenset(
    {
        *("/usr", "/usr/local", "/usr/local/bin", "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/lib", "/opt", "/opt/bin"),
        *("", "/home", "/root", "/var", "/etc", "/app", "/srv", "/data"),
    }
)
"""Folders that hold much besides what an archive brought: what is run from them was most likely there before."""
Fed: TypeAlias = tuple[int, str, Evidence]
"""Time, program and evidence of an interpreter that runs its standard input."""


class Download(Struct, array_like=True):
    """A file that was fetched, under one of its paths."""

    time: int
    """Microseconds since 1970 at which it was fetched."""
    source: str
    name: str
    """As an alert calls it: the path, or what the shell text says instead."""
    evidence: tuple[Evidence, ...]
    told: bool = False
    """Its run was found already."""


class Downloads(Struct, array_like=True):
    """What one container or host remembers."""

    files: dict[str, Download] = {}
    """By path, oldest first; `/opt/*` is what an archive brought into a folder."""
    printed: dict[str, Download] = {}
    """What was fetched last to the output of a shell in which someone types, by the shell's exec id."""
    fed: dict[str, Fed] = {}
    """Interpreters that such a shell started to run their input, by its exec id."""

    def forget(self, now: int, within: int) -> None:
        """Drop what is too old, the edge of the span aside."""
        if any(now - one.time > within for one in self.files.values()):
            self.files = {path: one for path, one in self.files.items() if now - one.time <= within}
        if self.printed:
            self.printed = {shell: one for shell, one in self.printed.items() if now - one.time <= TYPED}
        if self.fed:
            self.fed = {shell: one for shell, one in self.fed.items() if now - one[0] <= TOGETHER}

    def expires(self, within: int) -> int:
        """Microseconds since 1970 after which nothing is left."""
        return max(
            max((one.time for one in self.files.values()), default=-within) + within,
            max((one.time for one in self.printed.values()), default=-TYPED) + TYPED,
            max((one[0] for one in self.fed.values()), default=-TOGETHER) + TOGETHER,
        )

    def fetched(self, path: str, download: Download, most: int) -> None:
        """A file was fetched: it is another file than before."""
        self.files.pop(path, None)
        self.files[path] = download
        while len(self.files) > most:
            del self.files[next(iter(self.files))]

    def copied(self, path: str, target: str, evidence: Evidence, *, moved: bool, most: int) -> None:
        """A file or folder was copied or moved: what a download wrote lies under another path too."""
        if path == target:
            return
        for known in [path] if path in self.files else self._inside(path):
            download = self.files.pop(known) if moved else self.files[known]
            place = target + known[len(path) :]
            seen = (*download.evidence, evidence)[:_EVIDENCE]
            self.fetched(place, replace(download, name=shown(place), evidence=seen, told=False), most)

    def _inside(self, folder: str) -> list[str]:
        """The paths of downloads in a folder."""
        return [path for path in self.files if path.startswith(f"{folder}/")] if len(folder) > 1 else []

    def ran(self, path: str) -> Download | None:
        """The download that a path is, or is part of."""
        return self.files.get(path) or self._unpacked(path)

    def _unpacked(self, path: str) -> Download | None:
        folder = path
        for _ in range(_DEPTH):
            folder, slash, _ = folder.rpartition("/")
            if not slash:
                return None
            archive = self.files.get(f"{folder}/*")
            if archive is not None and _is_in(path[len(folder) + 1 :], folder, archive.source):
                return archive
        return None

    def known_as(self, shell: str, path: str, source: str) -> str:
        """What a file was called that the text of a shell fetched, where it did not tell the folder."""
        base = path.rpartition("/")[2]
        for known, one in self.files.items():
            if known.startswith(f"{UNKNOWN}{shell}/") and (one.source == source or known.rpartition("/")[2] == base):
                return one.name
        return shown(path)


def latest(entries: dict[str, Download] | dict[str, Fed], shell: str) -> None:
    """Make room for one more shell."""
    entries.pop(shell, None)
    while len(entries) >= SHELLS:
        del entries[next(iter(entries))]


def shown(path: str) -> str:
    """A path as an alert calls it."""
    return path.removeprefix(UNKNOWN).partition("/")[2] if path.startswith(UNKNOWN) else path


def _is_in(inner: str, folder: str, archive: str) -> bool:
    """Whether an archive most likely brought a file: directly into a folder of its own, or under the archive's name."""
    if "/" not in inner:
        return folder not in _SHARED
    name = unpacked_name(archive)
    return len(name) > 1 and inner.startswith(name)
