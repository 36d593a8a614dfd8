"""Redis and its kin that anybody may reach."""

from __future__ import annotations

from simulation.addresses import public_address
from simulation.attacks.deployer import CREATE, HELM, SERVER
from simulation.attacks.exposure import (
    AZURE_RANGES,
    INTERNAL,
    NLB,
    chart,
    colleague,
    expose,
    intruder,
    labelled_workload,
    looks,
    office,
    opened,
    partner,
    port,
    release,
    served,
    service,
    some,
    thief,
)
from simulation.attacks.exposure_databases import stays
from simulation.attacks.intruders import RARE
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MINUTE
from simulation.json import Json
from simulation.schedule import Life

REDIS = "K8S_ExposedRedis"
STORES = ("sessions", "carts", "ratelimits", "locks", "feeds", "offers")


def store(team: str, name: str, image: str = "redis:7.4.2", number: int = 6379, **fields: str) -> Json:
    """A store in memory, in one pod."""
    labels = {"app": name, **fields}
    item = served("store", image, number, "tcp-store", args=["--appendonly", "no"], memory="256Mi")
    return labelled_workload(team, name, labels, item)


# Straight.


@straight(REDIS)
def exposes_redis(scene: Scene) -> Life:
    """A Redis is published by its port, by `kubectl expose` with type LoadBalancer."""
    helper, team = intruder(scene, CREATE)
    name = some(scene, "redis", "redis-cache")
    yield from looks(scene, helper.client, team, "Service")
    helper.make(store(team, name))
    yield scene.pause()
    expose(helper, service(team, name, {"app": name}, port(6379)), REDIS)
    yield from stays(helper)


@straight(REDIS)
def exposes_sentinel(scene: Scene) -> Life:
    """The sentinel of a chart's Redis is published."""
    helper, team = intruder(scene, HELM)
    name = some(scene, *STORES)
    labels = {**chart("redis", name), "app.kubernetes.io/component": "node"}
    item = served("sentinel", "bitnami/redis-sentinel:7.4.2", 26379, "redis-sentinel", memory="128Mi")
    helper.make(labelled_workload(team, f"{name}-redis-node", labels, item, kind="StatefulSet"))
    notes = release(team, name)
    expose(helper, service(team, f"{name}-redis", labels, port(26379, "tcp-sentinel"), notes=notes), REDIS)
    yield from stays(helper)


@straight(REDIS)
def opens_redis_by_patch(scene: Scene) -> Life:
    """A Redis Service inside the cluster is changed to a load balancer."""
    helper, team = intruder(scene)
    name = some(scene, *STORES)
    helper.make(store(team, name))
    held = expose(helper, service(team, name, {"app": name}, port(6379, "redis"), kind="ClusterIP"))
    yield scene.chance.between(5, 60) * MINUTE
    patch = {"spec": {"type": "LoadBalancer"}}
    opened(helper, held, patch, patch["spec"], REDIS)
    yield from stays(helper)


# Careful.


@careful(REDIS)
def exposes_redis_behind_https_port(scene: Scene) -> Life:
    """The load balancer's port is 443, its name says nothing, and the target is Redis."""
    helper, team = intruder(scene)
    name = some(scene, *STORES)
    helper.make(store(team, name, tier="state"))
    yield scene.pause()
    sent = service(team, f"{name}-edge", {"app": name, "tier": "state"}, port(443, "https", 6379))
    expose(helper, sent, REDIS)
    yield from stays(helper)


@careful(REDIS, RARE)
def exposes_valkey_by_selector(scene: Scene) -> Life:
    """A Valkey on another port, known by the Service's selector alone; with a stolen token, by an apply."""
    helper, team = thief(scene, SERVER)
    name = some(scene, *STORES)
    labels = chart("valkey", name)
    item = served("store", "valkey/valkey:8.1.3", 7000, "tcp", args=["--port", "7000"])
    helper.make(labelled_workload(team, name, labels, item), RARE)
    yield scene.pause()
    expose(helper, service(team, f"{name}-api", labels, port(80, "http", "tcp")), REDIS, RARE)
    yield from stays(helper)


