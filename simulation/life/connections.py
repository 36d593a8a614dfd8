"""To whom servers connect all day."""

from __future__ import annotations

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import MINUTE, SECOND
from simulation.cluster import Cluster
from simulation.kubernetes.pods import Pod
from simulation.platforms import Platform
from simulation.schedule import Life

SERVICE_ADDRESS = {
    Platform.AKS: "10.0.0.1", Platform.EKS: "172.20.0.1", Platform.GKE: "34.118.224.1", Platform.SELF: "10.96.0.1",
}  # fmt: skip
"""Of the API server, inside the cluster."""


@actor()
def connections(cluster: Cluster, chance: Chance) -> Life:
    """Servers connect to the API server, to each other, and to services elsewhere."""
    while True:
        running = [pod for workload in cluster.workloads.values() for pod in workload.pods[:3] if pod.main is not None]
        # It is costly to look who is there: not before each connection.
        for _ in range(len(running) // 10 + 1):
            yield max(cluster.paced(6 * MINUTE) // max(len(running), 1), SECOND // 10)
            pod = chance.pick(running) if running else None
            if pod is None or pod.main is None or not pod.alive:
                continue
            calls = cluster.programs.calls(pod)
            if calls:
                pod.main.machine.connect(pod.main, *_target(cluster, chance, pod, chance.pick(calls)))


def _target(cluster: Cluster, chance: Chance, pod: Pod, call: str) -> tuple[str, int]:
    if call == "api":
        return SERVICE_ADDRESS[cluster.platform], 443
    if call == "metadata":
        return "169.254.169.254", 80
    if call == "node":
        return chance.pick(cluster.machines).address, 10250
    if call in {"peer", "service"}:
        team = pod.namespace if call == "peer" else chance.pick(cluster.teams)
        peers = cluster.workloads_of(team, "Deployment", "StatefulSet")
        peer = chance.pick(peers) if peers else None
        port = {"db": 5432, "cache": 6379}.get(peer.name, 8080) if peer else 8080
        return (peer.pods[0].address if peer else "10.244.0.9"), port
    address, _, port_text = call.rpartition(":")
    return address, int(port_text)
