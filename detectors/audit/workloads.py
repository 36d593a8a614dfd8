"""The workload that a pod, a replica set or a job belongs to, and what makes a finding about it this one."""

from __future__ import annotations

import hashlib
import json
import re

from alerts.signal import Entity
from detectors.audit.entities import object_entity
from detectors.audit.lists import NODE, SERVICE_ACCOUNT, WORKLOAD_CONTROLLERS, is_one_of
from detectors.audit.objects import Metadata, Owner, PodSpec
from events import AuditEvent

BUILT_IN_GROUPS = frozenset({"", "apps", "batch", "extensions"})
HASH_LABELS = {"pod-template-hash": "deployment", "rollouts-pod-template-hash": "rollout"}
"""The label of a replica set and its pods whose value ends the replica set's name, and who sets it."""
MINUTE = 60_000_000
YEARS = 5 * 366 * 24 * 60
_SCHEDULED = re.compile(r"(.+)-(\d{8})")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(kind: str) -> str:
    """A kind as entities name it.

    Examples
    --------
    >>> snake_case("CronJob"), snake_case("StrimziPodSet"), snake_case("VMAgent")
    ('cron_job', 'strimzi_pod_set', 'vm_agent')
    """
    return _WORD.sub("_", kind).lower()


def workload(event: AuditEvent, meta: Metadata) -> Entity:
    """The workload that a written object belongs to: a pod's Deployment, a job's CronJob; else the object itself."""
    written = object_entity(event, meta)
    owner = meta.owner
    if owner is None or event.object.subresource or not _credible(event, owner):
        return written
    kind, name = snake_case(owner.kind or ""), owner.name or ""
    if written.kind == "pod" and kind == "replica_set":
        kind, name = _replica_set_owner(name, meta.labels or {})
    elif written.kind == "pod" and kind == "job":
        kind, name = _job_owner(name, event.time)
    elif not _resolves(written.kind, kind):
        return written
    return Entity(kind, name, written.namespace)


def _resolves(kind: str, owner: str) -> bool:
    """Whether an object stands for its owner. A node owns the mirrors of its static pods, which stand alone."""
    if kind == "pod":
        return owner not in ("", "node")
    return (kind, owner) in {("replica_set", "deployment"), ("replica_set", "rollout"), ("job", "cron_job")}


def _credible(event: AuditEvent, owner: Owner) -> bool:
    """Whether the owner may be believed: anyone can write an owner into a pod to pass for another's.

    The workload controllers are believed; of a custom resource any service account, for that is what
    operators are; and of a pod that exists already its owner, because an update cannot add what is judged.
    """
    if is_one_of(event.user, WORKLOAD_CONTROLLERS):
        return True
    if event.object.resource == "pods" and event.verb in ("update", "patch") and event.code != 201:
        return True
    group = (owner.api_version or "").rpartition("/")[0]
    return group not in BUILT_IN_GROUPS and event.user.username.startswith(SERVICE_ACCOUNT)


def _replica_set_owner(name: str, labels: dict[str, str | None]) -> tuple[str, str]:
    for label, kind in HASH_LABELS.items():
        suffix = f"-{labels.get(label) or ''}"
        if len(suffix) > 1 and name.endswith(suffix) and name != suffix:
            return kind, name.removesuffix(suffix)
    return "replica_set", name


def _job_owner(name: str, time: int) -> tuple[str, str]:
    """A CronJob ends its jobs' names with the minutes since 1970; eight digits far from now are a date."""
    scheduled = _SCHEDULED.fullmatch(name)
    if scheduled and abs(int(scheduled[2]) - time // MINUTE) <= YEARS:
        return "cron_job", scheduled[1]
    return "job", name


def digest(*parts: object) -> str:
    """A short hash of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def instance(event: AuditEvent, meta: Metadata) -> str:
    """What tells an object from a later one of its name: its uid.

    Where none is recorded, the request that made it stands for it. A change of one that exists adds nothing,
    so that an apply every few minutes is one finding.
    """
    made = event.verb == "create" or event.code == 201
    return meta.uid or event.object.uid or (event.event_id if made else "")


def occurrence(event: AuditEvent, entity: Entity, meta: Metadata, what: str) -> str:
    """What makes a finding about a workload this one: what is wrong, so that replicas and re-applies add none.

    A pod that stands alone is a new occurrence each time one of its name is made.
    """
    return f"{instance(event, meta)}:{what}" if entity.kind == "pod" else what


def swaps_image(event: AuditEvent, said: PodSpec) -> bool:
    """Whether a patch gives a pod that exists another image, which then has the rights that the pod had.

    Of a workload the pods that come of it are judged.
    """
    return event.resource == "pods" and any(container.image for container in said.all_containers)


def runs_daemons(event: AuditEvent, entity: Entity) -> bool:
    """Whether these are pods of a DaemonSet, or a static pod that its node reports: a node can make no others."""
    user = event.user
    node = user.username.startswith(NODE) and (not user.groups or "system:nodes" in user.groups)
    return entity.kind == "daemon_set" or (entity.kind == "pod" and node)
