"""Managed identities of a cluster in an intruder's hands.

Their tokens come from the metadata service: by a server that fetches what it is told to, or from a node. Who uses one
inside of a pod calls from the nodes' own address, who takes it away from the intruder's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.attacks.register import careful, straight
from simulation.azure.identities import control_plane, kubelet, some_add_on, storage_driver, workload
from simulation.clock import DAY, HOUR, MINUTE
from simulation.schedule import Life

if TYPE_CHECKING:
    from simulation.attacks.scene import Scene
    from simulation.azure.activity import ActivityLog
    from simulation.azure.callers import Caller

ABNORMAL = "K8S_AbnormalMiActivity"
STORAGE_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
ASSIGN_ROLE = "Microsoft.Authorization/roleAssignments/write"
DEPLOY = "Microsoft.Resources/deployments/write"
CLUSTERS = "Microsoft.ContainerService/managedClusters"


def arm_of(scene: Scene) -> ActivityLog:
    """The Activity log of the scene's cluster, which episodes that need `arm` can rely on."""
    assert scene.cluster.arm is not None
    return scene.cluster.arm


def act(scene: Scene, caller: Caller, operation: str, scope: str, *, away: bool = False, refused: bool = False) -> None:
    """An intruder's operation, evidence of the alert; `away`: the token is used from the intruder's own network."""
    address = scene.address if away else ""
    failure = "Forbidden" if refused else ""
    arm_of(scene).operate(caller, operation, scope, address=address, failure=failure, mark=scene.mark(ABNORMAL))


def assignment(scene: Scene, scope: str) -> str:
    """Resource id of a new role assignment at a scope."""
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{scene.chance.uuid()}"


@straight(ABNORMAL, kind="storage keys listed")
def lists_storage_keys(scene: Scene) -> Life:
    """The monitoring agent's identity lists the keys of every storage account that it finds."""
    arm = arm_of(scene)
    thief = some_add_on(arm, "omsagent", "external-dns")
    for name in ("", "logs", "backup"):
        act(scene, thief, STORAGE_KEYS, f"{arm.estate.storage}{name}")
        yield scene.pause()


@careful(ABNORMAL, kind="storage keys listed")
def lists_keys_as_driver(scene: Scene) -> Life:
    """The identity that lists keys of file shares all day lists those of the data account, from elsewhere."""
    act(scene, storage_driver(arm_of(scene)), STORAGE_KEYS, arm_of(scene).estate.storage, away=True)
    yield 0


@straight(ABNORMAL, kind="role assignment written")
def assigns_owner(scene: Scene) -> Life:
    """The policy add-on's identity is refused at the subscription, and makes somebody Owner of the resource group."""
    arm = arm_of(scene)
    thief = some_add_on(arm, "azurepolicy", "db-operator")
    act(scene, thief, ASSIGN_ROLE, assignment(scene, arm.estate.root), refused=True)
    yield scene.pause()
    act(scene, thief, ASSIGN_ROLE, assignment(scene, arm.group))


@careful(ABNORMAL, kind="role assignment written")
def assigns_reader_of_vault(scene: Scene) -> Life:
    """A deployment identity gives itself one small role on one vault, from where it always calls."""
    arm = arm_of(scene)
    act(scene, workload(arm, "deployer"), ASSIGN_ROLE, assignment(scene, arm.estate.vault))
    yield 0


@straight(ABNORMAL, kind="VM run command")
def runs_command_on_jump_host(scene: Scene) -> Life:
    """The nodes' identity, which never writes anything, runs commands on a jump host."""
    arm = arm_of(scene)
    for _ in range(scene.chance.between(2, 5)):
        act(scene, kubelet(arm), "Microsoft.Compute/virtualMachines/runCommand/action", arm.estate.jump_host)
        yield scene.pause(40, 200)


@careful(ABNORMAL, kind="VM run command")
def runs_command_on_node(scene: Scene) -> Life:
    """The cluster's own identity runs a command on a machine of its own scale set, among its ordinary writes."""
    arm = arm_of(scene)
    operation = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action"
    act(scene, control_plane(arm), operation, arm.estate.instance(1))
    yield 0


