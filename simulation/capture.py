"""The folder of a capture: what stands in it beside the records, and what may be replaced."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml

from simulation.attacks.proxies import proxies
from simulation.choices import SOURCES
from simulation.clock import second_time
from simulation.cluster import Cluster
from simulation.errors import UnusableError
from simulation.labels import Label
from simulation.outlets import RotatedFiles
from simulation.world import World

LABELS = "labels.jsonl"
README = "README.md"
WORLD = "world.yaml"
TITLE = "# A simulated capture"
"""The first line of the README, by which an earlier capture is known."""
UNFINISHED = f"{TITLE}\n\nNot complete: it is being written, or its writing was broken off.\n"
_RECORDS = re.compile(rf"({'|'.join(SOURCES)})-\d+\.jsonl(\.gz)?")


class Capture:
    """A capture that is being written.

    Parameters
    ----------
    folder
        Where; what an earlier capture left in it is replaced.
    rotate
        Bytes of a file of records.
    compress
        Whether to pack the files of records.

    Raises
    ------
    UnusableError
        The folder holds something else.
    """

    def __init__(self, folder: Path, *, rotate: int, compress: bool) -> None:
        _clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / README).write_text(UNFINISHED, encoding="utf-8")
        self.folder = folder
        self.rotate = rotate
        self.compress = compress
        self.files: list[RotatedFiles] = []
        self.labelled: Counter[str] = Counter()
        """Labels by variant."""
        self._labels = (folder / LABELS).open("w", encoding="utf-8")

    def outlet(self, cluster: str, source: str) -> RotatedFiles:
        """The files of one source of one cluster."""
        files = RotatedFiles(self.folder, f"{cluster}/{source}", self.rotate, compress=self.compress)
        self.files.append(files)
        return files

    def label(self, label: Label) -> None:
        """Write a label."""
        self.labelled[label.variant] += 1
        self._labels.write(label.model_dump_json(by_alias=True) + "\n")

    def close(self) -> None:
        """End all files."""
        for files in self.files:
            files.close()
        self._labels.close()

    def introduce(self, world: World) -> None:
        """Write what is known of the clusters."""
        facts = {
            "clusters": [_facts(cluster) for cluster in world.clusters],
            "proxies": list(proxies(world.order.seed)),
        }
        (self.folder / WORLD).write_text(yaml.safe_dump(facts, sort_keys=False), encoding="utf-8")

    def describe(self, world: World, command: str, version: str, *, stopped: bool = False) -> None:
        """Write what the capture is: the same for the same call and version, unless it was stopped."""
        text = _readme(world, command, version, self.labelled, stopped=stopped)
        (self.folder / README).write_text(text, encoding="utf-8")


def _clear(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UnusableError(f"{folder}: not a folder")
    readme = folder / README
    is_ours = readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith(TITLE)
    if not is_ours and any(folder.iterdir()):
        raise UnusableError(f"{folder}: not empty, and no capture that may be replaced")
    for cluster in _clusters(folder / WORLD):
        for path in sorted((folder / cluster).glob("*")):
            if _RECORDS.fullmatch(path.name):
                path.unlink()
    for name in (LABELS, README, WORLD):
        (folder / name).unlink(missing_ok=True)


def _clusters(world: Path) -> list[str]:
    """Names of the clusters of an earlier capture: their folders hold what may be replaced."""
    try:
        names = [str(each["name"]) for each in yaml.safe_load(world.read_bytes())["clusters"]]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return []
    return [name for name in names if Path(name).name == name]


def _facts(cluster: Cluster) -> dict[str, object]:
    return {
        "name": cluster.name,
        "platform": str(cluster.platform),
        "networks": {
            "node": [f"10.{cluster.network}.0.0/16"],
            "pod": ["10.244.0.0/16"],
            "control_plane": [f"{cluster.address}/32"],
        },
        "namespaces": list(cluster.teams),
    }


def _readme(world: World, command: str, version: str, labelled: Counter[str], *, stopped: bool) -> str:
    clusters = [f"| {each.name} | {each.platform} | {len(each.teams)} |" for each in world.clusters]
    first, last = second_time(world.order.begin), second_time(world.schedule.now)
    variants = [f"- {labelled[variant]:,} {variant.replace('_', ' ')}" for variant in sorted(labelled)]
    missing = [f"- {episode.name} ({', '.join(episode.alert_types)})" for episode in world.left_out]
    return "\n".join(
        [
            TITLE,
            "",
            f"    {command}",
            "",
            f"Written by middlewatch {version}. The same command and version give "
            + ("these bytes and more: it was stopped before its end." if stopped else "the same bytes."),
            f"{world.count.events:,} events from {first} to {last}.",
            "Everything in it is invented: clusters, people, addresses, attacks.",
            "",
            "| cluster | platform | teams |",
            "|---|---|---|",
            *clusters,
            "",
            f"`{LABELS}` has one line for every event that is part of an attack, or only looks like one. Its origin",
            "says which record it is; ids repeat, where a request or operation is reported in several stages. Attacks",
            "are played after the first quarter of the time.",
            "",
            *variants,
            "",
            f"`{WORLD}` says what is known of the clusters: networks, platforms, addresses of proxies.",
            *(["", "Episodes that these logs cannot show:", "", *missing] if missing else []),
            "",
        ]
    )


def command_line(options: Sequence[tuple[str, object]]) -> str:
    """The call that makes a capture again."""
    return " ".join(["middlewatch simulate OUT", *(f"--{name} {value}" for name, value in options)])
