"""Azure Resource Manager, as a cluster's own identity uses it: load balancers, disks, machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from simulation.actors import actor
from simulation.azure.activity import ActivityLog
from simulation.azure.identities import control_plane, storage_driver
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, is_working_time, until
from simulation.cluster import Cluster
from simulation.platforms import Platform
from simulation.schedule import Life

COMPUTE, NETWORK = "Microsoft.Compute", "Microsoft.Network"
WRITE_MACHINE = f"{COMPUTE}/virtualMachineScaleSets/virtualMachines/write"
WRITE_SCALE_SET = f"{COMPUTE}/virtualMachineScaleSets/write"
DELETE_MACHINES = f"{COMPUTE}/virtualMachineScaleSets/delete/action"
Act: TypeAlias = Callable[[ActivityLog, Chance], Life]


def busyness(cluster: Cluster) -> float:
    """How much more there is to do than in a small cluster."""
    return float(min(max(cluster.profile.nodes / 4, 0.5), 8) ** 0.5)


def often(cluster: Cluster, chance: Chance, act: Act, per_day: float, *, by_day: bool = False) -> Life:
    """Something is done so many times a day, at any time; `by_day`: mostly in working hours."""
    assert cluster.arm is not None
    mean = round(DAY / (per_day * busyness(cluster)))
    while True:
        yield chance.wait(mean)
        if not by_day or is_working_time(cluster.now) or chance.happens(0.15):
            cluster.start(act(cluster.arm, chance))


# The cluster's own identity.


@actor(Platform.AKS, Platform.SELF)
def cloud_controller(cluster: Cluster, chance: Chance) -> Life:
    """Load balancers, rules, addresses and routes follow Services; disks and file shares follow pods."""
    for place, (act, per_day, by_day) in enumerate(CHORES):
        cluster.start(often(cluster, chance.child(place), act, per_day, by_day=by_day))
    yield 0


def balances(arm: ActivityLog, chance: Chance) -> Life:
    """A Service changes: its ports are opened on the load balancer and in the security group."""
    name = "kubernetes" if chance.happens(0.7) else "kubernetes-internal"
    balancer = _node(arm, "loadBalancers", name)
    group = _node(arm, "networkSecurityGroups", f"{'aks-agentpool' if arm.managed else 'node'}-nsg")
    address = _node(arm, "publicIPAddresses", f"kubernetes-a{chance.hexadecimal(31)}")
    is_new = chance.happens(0.25)
    if is_new:
        arm.operate(control_plane(arm), f"{NETWORK}/publicIPAddresses/write", address)
        yield chance.between(3, 8) * SECOND
    arm.operate(control_plane(arm), f"{NETWORK}/loadBalancers/write", balancer)
    yield chance.between(2, 9) * SECOND
    arm.operate(control_plane(arm), f"{NETWORK}/networkSecurityGroups/write", group)
    if is_new:
        yield chance.wait(3 * DAY) + HOUR
        arm.operate(control_plane(arm), f"{NETWORK}/loadBalancers/write", balancer)
        yield chance.between(3, 8) * SECOND
        arm.operate(control_plane(arm), f"{NETWORK}/publicIPAddresses/delete", address)


def moves_disk(arm: ActivityLog, chance: Chance) -> Life:
    """A pod with a disk moves: the disk leaves one machine and is attached to another."""
    caller = storage_driver(arm)
    for _ in range(2):
        arm.operate(caller, WRITE_MACHINE, arm.estate.instance(chance.below(8)), seconds=5)
        yield chance.between(9, 40) * SECOND


def keeps_volume(arm: ActivityLog, chance: Chance) -> Life:
    """A claim gets a disk of its own, which lives for some days."""
    caller = storage_driver(arm)
    disk = arm.estate.node_resource(f"{COMPUTE}/disks", f"pvc-{chance.uuid()}")
    arm.operate(caller, f"{COMPUTE}/disks/write", disk)
    yield chance.between(5, 20) * SECOND
    arm.operate(caller, WRITE_MACHINE, arm.estate.instance(chance.below(8)), seconds=5)
    yield chance.wait(2 * DAY) + 10 * MINUTE
    arm.operate(storage_driver(arm), WRITE_MACHINE, arm.estate.instance(chance.below(8)), seconds=5)
    yield chance.between(15, 60) * SECOND
    arm.operate(storage_driver(arm), f"{COMPUTE}/disks/delete", disk)


def snapshots_volume(arm: ActivityLog, chance: Chance) -> Life:
    """Somebody's VolumeSnapshot: taken, and dropped after a week."""
    snapshot = arm.estate.node_resource(f"{COMPUTE}/snapshots", f"snapshot-{chance.uuid()}")
    arm.operate(storage_driver(arm), f"{COMPUTE}/snapshots/write", snapshot)
    yield 7 * DAY + chance.below(HOUR)
    arm.operate(storage_driver(arm), f"{COMPUTE}/snapshots/delete", snapshot)


def mounts_share(arm: ActivityLog, chance: Chance) -> Life:
    """A pod mounts a file share: the driver asks for the account's key."""
    caller, files = storage_driver(arm), arm.estate.files
    if chance.happens(0.05):
        arm.operate(caller, "Microsoft.Storage/storageAccounts/write", files)
        yield chance.between(15, 30) * SECOND
    arm.operate(caller, "Microsoft.Storage/storageAccounts/listKeys/action", files, seconds=0.3)
    yield 0


