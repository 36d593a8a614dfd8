"""Azure Resource Manager, as those use it who work with a cluster: identities of their workloads, pipelines, people."""

from __future__ import annotations

from simulation.actors import actor
from simulation.addresses import public_address
from simulation.azure.activity import ActivityLog, azure_address
from simulation.azure.callers import CLI, PORTAL, Caller
from simulation.azure.identities import control_plane, workload
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, is_working_time
from simulation.cluster import Cluster
from simulation.life.azure_addons import HOSTS
from simulation.life.azure_cluster import busyness, nightly, often
from simulation.platforms import Platform
from simulation.schedule import Life

SNAPSHOTS, ZONES = "Microsoft.Compute/snapshots", "Microsoft.Network/dnszones"
DEPLOYMENTS = "Microsoft.Resources/deployments"
CLUSTERS = "Microsoft.ContainerService/managedClusters"


@actor(Platform.AKS, Platform.SELF)
def backup(cluster: Cluster, chance: Chance) -> Life:
    """A backup program snapshots disks every night, and drops what is a week old; on the first of a month it keeps."""
    arm = cluster.arm
    assert arm is not None
    disks = [chance.hexadecimal(12) for _ in range(round(4 * busyness(cluster)))]
    while True:
        yield nightly("01:30", cluster.now, chance)
        caller, day = workload(arm, "backup"), cluster.now // DAY
        for disk in disks:
            arm.operate(caller, f"{SNAPSHOTS}/write", _snapshot(arm, disk, day), seconds=3)
            yield chance.between(4, 15) * SECOND
        for disk in disks:
            if day % 30:
                arm.operate(caller, f"{SNAPSHOTS}/delete", _snapshot(arm, disk, day - 7))
            yield chance.between(1, 5) * SECOND


def _snapshot(arm: ActivityLog, disk: str, day: int) -> str:
    return arm.estate.node_resource(SNAPSHOTS, f"velero-{disk}-{day}")


@actor(Platform.AKS, Platform.SELF)
def external_dns(cluster: Cluster, chance: Chance) -> Life:
    """external-dns keeps the records of the zone as Services and Ingresses want them."""
    yield from often(cluster, chance, _writes_record, 6, by_day=True)


def _writes_record(arm: ActivityLog, chance: Chance) -> Life:
    caller, host = workload(arm, "external-dns"), chance.pick(HOSTS)
    verb = "delete" if chance.happens(0.15) else "write"
    for kind in ("A", "TXT"):
        arm.operate(caller, f"{ZONES}/{kind}/{verb}", f"{arm.estate.zone}/{kind}/{host}", seconds=0.6)
        yield chance.between(1, 3) * SECOND


@actor(Platform.AKS, Platform.SELF)
def deployer(cluster: Cluster, chance: Chance) -> Life:
    """A pipeline with an identity of its own deploys templates to the cluster's resource group on working days."""
    per_day = max(cluster.profile.rollouts_per_day / 4, 0.5) / busyness(cluster)
    yield from often(cluster, chance, _deploys, min(per_day, 12), by_day=True)


def _deploys(arm: ActivityLog, chance: Chance) -> Life:
    caller = workload(arm, "deployer")
    deployment = f"{arm.group}/providers/{DEPLOYMENTS}/app-{chance.between(1000, 9999)}"
    arm.operate(caller, f"{DEPLOYMENTS}/validate/action", deployment)
    yield chance.between(3, 9) * SECOND
    arm.operate(caller, f"{DEPLOYMENTS}/write", deployment, seconds=25)
    yield chance.between(5, 20) * SECOND
    registry = arm.estate.registry
    arm.operate(caller, "Microsoft.ContainerRegistry/registries/importImage/action", registry, seconds=9)


@actor(Platform.AKS, Platform.SELF)
def release_pipeline(cluster: Cluster, chance: Chance) -> Life:
    """A release pipeline outside of Azure signs in with a secret, fetches credentials of the cluster, and deploys."""
    arm = cluster.arm
    assert arm is not None
    caller = arm.pipeline("release-pipeline", role="Contributor", address=[azure_address(chance) for _ in range(12)])
    while True:
        yield chance.wait(round(DAY / 3))
        if not is_working_time(cluster.now):
            continue
        if arm.managed:
            arm.operate(caller, f"{CLUSTERS}/listClusterUserCredential/action", arm.cluster_id, seconds=0.4)
            yield chance.between(20, 90) * SECOND
        name = f"release-{chance.between(100, 999)}"
        arm.operate(caller, f"{DEPLOYMENTS}/write", f"{arm.group}/providers/{DEPLOYMENTS}/{name}", seconds=40)


@actor(Platform.AKS, Platform.SELF)
def misconfigured(cluster: Cluster, chance: Chance) -> Life:
    """A program was never given the role that it needs: it is refused every hour, until somebody gives it up."""
    arm = cluster.arm
    assert arm is not None
    zone = f"{arm.estate.data_group}/providers/Microsoft.Network/privateDnsZones/db.internal.example/A/replica"
    while True:
        yield chance.wait(4 * DAY) + 6 * HOUR
        for _ in range(chance.between(20, 160)):
            caller = workload(arm, "db-operator")
            arm.operate(caller, "Microsoft.Network/privateDnsZones/A/write", zone, failure="Forbidden", seconds=0.2)
            yield chance.about(HOUR, 0.02)


