"""A container in kube-system that does not usually run there."""

from __future__ import annotations

from pydantic import Field

from detectors.audit.bodies import UNRECORDED, written
from detectors.audit.conditions import COMPLETED, upkeep
from detectors.audit.entities import actor, named, who
from detectors.audit.images import repository
from detectors.audit.lists import ADDON_MANAGERS, NODE, WORKLOAD_CONTROLLERS, is_one_of
from detectors.audit.objects import POD_MAKERS, PodSpec
from detectors.audit.platform_images import is_platform_image
from detectors.audit.workloads import instance, workload
from detectors.baseline import BaselineParameters, Candidate, baseline
from detectors.contract import Quiet
from detectors.selection import writes
from events import AuditEvent, User

MOST = 64
"""Repositories that are told of one workload."""
TEXT = 512


class Parameters(BaselineParameters, frozen=True, extra="forbid"):
    """How long is learned, and what belongs in kube-system besides."""

    images: tuple[str, ...] = Field(
        (),
        description="Repositories, or folders that end in `/`, that belong in kube-system besides the platforms' own",
    )


@baseline(
    "K8S_KubeSystemContainer",
    on=writes(*POD_MAKERS),
    names="repositories",
    unless=(*COMPLETED, upkeep),
    parameters=Parameters(),
    misses=(
        "What a controller makes in the learning time for a workload whose making was not seen, and what a node reports"
        " then of its static pods: they are learned. Another program in an image of the platform, another image under a"
        " known repository's name (a tag or digest that was overwritten), and a node that pulls from a mirror instead."
        " A cluster of which no pod's making was seen for 90 days learns anew. At 1024 repositories nothing more is"
        f" learned. {UNRECORDED}"
    ),
    noise=(
        "Add-ons that people install in kube-system, and images of a platform that are not in the list: each counts"
        " once in each workload. A mirror of one's own: name it in the parameters. A platform's new add-on after the"
        " learning time. A pod without a workload counts each time that one is made."
    ),
)
def kube_system_container(event: AuditEvent, parameters: Parameters) -> Candidate | Quiet:
    """Someone ran an image in kube-system that neither the platform nor this cluster usually runs there.

    Examples
    --------
    >>> def pod(image):
    ...     return {"spec": {"containers": [{"name": "a", "image": image}]}}
    >>> def made(image, **fields):
    ...     return audit("create", "pods", name="web", request=pod(image), **{"namespace": "kube-system", **fields})
    >>> fired(kube_system_container, made("nginx:1.27"), made("registry.k8s.io/pause:3.10"))
    ['kube-system/web']
    >>> fired(kube_system_container, made("nginx:1.27", namespace="shop"), made("registry.k8s.io/pause:3.10"))
    []
    """
    ref = event.object
    if ref.namespace != "kube-system":
        # The first pod of any namespace begins the learning time: kube-system alone may be silent for weeks.
        begins = event.verb == "create" and event.resource == "pods"
        return Candidate() if begins else Quiet("the namespace is kube-system", ref.namespace)
    write = written(event, POD_MAKERS[event.resource])
    if isinstance(write, Quiet):
        return write
    images = {(one.image or "").strip()[:TEXT] for one in write.now.pods.all_containers if one.image}
    if write.said is not None and event.code != 201 and not _names_image(write.said.pods):
        return Quiet("the patch itself names an image", "it names none")
    values = {repository(image) for image in images if not is_platform_image(image, parameters.images)}
    if not values:
        return Quiet("an image is not one of the platform's", sorted(images))
    entity = workload(event, write.now.meta)
    stands_alone = entity.kind == "pod" and not event.user.username.startswith(NODE)
    this = instance(event, write.now.meta) if stands_alone else ""
    return Candidate(
        tuple(sorted(values))[:MOST],
        f"{entity.kind}/{entity.name}/{this}",
        _teaches(event.user),
        entity,
        this,
        f"{who(event)} wrote {named(entity)} in kube-system with images that do not usually run there",
        actor(event),
    )


def _names_image(said: PodSpec) -> bool:
    return any(container.image for container in said.all_containers)


def _teaches(user: User) -> bool:
    """Whether what a user writes shows what the cluster usually runs: controllers, add-on managers and nodes."""
    if is_one_of(user, WORKLOAD_CONTROLLERS | ADDON_MANAGERS):
        return True
    return user.username.startswith(NODE) and (not user.groups or "system:nodes" in user.groups)
