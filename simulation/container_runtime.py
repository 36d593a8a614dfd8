"""What a node's kubelet, its container runtime and its network plugins run on the host for every pod."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from simulation.clock import MILLISECOND
from simulation.labels import Mark
from simulation.platforms import Platform
from simulation.sensors.containers import Container
from simulation.sensors.processes import Program
from simulation.sensors.trees import grow, tree

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.kubernetes.pods import Pod

SHARE = 10
"""The pace, times this, is the share of pods for which all of it is told."""
SHIM = "/usr/bin/containerd-shim-runc-v2"
FOLDER = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/SANDBOX"
VOLUME = "/var/lib/kubelet/pods/POD/volumes/kubernetes.io~projected/kube-api-access-VOLUME"
MOUNT = tree(f"/usr/bin/mount -t tmpfs -o size=268435456 tmpfs {VOLUME}", seconds=0.004)
UNMOUNT = tree(f"/usr/bin/umount {VOLUME}", seconds=0.004)
START = tree(
    f"{SHIM} -namespace k8s.io -address /run/containerd/containerd.sock -publish-binary /usr/bin/containerd "
    "-id SANDBOX start",
    seconds=0.03,
    cwd=FOLDER,
)
RUNC = "/usr/bin/runc --root /run/containerd/runc/k8s.io --log FOLDER/log.json --log-format json --systemd-cgroup"
CREATE = tree(
    f"{RUNC} create --bundle FOLDER --pid-file FOLDER/init.pid CONTAINER",
    tree("/proc/self/exe init", seconds=0.03),
    seconds=0.02,
)
BEGIN = tree(f"{RUNC} start CONTAINER", seconds=0.01)
DELETE = tree(f"{RUNC} delete CONTAINER", seconds=0.03)
PLUGINS = {
    Platform.AKS: tree("/opt/cni/bin/azure-vnet", seconds=0.09),
    Platform.EKS: tree("/opt/cni/bin/aws-cni", seconds=0.06),
    Platform.GKE: tree("/home/kubernetes/bin/cilium-cni", seconds=0.07),
    Platform.SELF: tree("/opt/cni/bin/calico", tree("/opt/cni/bin/calico-ipam", seconds=0.03), seconds=0.06),
}


def is_told(cluster: Cluster, pod: Pod) -> bool:
    """Whether what the host does for a pod is kept: of a thinned cluster for some pods, then from beginning to end."""
    return int(pod.uid[:4], 16) < round(cluster.profile.pace * SHARE * 65_536)


def sandbox(cluster: Cluster, pod: Pod, mark: Mark | None) -> tuple[Program, int]:
    """A pod's volumes, its network and its shim.

    Returns
    -------
    Program, int
        The shim, and after how many microseconds its containers may start.
    """
    machine = pod.machine
    if not is_told(cluster, pod):
        return machine.shim(pod.containers[0]), 0
    words = _words(pod)
    after = grow(machine.kubelet, MOUNT, words=words, mark=mark)
    after = grow(machine.containerd, PLUGINS[cluster.platform], after=after, mark=mark)
    after = grow(machine.containerd, START, after=after, words=words, mark=mark)
    ids = ("-id", words["SANDBOX"], "-address", "/run/containerd/containerd.sock")
    folder = FOLDER.replace("SANDBOX", words["SANDBOX"])
    shim = machine.run(machine.systemd, (SHIM, "-namespace", "k8s.io", *ids), None, after=after, mark=mark, cwd=folder)
    return shim, after


def create(shim: Program, container: Container, after: int, mark: Mark | None) -> int:
    """The shim lets runc make a container. Returns after how many microseconds its entry point starts."""
    words = {"FOLDER": shim.cwd, "CONTAINER": container.id}
    after = grow(shim, CREATE, after=after + 4 * MILLISECOND, words=words, mark=mark)
    return grow(shim, BEGIN, after=after, words=words, mark=mark)


def clean(cluster: Cluster, pod: Pod) -> None:
    """A pod's containers have ended: they are deleted, its network and its volumes are given back."""
    if not is_told(cluster, pod):
        return
    machine, after, first = pod.machine, 4 * MILLISECOND, pod.containers[0]
    for container in pod.containers:
        if container.shim is not None:
            words = {"FOLDER": container.shim.cwd, "CONTAINER": container.id}
            after = grow(container.shim, DELETE, after=after, words=words, mark=first.mark)
    if first.shim is not None:
        machine.end(first.shim, mark=first.mark)
    after = grow(machine.containerd, PLUGINS[cluster.platform], after=after, mark=first.mark)
    grow(machine.kubelet, UNMOUNT, after=after, words=_words(pod), mark=first.mark)


def _words(pod: Pod) -> dict[str, str]:
    identifier = hashlib.sha256(pod.uid.encode()).hexdigest()
    return {"SANDBOX": identifier, "POD": pod.uid, "VOLUME": str(pod.values["volume"])}
