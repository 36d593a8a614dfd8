"""A container that mounts a file or folder by which its node can be taken over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from pydantic import BaseModel, Field

from detectors.audit.bodies import UNRECORDED, written
from detectors.audit.conditions import COMPLETED, upkeep
from detectors.audit.daemons import daemons
from detectors.audit.entities import SHOWN, actor, named, who
from detectors.audit.images import TrustedImage, repository
from detectors.audit.objects import POD_MAKERS, Container, PodSpec
from detectors.audit.paths import normal, sensitive
from detectors.audit.workloads import digest, occurrence, runs_daemons, swaps_image, workload
from detectors.contract import Match, Quiet, rule
from detectors.selection import writes
from events import AuditEvent

Mounted: TypeAlias = tuple[Container, str | None, str]
"""A container, the name of a volume that it mounts, and the path on the node."""


class Parameters(BaseModel, frozen=True, extra="forbid"):
    """Which mounts are ordinary, besides those of the known system daemons."""

    images: tuple[TrustedImage, ...] = Field((), description="Images with the paths of the node that they may mount")


@rule(
    "K8S_SensitiveMount",
    on=writes(*POD_MAKERS),
    unless=(*COMPLETED, upkeep),
    parameters=Parameters(),
    misses=(
        "A PersistentVolume of type hostPath or local that a pod mounts through its claim, for the pod does not show"
        " the path. A path that is harmless by name and links to another on the node. Windows paths and pipes. A listed"
        " image that is given other work, on the paths of its list: by a hook, a probe, a variable or its"
        f" configuration. {UNRECORDED}"
    ),
    noise=(
        "Log shippers, network and storage agents that are not in the list, or come from a mirror of one's own: name"
        " image and path in the parameters. Applications that mount the node's certificates. No earlier form is"
        " kept, so a write of the whole of an old workload raises it once more, under the same id."
    ),
)
def sensitive_mount(event: AuditEvent, parameters: Parameters) -> Match | Quiet:
    """Someone created or changed a workload so that one of its containers mounts a sensitive path of the node.

    Examples
    --------
    >>> def pod(path):
    ...     mounts = [{"name": "a", "image": "b", "volumeMounts": [{"name": "v", "mountPath": "/host"}]}]
    ...     return {"spec": {"volumes": [{"name": "v", "hostPath": {"path": path}}], "containers": mounts}}
    >>> fired(sensitive_mount, audit("create", "pods", namespace="shop", name="web", request=pod("/var/../etc")))
    ['shop/web']
    >>> fired(sensitive_mount, audit("create", "pods", namespace="shop", name="web", request=pod("/mnt/data")))
    []
    """
    write = written(event, POD_MAKERS[event.resource])
    if isinstance(write, Quiet):
        return write
    paths = host_paths(write.now.pods)
    found = [mount for mount in mounts(write.now.pods, paths) if sensitive(mount[2])]
    if not found:
        return Quiet("a container mounts a sensitive path of the node", sorted(set(paths.values())))
    found = found if write.said is None else _brought(event, write.said.pods, found)
    if not found:
        return Quiet("the patch itself mounts such a path", "it names no such volume")
    meta = write.now.meta
    entity = workload(event, meta)
    trusted, daemon = daemons(parameters.images), runs_daemons(event, entity)
    judged = [one for one in found if not trusted.may_mount(one[0], entity.namespace, one[2], daemon=daemon)]
    if not judged:
        return Quiet("a mount is not a known daemon's", [f"{mount[0].image}: {mount[2]}" for mount in found])
    what = sorted({(mount[0].name or "", repository(mount[0].image or ""), mount[2]) for mount in judged})
    names = ", ".join(f"{path} in {name} ({image})" for name, image, path in what[:SHOWN])
    return Match(
        entity,
        occurrence(event, entity, meta, digest(what)),
        f"{who(event)} wrote {named(entity)}, which mounts {names} from the node",
        {"mounts": [{"container": name, "image": image, "hostPath": path} for name, image, path in what[:SHOWN]]},
        actor(event),
    )


def _brought(event: AuditEvent, said: PodSpec, found: list[Mounted]) -> list[Mounted]:
    """Those mounts that a patch itself brings: the volume, the mount, or another image in the pod that has them."""
    if swaps_image(event, said):
        return found
    named = set(host_paths(said)).union(*(container.mounted for container in said.all_containers))
    return [mount for mount in found if mount[1] in named or None in named]


def host_paths(pods: PodSpec) -> dict[str | None, str]:
    """Volumes that are paths of the node, in normal form, by name."""
    return {
        volume.name: normal(volume.host_path.path)
        for volume in pods.volumes or ()
        if volume is not None and volume.host_path is not None and volume.host_path.path
    }


def mounts(pods: PodSpec, paths: dict[str | None, str]) -> Iterator[Mounted]:
    """Which container mounts which of these volumes; a patch may set a path without naming its volume."""
    for container in pods.all_containers:
        yield from ((container, name, paths[name]) for name in sorted(container.mounted & paths.keys(), key=str))
