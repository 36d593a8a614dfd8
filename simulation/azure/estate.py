"""What there is in the subscription that a cluster is in, by resource id."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.chance import Chance

REGIONS = {
    "weu": ("westeurope", "West Europe"),
    "neu": ("northeurope", "North Europe"),
    "eus": ("eastus", "East US"),
    "wus": ("westus2", "West US 2"),
    "sea": ("southeastasia", "Southeast Asia"),
    "uks": ("uksouth", "UK South"),
    "frc": ("francecentral", "France Central"),
    "brs": ("brazilsouth", "Brazil South"),
}


def region_of(cluster: str) -> tuple[str, str]:
    """The Azure region of a cluster: its name, and how it is shown.

    Examples
    --------
    >>> region_of("prod-neu-2")
    ('northeurope', 'North Europe')
    """
    parts = cluster.split("-")
    return REGIONS.get(parts[1] if len(parts) > 1 else "", REGIONS["weu"])


@dataclass(frozen=True)
class Estate:
    """Resource ids. Everything but the node group's was there before the cluster."""

    root: str
    """The subscription, `/subscriptions/ID`."""
    group: str
    """The resource group in which the cluster is."""
    node_group: str
    """That of the nodes: of AKS the one that the platform made."""
    data_group: str
    """Of databases, storage accounts and vaults."""
    cluster: str
    scale_set: str
    storage: str
    """A storage account with the company's data."""
    files: str
    """One for the volumes of pods, in the node group."""
    vault: str
    registry: str
    zone: str
    """DNS."""
    workspace: str
    gateway: str
    jump_host: str
    subnet: str

    @classmethod
    def of(cls, cluster: str, chance: Chance, region: str, *, managed: bool) -> Estate:
        """That of a cluster of AKS, or of one that somebody runs on virtual machines."""
        root = f"/subscriptions/{chance.uuid()}"
        team = cluster.partition("-")[0]
        group = f"{root}/resourceGroups/rg-{team}"
        data = f"{root}/resourceGroups/rg-{team}-data"
        nodes = f"{root}/resourceGroups/" + (f"MC_rg-{team}_{cluster}_{region}" if managed else f"{cluster}-nodes")
        number = chance.between(10_000_000, 99_999_999)
        pool = f"aks-nodepool1-{number}-vmss" if managed else f"{cluster}-mp-0"
        plain = cluster.replace("-", "")
        return cls(
            root=root,
            group=group,
            node_group=nodes,
            data_group=data,
            cluster=f"{group}/providers/Microsoft.ContainerService/managedClusters/{cluster}",
            scale_set=f"{nodes}/providers/Microsoft.Compute/virtualMachineScaleSets/{pool}",
            storage=f"{data}/providers/Microsoft.Storage/storageAccounts/st{plain}data",
            files=f"{nodes}/providers/Microsoft.Storage/storageAccounts/f{chance.hexadecimal(20)}",
            vault=f"{data}/providers/Microsoft.KeyVault/vaults/kv-{team}-{chance.ending(4)}",
            registry=f"{group}/providers/Microsoft.ContainerRegistry/registries/cr{plain}",
            zone=f"{group}/providers/Microsoft.Network/dnszones/{team}.apps.example",
            workspace=f"{data}/providers/Microsoft.OperationalInsights/workspaces/log-{team}",
            gateway=f"{group}/providers/Microsoft.Network/applicationGateways/agw-{team}",
            jump_host=f"{root}/resourceGroups/rg-{team}-ops/providers/Microsoft.Compute/virtualMachines/vm-jump-1",
            subnet=f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-{team}/subnets/nodes",
        )

    @property
    def subscription(self) -> str:
        """Its id."""
        return self.root.rpartition("/")[2]

    def node_resource(self, kind: str, name: str) -> str:
        """Something in the node group, such as `Microsoft.Compute/disks`."""
        return f"{self.node_group}/providers/{kind}/{name}"

    def instance(self, number: int) -> str:
        """A machine of the nodes' scale set."""
        return f"{self.scale_set}/virtualMachines/{number}"
