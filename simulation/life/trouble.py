"""What goes wrong in a healthy cluster: an API server in trouble, tokens that have expired, rights that are missing."""

from __future__ import annotations

from dataclasses import replace

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND
from simulation.cluster import Cluster
from simulation.kubernetes.identities import client_go
from simulation.kubernetes.requests import Client, Target
from simulation.schedule import Life

SPELLS = (
    (429,),
    (429, 504),
    (500,),
    (503, 504),
    (500, 503, 504),
)
"""Codes that a spell of trouble shows."""
MISSING = (
    ("get", "Lease", "{name}-leader"),
    ("list", "Ingress", ""),
    ("list", "CustomResourceDefinition", ""),
    ("list", "ConfigMap", ""),
    ("watch", "EndpointSlice", ""),
    ("list", "Node", ""),
)
"""What a program asks that nobody gave it the right to."""


@actor()
def outages(cluster: Cluster, chance: Chance) -> Life:
    """Spells of some minutes in which a share of all requests fails."""
    month = round(30 * DAY / max(cluster.profile.outages_per_month, 0.0001))
    # The first comes early, so that a log of some weeks has one.
    yield min(chance.wait(month), month) // 2 + HOUR
    while True:
        yield from spell(cluster, chance, chance.between(2 * MINUTE, 15 * MINUTE), chance.pick(SPELLS))
        yield chance.wait(month)


def spell(cluster: Cluster, chance: Chance, lasts: int, codes: tuple[int, ...]) -> Life:
    """The server is in trouble for so long: worst in the middle."""
    if cluster.api.trouble[0]:
        return
    worst = chance.between(20, 70) / 100
    for share in (worst / 3, worst, worst / 4):
        cluster.api.trouble = (share, codes)
        yield lasts // 3
    cluster.api.trouble = (0.0, ())


@actor()
def expired_tokens(cluster: Cluster, chance: Chance) -> Life:
    """A program goes on with a token that is no longer valid: 401 for an hour, or until somebody looks a day later."""
    while True:
        yield chance.wait(6 * DAY)
        found = cluster.teams_workloads("Deployment")
        if not found:
            continue
        workload = chance.pick(found)
        agent = chance.pick(("OpenAPI-Generator/32.0.1/python", client_go(workload.name)))
        client, kind = workload.client(agent), chance.pick(("ConfigMap", "Pod", "Service"))
        ends = cluster.now + chance.pick((HOUR, HOUR, 4 * HOUR, DAY))
        every = chance.between(10 * SECOND, 60 * SECOND)
        while cluster.now < ends:
            cluster.api.reject(client, "list", Target(kind, workload.namespace))
            yield cluster.paced(every)


@actor()
def missing_rights(cluster: Cluster, chance: Chance) -> Life:
    """A program was deployed without the rights that it needs: it is refused all day, until somebody sees it."""
    while True:
        yield chance.wait(4 * DAY)
        found = cluster.teams_workloads("Deployment")
        if not found:
            continue
        workload = chance.pick(found)
        verb, kind, name = chance.pick(MISSING)
        target = Target(kind, workload.namespace if name else "", name.format(name=workload.name))
        if verb == "watch":
            target = replace(target, query="allowWatchBookmarks=true&watch=true")
        agent = client_go(workload.name)
        ends = cluster.now + chance.between(5 * HOUR, 30 * HOUR)
        wait = 2 * SECOND
        asked: Client | None = None
        while cluster.now < ends:
            client = workload.client(agent)
            wait = 2 * SECOND if client is not asked else min(2 * wait, MINUTE)
            asked = client
            cluster.api.refuse(client, verb, target)
            yield cluster.paced(wait)