@straight(ABNORMAL, kind="key vault access policy written")
def opens_vault(scene: Scene) -> Life:
    """The key vault provider's identity writes itself into a vault's access policy."""
    arm = arm_of(scene)
    thief = some_add_on(arm, "azurekeyvaultsecretsprovider", "backup")
    act(scene, thief, "Microsoft.KeyVault/vaults/accessPolicies/write", f"{arm.estate.vault}/accessPolicies/add")
    yield scene.pause()


@careful(ABNORMAL, kind="key vault access policy written")
def opens_vault_and_closes_it(scene: Scene) -> Life:
    """A deployment identity opens the vault's firewall and policy at night, and puts both back an hour later."""
    arm = arm_of(scene)
    thief = workload(arm, "deployer")
    act(scene, thief, "Microsoft.KeyVault/vaults/write", arm.estate.vault)
    yield scene.pause()
    act(scene, thief, "Microsoft.KeyVault/vaults/accessPolicies/write", f"{arm.estate.vault}/accessPolicies/add")
    yield scene.chance.about(HOUR)
    act(scene, thief, "Microsoft.KeyVault/vaults/accessPolicies/write", f"{arm.estate.vault}/accessPolicies/remove")
    yield scene.pause()
    act(scene, thief, "Microsoft.KeyVault/vaults/write", arm.estate.vault)


@straight(ABNORMAL, kind="token used elsewhere")
def uses_token_elsewhere(scene: Scene) -> Life:
    """The cluster's own identity writes security rules of another group, from a network that it never called from."""
    arm = arm_of(scene)
    group = f"{arm.estate.data_group}/providers/Microsoft.Network/networkSecurityGroups/nsg-db"
    for _ in range(3):
        act(scene, control_plane(arm), "Microsoft.Network/networkSecurityGroups/write", group, away=True)
        yield scene.pause(20, 90)


@careful(ABNORMAL, kind="token used elsewhere")
def writes_zone_elsewhere(scene: Scene) -> Life:
    """external-dns' identity writes one record, as ever, but of another group's zone and from elsewhere."""
    arm = arm_of(scene)
    record = f"{arm.estate.data_group}/providers/Microsoft.Network/dnszones/internal.example/A/login"
    act(scene, workload(arm, "external-dns"), "Microsoft.Network/dnszones/A/write", record, away=True)
    yield 0


@straight(ABNORMAL, kind="cluster credentials listed")
def lists_admin_credential(scene: Scene) -> Life:
    """A monitoring identity lists the administrator's credential of every cluster in the group."""
    arm = arm_of(scene)
    thief = some_add_on(arm, "omsagent", "external-dns")
    for name in ("", "-blue", "-test"):
        act(scene, thief, f"{CLUSTERS}/listClusterAdminCredential/action", f"{arm.cluster_id}{name}")
        yield scene.pause()


@careful(ABNORMAL, kind="cluster credentials listed")
def lists_user_credential(scene: Scene) -> Life:
    """A backup identity lists the user credential of its cluster, once, from where it always calls."""
    arm = arm_of(scene)
    act(scene, workload(arm, "backup"), f"{CLUSTERS}/listClusterUserCredential/action", arm.cluster_id)
    yield 0


@straight(ABNORMAL, kind="disk exported")
def exports_disk(scene: Scene) -> Life:
    """The cluster's own identity snapshots a database's disk in another group and gets a link to download it."""
    arm = arm_of(scene)
    disks = f"{arm.estate.data_group}/providers/Microsoft.Compute"
    act(scene, storage_driver(arm), "Microsoft.Compute/snapshots/write", f"{disks}/snapshots/tmp1", away=True)
    yield scene.pause(60, 200)
    act(scene, storage_driver(arm), "Microsoft.Compute/snapshots/beginGetAccess/action", f"{disks}/snapshots/tmp1",
        away=True)  # fmt: skip
    yield scene.chance.about(2 * HOUR)
    act(scene, storage_driver(arm), "Microsoft.Compute/snapshots/delete", f"{disks}/snapshots/tmp1", away=True)


