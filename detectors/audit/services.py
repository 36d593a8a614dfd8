"""Services and workloads as requests tell them, and the little that is kept of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct, field

from detectors.audit.exposure import ANNOTATIONS, limited_ranges
from detectors.audit.objects import Body, CronJob, Metadata, Pod, PodSpec, PodTemplate, Template, Workload
from detectors.audit.objects import Container as ContainerBody

LABELS = 64
PORTS = 1500
"""More than the load balancer of any cloud takes."""
CONTAINERS = 64
PORT_NAME = 63
TEXT = 512
"""Characters of one value."""
ALWAYS = "Always"


class ServicePort(Struct, rename="camel"):
    """A port of a Service, and where it leads."""

    name: str | None = None
    port: int | None = None
    target_port: int | str | None = None


class ServiceSpec(Struct, rename="camel"):
    """What a Service says of itself."""

    type: str | None = None
    selector: dict[str, str | None] | None = None
    ports: list[ServicePort | None] | None = None
    cluster_ip: str | None = field(default=None, name="clusterIP")
    external_ips: list[str | None] | None = field(default=None, name="externalIPs")
    load_balancer_class: str | None = None
    load_balancer_source_ranges: list[str | None] | None = None


class ServiceMetadata(Metadata, rename="camel"):
    """What a Service's cloud is told goes into its annotations."""

    annotations: dict[str, str | None] | None = None


class ServiceBody(Body, rename="camel"):
    """A Service."""

    metadata: ServiceMetadata | None = None
    spec: ServiceSpec | None = None


class Service(Struct, array_like=True):
    """What is kept of a Service."""

    name: str
    namespace: str = ""
    type: str = "ClusterIP"
    selector: dict[str, str] = {}
    ports: list[tuple[int, int | str, str]] = []
    """Port, target (a number or the name of a container's port), name."""
    headless: bool = False
    external: list[str] = []
    """externalIPs."""
    balancer: str = ""
    """loadBalancerClass."""
    ranges: list[str] = []
    """loadBalancerSourceRanges."""
    annotations: dict[str, str] = {}
    """Those that say who may reach it."""

    def selects(self, labels: dict[str, str]) -> bool:
        """Whether pods with these labels are behind it; without a selector none is."""
        return bool(self.selector) and self.selector.items() <= labels.items()


class Listener(Struct, array_like=True):
    """What is kept of a container."""

    name: str
    image: str
    ports: list[tuple[int, str]] = []
    """Number and name."""
    program: str = ""
    """Command and arguments, where the pod tells them; else the image has its own."""


class Backend(Struct, array_like=True):
    """What is kept of a workload: what a Service may have behind it."""

    labels: dict[str, str] = {}
    containers: list[Listener] = []
    init: list[Listener] = []
    """Those that restart always, sidecars: the others have ended before anybody is let to the pod."""
    ephemeral: list[Listener] = []

    @property
    def all_containers(self) -> Iterator[Listener]:
        """Containers, sidecars and ephemeral containers."""
        for containers in (self.containers, self.init, self.ephemeral):
            yield from containers


def service(body: ServiceBody, name: str, namespace: str) -> Service:
    """What is kept of a Service, bounded in size."""
    spec = body.spec or ServiceSpec()
    notes = (body.metadata and body.metadata.annotations) or {}
    return Service(
        name,
        namespace,
        spec.type or "ClusterIP",
        _texts(spec.selector),
        [_port(port) for port in _present(spec.ports)[:PORTS]],
        spec.cluster_ip == "None",
        [text[:TEXT] for text in _present(spec.external_ips)[:LABELS]],
        (spec.load_balancer_class or "")[:TEXT],
        limited_ranges(_present(spec.load_balancer_source_ranges)),
        {key: _shortened(key, notes[key] or "") for key in sorted(ANNOTATIONS & notes.keys())},
    )


