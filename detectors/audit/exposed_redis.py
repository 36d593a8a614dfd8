"""A Redis that the world can reach."""

from __future__ import annotations

import re
from collections.abc import Iterable

from detectors.audit.bodies import UNRECORDED
from detectors.audit.conditions import COMPLETED, upkeep
from detectors.audit.entities import SHOWN
from detectors.audit.exposure import public
from detectors.audit.images import repository
from detectors.audit.inventory import Inventory, Joined, join
from detectors.audit.services import Backend, Listener, Service
from detectors.contract import Quiet

PORTS = frozenset({6379, 26379})
"""Redis itself, and its sentinel."""
COMPANION_PORTS = frozenset({5540, 8001, 8081, 9121})
"""RedisInsight (two), redis-commander, redis_exporter."""
COMPANIONS = frozenset(
    {"admin", "commander", "console", "dashboard", "exporter", "gui", "insight", "metrics", "operator", "redisinsight"}
    | {"ui", "web", "webui"}
)
"""Words of what stands beside a Redis and is none."""
REDIS = re.compile(r"(?:redis|valkey|keydb)[0-9]*")
_SERVER = re.compile(r"(?:^|[\s/;&|(])((?:redis|valkey|keydb)-(?:server|sentinel))(?![\w./-])")
_CLIENT = re.compile(r"(?:\S*/)?(?:redis|valkey|keydb)-(?:benchmark|cli)(?:\s|$)")
_SEPARATOR = re.compile(r"[^a-z0-9]+")


def words(text: str) -> frozenset[str]:
    """The words of a name, which separators part.

    Examples
    --------
    >>> sorted(words("Cart.redis-master_0"))
    ['0', 'cart', 'master', 'redis']
    """
    return frozenset(_SEPARATOR.split(text.casefold()))


def is_redis(name: str) -> bool:
    """Whether a name is one of Redis, Valkey or KeyDB, and not of a companion.

    Examples
    --------
    >>> [is_redis(name) for name in ("redis-master", "redis7", "predis", "redis-exporter", "rediscover")]
    [True, True, False, False, False]
    """
    found = words(name)
    return any(REDIS.fullmatch(word) for word in found) and not found & COMPANIONS


def redis_of(container: Listener) -> str:
    """By what a container is a Redis: its image, unless it runs only a client there, or its program; else empty."""
    if server := _SERVER.search(container.program):
        return f"program {server.group(1)}"
    name = repository(container.image)
    return f"image {name}" if is_redis(name.rpartition("/")[2]) and not _CLIENT.match(container.program) else ""


def runs_redis(workload: Backend) -> bool:
    """Whether a container of a workload is a Redis, or listens on such a port."""
    return any(redis_of(one) or any(number in PORTS for number, _ in one.ports) for one in workload.all_containers)


@join(
    "K8S_ExposedRedis",
    keeps=runs_redis,
    hints=(b"redis", b"valkey", b"keydb", b"6379"),
    requires="a Service that the world reaches, and a Redis behind it",
    unless=(*COMPLETED, upkeep),
    misses=(
        "A Redis on another port whose image, program, Service and selector are named otherwise; one whose port another"
        " container of its pod has, to pass it on. An Ingress, a Gateway, a NodePort and a port of the node (hostPort,"
        " hostNetwork) expose as well. An annotation of a cloud that the cluster does not run in is believed. At 512"
        " Services or workloads of Redis in one namespace no more are kept: then only a Service that comes last is"
        " found. A namespace in which nothing was written for 90 days is forgotten. A patch without an answer is"
        f" applied to what is known; of a workload of which nothing is known it tells nothing. {UNRECORDED}"
    ),
    noise=(
        "A pod that has a Redis beside what the Service leads to, if none of its containers says its ports. A Redis"
        " behind a private network's load balancer that says so in a way of its own (a class, another cloud's"
        " annotation), or behind a firewall. A merge patch that replaces the ports of a Service, where only the patch"
        " is recorded: the old ones are taken to stand."
    ),
)
def exposed_redis(service: Service, inventory: Inventory) -> Joined | Quiet:
    """A load balancer or an external address lets the world reach a Redis, a Valkey or a KeyDB.

    Examples
    --------
    >>> def redis(kind):
    ...     return {"spec": {"type": kind, "ports": [{"port": 6379}], "selector": {"app": "cache"}}}
    >>> fired(exposed_redis, audit("create", "services", namespace="shop", name="cache", request=redis("LoadBalancer")))
    ['shop/cache']
    >>> fired(exposed_redis, audit("create", "services", namespace="shop", name="cache", request=redis("ClusterIP")))
    []
    """
    reached = public(service)
    if reached is None:
        return Quiet("the world reaches the Service", service.type)
    reasons = sorted({*_ports(service), *_names(service), *_behind(service, inventory.behind(service))})
    if not reasons:
        return Quiet("a Redis is behind the Service", {"ports": service.ports[:SHOWN], "selector": service.selector})
    return Joined(
        f"Service {service.name} lets the world reach Redis by {reached}: {', '.join(reasons[:SHOWN])}",
        {
            "type": service.type,
            "reachedBy": reached,
            "redis": reasons[:SHOWN],
            "sourceRanges": service.ranges[:SHOWN],
            "annotations": service.annotations,
        },
    )


def _ports(service: Service) -> set[str]:
    return {f"port {number}" for port in service.ports for number in port[:2] if number in PORTS}


def _names(service: Service) -> set[str]:
    """Redis by the names of the Service, unless one of them or all of its ports are a companion's."""
    names = {"name": service.name, **{f"selector {key}": value for key, value in service.selector.items()}}
    if any(words(name) & COMPANIONS for name in names.values()):
        return set()
    if service.ports and all(_companion(number, target, name) for number, target, name in service.ports):
        return set()
    found = {f"{what} {name}" for what, name in names.items() if is_redis(name)}
    targets = {str(text) for _, target, name in service.ports for text in (target, name)}
    return found | {f"port {text}" for text in targets if is_redis(text)}


def _companion(number: int, target: int | str, name: str) -> bool:
    return bool(words(f"{name} {target}") & COMPANIONS) or bool({number, target} & COMPANION_PORTS)


def _behind(service: Service, workloads: dict[str, Backend]) -> set[str]:
    """Redis by the containers that the Service's ports lead to."""
    found: set[str] = set()
    for name, workload in workloads.items():
        where = name.replace("_", " ").replace("/", " ", 1)
        for _, target, _ in service.ports:
            for container in _listening(list(workload.all_containers), target):
                if reason := redis_of(container):
                    found.add(f"{reason} of {where}")
            found |= {f"port {number}" for number in _named(workload.all_containers, target) if number in PORTS}
    return found


def _listening(containers: list[Listener], target: int | str) -> list[Listener]:
    """The containers that say they listen on a port; else, as it need not be said, those that say nothing, or all."""
    saying = [one for one in containers if any(target in port for port in one.ports)]
    if saying or isinstance(target, str):
        return saying
    return [one for one in containers if not one.ports] or containers


def _named(containers: Iterable[Listener], target: int | str) -> set[int]:
    return {number for one in containers for number, name in one.ports if name and name == target}
