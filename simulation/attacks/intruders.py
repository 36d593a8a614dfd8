"""Whose credentials intruders use: a person's, or a service account's, from outside or from inside of its pod."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from simulation.attacks.scene import Scene, brought
from simulation.clock import MILLISECOND
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Client
from simulation.kubernetes.workloads import Workload

RARE = "K8S_ServiceAccountRareOperation"
CURL = "curl/8.14.1"


def held_by(scene: Scene, client: Client, *, at_work: float = 0.3) -> Client:
    """A person's kubeconfig in somebody else's hands; or, so often, used where it belongs: by its owner, or beside."""
    if scene.chance.child("at work").happens(at_work):
        return client
    return replace(client, agent=brought(scene.address), address=scene.address)


def leaked(scene: Scene) -> Client:
    """The kubeconfig of somebody who looks after the cluster, in the wrong hands."""
    return held_by(scene, scene.person(admin=True))


def seen_inside(scene: Scene, pod: Pod, argv: Sequence[str], seconds: float) -> None:
    """What the node's sensor sees of an exec: a program that the container's runtime starts."""
    if pod.main is None or pod.main.container is None:
        return
    fields: dict[str, Any] = {"container": pod.main.container, "uid": pod.main.uid, "cwd": "/"}
    shim = pod.machine.shim(pod.main.container)
    pod.machine.run(shim, argv, seconds, after=120 * MILLISECOND, mark=scene.mark(), **fields)


def in_use(scene: Scene) -> Workload:
    """A team's workload whose account asks the API server in ordinary life, if there is one."""
    cluster = scene.cluster
    found = [each for each in cluster.teams_workloads("Deployment") if each.agent]
    return scene.chance.pick(found) if found else scene.victim()


def wide(workload: Workload) -> str:
    """A ClusterRole of the account's own, which lets it do more than it needs."""
    name = f"{workload.namespace}-{workload.account}"
    return f'ClusterRoleBinding "{name}" of ClusterRole "{name}"'


def narrow(workload: Workload) -> str:
    """A Role of its namespace."""
    return f'RoleBinding "{workload.account}/{workload.namespace}" of Role "{workload.account}"'


def outside(scene: Scene, workload: Workload, granted: str = "", agent: str = "", address: str = "") -> Client:
    """The token of a workload's first pod, used from elsewhere; the token still says whose it is."""
    pod = workload.latest()
    address = address or scene.address
    names = (workload.namespace, workload.account, agent or brought(address), address)
    return scene.cluster.identities.account(*names, granted or wide(workload), pod.bound, pod.token)


def inside(scene: Scene, workload: Workload, granted: str = "", agent: str = "") -> Client:
    """The same token in the pod itself; by the program's own library, unless another agent is named."""
    pod = workload.latest()
    return outside(scene, workload, granted or narrow(workload), agent or workload.agent or CURL, pod.address)
