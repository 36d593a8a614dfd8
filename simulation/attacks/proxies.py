"""Requests that come through proxy services such as Tor, and the addresses of these services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from simulation.attacks.intruders import RARE, in_use, outside
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene, brought
from simulation.chance import Chance
from simulation.clock import HOUR, SECOND
from simulation.kubernetes.objects import body
from simulation.kubernetes.requests import Client, Target
from simulation.platforms import Platform
from simulation.schedule import Life

PROXY = "K8S_TI_Proxy"
HOSTERS = (51, 104, 107, 144, 171, 178, 195, 199, 204)
"""First bytes of the proxies' IPv4 addresses; nobody else in the simulated world has such an address."""
ALLOCATED = ("2a0b", "2a06", "2620", "2001")
PUBLIC = 'RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer"'
PROBERS = ("kube-probe/1.33", "ELB-HealthChecker/2.0", "GoogleHC/1.0")


def proxies(seed: int) -> Sequence[str]:
    """The addresses and networks of proxy services that a run of this seed knows."""
    chance = Chance(seed, "proxies")
    single = [_address(chance, chance.between(2, 252)) for _ in range(30)]
    narrow = [f"{_address(chance, chance.pick((0, 64, 128)))}/26" for _ in range(6)]
    wide = [f"{_address(chance, 0)}/24" for _ in range(4)]
    six = [f"{_prefix(chance)}::{chance.between(2, 0xFFFE):x}" for _ in range(5)]
    networks = [f"{_prefix(chance)}::/64" for _ in range(3)]
    return tuple(str(ip_network(entry)).removesuffix("/32").removesuffix("/128")
                 for entry in (*single, *narrow, *wide, *six, *networks))  # fmt: skip


def _address(chance: Chance, last: int) -> str:
    return f"{chance.pick(HOSTERS)}.{chance.between(10, 150)}.{chance.between(1, 250)}.{last}"


def _prefix(chance: Chance) -> str:
    return ":".join((chance.pick(ALLOCATED), *(f"{chance.between(0x1000, 0xFFFF):x}" for _ in range(3))))


def _listed(scene: Scene, *, six: bool, network: bool) -> str:
    found = [entry for entry in proxies(scene.cluster.seed) if six == (":" in entry) and network == ("/" in entry)]
    return scene.chance.pick(found)


def exit_address(scene: Scene, *, six: bool = False, network: bool = False) -> str:
    """An address of the list, or one in a network of the list."""
    listed = ip_network(_listed(scene, six=six, network=network))
    return str(listed[scene.chance.between(2, 61)] if network else listed[0])


def beside(scene: Scene, *, six: bool = False, network: bool = False) -> str:
    """The next address after one of the list, or after a network of the list, that is not listed."""
    known = [ip_network(entry) for entry in proxies(scene.cluster.seed)]
    address = ip_address(ip_network(_listed(scene, six=six, network=network)).broadcast_address) + 1
    while any(address in each for each in known if each.version == address.version):
        address += 1
    return str(address)


def through(client: Client, address: str, *claimed: str, agent: str = "") -> Client:
    """The same credential in somebody else's hands, seen from this address."""
    return replace(client, address=address, claimed=claimed, agent=agent or brought(address))


def _look_around(scene: Scene, client: Client, namespace: str, *raises: str) -> Life:
    """What somebody lists who wants to know where he is."""
    for kind, where in (("Pod", namespace), ("Service", namespace), ("ConfigMap", namespace), ("Secret", namespace)):
        scene.read(client, "list", Target(kind, where, query="limit=500"), *raises)
        yield scene.pause(3, 40)


# Straight.


@straight(PROXY)
def comes_through_tor(scene: Scene) -> Life:
    """Somebody else uses a person's kubeconfig through an exit of Tor."""
    person = scene.chance.pick([person for person in scene.cluster.people if person.team])
    thief = through(person.client, exit_address(scene))
    scene.refuse(thief, "list", Target("Namespace", query="limit=500"), PROXY)
    yield scene.pause()
    yield from _look_around(scene, thief, person.team, PROXY)


@straight(PROXY, RARE)
def comes_through_proxy_network(scene: Scene) -> Life:
    """A stolen service account is used from an address in a network of a proxy service."""
    workload = in_use(scene)
    granted = f'RoleBinding "{workload.name}/{workload.namespace}" of ClusterRole "edit"'
    thief = outside(scene, workload, granted, address=exit_address(scene, network=True))
    yield from _look_around(scene, thief, workload.namespace, PROXY, RARE)


@straight(PROXY)
def comes_through_six(scene: Scene) -> Life:
    """An administrator's kubeconfig is used through a proxy with an IPv6 address."""
    admin = through(scene.person(admin=True), exit_address(scene, six=True))
    for kind in ("Node", "Namespace", "ClusterRoleBinding"):
        scene.read(admin, "list", Target(kind, query="limit=500"), PROXY)
        yield scene.pause()


