"""Who asked, and what the request is about."""

from __future__ import annotations

from alerts.signal import Actor, Entity
from detectors.audit.lists import SERVICE_ACCOUNT
from detectors.audit.objects import Metadata
from events import AuditEvent, User

SHOWN = 20
"""As many entries of a list are shown in the fields of an alert."""
KINDS = {
    "clusterrolebindings": "cluster_role_binding",
    "clusterroles": "cluster_role",
    "configmaps": "config_map",
    "cronjobs": "cron_job",
    "daemonsets": "daemon_set",
    "deployments": "deployment",
    "jobs": "job",
    "pods": "pod",
    "podtemplates": "pod_template",
    "replicasets": "replica_set",
    "replicationcontrollers": "replication_controller",
    "rolebindings": "role_binding",
    "roles": "role",
    "services": "service",
    "statefulsets": "stateful_set",
}


def identity(user: User) -> Entity:
    """The user or service account that sent a request.

    Examples
    --------
    >>> [entity.kind for entity in map(identity, (User("system:serviceaccount:shop:web"), User("jane")))]
    ['service_account', 'user']
    """
    if user.username.startswith(SERVICE_ACCOUNT):
        namespace, _, name = user.username.removeprefix(SERVICE_ACCOUNT).partition(":")
        if namespace and name:
            return Entity("service_account", name, namespace)
    return Entity("user", user.username)


def actor(event: AuditEvent) -> Actor:
    """Who sent the request: always the real user, whomever they claimed to be."""
    return Actor(identity(event.user).kind, event.user.username, event.addresses, event.user_agent)


def who(event: AuditEvent) -> str:
    """The sender for a sentence, with whom they claimed to be (`--as`)."""
    name = event.user.username or "an unknown user"
    return name if event.impersonated is None else f"{name} (as {event.impersonated.username})"


def object_entity(event: AuditEvent, meta: Metadata) -> Entity:
    """The object of the request; its name is the answer's where the API server made it up."""
    ref = event.object
    name = ref.name or meta.name or meta.generate_name or ""
    return Entity(KINDS[ref.resource], name, ref.namespace or meta.namespace or "")


def named(entity: Entity) -> str:
    """An entity for a sentence.

    Examples
    --------
    >>> named(Entity("daemon_set", "agent"))
    'daemon set agent'
    """
    return f"{entity.kind.replace('_', ' ')} {entity.name}"
