"""Shares of a checkpoint: each pod has some of its partitions in a folder of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from flows.checkpoints.copying import empty, write_copy
from flows.checkpoints.create import claim, create, is_missing, new_identity
from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.lock import held
from flows.checkpoints.manifest import Manifest, read_manifest, refuse_share
from flows.checkpoints.parts import Part, part_path
from flows.checkpoints.soundness import first_of, problems, read_parts, unlike
from flows.checkpoints.store import Cut, cut, cut_of

NO_RUN = 0


def made_for(folder: Path, pod: int = 0, pods: int = 1) -> None:
    """Make the share of a pod, or a whole checkpoint, if there is none; refuse what is another's.

    Raises
    ------
    CheckpointError
        It is another pod's share, or of another number of pods.
    """
    if is_missing(folder):
        create(folder, pod=pod, pods=pods)
    manifest = read_manifest(folder)
    if _is_torn(folder, manifest):
        empty(folder)
        manifest = create(folder, pod=pod, pods=pods)
    if manifest.pods != pods:
        was, now = _named(manifest.pods), _named(pods)
        raise CheckpointError(
            f"{folder}: made for {was}, and this job has {now}:"
            " see middlewatch checkpoint gather and middlewatch checkpoint deal"
        )
    if manifest.pod != pod:
        raise CheckpointError(
            f"{folder}: the share of pod {manifest.pod}, and this is pod {pod}: its volume is another pod's"
        )


def _is_torn(folder: Path, manifest: Manifest) -> bool:
    """Whether it is a share without state that was taking the name that all shares have when it was cut off."""
    parts, unreadable = read_parts(folder, manifest)
    named = {part.checkpoint for part in parts}
    return not manifest.whole and not unreadable and len(named) > 1 and not any(map(_is_used, parts))


def _named(pods: int) -> str:
    return f"{pods} pods" if pods > 1 else "one process or several on one machine"


def disagreement(shares: Mapping[int, tuple[Manifest, Sequence[Part]]]) -> str | None:
    """Why the shares of all pods, at rest, are not of one moment of one checkpoint; None if they are.

    Shares in which no epoch was ever kept fit each other.

    Parameters
    ----------
    shares
        By pod: the manifest, and what its partitions say.
    """
    manifests = [manifest for manifest, _ in shares.values()]
    for name in ("pods", "partitions"):
        said = {getattr(manifest, name) for manifest in manifests}
        if len(said) > 1:
            return (
                f"the checkpoints of the pods are of different numbers of {name}: {', '.join(map(str, sorted(said)))}"
            )
    missing = sorted(set(range(manifests[0].pods)) - set(shares))
    if missing:
        return f"the shares of {len(missing)} pods are missing, that of pod {missing[0]} among them"
    used = {pod for pod, (_, parts) in shares.items() if any(map(_is_used, parts))}
    if not used:
        return None
    if len({manifest.checkpoint for manifest in manifests}) > 1:
        return _strangers(shares, used)
    parts = sorted((part for _, found in shares.values() for part in found), key=lambda part: part.index)
    wrong = unlike(parts, last_run(manifests))
    return first_of(wrong) if wrong else None


def _strangers(shares: Mapping[int, tuple[Manifest, Sequence[Part]]], used: set[int]) -> str:
    fresh = sorted(set(shares) - used)
    if fresh:
        return (
            f"the checkpoint of pod {fresh[0]} is empty and that of pod {min(used)} is not:"
            " give it back its share, or begin all of them anew in empty folders"
        )
    return "the shares are of different checkpoints"


def _is_used(part: Part) -> bool:
    return part.mark is not None or part.kept >= 0 or bool(part.fronts)


def last_run(manifests: Sequence[Manifest]) -> int:
    """The last run that all pods have begun; some may have begun a further one, which then came to nothing."""
    return min((manifest.run for manifest in manifests), default=NO_RUN)


def gather(target: Path, folders: Sequence[Path]) -> int:
    """Make a whole checkpoint of the shares of all pods, which must be stopped; gives how many keys it has.

    Parameters
    ----------
    target
        Empty, or not there yet.
    folders
        The shares, in any order.

    Raises
    ------
    CheckpointError
        They are not all there, not of one moment, or one is in use; or the target is not empty.
    """
    for folder in folders:
        read_manifest(folder)
    with contextlib.ExitStack() as stack:
        for folder in folders:
            _refuse_inside(target, folder)
            stack.enter_context(held(folder))
        taken = stack.enter_context(_together(target, folders))
        keys = sum(step.keys for step in taken.steps())
        with _claimed(target):
            write_copy(taken, target, taken.resume, taken.manifest)
    return keys


@contextlib.contextmanager
def _together(target: Path, folders: Sequence[Path]) -> Iterator[Cut]:
    where: dict[int, Path] = {}
    shares: dict[int, tuple[Manifest, Sequence[Part]]] = {}
    for folder in folders:
        manifest = read_manifest(folder)
        if manifest.whole:
            raise CheckpointError(f"{folder}: not a share: it is whole")
        wrong = problems(folder, manifest)
        if wrong:
            raise CheckpointError(first_of(wrong))
        if manifest.pod in where:
            raise CheckpointError(f"{folder}: the share of pod {manifest.pod}, and so is {where[manifest.pod]}")
        where[manifest.pod] = folder
        shares[manifest.pod] = manifest, read_parts(folder, manifest)[0]
    if not shares:
        raise CheckpointError(f"{target}: no shares to make it of")
    reason = disagreement(shares)
    if reason is not None:
        raise CheckpointError(reason)
    one = next(iter(shares.values()))[0]
    whole = replace(one, pod=0, pods=1, run=last_run([manifest for manifest, _ in shares.values()]))
    paths = [part_path(where[index % one.pods], index) for index in range(one.partitions)]
    with cut_of(target, whole, paths, list) as taken:
        yield taken


def deal(source: Path, target: Path, pods: int) -> list[Path]:
    """Make the shares of some pods of a whole checkpoint; gives their folders, in the order of the pods.

    Parameters
    ----------
    source
        May be written meanwhile.
    target
        Empty, or not there yet: the folder of the shares.
    pods
        How many there will be.

    Raises
    ------
    CheckpointError
        The original is not whole or has fewer partitions than there are pods, or the target is not empty.
    """
    _refuse_inside(target, source)
    with cut(source) as taken:
        refuse_share(source, taken.manifest, "what is in the others")
        if taken.manifest.partitions < pods:
            raise CheckpointError(f"{source}: {taken.manifest.partitions} partitions are too few for {pods} pods")
        shares = [target / f"pod-{pod}" for pod in range(pods)]
        fresh = replace(taken.manifest, checkpoint=new_identity())
        with _claimed(target):
            for pod, share in enumerate(shares):
                claim(share)
                write_copy(taken, share, taken.resume, replace(fresh, pod=pod, pods=pods))
    return shares


def _refuse_inside(target: Path, source: Path) -> None:
    if target.resolve().is_relative_to(source.resolve()):
        raise CheckpointError(f"{target}: lies in {source}")


@contextlib.contextmanager
def _claimed(target: Path) -> Iterator[None]:
    """An empty folder, which is emptied again if it cannot be filled."""
    claim(target)
    try:
        yield
    except BaseException:
        empty(target)
        raise
