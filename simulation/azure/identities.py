"""The managed identities of a cluster: its own, its add-ons', and those that its users' workloads use."""

from __future__ import annotations

from simulation.azure.activity import ActivityLog
from simulation.azure.callers import Caller

ADD_ON_ROLES = {
    "aciconnectorlinux": "Contributor",
    "azurekeyvaultsecretsprovider": "Key Vault Secrets User",
    "azurepolicy": "Policy Insights Data Writer",
    "cost-analysis-identity": "Cost Management Reader",
    "httpapplicationrouting": "DNS Zone Contributor",
    "ingressapplicationgateway": "Contributor",
    "omsagent": "Monitoring Metrics Publisher",
    "webapprouting": "DNS Zone Contributor",
}
"""What the platform gives the identity of an add-on."""
WORKLOAD_ROLES = {"backup": "Backup Operator", "external-dns": "DNS Zone Contributor", "deployer": "Contributor"}


def control_plane(arm: ActivityLog) -> Caller:
    """The cluster's own identity: of AKS a system-assigned one, else that of the control plane's machines."""
    name = arm.cluster_id.rpartition("/")[2]
    if arm.managed:
        return arm.identity(name, role="Contributor", address=arm.platform, resource=arm.cluster_id)
    return arm.identity(f"{name}-control-plane", role="Contributor", address=arm.outbound)


def storage_driver(arm: ActivityLog) -> Caller:
    """Who attaches disks: of AKS the cluster's own identity, else one of the driver's own."""
    if arm.managed:
        return control_plane(arm)
    return arm.identity(_named(arm, "csi"), role="Contributor", address=arm.outbound)


def kubelet(arm: ActivityLog) -> Caller:
    """The identity of the nodes, which pulls images and writes nothing."""
    name = arm.cluster_id.rpartition("/")[2]
    ending = "agentpool" if arm.managed else "nodes"
    return arm.identity(f"{name}-{ending}", role="AcrPull", address=arm.outbound, assigned=arm.estate.registry)


def add_on(arm: ActivityLog, name: str) -> Caller:
    """The identity of an add-on of AKS."""
    assigned = {"omsagent": arm.cluster_id, "ingressapplicationgateway": arm.group, "webapprouting": arm.estate.zone}
    options = {"address": arm.outbound, "assigned": assigned.get(name, "")}
    return arm.identity(_named(arm, name), role=ADD_ON_ROLES[name], **options)


def workload(arm: ActivityLog, name: str) -> Caller:
    """An identity that pods of users get by a federated token."""
    place = f"{arm.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-{name}"
    assigned = arm.estate.node_group if name == "backup" else arm.group
    role = WORKLOAD_ROLES.get(name, "Contributor")
    return arm.identity(f"id-{name}", role=role, address=arm.outbound, resource=place, assigned=assigned)


def some_add_on(arm: ActivityLog, name: str, instead: str) -> Caller:
    """The identity of an add-on; in a cluster that has no add-ons that of a workload."""
    return add_on(arm, name) if arm.managed else workload(arm, instead)


def _named(arm: ActivityLog, name: str) -> str:
    return f"{name}-{arm.cluster_id.rpartition('/')[2]}"