def scales(arm: ActivityLog, chance: Chance) -> Life:
    """The autoscaler adds a machine to the scale set, and takes one away some hours later."""
    yield from grow(arm, chance)
    yield chance.wait(3 * HOUR) + 20 * MINUTE
    arm.operate(control_plane(arm), DELETE_MACHINES, arm.estate.scale_set, seconds=40)


def grow(arm: ActivityLog, chance: Chance) -> Life:
    """One machine more: the scale set is written, and the machine is let into subnet and load balancer."""
    caller, estate = control_plane(arm), arm.estate
    arm.operate(caller, WRITE_SCALE_SET, estate.scale_set, seconds=45)
    if chance.happens(0.5):
        yield chance.between(1, 3) * SECOND
        arm.operate(caller, f"{NETWORK}/virtualNetworks/subnets/join/action", estate.subnet)
    yield chance.between(60, 120) * SECOND
    route = f"{_node(arm, 'routeTables', 'nodes')}/routes/{chance.uuid()}"
    arm.operate(caller, f"{NETWORK}/routeTables/routes/write", route)
    balancer = estate.node_resource(f"{NETWORK}/loadBalancers", "kubernetes")
    arm.operate(caller, f"{NETWORK}/loadBalancers/backendAddressPools/write", f"{balancer}/backendAddressPools/nodes")


def touches_cluster(arm: ActivityLog, chance: Chance) -> Life:
    """The platform reconciles the cluster itself, or the identities of its pools."""
    caller = control_plane(arm)
    if arm.managed:
        pool = f"{arm.cluster_id}/agentPools/nodepool1"
        arm.operate(caller, "Microsoft.ContainerService/managedClusters/agentPools/write", pool, seconds=20)
    yield chance.between(2, 5) * SECOND
    nodes = arm.estate.node_resource("Microsoft.ManagedIdentity/userAssignedIdentities", "agentpool")
    arm.operate(caller, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", nodes)


CHORES: tuple[tuple[Act, float, bool], ...] = (
    (balances, 5, True),
    (moves_disk, 6, False),
    (keeps_volume, 3, True),
    (snapshots_volume, 1, False),
    (mounts_share, 6, False),
    (scales, 2, True),
    (touches_cluster, 0.2, False),
)
"""What is done, how many times a day in a small cluster, and whether mostly in working hours."""


@actor(Platform.AKS, Platform.SELF)
def node_pools(cluster: Cluster, chance: Chance) -> Life:
    """Scale-outs and upgrades: machines that come and go are written to the scale set first."""
    arm = cluster.arm
    assert arm is not None
    count, version = len(cluster.machines), cluster.version
    while True:
        yield MINUTE
        now = len(cluster.machines)
        for _ in range(now - count):
            cluster.start(grow(arm, chance), chance.below(30 * SECOND))
        if now < count:
            arm.operate(control_plane(arm), DELETE_MACHINES, arm.estate.scale_set, seconds=40)
        if cluster.version != version:
            cluster.start(upgrade(cluster, arm, chance))
        count, version = now, cluster.version


def upgrade(cluster: Cluster, arm: ActivityLog, chance: Chance) -> Life:
    """A new version: the control plane calls from elsewhere, and machine after machine gets a new image."""
    if arm.managed:
        arm.move()
    yield chance.between(4, 12) * MINUTE
    arm.operate(control_plane(arm), WRITE_SCALE_SET, arm.estate.scale_set, seconds=60)
    for place in range(len(cluster.machines)):
        machine = arm.estate.instance(place)
        arm.operate(control_plane(arm), WRITE_MACHINE, machine, seconds=15)
        yield chance.between(40, 90) * SECOND
        update = f"{COMPUTE}/virtualMachineScaleSets/manualUpgrade/action"
        arm.operate(control_plane(arm), update, arm.estate.scale_set, seconds=30)
        yield chance.between(60, 150) * SECOND
    arm.operate(control_plane(arm), DELETE_MACHINES, arm.estate.scale_set, seconds=40)


@actor(Platform.AKS, Platform.SELF)
def throttling(cluster: Cluster, chance: Chance) -> Life:
    """Twice a week or so there are too many calls in the subscription, and for minutes most of them fail."""
    arm = cluster.arm
    assert arm is not None
    while True:
        yield chance.wait(3 * DAY)
        arm.trouble = 0.7
        for _ in range(chance.between(8, 25)):
            # Who is refused asks again.
            arm.operate(control_plane(arm), WRITE_SCALE_SET, arm.estate.scale_set, seconds=0.3)
            yield chance.between(5, 40) * SECOND
        arm.trouble = 0.0


def _node(arm: ActivityLog, kind: str, name: str) -> str:
    return arm.estate.node_resource(f"{NETWORK}/{kind}", name)


def nightly(clock: str, now: int, chance: Chance) -> int:
    """How long until the next time that clocks show this, and some minutes."""
    return until(clock, now) + chance.below(6 * MINUTE)
