"""Identities that belong to Kubernetes and to its platforms, by their exact names."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from events import User

API_SERVER = "system:apiserver"
"""What the API server calls itself, over loopback alone."""
CONTROLLER_MANAGER = "system:kube-controller-manager"
"""All controllers, where they do not use service accounts of their own."""
NODE = "system:node:"
SERVICE_ACCOUNT = "system:serviceaccount:"
CONTROLLER_ACCOUNT = SERVICE_ACCOUNT + "kube-system:"
AGGREGATOR = CONTROLLER_ACCOUNT + "clusterrole-aggregation-controller"
WORKLOAD_CONTROLLERS = frozenset(
    {CONTROLLER_MANAGER}
    | {
        CONTROLLER_ACCOUNT + name
        for name in (
            "cronjob-controller",
            "daemon-set-controller",
            "deployment-controller",
            "generic-garbage-collector",
            "horizontal-pod-autoscaler",
            "job-controller",
            "replicaset-controller",
            "replication-controller",
            "statefulset-controller",
        )
    }
)
"""Who makes pods of templates; no one else's word is taken on which built-in workload a pod belongs to."""
ADDON_MANAGERS = frozenset(
    {"acsService", "addon-manager", "aksService", "eks:addon-manager", "hcpService", "system:addon-manager"}
)
"""Who installs a platform's own add-ons. Not AKS's masterclient: that is also a user with the admin certificate."""
NAMESPACE_ENDERS = frozenset({CONTROLLER_MANAGER, CONTROLLER_ACCOUNT + "namespace-controller"})
"""Who empties a namespace at its end."""
TOKEN_USERS = frozenset({"eks:addon-manager"})
"""Users who sign in with a token and have no group of their own."""
CREDENTIAL = "authentication.kubernetes.io/credential-id"
"""Where a user's extra says what they signed in with (certificates: from Kubernetes 1.32 on)."""


def is_one_of(user: User, names: AbstractSet[str]) -> bool:
    """Whether a user is one of these, by its exact name, its group, and what it signed in with.

    Whoever may approve certificates can sign one for any name and any group but `system:masters`; service
    accounts never sign in with one. The controller manager has no group by which it could be told from a
    certificate in its name. Where the source records no groups, the name alone decides.

    Examples
    --------
    >>> ender = "system:serviceaccount:kube-system:namespace-controller"
    >>> is_one_of(User(ender, groups=("system:serviceaccounts", "system:authenticated")), NAMESPACE_ENDERS)
    True
    >>> is_one_of(User(ender, groups=("system:authenticated",)), NAMESPACE_ENDERS)
    False
    """
    name = user.username
    if name not in names:
        return False
    if not user.groups or name == CONTROLLER_MANAGER:
        return True
    if name.startswith(SERVICE_ACCOUNT):
        return "system:serviceaccounts" in user.groups and not _by_certificate(user)
    return not _by_certificate(user) if name in TOKEN_USERS else "system:masters" in user.groups


def _by_certificate(user: User) -> bool:
    return any(credential.startswith("X509SHA256=") for credential in user.extra.get(CREDENTIAL, ()))
