"""Typed views of the bodies of requests: of each object only what a detector compares.

Every field may be absent or null. What has a type that Kubernetes would not accept raises
`msgspec.ValidationError`: such a record is reported, not passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field


class Owner(Struct, rename="camel"):
    """An object that another one belongs to."""

    api_version: str | None = None
    kind: str | None = None
    name: str | None = None
    controller: bool | None = None


class ManagedFields(Struct, rename="camel"):
    """Who set which fields, and when last."""

    manager: str | None = None
    operation: str | None = None
    subresource: str | None = None
    time: str | None = None


class Metadata(Struct, rename="camel"):
    """What every object has."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    deletion_timestamp: str | None = None
    """When its deletion was asked for; it stays until its finalizers are done."""
    labels: dict[str, str | None] | None = None
    owner_references: list[Owner | None] | None = None
    managed_fields: list[ManagedFields | None] | None = None

    @property
    def owner(self) -> Owner | None:
        """The controller that the object belongs to."""
        return next((owner for owner in self.owner_references or () if owner and owner.controller), None)


class Body(Struct, rename="camel"):
    """Any object."""

    kind: str | None = None
    type_: str | None = field(default=None, name="@type")
    metadata: Metadata | None = None

    @property
    def meta(self) -> Metadata:
        """The metadata; empty if there is none."""
        return self.metadata or Metadata()


class SecurityContext(Struct, rename="camel"):
    """What a container may."""

    privileged: bool | None = None


class Named(Struct):
    """A reference by name: of a mount or a device to its volume."""

    name: str | None = None


class ContainerPort(Struct, rename="camel"):
    """A port that a container says it listens on."""

    name: str | None = None
    container_port: int | None = None


class Container(Struct, rename="camel"):
    """A container of any of the three lists."""

    name: str | None = None
    image: str | None = None
    command: list[str | None] | None = None
    args: list[str | None] | None = None
    ports: list[ContainerPort | None] | None = None
    restart_policy: str | None = None
    security_context: SecurityContext | None = None
    volume_mounts: list[Named | None] | None = None
    volume_devices: list[Named | None] | None = None

    @property
    def privileged(self) -> bool:
        """Whether it has every right on its node."""
        return self.security_context is not None and self.security_context.privileged is True

    @property
    def mounted(self) -> set[str | None]:
        """The names of the volumes that it mounts."""
        return {mount.name for mounts in (self.volume_mounts, self.volume_devices) for mount in mounts or () if mount}


class HostPath(Struct):
    """A file or folder of the node."""

    path: str | None = None


class Volume(Struct, rename="camel"):
    """A volume of a pod."""

    name: str | None = None
    host_path: HostPath | None = None


class PodSpec(Struct, rename="camel"):
    """What a pod runs."""

    containers: list[Container | None] | None = None
    init_containers: list[Container | None] | None = None
    ephemeral_containers: list[Container | None] | None = None
    volumes: list[Volume | None] | None = None

    @property
    def all_containers(self) -> Iterator[Container]:
        """Containers, init containers and ephemeral containers."""
        for containers in (self.containers, self.init_containers, self.ephemeral_containers):
            yield from (container for container in containers or () if container)


NO_PODS = PodSpec()


class Template(Struct):
    """The form from which pods are made."""

    metadata: Metadata | None = None
    spec: PodSpec | None = None


class Pod(Body, rename="camel"):
    """A pod."""

    spec: PodSpec | None = None

    @property
    def pods(self) -> PodSpec:
        """What the pod runs."""
        return self.spec or NO_PODS


class DebuggedPod(Pod, rename="camel"):
    """A pod seen through its subresource `ephemeralcontainers`, which can change nothing else."""

    ephemeral_containers: list[Container | None] | None = None
    """Before Kubernetes 1.22 the body held only these."""

    @property
    def pods(self) -> PodSpec:
        """The ephemeral containers, and the volumes that they may mount."""
        spec = self.spec or NO_PODS
        return PodSpec(
            ephemeral_containers=spec.ephemeral_containers or self.ephemeral_containers, volumes=spec.volumes
        )


class PodTemplate(Body):
    """A template kept as an object of its own."""

    template: Template | None = None

    @property
    def pods(self) -> PodSpec:
        """What its pods run."""
        return (self.template and self.template.spec) or NO_PODS


class WorkloadSpec(Struct):
    """What a workload says of its pods."""

    template: Template | None = None


class Workload(Body):
    """A Deployment, ReplicaSet, StatefulSet, DaemonSet, ReplicationController or Job."""

    spec: WorkloadSpec | None = None

    @property
    def pods(self) -> PodSpec:
        """What its pods run."""
        template = self.spec and self.spec.template
        return (template and template.spec) or NO_PODS


class JobTemplate(Struct):
    """The form from which jobs are made."""

    spec: WorkloadSpec | None = None


class CronJobSpec(Struct, rename="camel"):
    """What a cron job says of its jobs."""

    job_template: JobTemplate | None = None


class CronJob(Body):
    """A job at set times."""

    spec: CronJobSpec | None = None

    @property
    def pods(self) -> PodSpec:
        """What the pods of its jobs run."""
        jobs = self.spec and self.spec.job_template
        template = jobs and jobs.spec and jobs.spec.template
        return (template and template.spec) or NO_PODS


POD_MAKERS: dict[str, type[Pod | PodTemplate | Workload | CronJob]] = {
    "cronjobs": CronJob,
    "daemonsets": Workload,
    "deployments": Workload,
    "jobs": Workload,
    "pods": Pod,
    "pods/ephemeralcontainers": DebuggedPod,
    "podtemplates": PodTemplate,
    "replicasets": Workload,
    "replicationcontrollers": Workload,
    "statefulsets": Workload,
}
"""What holds a pod spec, as RBAC writes it. Subresources such as `scale` and `status` hold none."""


class PolicyRule(Struct, rename="camel"):
    """Which verbs a role allows on which resources or paths."""

    verbs: list[str] | None = None
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    resource_names: list[str] | None = None
    non_resource_urls: list[str] | None = field(default=None, name="nonResourceURLs")


class Role(Body):
    """A Role or ClusterRole."""

    rules: list[PolicyRule | None] | None = None


class RoleRef(Struct):
    """The role that a binding grants."""

    kind: str | None = None
    name: str | None = None


class Subject(Struct):
    """Whom a binding grants it to."""

    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


class Binding(Body, rename="camel"):
    """A RoleBinding or ClusterRoleBinding."""

    role_ref: RoleRef | None = None
    subjects: list[Subject | None] | None = None


class ConfigMaps(Body):
    """One ConfigMap, or the list of those that a deletecollection removed."""

    items: list[Body | None] | None = None


class Operation(Struct):
    """One step of a JSON patch (RFC 6902)."""

    op: str
    path: str
    value: Any = None
