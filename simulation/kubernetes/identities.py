"""Who may ask an API server: people, parts of the control plane, nodes, service accounts."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.chance import Chance
from simulation.kubernetes.requests import Client
from simulation.stencil import hole

KEY = "authentication.kubernetes.io"
BUILD = f"{hole('build')} (linux/amd64) kubernetes/{hole('commit')}"
"""Version and commit of the control plane, which an upgrade changes."""
AUTHENTICATED = ("system:authenticated",)
MASTERS = ("system:masters", *AUTHENTICATED)
"""Groups of those who may do everything."""
EVERYBODY = (
    'RBAC: allowed by ClusterRoleBinding "system:basic-user" of ClusterRole "system:basic-user" '
    'to Group "system:authenticated"'
)


def client_go(program: str) -> str:
    """The user agent of a program that was built with client-go and does not say its version."""
    return f"{program}/v0.0.0 (linux/amd64) kubernetes/$Format"


class Identities:
    """The clients of one cluster.

    Parameters
    ----------
    cluster
        Its name: what is invented depends on it, and on the seed.
    seed
        Of the simulation.
    address
        Of the control plane, as its own parts show it.
    """

    def __init__(self, cluster: str, seed: int, address: str) -> None:
        self._chance = Chance(seed, "identities", cluster)
        self.address = address
        self._controllers: dict[str, Client] = {}

    def person(self, name: str, groups: Sequence[str], granted: str, address: str, agent: str) -> Client:
        """Someone with kubectl; `granted` is binding, role and subject, as in the log."""
        reason = f"RBAC: allowed by {granted}" if granted else ""
        extra = {f"{KEY}/credential-id": [f"X509SHA256={self._hex('certificate', name)}"]}
        return Client(name, (*groups, "system:authenticated"), agent, address, reason, extra=extra)

    def controller(self, name: str) -> Client:
        """A controller of kube-controller-manager, with its own account."""
        if name not in self._controllers:
            role = f"system:controller:{name}"
            agent = f"kube-controller-manager/{BUILD}/system:serviceaccount:kube-system:{name}"
            granted = f'ClusterRoleBinding "{role}" of ClusterRole "{role}"'
            self._controllers[name] = self.account("kube-system", name, agent, self.address, granted)
        return self._controllers[name]

    def component(self, name: str, part: str = "") -> Client:
        """A part of the control plane, with a certificate."""
        user = f"system:{name}"
        reason = f'RBAC: allowed by ClusterRoleBinding "{user}" of ClusterRole "{user}" to User "{user}"'
        agent = f"{name}/{BUILD}" + (f"/{part}" if part else "")
        extra = {f"{KEY}/credential-id": [f"X509SHA256={self._hex('certificate', user)}"]}
        return Client(user, ("system:authenticated",), agent, self.address, reason, extra=extra)

    def apiserver(self) -> Client:
        """The API server itself, which asks itself over loopback."""
        groups = ("system:authenticated", "system:masters")
        uid = self._chance.child("apiserver").uuid()
        return Client("system:apiserver", groups, f"kube-apiserver/{BUILD}", "::1", uid=uid)

    def anonymous(self, agent: str, address: str, reason: str = "") -> Client:
        """Someone without a token or certificate."""
        return Client("system:anonymous", ("system:unauthenticated",), agent, address, reason)

    def kubelet(self, node: str = hole("node")) -> Client:
        """A node's own identity; its name, address, build and certificate are holes."""
        extra = {f"{KEY}/credential-id": [f"X509SHA256={hole('node_certificate')}"]}
        agent = f"kubelet/{hole('node_build')} (linux/amd64) kubernetes/{hole('node_commit')}"
        groups = ("system:nodes", "system:authenticated")
        return Client(f"system:node:{node}", groups, agent, hole("node_ip"), extra=extra)

    def account(
        self,
        namespace: str,
        name: str,
        agent: str,
        address: str,
        granted: str,
        bound: dict[str, str] | None = None,
        token: str = "",
    ) -> Client:
        """A service account.

        Parameters
        ----------
        granted
            Binding and role by which it may ask, as in the log.
        bound
            `pod-name`, `pod-uid`, `node-name`, `node-uid` of the pod that its token is bound to.
        token
            Id of the token; empty: one of the account's own.
        """
        chance = self._chance.child("account", namespace, name)
        uid = chance.uuid()
        extra = {f"{KEY}/credential-id": [f"JTI={token or chance.uuid()}"]}
        extra |= {f"{KEY}/{key}": [value] for key, value in sorted((bound or {}).items())}
        return Client(
            f"system:serviceaccount:{namespace}:{name}",
            ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
            agent,
            address,
            f'RBAC: allowed by {granted} to ServiceAccount "{name}/{namespace}"' if granted else EVERYBODY,
            uid,
            extra,
        )

    def _hex(self, *names: str) -> str:
        return self._chance.child(*names).hexadecimal(64)