@actor(Platform.AKS, Platform.SELF)
def subscription_people(cluster: Cluster, chance: Chance) -> Life:
    """People who look after the subscription, by command line and portal."""
    arm = cluster.arm
    assert arm is not None
    names = [cluster.cast.people(8)[place] for place in range(max(2, min(8, cluster.profile.people // 3)))]
    for place, name in enumerate(names):
        client = CLI if place % 2 else PORTAL
        role = "Owner" if place == 0 else "Contributor"
        person = arm.person(name, role=role, address=public_address(chance), client=client)
        cluster.start(_works(cluster, arm, chance.child(place), person))
    yield 0


def _works(cluster: Cluster, arm: ActivityLog, chance: Chance, person: Caller) -> Life:
    while True:
        yield chance.wait(3 * HOUR)
        if is_working_time(cluster.now) or chance.happens(0.05):
            operation, scope = chance.pick(_errands(arm, chance, person))
            failure = "Conflict" if chance.happens(0.03) else ""
            arm.operate(person, operation, scope, failure=failure, seconds=4)


def _errands(arm: ActivityLog, chance: Chance, person: Caller) -> list[tuple[str, str]]:
    estate = arm.estate
    errands = [
        ("Microsoft.Storage/storageAccounts/listKeys/action", estate.storage),
        ("Microsoft.KeyVault/vaults/write", estate.vault),
        ("Microsoft.Insights/metricAlerts/write", f"{arm.group}/providers/Microsoft.Insights/metricAlerts/cpu-high"),
        ("Microsoft.Compute/virtualMachines/start/action", estate.jump_host),
        ("Microsoft.Compute/virtualMachines/deallocate/action", estate.jump_host),
        (f"{DEPLOYMENTS}/validate/action", f"{arm.group}/providers/{DEPLOYMENTS}/try-{chance.between(1, 99)}"),
        ("Microsoft.Resources/tags/write", f"{arm.group}/providers/Microsoft.Resources/tags/default"),
    ]
    if arm.managed:
        errands.append((f"{CLUSTERS}/listClusterUserCredential/action", arm.cluster_id))
        errands.append((f"{CLUSTERS}/agentPools/write", f"{arm.cluster_id}/agentPools/nodepool1"))
    if person.role == "Owner":
        given = f"{estate.root}/providers/Microsoft.Authorization/roleAssignments/{chance.uuid()}"
        errands.append(("Microsoft.Authorization/roleAssignments/write", given))
    return errands


@actor(Platform.AKS)
def trial_clusters(cluster: Cluster, chance: Chance) -> Life:
    """Now and then somebody makes a cluster to try something, and deletes it after some days."""
    arm = cluster.arm
    assert arm is not None
    yield chance.wait(8 * DAY)
    while True:
        owner = arm.person(cluster.cast.people(8)[0], role="Owner", address=public_address(chance))
        yield from new_cluster(arm, chance, owner)
        yield chance.wait(20 * DAY) + DAY


def new_cluster(arm: ActivityLog, chance: Chance, owner: Caller) -> Life:
    """A cluster is made, its identity builds what it needs in a group of its own, and all is deleted in the end."""
    name = f"trial-{chance.ending(4)}"
    cluster = f"{arm.group}/providers/{CLUSTERS}/{name}"
    nodes = f"{arm.estate.root}/resourceGroups/MC_{arm.group.rpartition('/')[2]}_{name}_{arm.region}/providers"
    arm.operate(owner, f"{CLUSTERS}/write", cluster, seconds=120)
    yield chance.between(60, 150) * SECOND
    addresses = [azure_address(chance) for _ in range(2)]
    own = arm.identity(
        name, role="Contributor", address=addresses, resource=cluster, assigned=nodes[: -len("/providers")]
    )
    for kind, thing in FIRST_RESOURCES:
        arm.operate(own, f"{kind}/write", f"{nodes}/{kind}/{thing}", seconds=20)
        yield chance.between(3, 40) * SECOND
    for _ in range(chance.between(6, 30)):
        kind, thing = chance.pick(FIRST_RESOURCES)
        arm.operate(own, f"{kind}/write", f"{nodes}/{kind}/{thing}", seconds=5)
        yield chance.wait(2 * HOUR)
    arm.operate(owner, f"{CLUSTERS}/delete", cluster, seconds=150)
    yield 5 * MINUTE
    arm.forget(own)


FIRST_RESOURCES = (
    ("Microsoft.Network/publicIPAddresses", "outbound"),
    ("Microsoft.Network/networkSecurityGroups", "aks-agentpool-nsg"),
    ("Microsoft.Network/routeTables", "aks-agentpool-routetable"),
    ("Microsoft.Network/loadBalancers", "kubernetes"),
    ("Microsoft.Compute/virtualMachineScaleSets", "aks-nodepool1-vmss"),
    ("Microsoft.Compute/disks", "pvc-first"),
)


@actor(Platform.AKS, Platform.SELF)
def private_zone(cluster: Cluster, chance: Chance) -> Life:
    """A private zone that the cluster's own identity keeps is written whenever its control plane has moved."""
    arm = cluster.arm
    assert arm is not None
    zone = arm.estate.node_resource("Microsoft.Network/privateDnsZones", "cluster.private.example")
    while True:
        yield chance.wait(6 * DAY)
        arm.operate(control_plane(arm), "Microsoft.Network/privateDnsZones/A/write", f"{zone}/A/api", seconds=2)