def _port(port: ServicePort) -> tuple[int, int | str, str]:
    number = port.port or 0
    target = port.target_port
    return number, target[:PORT_NAME] if isinstance(target, str) else (target or number), (port.name or "")[:PORT_NAME]


def _shortened(key: str, value: str) -> str:
    ranges = value.split(",") if key.endswith("ranges") else []
    return ",".join(limited_ranges(ranges)) if ranges else value[: 4 * TEXT]


def backend(body: Any) -> Backend:
    """What is kept of a workload, bounded in size."""
    pods: PodSpec = body.pods
    return Backend(
        _texts(_labels(body)),
        _listeners(pods.containers),
        _listeners(one for one in pods.init_containers or () if one and one.restart_policy == ALWAYS),
        _listeners(pods.ephemeral_containers),
    )


def _labels(body: Any) -> dict[str, str | None] | None:
    """The labels of the pods that come of it."""
    if isinstance(body, Pod):
        return body.meta.labels
    template: Template | None = None
    if isinstance(body, PodTemplate):
        template = body.template
    elif isinstance(body, Workload) and body.spec:
        template = body.spec.template
    elif isinstance(body, CronJob) and body.spec and body.spec.job_template and body.spec.job_template.spec:
        template = body.spec.job_template.spec.template
    return template.metadata.labels if template and template.metadata else None


def _listeners(containers: Iterable[ContainerBody | None] | None) -> list[Listener]:
    return [
        Listener(
            (one.name or "")[:TEXT],
            (one.image or "")[:TEXT],
            [(port.container_port or 0, (port.name or "")[:PORT_NAME]) for port in _present(one.ports)[:CONTAINERS]],
            " ".join([*_present(one.command), *_present(one.args)])[:TEXT],
        )
        for one in _present(containers)[:CONTAINERS]
    ]


def _present(values: Iterable[Any] | None) -> list[Any]:
    return [value for value in values or () if value is not None]


def _texts(labels: dict[str, str | None] | None) -> dict[str, str]:
    return {key[:TEXT]: (value or "")[:TEXT] for key, value in list((labels or {}).items())[:LABELS]}


def service_object(kept: Service) -> dict[str, Any]:
    """A Service as the API server would tell it, as far as it is kept: what a patch applies to."""
    ports = [{"port": port, "targetPort": target, "name": name} for port, target, name in kept.ports]
    spec = {
        "type": kept.type,
        "selector": dict(kept.selector),
        "ports": ports,
        "externalIPs": list(kept.external),
        "loadBalancerSourceRanges": list(kept.ranges),
        **({"loadBalancerClass": kept.balancer} if kept.balancer else {}),
        **({"clusterIP": "None"} if kept.headless else {}),
    }
    return {"metadata": {"annotations": dict(kept.annotations)}, "spec": spec}


def workload_object(kept: Backend, resource: str) -> dict[str, Any]:
    """A workload as the API server would tell it, as far as it is kept: what a patch applies to."""
    spec = {
        "containers": [_container(one) for one in kept.containers],
        "initContainers": [{**_container(one), "restartPolicy": ALWAYS} for one in kept.init],
        "ephemeralContainers": [_container(one) for one in kept.ephemeral],
    }
    template: dict[str, Any] = {"metadata": {"labels": dict(kept.labels)}, "spec": spec}
    if resource.startswith("pods"):
        return template
    if resource == "podtemplates":
        return {"template": template}
    whole = {"spec": {"template": template}}
    return {"spec": {"jobTemplate": whole}} if resource == "cronjobs" else whole


def _container(kept: Listener) -> dict[str, Any]:
    ports = [{"containerPort": number, "name": name} for number, name in kept.ports]
    command = {"command": [kept.program]} if kept.program else {}
    return {"name": kept.name, "image": kept.image, "ports": ports, **command}


def converted(plain: dict[str, Any], view: type[Any]) -> Any:
    """A patched object through the view of its bodies.

    Raises
    ------
    msgspec.ValidationError
        The patch gave a field a type that Kubernetes would not accept.
    """
    return msgspec.convert(plain, view)