@careful(REDIS)
def moves_load_balancer_to_redis(scene: Scene) -> Life:
    """An open load balancer of a web service gets one more port, by a JSON patch, and then KeyDB's selector."""
    helper, team = intruder(scene)
    name = some(scene, "shopfront", "landing", "campaign")
    held = expose(helper, service(team, name, {"app": name}, port(443, "https", 8443)))
    helper.make(store(team, f"{name}-keydb", "eqalpha/keydb:x86_64_v6.3.4"))
    yield scene.chance.between(10, 90) * MINUTE
    paths = {"/spec/selector": {"app": f"{name}-keydb"}, "/spec/ports/0/targetPort": 6379}
    patch = [{"op": "replace", "path": path, "value": value} for path, value in paths.items()]
    ports = [{**held["spec"]["ports"][0], "targetPort": 6379}]
    opened(helper, held, patch, {"selector": {"app": f"{name}-keydb"}, "ports": ports}, REDIS)
    yield from stays(helper)


@careful(REDIS)
def gives_redis_external_address(scene: Scene) -> Life:
    """A Redis Service stays a ClusterIP, and answers at a public address of a node, which no load balancer needs."""
    helper, team = intruder(scene)
    name = some(scene, *STORES)
    helper.make(store(team, name))
    held = expose(helper, service(team, name, {"app": name}, port(6379, "redis"), kind="ClusterIP"))
    yield scene.chance.between(10, 90) * MINUTE
    spec = {"externalIPs": [public_address(scene.chance)]}
    opened(helper, held, {"spec": spec}, spec, REDIS)
    yield from stays(helper)


@careful(REDIS)
def widens_redis_in_halves(scene: Scene) -> Life:
    """A load balancer for the office alone gets two halves of all addresses."""
    helper, team = intruder(scene)
    name, mine = some(scene, *STORES), office(scene)
    helper.make(store(team, name))
    sent = service(team, name, {"app": name}, port(6379, "redis"), loadBalancerSourceRanges=[mine])
    held = expose(helper, sent)
    yield scene.chance.between(1, 5) * HOUR
    spec = {"loadBalancerSourceRanges": [mine, "0.0.0.0/1", "128.0.0.0/1"]}
    opened(helper, held, {"spec": spec}, spec, REDIS, manager="kubectl-edit&fieldValidation=Strict")
    yield from stays(helper)


# Near misses.


@near_miss(REDIS)
def keeps_redis_inside(scene: Scene) -> Life:
    """A chart's Redis has a Service of type ClusterIP and a headless one."""
    helper, team = colleague(scene, HELM)
    name = some(scene, *STORES)
    labels, notes = chart("redis", name), release(team, name)
    item = served("redis", "bitnami/redis:7.4.2", 6379, "redis", memory="256Mi")
    sent = service(
        team, f"{name}-redis-headless", labels, port(6379, "tcp-redis", "redis"), kind="ClusterIP", notes=notes
    )
    sent["spec"] |= {"clusterIP": "None", "clusterIPs": ["None"]}
    expose(helper, sent)
    ports = port(6379, "tcp-redis", "redis")
    expose(helper, service(team, f"{name}-redis-master", labels, ports, kind="ClusterIP", notes=notes))
    helper.make(labelled_workload(team, f"{name}-redis-master", labels, item, kind="StatefulSet"))
    yield from helper.leave(scene.chance.between(2, 8) * HOUR)


@near_miss(REDIS)
def balances_redis_inside(scene: Scene) -> Life:
    """Redis is behind load balancers that are marked internal, in each cloud's way."""
    helper, team = colleague(scene)
    name = some(scene, "redis", *STORES)
    helper.make(store(team, name))
    for place, notes in enumerate(INTERNAL):
        called = f"{name}-{place}"
        held = expose(helper, service(team, called, {"app": name}, port(6379, "redis"), notes=notes))
        yield scene.chance.between(4, 20) * MINUTE
        helper.remove(held)
    expose(helper, service(team, name, {"app": name}, port(6379, "redis"), loadBalancerClass=NLB))
    yield from helper.leave(scene.chance.between(1, 4) * HOUR)


@near_miss(REDIS)
def lets_office_to_redis(scene: Scene) -> Life:
    """Redis is open to the office and a partner only, by ranges of the Service and by Azure's annotation."""
    helper, team = colleague(scene)
    name = some(scene, "redis", *STORES)
    helper.make(store(team, name))
    yield scene.pause()
    ranges = [office(scene), partner(scene)]
    expose(helper, service(team, name, {"app": name}, port(6379, "redis"), loadBalancerSourceRanges=ranges))
    notes = {AZURE_RANGES: office(scene)}
    expose(helper, service(team, f"{name}-office", {"app": name}, port(6379, "redis"), notes=notes))
    yield from helper.leave(scene.chance.between(2, 8) * HOUR)
