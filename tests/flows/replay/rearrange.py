"""The same records in other files and another order, within what may come late."""

import gzip
import heapq
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from events import ActivityEvent, AuditEvent, Malformed, RuntimeEvent, Skipped
from events.decoder import Decoder
from tests.flows.replay.capture import records

LATENESS = {RuntimeEvent: 2_000_000, AuditEvent: 30_000_000, ActivityEvent: 1_200_000_000}
"""Microseconds, as the settings have it by default."""
MOST = 0.9
"""Of the allowed lateness."""


class Arrangement(Struct, frozen=True):
    """How the files of each cluster are rearranged."""

    seed: int = 0
    shaken: float = 0.0
    """Share of the files whose lines are shuffled, within the allowed lateness."""
    merged: bool = False
    """Whether two files of a cluster may become one."""
    parts: int = 1
    """Into which a file is split at most."""
    packed: bool = False
    """Whether some are compressed."""
    repeated: float = 0.0
    """Share of the lines that come twice."""
    most: float = MOST
    """Share of the allowed lateness that is used; above 1 some come too late."""


class Record(Struct, frozen=True):
    """One line."""

    data: bytes
    moments: tuple[tuple[int, int], ...]
    """Time and allowed lateness of each of its events (microseconds)."""

    @property
    def newest(self) -> int:
        return max(time for time, _ in self.moments)

    @property
    def slack(self) -> int:
        """By how much it may come later than events as new as its newest."""
        newest = self.newest
        return max(0, min(lateness - (newest - time) for time, lateness in self.moments))


File = Sequence[Record]


def read(capture: Path) -> dict[str, dict[str, File]]:
    """The records of a capture, by cluster and file."""
    found: dict[str, dict[str, File]] = {}
    for path in records(capture):
        decode = Decoder(path.parent.name).decode
        lines = path.read_bytes().splitlines()
        found.setdefault(path.parent.name, {})[path.stem] = [
            Record(line, tuple(_moments(decode(line)))) for line in lines
        ]
    return found


def _moments(items: Sequence[object]) -> Iterator[tuple[int, int]]:
    for item in items:
        assert not isinstance(item, Malformed | Skipped)
        assert isinstance(item, RuntimeEvent | AuditEvent | ActivityEvent)
        yield item.time, LATENESS[type(item)]


def rearrange(content: dict[str, dict[str, File]], capture: Path, folder: Path, how: Arrangement) -> Path:
    """Write a capture with this content into a folder that is not there yet."""
    chance = random.Random(how.seed)
    folder.mkdir()
    for beside in ("world.yaml", "settings.yaml"):
        shutil.copy(capture / beside, folder)
    for cluster, files in content.items():
        (folder / cluster).mkdir()
        for number, (name, lines) in enumerate(_arranged(list(files.items()), how, chance)):
            _write(folder / cluster / f"{chance.randrange(1000):03}-{number}-{name}.jsonl", lines, how, chance)
    return folder


def _arranged(files: list[tuple[str, File]], how: Arrangement, chance: random.Random) -> Iterator[tuple[str, File]]:
    if how.merged and len(files) > 1:
        chance.shuffle(files)
        (one, first), (other, second), *rest = files
        together = list(heapq.merge(first, second, key=lambda record: record.newest))
        if not late(together):
            files = [(f"{one}-{other}", together), *rest]
    for name, lines in files:
        lines = _repeated(lines, how, chance)
        if chance.random() < how.shaken:
            lines = shaken(lines, chance, how.most)
        for part in _parts(lines, chance.randint(1, how.parts), chance):
            if part:
                yield name, part


def shaken(lines: File, chance: random.Random, most: float) -> File:
    """In another order, in which nothing is late."""
    share = chance.choice([0.3, 1.0]) * most
    while share > 0.01:
        other = sorted(lines, key=lambda record: record.newest + chance.random() * record.slack * share)
        if most > 1 or not late(other):
            return other
        share /= 2
    return lines


def late(lines: File) -> bool:
    """Whether an event is older than the newest before it by more than is allowed."""
    newest = 0
    for record in lines:
        for time, lateness in record.moments:
            if newest - time > lateness:
                return True
            newest = max(newest, time)
    return False


def _repeated(lines: File, how: Arrangement, chance: random.Random) -> File:
    return [record for record in lines for _ in range(2 if chance.random() < how.repeated else 1)]


def _parts(lines: File, parts: int, chance: random.Random) -> list[File]:
    """Contiguous, dealt out in turn, or by chance."""
    kind = chance.randrange(3)
    if kind == 0:
        return [lines[len(lines) * part // parts : len(lines) * (part + 1) // parts] for part in range(parts)]
    if kind == 1:
        return [lines[part::parts] for part in range(parts)]
    dealt = [chance.randrange(parts) for _ in lines]
    return [[line for line, to in zip(lines, dealt, strict=True) if to == part] for part in range(parts)]


def _write(path: Path, lines: File, how: Arrangement, chance: random.Random) -> None:
    data = b"".join(record.data + b"\n" for record in lines)
    if how.packed and chance.random() < 0.5:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data, 1))
    else:
        path.write_bytes(data)


def rotate(folder: Path, chance: random.Random) -> None:
    """Rename some files, and compress some that are not."""
    for path in records(folder):
        if chance.random() < 0.5:
            path = path.rename(path.with_name(f"{chance.randrange(1000):03}-{path.name}"))
        if path.suffix != ".gz" and chance.random() < 0.3:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
            path.unlink()
