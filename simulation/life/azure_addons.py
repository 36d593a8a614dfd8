"""Azure Resource Manager, as the add-ons of an AKS cluster use it."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.actors import actor
from simulation.azure.activity import ActivityLog
from simulation.azure.identities import add_on
from simulation.chance import Chance
from simulation.clock import HOUR, MINUTE, SECOND
from simulation.cluster import Cluster
from simulation.life.azure_cluster import NETWORK, Act, often
from simulation.platforms import Platform
from simulation.schedule import Life


@dataclass(frozen=True)
class Habit:
    """What an add-on does, how often."""

    add_on: str
    operations: tuple[str, ...]
    """One after another."""
    scope: str
    """Of the first; holes: those of `_places`."""
    per_day: float
    share: float = 1
    """Of the clusters that have the add-on."""


HABITS = (
    Habit("omsagent", ("Microsoft.OperationalInsights/workspaces/sharedKeys/action",), "{workspace}", 2),
    Habit("omsagent", ("Microsoft.Insights/dataCollectionRuleAssociations/write",),
          "{cluster}/providers/Microsoft.Insights/dataCollectionRuleAssociations/ContainerInsightsExtension", 0.5),
    Habit("azurepolicy", ("Microsoft.PolicyInsights/checkDataPolicyCompliance/action",), "{cluster}", 6),
    Habit("azurepolicy", ("Microsoft.PolicyInsights/policyEvents/logDataEvents/action",), "{cluster}", 2),
    Habit("ingressapplicationgateway",
          (f"{NETWORK}/applicationGateways/write", f"{NETWORK}/virtualNetworks/subnets/join/action",
           f"{NETWORK}/publicIPAddresses/join/action"), "{gateway}", 8, 0.6),
    Habit("webapprouting", (f"{NETWORK}/dnszones/A/write", f"{NETWORK}/dnszones/TXT/write"), "{zone}/A/{name}", 4, 0.5),
    Habit("webapprouting", (f"{NETWORK}/dnszones/A/delete",), "{zone}/A/{name}", 1, 0.5),
)  # fmt: skip
"""The key vault provider, cost analysis and the nodes' own identity write nothing: they have no habit here."""
HOSTS = ("www", "api", "shop", "pay", "admin", "status", "img", "auth", "docs", "beta")


@actor(Platform.AKS)
def add_ons(cluster: Cluster, chance: Chance) -> Life:
    """The add-ons of an AKS cluster; not every cluster has all."""
    assert cluster.arm is not None
    lot = {habit.add_on: chance.child(habit.add_on, "has").happens(habit.share) for habit in HABITS}
    for place, habit in enumerate(HABITS):
        if lot[habit.add_on]:
            cluster.start(often(cluster, chance.child(place), _done(habit), habit.per_day))
    yield 0


def _done(habit: Habit) -> Act:
    def act(arm: ActivityLog, chance: Chance) -> Life:
        caller = add_on(arm, habit.add_on)
        places = _places(arm, chance)
        for place, operation in enumerate(habit.operations):
            scope = habit.scope.format_map(places) if place == 0 else _of(operation, habit, places)
            arm.operate(caller, operation, scope)
            yield chance.between(1, 6) * SECOND

    return act


def _of(operation: str, habit: Habit, places: dict[str, str]) -> str:
    """What the later steps of a habit are done to."""
    if operation.endswith("subnets/join/action"):
        return places["subnet"]
    if operation.endswith("publicIPAddresses/join/action"):
        return places["address"]
    return habit.scope.format_map(places).replace("/A/", "/TXT/")


def _places(arm: ActivityLog, chance: Chance) -> dict[str, str]:
    estate = arm.estate
    return {
        "address": f"{arm.group}/providers/{NETWORK}/publicIPAddresses/pip-gateway",
        "cluster": arm.cluster_id,
        "gateway": estate.gateway,
        "name": chance.pick(HOSTS),
        "subnet": estate.subnet,
        "workspace": estate.workspace,
        "zone": estate.zone,
    }


@actor(Platform.AKS)
def virtual_nodes(cluster: Cluster, chance: Chance) -> Life:
    """Some clusters let pods burst into container instances: each is a container group, for some hours."""
    if chance.happens(0.4):
        yield from often(cluster, chance, _bursts, 4, by_day=True)


def _bursts(arm: ActivityLog, chance: Chance) -> Life:
    caller = add_on(arm, "aciconnectorlinux")
    group = arm.estate.node_resource("Microsoft.ContainerInstance/containerGroups", f"burst-{chance.ending(5)}")
    arm.operate(caller, f"{NETWORK}/virtualNetworks/subnets/join/action", arm.estate.subnet)
    yield chance.between(1, 3) * SECOND
    arm.operate(caller, "Microsoft.ContainerInstance/containerGroups/write", group, seconds=25)
    yield chance.wait(2 * HOUR) + 10 * MINUTE
    arm.operate(caller, "Microsoft.ContainerInstance/containerGroups/delete", group, seconds=5)
