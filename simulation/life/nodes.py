"""What every node does by itself at the API server."""

from __future__ import annotations

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import MINUTE, SECOND
from simulation.cluster import Cluster
from simulation.kubernetes.requests import Target
from simulation.schedule import Life
from simulation.sensors.processes import Machine


@actor()
def kubelets(cluster: Cluster, chance: Chance) -> Life:
    """The kubelets of all nodes: those that are there, and those that join later."""
    known: list[Machine] = []
    while True:
        for machine in cluster.machines:
            if machine not in known:
                known.append(machine)
                for life in (leases, watches):
                    cluster.start(life(cluster, machine), chance.below(10 * SECOND))
        known = [machine for machine in known if machine in cluster.machines]
        yield MINUTE


def leases(cluster: Cluster, machine: Machine) -> Life:
    """A kubelet says every ten seconds that it is alive."""
    values = cluster.node_values(machine)
    target = Target("Lease", "kube-node-lease", machine.name, query="timeout=10s")
    renewal = cluster.api.form(cluster.identities.kubelet(), "update", target)
    while machine in cluster.machines:
        cluster.api.send(renewal, values)
        yield cluster.paced(10 * SECOND)


def watches(cluster: Cluster, machine: Machine) -> Life:
    """A kubelet watches the config maps and secrets of its pods, and looks at its own Node."""
    kubelet, values = cluster.identities.kubelet(), cluster.node_values(machine)
    look = cluster.api.form(kubelet, "get", Target("Node", name=machine.name, query="resourceVersion=0&timeout=10s"))
    while machine in cluster.machines:
        cluster.api.send(look, values)
        yield cluster.paced(20 * SECOND)
