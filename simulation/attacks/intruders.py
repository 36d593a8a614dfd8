"""Whose credentials intruders use: a person's, or a service account's, from outside or from inside of its pod."""

from __future__ import annotations

from dataclasses import replace

from simulation.attacks.scene import KUBECTL, Scene
from simulation.kubernetes.requests import Client
from simulation.kubernetes.workloads import Workload

RARE = "K8S_ServiceAccountRareOperation"
CURL = "curl/8.14.1"


def leaked(scene: Scene) -> Client:
    """The kubeconfig of somebody who looks after the cluster, in somebody else's hands."""
    return replace(scene.person(admin=True), agent=KUBECTL, address=scene.address)


def in_use(scene: Scene) -> Workload:
    """A team's workload whose account asks the API server in ordinary life, if there is one."""
    cluster = scene.cluster
    found = [each for team in cluster.teams for each in cluster.workloads_of(team, "Deployment") if each.agent]
    return scene.chance.pick(found) if found else scene.victim()


def wide(workload: Workload) -> str:
    """A ClusterRole of the account's own, which lets it do more than it needs."""
    name = f"{workload.namespace}-{workload.account}"
    return f'ClusterRoleBinding "{name}" of ClusterRole "{name}"'


def narrow(workload: Workload) -> str:
    """A Role of its namespace."""
    return f'RoleBinding "{workload.account}/{workload.namespace}" of Role "{workload.account}"'


def outside(scene: Scene, workload: Workload, granted: str = "", agent: str = KUBECTL, address: str = "") -> Client:
    """The token of a workload's first pod, used from elsewhere; the token still says whose it is."""
    pod = workload.latest()
    names = (workload.namespace, workload.account, agent, address or scene.address)
    return scene.cluster.identities.account(*names, granted or wide(workload), pod.bound, pod.token)


def inside(scene: Scene, workload: Workload, granted: str = "", agent: str = "") -> Client:
    """The same token in the pod itself; by the program's own library, unless another agent is named."""
    pod = workload.latest()
    return outside(scene, workload, granted or narrow(workload), agent or workload.agent or CURL, pod.address)
