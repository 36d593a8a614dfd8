"""Entity and actor of a runtime event."""

from __future__ import annotations

from alerts.redaction import beginning
from alerts.signal import Actor, Entity
from events import Container, RuntimeEvent

LONGEST = 16_384
"""Characters of a command line that are kept; an alert shows fewer, after its secrets are redacted."""


def entity(event: RuntimeEvent) -> Entity:
    """The container in which it happened, else the node.

    Examples
    --------
    >>> web = entity(execution("/usr/bin/id"))
    >>> web.kind, web.name, web.namespace, web.workload, web.node
    ('container', '0123456789ab', 'shop', 'Deployment/web', 'node-1')
    >>> entity(execution("/usr/bin/id", container=None))
    Entity(kind='node', name='node-1', ...)
    """
    container = event.container
    if container is None:
        return Entity("node", event.node)
    return Entity(
        kind="container",
        name=container.id or container.name or container.pod,
        namespace=container.namespace,
        pod=container.pod,
        container=container.name,
        image=container.image,
        node=event.node,
        workload=_workload(container),
    )


def actor(event: RuntimeEvent) -> Actor:
    """The process that did it, and what started it.

    Examples
    --------
    >>> actor(execution("/usr/bin/id", "-u", parent="/bin/bash", uid=0))
    Actor(kind='process', name='/usr/bin/id -u', ... parent='/bin/bash', uid=0)
    """
    parent = "" if event.parent is None else beginning(event.parent.command_line, LONGEST)
    name = beginning(event.process.command_line, LONGEST)
    return Actor("process", name, parent=parent, uid=event.process.uid)


def _workload(container: Container) -> str:
    if not container.workload:
        return ""
    return f"{container.workload_kind}/{container.workload}" if container.workload_kind else container.workload