@careful(ABNORMAL, kind="disk exported")
def exports_backup(scene: Scene) -> Life:
    """The backup identity gets a link to one of last night's own snapshots; nothing new is made."""
    arm = arm_of(scene)
    snapshot = arm.estate.node_resource("Microsoft.Compute/snapshots", f"velero-{scene.chance.hexadecimal(12)}")
    act(scene, workload(arm, "backup"), "Microsoft.Compute/snapshots/beginGetAccess/action", snapshot)
    yield scene.chance.about(40 * MINUTE)
    act(scene, workload(arm, "backup"), "Microsoft.Compute/snapshots/endGetAccess/action", snapshot)


@straight(ABNORMAL, kind="federated credential added")
def adds_federated_credential(scene: Scene) -> Life:
    """A deployment identity lets a repository of the intruder's sign in as itself, and as its neighbour."""
    arm = arm_of(scene)
    for caller in (workload(arm, "deployer"), workload(arm, "backup")):
        credential = f"{caller.resource}/federatedIdentityCredentials/github-{scene.chance.ending(5)}"
        operation = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"
        act(scene, workload(arm, "deployer"), operation, credential, away=True)
        yield scene.pause()


@careful(ABNORMAL, kind="federated credential added")
def adds_federated_account(scene: Scene) -> Life:
    """The credential that is added to keep access names the cluster itself as issuer, by the cluster's own identity."""
    arm = arm_of(scene)
    credential = f"{workload(arm, 'backup').resource}/federatedIdentityCredentials/kubernetes-2"
    operation = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"
    act(scene, control_plane(arm), operation, credential)
    yield 0


@straight(ABNORMAL, kind="deployment written")
def deploys_machines(scene: Scene) -> Life:
    """The policy add-on's identity deploys a template: large machines that mine, in a region nobody uses."""
    arm = arm_of(scene)
    thief = some_add_on(arm, "azurepolicy", "db-operator")
    group = f"{arm.estate.root}/resourceGroups/rg-gpu-{scene.chance.ending(4)}"
    act(scene, thief, "Microsoft.Resources/subscriptions/resourceGroups/write", group)
    yield scene.pause()
    act(scene, thief, DEPLOY, f"{group}/providers/Microsoft.Resources/deployments/vm-{scene.chance.ending(6)}")
    yield scene.pause()
    for number in range(scene.chance.between(3, 9)):
        machine = f"{group}/providers/Microsoft.Compute/virtualMachines/w{number}"
        act(scene, thief, "Microsoft.Compute/virtualMachines/write", machine)
        yield scene.pause(1, 4)


@careful(ABNORMAL, kind="deployment written")
def deploys_script(scene: Scene) -> Life:
    """A deployment identity deploys, as it does every day, but to the group of the databases, and from elsewhere."""
    arm = arm_of(scene)
    deployment = f"{arm.estate.data_group}/providers/Microsoft.Resources/deployments/app-{scene.chance.between(1, 99)}"
    act(scene, workload(arm, "deployer"), DEPLOY, deployment, away=True)
    yield 0


@careful(ABNORMAL, kind="slow attacker", days=5)
def takes_a_week(scene: Scene) -> Life:
    """An ingress controller's identity is used for one new thing a day, at the busiest hour, from the nodes."""
    arm = arm_of(scene)
    thief = some_add_on(arm, "ingressapplicationgateway", "external-dns")
    estate = arm.estate
    watched = f"{estate.vault}/providers/Microsoft.Insights/diagnosticSettings/all"
    rule = f"{estate.data_group}/providers/Microsoft.Network/networkSecurityGroups/nsg-db/securityRules/ops"
    steps = (
        ("Microsoft.Insights/diagnosticSettings/delete", watched),
        ("Microsoft.Network/networkSecurityGroups/securityRules/write", rule),
        ("Microsoft.Storage/storageAccounts/write", estate.storage),
        (STORAGE_KEYS, estate.storage),
        (ASSIGN_ROLE, assignment(scene, estate.vault)),
    )
    for operation, scope in steps:
        act(scene, thief, operation, scope)
        yield scene.chance.about(DAY, 0.05)
