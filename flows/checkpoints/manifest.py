"""The manifest of a checkpoint: who wrote it, with which steps and detectors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from flows.checkpoints.errors import CheckpointError

MANIFEST = "middlewatch.json"
UNFINISHED = ".middlewatch.json.new"
BEGUN = ".middlewatch.begun"
"""Stands in a folder in which a checkpoint is being made."""
FORMAT = 1
MAX_PARTITIONS = 1024
_LIMIT = 16 << 20
"""Bytes; a manifest is small."""


class DetectorState(Struct, frozen=True):
    """In which form a detector's state is written."""

    version: int
    depends_on: dict[str, Any] = {}
    """Parameters without which the state means nothing: plain JSON values."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What a checkpoint says of itself."""

    format: int = FORMAT
    release: str
    """Of the program that wrote it last."""
    checkpoint: str
    """Stands in each of its partitions too, and in those of no other checkpoint."""
    partitions: int
    """Of the whole checkpoint."""
    pod: int = 0
    """Whose share of the partitions this is: those whose number, modulo the pods, is this."""
    pods: int = 1
    """How many have a share each; one has the whole."""
    run: int = 0
    """How many runs have begun with it; stands in each of its partitions too."""
    steps: tuple[str, ...]
    detectors: dict[str, DetectorState] = {}
    """By name, also those that no longer run."""

    @property
    def whole(self) -> bool:
        """Whether all partitions are in this folder."""
        return self.pods == 1

    @property
    def indices(self) -> range:
        """Numbers of the partitions in this folder."""
        return range(self.pod, self.partitions, self.pods)


class _OnlyFormat(Struct):
    format: int


def as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Parameters as a manifest gives them back."""
    converted = msgspec.json.decode(msgspec.json.encode(values))
    assert isinstance(converted, dict)
    return converted


def read_manifest(folder: Path) -> Manifest:
    """What the checkpoint in a folder says of itself.

    Raises
    ------
    CheckpointError
        There is none, it is torn, or it is from a newer release.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder")
    try:
        with path.open("rb") as file:
            text = file.read(_LIMIT + 1)
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: not a checkpoint: it has no {MANIFEST}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}") from None
    if len(text) > _LIMIT:
        raise CheckpointError(f"{path}: longer than {_LIMIT} bytes")
    try:
        written = msgspec.json.decode(text, type=_OnlyFormat).format
        if written > FORMAT:
            raise CheckpointError(
                f"{path}: written by a newer release (format {written}); this one reads format {FORMAT}"
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path}: torn or not a manifest: {error}") from None
    if not 1 <= manifest.pods <= manifest.partitions or not 0 <= manifest.pod < manifest.pods:
        raise CheckpointError(f"{path}: pod {manifest.pod} of {manifest.pods} has no share of {manifest.partitions}")
    if written != FORMAT or not 1 <= manifest.partitions <= MAX_PARTITIONS:
        raise CheckpointError(f"{path}: not a manifest of format {FORMAT} with 1 to {MAX_PARTITIONS} partitions")
    return manifest


def share_of(manifest: Manifest, index: int) -> str:
    """Where another partition is."""
    return f"in the share of pod {index % manifest.pods}; this is that of pod {manifest.pod}"


def refuse_share(folder: Path, manifest: Manifest, wanted: str) -> None:
    """Make sure that a checkpoint is whole; `wanted` is what is asked of it.

    Raises
    ------
    CheckpointError
        It is the share of one pod.
    """
    if not manifest.whole:
        raise CheckpointError(
            f"{folder}: the share of pod {manifest.pod} of {manifest.pods}, which does not say {wanted}:"
            " stop the job and make one checkpoint of all shares, with middlewatch checkpoint gather"
        )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest: afterwards the old or the new one is there, never half of one.

    Raises
    ------
    CheckpointError
        It cannot be written; the old one stays.
    """
    fresh = folder / UNFINISHED
    try:
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  it opens a descriptor
            file.write(msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / MANIFEST)
        sync(folder)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be written: {error.strerror or error}") from None


def sync(folder: Path) -> None:
    """Make new names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
