"""Managed identities at work: what looks like one in an intruder's hands, and is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.addresses import public_address
from simulation.attacks.identities import ABNORMAL, ASSIGN_ROLE, CLUSTERS, STORAGE_KEYS, arm_of, assignment
from simulation.attacks.register import near_miss
from simulation.azure.activity import azure_address
from simulation.azure.identities import add_on, control_plane, some_add_on, storage_driver, workload
from simulation.clock import HOUR, MINUTE, SECOND
from simulation.schedule import Life

if TYPE_CHECKING:
    from simulation.attacks.scene import Scene
    from simulation.azure.callers import Caller

SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets/write"


def _does(scene: Scene, caller: Caller, operation: str, scope: str, failure: str = "") -> None:
    arm_of(scene).operate(caller, operation, scope, failure=failure, mark=scene.mark())


def _owner(scene: Scene) -> Caller:
    name = scene.cluster.cast.people(8)[0]
    return arm_of(scene).person(name, role="Owner", address=public_address(scene.chance))


@near_miss(ABNORMAL)
def add_on_seen_first(scene: Scene) -> Life:
    """Somebody turns an add-on on, and its new identity begins its ordinary work."""
    arm = arm_of(scene)
    new = add_on(arm, "httpapplicationrouting") if arm.managed else workload(arm, "external-dns-private")
    if arm.managed:
        _does(scene, _owner(scene), f"{CLUSTERS}/write", arm.cluster_id)
        yield scene.chance.between(3, 6) * MINUTE
    for host in ("www", "api", "status"):
        for kind in ("A", "TXT"):
            _does(scene, new, f"Microsoft.Network/dnszones/{kind}/write", f"{arm.estate.zone}/{kind}/{host}")
            yield scene.chance.between(1, 5) * SECOND
        yield scene.chance.wait(3 * HOUR)


@near_miss(ABNORMAL)
def cluster_seen_first(scene: Scene) -> Life:
    """Somebody makes a second cluster: its own identity, never seen before, builds load balancer, disks and rules."""
    arm = arm_of(scene)
    name = f"canary-{scene.chance.ending(4)}"
    cluster = f"{arm.group}/providers/{CLUSTERS}/{name}"
    group = f"{arm.estate.root}/resourceGroups/MC_{arm.group.rpartition('/')[2]}_{name}_{arm.region}"
    _does(scene, _owner(scene), f"{CLUSTERS}/write", cluster)
    yield scene.chance.between(60, 200) * SECOND
    addresses = [azure_address(scene.chance) for _ in range(2)]
    own = arm.identity(name, role="Contributor", address=addresses, resource=cluster, assigned=group)
    for kind, thing in (
        ("Microsoft.Network/publicIPAddresses", "outbound"),
        ("Microsoft.Network/networkSecurityGroups", "aks-agentpool-nsg"),
        ("Microsoft.Network/loadBalancers", "kubernetes"),
        ("Microsoft.Compute/virtualMachineScaleSets", "aks-nodepool1-vmss"),
        ("Microsoft.Compute/disks", f"pvc-{scene.chance.uuid()}"),
    ):
        _does(scene, own, f"{kind}/write", f"{group}/providers/{kind}/{thing}")
        yield scene.chance.between(5, 60) * SECOND
    arm.forget(own)


@near_miss(ABNORMAL)
def new_disk_of_its_own(scene: Scene) -> Life:
    """A claim of a new team gets a disk and a load balancer of its own, in the node group as ever."""
    arm = arm_of(scene)
    disk = arm.estate.node_resource("Microsoft.Compute/disks", f"pvc-{scene.chance.uuid()}")
    _does(scene, storage_driver(arm), "Microsoft.Compute/disks/write", disk)
    yield scene.pause()
    balancer = arm.estate.node_resource("Microsoft.Network/loadBalancers", "kubernetes")
    _does(scene, control_plane(arm), "Microsoft.Network/loadBalancers/write", balancer)


@near_miss(ABNORMAL)
def lists_keys_of_its_own_account(scene: Scene) -> Life:
    """The first file share of a namespace: the driver makes an account in the node group and lists its keys."""
    arm = arm_of(scene)
    account = arm.estate.node_resource("Microsoft.Storage/storageAccounts", f"f{scene.chance.hexadecimal(20)}")
    _does(scene, storage_driver(arm), "Microsoft.Storage/storageAccounts/write", account)
    yield scene.chance.between(20, 40) * SECOND
    _does(scene, storage_driver(arm), STORAGE_KEYS, account)


@near_miss(ABNORMAL)
def scale_out_is_throttled(scene: Scene) -> Life:
    """A scale-out meets the limit of calls: failure after failure, for a quarter of an hour, then it goes on."""
    arm = arm_of(scene)
    for _ in range(scene.chance.between(10, 30)):
        _does(scene, control_plane(arm), SCALE_SET, arm.estate.scale_set, "TooManyRequests")
        yield scene.pause(10, 60)
    _does(scene, control_plane(arm), SCALE_SET, arm.estate.scale_set)


@near_miss(ABNORMAL)
def throttled_elsewhere(scene: Scene) -> Life:
    """An add-on is throttled at its everyday work, and tries again with longer and longer waits."""
    arm = arm_of(scene)
    caller = some_add_on(arm, "omsagent", "external-dns")
    operation, scope = (
        ("Microsoft.OperationalInsights/workspaces/sharedKeys/action", arm.estate.workspace)
        if arm.managed
        else ("Microsoft.Network/dnszones/A/write", f"{arm.estate.zone}/A/www")
    )
    for place in range(6):
        _does(scene, caller, operation, scope, "TooManyRequests" if place < 5 else "")
        yield (2**place) * 2 * SECOND


@near_miss(ABNORMAL)
def zone_gets_new_records(scene: Scene) -> Life:
    """A planned change: external-dns also keeps the records of a new host, as it keeps all others."""
    arm = arm_of(scene)
    host = f"app-{scene.chance.ending(4)}"
    for kind in ("A", "TXT"):
        _does(scene, workload(arm, "external-dns"), f"Microsoft.Network/dnszones/{kind}/write",
              f"{arm.estate.zone}/{kind}/{host}")  # fmt: skip
        yield scene.pause()


@near_miss(ABNORMAL)
def workload_learns_something(scene: Scene) -> Life:
    """A planned change: a new version of a pipeline tags what it deploys, in its own group, from where it calls."""
    arm = arm_of(scene)
    caller = workload(arm, "deployer")
    deployment = f"{arm.group}/providers/Microsoft.Resources/deployments/app-{scene.chance.between(1000, 9999)}"
    for operation in ("validate/action", "write"):
        _does(scene, caller, f"Microsoft.Resources/deployments/{operation}", deployment)
        yield scene.pause()
    _does(scene, caller, "Microsoft.Resources/tags/write", f"{arm.group}/providers/Microsoft.Resources/tags/default")


@near_miss(ABNORMAL)
def owner_does_what_intruders_do(scene: Scene) -> Life:
    """An owner, who is a person, assigns a role, lists keys and runs a command on the jump host."""
    arm, owner = arm_of(scene), _owner(scene)
    for operation, scope in (
        (ASSIGN_ROLE, assignment(scene, arm.group)),
        (STORAGE_KEYS, arm.estate.storage),
        ("Microsoft.Compute/virtualMachines/runCommand/action", arm.estate.jump_host),
    ):
        _does(scene, owner, operation, scope)
        yield scene.pause(60, 400)
