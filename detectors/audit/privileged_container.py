"""A container that has every right on its node."""

from __future__ import annotations

from pydantic import BaseModel, Field

from detectors.audit.bodies import UNRECORDED, written
from detectors.audit.conditions import COMPLETED, upkeep
from detectors.audit.daemons import daemons
from detectors.audit.entities import SHOWN, actor, named, who
from detectors.audit.images import TrustedImage, repository
from detectors.audit.objects import POD_MAKERS, Container, PodSpec
from detectors.audit.workloads import digest, occurrence, runs_daemons, swaps_image, workload
from detectors.contract import Match, Quiet, rule
from detectors.selection import writes
from events import AuditEvent


class Parameters(BaseModel, frozen=True, extra="forbid"):
    """Whose privileged containers are ordinary, besides the platforms' own in kube-system."""

    images: tuple[TrustedImage, ...] = Field((), description="Images that may be privileged (`privileged: true`)")


@rule(
    "K8S_PrivilegedContainer",
    on=writes(*POD_MAKERS),
    unless=(*COMPLETED, upkeep),
    parameters=Parameters(),
    misses=(
        "Capabilities such as SYS_ADMIN, host namespaces and Windows host processes, which give nearly as much without"
        " the field. A listed image in kube-system that is given other work: by a hook, a probe, a variable or its"
        " configuration, and those that run shells there anyway (kube-proxy, cilium) by another text. A workload that"
        f" is deleted and made again with the same containers and images keeps its alert's id. {UNRECORDED}"
    ),
    noise=(
        "Network, storage and security agents outside kube-system, and those in a mirror of one's own: name their"
        " images in the parameters. Builds that run privileged in pods of their own (docker in docker): each pod is a"
        " finding. No earlier form is kept, so a write of the whole of an old workload raises it once more, under the"
        " same id."
    ),
)
def privileged_container(event: AuditEvent, parameters: Parameters) -> Match | Quiet:
    """Someone created or changed a workload so that one of its containers is privileged.

    Examples
    --------
    >>> root = {"spec": {"initContainers": [{"name": "a", "image": "b", "securityContext": {"privileged": True}}]}}
    >>> fired(privileged_container, audit("create", "pods", namespace="shop", name="web", request=root))
    ['shop/web']
    >>> fired(privileged_container, audit("create", "pods", namespace="shop", request=root, uri="/pods?dryRun=All"))
    []
    """
    write = written(event, POD_MAKERS[event.resource])
    if isinstance(write, Quiet):
        return write
    said = None if write.said is None else write.said.pods
    if said is not None and not _privileged(said) and not swaps_image(event, said):
        return Quiet("the patch itself makes a container privileged", "it sets no privileged: true")
    found = _privileged(write.now.pods)
    if not found:
        return Quiet("a container is privileged", [container.name for container in write.now.pods.all_containers])
    meta = write.now.meta
    entity = workload(event, meta)
    trusted, daemon = daemons(parameters.images), runs_daemons(event, entity)
    judged = [one for one in found if not trusted.may_be_privileged(one, entity.namespace, daemon=daemon)]
    if not judged:
        return Quiet("a privileged container is not a known daemon's", [container.image for container in found])
    containers = sorted({(container.name or "", repository(container.image or "")) for container in judged})
    names = ", ".join(f"{name} ({image})" for name, image in containers[:SHOWN])
    return Match(
        entity,
        occurrence(event, entity, meta, digest(containers)),
        f"{who(event)} wrote {named(entity)} with privileged containers: {names}",
        {"containers": [{"name": c.name, "image": c.image, "privileged": True} for c in judged[:SHOWN]]},
        actor(event),
    )


def _privileged(pods: PodSpec) -> list[Container]:
    return [container for container in pods.all_containers if container.privileged]
