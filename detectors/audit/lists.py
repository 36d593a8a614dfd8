"""Identities that belong to Kubernetes and to its platforms, by their exact names."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from events import User

API_SERVER = "system:apiserver"
"""What the API server calls itself, over loopback alone."""
CONTROLLER_MANAGER = "system:kube-controller-manager"
"""All controllers, where they do not use service accounts of their own."""
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
"""Who makes pods of templates; no one else's word on what a pod belongs to is taken."""
ADDON_MANAGERS = frozenset(
    {"acsService", "addon-manager", "aksService", "eks:addon-manager", "hcpService", "system:addon-manager"}
)
"""Who installs a platform's own add-ons. Not AKS's masterclient: that is also a user with the admin certificate."""
EVENT_KEEPERS = frozenset({API_SERVER, CONTROLLER_MANAGER, CONTROLLER_ACCOUNT + "namespace-controller"})
"""Who deletes events in the ordinary course of things: expiry, and the end of a namespace."""
WITHOUT_GROUP = frozenset({CONTROLLER_MANAGER, "eks:addon-manager", "system:addon-manager"})
"""Identities that have no group by which they could be told from a certificate in their name."""


def is_one_of(user: User, names: AbstractSet[str]) -> bool:
    """Whether a user is one of these, by its exact name and by the group that comes with it.

    Whoever may approve certificates can sign one for any name, but not for the groups `system:masters` and
    `system:serviceaccounts`. Where the source records no groups, the name alone decides.

    Examples
    --------
    >>> keeper = "system:serviceaccount:kube-system:namespace-controller"
    >>> is_one_of(User(keeper, groups=("system:serviceaccounts", "system:authenticated")), EVENT_KEEPERS)
    True
    >>> is_one_of(User(keeper, groups=("system:authenticated",)), EVENT_KEEPERS)
    False
    """
    name = user.username
    if name not in names:
        return False
    if not user.groups or name in WITHOUT_GROUP:
        return True
    return ("system:serviceaccounts" if name.startswith(SERVICE_ACCOUNT) else "system:masters") in user.groups