@straight(PROXY)
def knocks_through_tor(scene: Scene) -> Life:
    """Somebody without a credential tries the API server's pages through Tor; most are refused."""
    nobody = scene.cluster.identities.anonymous("curl/8.5.0", exit_address(scene), PUBLIC)
    scene.read(nobody, "get", Target(path="/version"), PROXY)
    for path in ("/api", "/apis", "/api/v1/secrets"):
        yield scene.pause(2, 12)
        target = Target("Secret") if path.endswith("secrets") else Target(path=path)
        scene.refuse(nobody, "list" if target.kind else "get", target, PROXY)


# Careful.


@careful(PROXY)
def claims_office_before_proxy(scene: Scene) -> Life:
    """Somebody behind a proxy names addresses of office and cluster in X-Forwarded-For; the last one is the proxy's."""
    person = scene.chance.pick([person for person in scene.cluster.people if person.team])
    claimed = (person.client.address, scene.cluster.machines[0].address)
    thief = through(person.client, exit_address(scene), *claimed, agent=person.client.agent)
    yield from _look_around(scene, thief, person.team, PROXY)


@careful(PROXY)
def comes_by_gateway_from_proxy(scene: Scene) -> Life:
    """Behind a gateway of the company, which says in X-Forwarded-For that the client is at a proxy."""
    cluster = scene.cluster
    person = scene.chance.pick([person for person in cluster.people if person.team])
    gateway = f"10.{cluster.network}.250.{scene.chance.between(4, 60)}"
    # Where the platform's log has room for one address, it is the connection's: then there is no gateway.
    places = (
        (exit_address(scene, network=True),) if cluster.platform is Platform.GKE else (gateway, exit_address(scene))
    )
    thief = through(person.client, *places, agent=person.client.agent)
    yield from _look_around(scene, thief, person.team, PROXY)


@careful(PROXY)
def changes_exits(scene: Scene) -> Life:
    """One write an hour, each from another exit, IPv6 among them, with the person's own kubectl."""
    person = scene.chance.pick([person for person in scene.cluster.people if person.team])
    made = []
    for place in range(4):
        address = exit_address(scene, six=place % 2 == 1, network=place > 1)
        thief = through(person.client, address, agent=person.client.agent)
        name = f"sync-state-{scene.chance.ending(4)}"
        sent = body("ConfigMap", name, person.team, data={"cursor": scene.chance.hexadecimal(24)})
        query = "fieldManager=kubectl-create&fieldValidation=Strict"
        made.append(scene.create(thief, sent, PROXY, query=query))
        yield scene.chance.about(HOUR, 0.4)
    for held in made:
        scene.api.delete(person.client, held, {"propagationPolicy": "Background"}, mark=scene.mark())
        yield 300_000


# Near misses.


@near_miss(PROXY)
def works_beside_proxies(scene: Scene) -> Life:
    """Somebody works on the way, at a hoster's address next to one of the list."""
    person = scene.chance.pick([person for person in scene.cluster.people if person.team])
    client = through(person.client, beside(scene), agent=person.client.agent)
    yield from _look_around(scene, client, person.team)


@near_miss(PROXY)
def works_behind_proxy_network(scene: Scene) -> Life:
    """The address is the first one after a network of the list, IPv4 and then IPv6."""
    person = scene.chance.pick([person for person in scene.cluster.people if person.team])
    for six in (False, True):
        client = through(person.client, beside(scene, six=six, network=True), agent=person.client.agent)
        scene.read(client, "list", Target("Pod", person.team, query="limit=500"))
        yield scene.pause(40, 600)


@near_miss(PROXY)
def passes_own_proxy(scene: Scene) -> Life:
    """A workload's requests pass a proxy of the cluster, so that only addresses of the cluster are named."""
    workload = scene.victim()
    pod, machine = scene.pod(workload), scene.chance.pick(scene.cluster.machines)
    granted = f'RoleBinding "{workload.name}/{workload.namespace}" of Role "{workload.name}"'
    known = scene.stolen(workload, "okhttp/4.12.0", machine.address, granted)
    client = replace(known, claimed=(pod.address,))
    for _ in range(4):
        scene.read(client, "get", Target("ConfigMap", workload.namespace, workload.name))
        yield scene.chance.about(20 * SECOND)


@near_miss(PROXY)
def probes_health(scene: Scene) -> Life:
    """A load balancer outside asks whether the API server is ready, without a credential."""
    address = f"35.191.{scene.chance.between(0, 250)}.{scene.chance.between(1, 250)}"
    prober = scene.cluster.identities.anonymous(scene.chance.pick(PROBERS), address, PUBLIC)
    for _ in range(6):
        scene.read(prober, "get", Target(path="/readyz"))
        yield scene.chance.about(10 * SECOND)
