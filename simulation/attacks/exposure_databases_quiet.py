"""Postgres of healthy teams: inside, or open to those who need it."""

from __future__ import annotations

from simulation.attacks.deployer import APPLY, HELM
from simulation.attacks.exposure import (
    AZURE_RANGES,
    INTERNAL,
    NLB,
    OWN_INTERNAL,
    chart,
    colleague,
    expose,
    office,
    partner,
    some,
)
from simulation.attacks.exposure_databases import (
    BROAD,
    EMPTY,
    NAMES,
    SECURED,
    TRUST,
    TRUSTING,
    configuration,
    database,
    front,
)
from simulation.attacks.register import near_miss
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MINUTE
from simulation.schedule import Life

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


@near_miss(TRUST, BROAD)
def keeps_trusting_postgres_inside(scene: Scene) -> Life:
    """A database for tests has no password, and a Service of type ClusterIP."""
    helper, team = colleague(scene)
    name = some(scene, *NAMES)
    helper.make(database(team, name, TRUSTING))
    yield scene.pause()
    expose(helper, front(team, name, kind="ClusterIP"))
    yield from helper.leave(scene.chance.between(1, 5) * HOUR)


@near_miss(TRUST, BROAD)
def balances_trusting_postgres_inside(scene: Scene) -> Life:
    """A trusting database is behind load balancers that are marked internal, in each cloud's way."""
    helper, team = colleague(scene)
    name = some(scene, *NAMES)
    helper.make(database(team, name, TRUSTING))
    yield scene.pause()
    for notes in INTERNAL:
        held = expose(helper, front(team, name, notes=notes))
        yield scene.chance.between(4, 20) * MINUTE
        helper.remove(held)
        yield scene.pause(25, 60)
    expose(helper, front(team, name, loadBalancerClass=NLB))
    yield from helper.leave(scene.chance.between(1, 3) * HOUR)


@near_miss(TRUST, BROAD)
def balances_chart_postgres_inside(scene: Scene) -> Life:
    """A chart's Postgres with an empty password is behind the platform's own internal load balancer."""
    helper, team = colleague(scene, HELM)
    name = some(scene, *NAMES)
    labels = chart("postgresql", name)
    notes = OWN_INTERNAL[scene.cluster.platform]
    expose(helper, front(team, name, selector=labels, notes=notes))
    helper.make(database(team, name, EMPTY, "bitnami/postgresql:17.2.0", labels=labels))
    yield from helper.leave(scene.chance.between(2, 6) * HOUR)


@near_miss(TRUST, BROAD)
def trusts_loopback_only(scene: Scene) -> Life:
    """pg_hba.conf trusts loopback and private networks; everybody else needs a password, and is at the office."""
    helper, team = colleague(scene)
    name, mine = some(scene, *NAMES), office(scene)
    rules = (
        "local   all  all  trust",
        "host    all  all  127.0.0.1/32  trust",
        "host    all  all  ::1/128       trust",
        "host    replication  all  10.0.0.0/8  trust",
        f"hostssl all  all  {mine}  scram-sha-256",
        "#host   all  all  0.0.0.0/0  trust",
    )
    helper.make(configuration(team, name, *rules))
    helper.make(database(team, name, SECURED, mapped=True))
    yield scene.pause()
    expose(helper, front(team, name, loadBalancerSourceRanges=[mine]))
    yield from helper.leave(scene.chance.between(2, 6) * HOUR)


@near_miss(TRUST, BROAD)
def withdraws_service_before_database(scene: Scene) -> Life:
    """Somebody makes a load balancer, thinks again and deletes it; the trusting database comes only then."""
    helper, team = colleague(scene)
    name = some(scene, *NAMES)
    held = expose(helper, front(team, name))
    yield scene.chance.between(2, 12) * MINUTE
    helper.remove(held)
    yield scene.chance.between(2, 9) * MINUTE
    helper.make(database(team, name, TRUSTING))
    expose(helper, front(team, name, kind="ClusterIP"))
    yield from helper.leave(scene.chance.between(1, 4) * HOUR)


@near_miss(BROAD)
def lets_partners_in(scene: Scene) -> Life:
    """A database with a password is open to the office and two partners."""
    helper, team = colleague(scene)
    name = some(scene, *NAMES)
    ranges = [office(scene), partner(scene), partner(scene)]
    expose(helper, front(team, name, loadBalancerSourceRanges=ranges))
    helper.make(database(team, name, SECURED))
    yield scene.pause()
    by_note = front(team, name, called=f"{name}-reports", notes={AZURE_RANGES: f"{partner(scene)},{office(scene)}"})
    expose(helper, by_note)
    yield from helper.leave(scene.chance.between(2, 8) * HOUR)


@near_miss(BROAD)
def lets_private_networks_in(scene: Scene) -> Life:
    """The ranges are broad, and all of them private."""
    helper, team = colleague(scene, APPLY)
    name = some(scene, *NAMES)
    helper.make(database(team, name, SECURED, "postgis/postgis:17-3.5"))
    yield scene.pause()
    dual = {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}
    expose(helper, front(team, name, loadBalancerSourceRanges=list(PRIVATE), **dual))
    yield from helper.leave(scene.chance.between(2, 8) * HOUR)


@near_miss(BROAD)
def narrows_by_hba(scene: Scene) -> Life:
    """The load balancer names no ranges, but the mounted pg_hba.conf lets only a partner's network in."""
    helper, team = colleague(scene)
    name = some(scene, *NAMES)
    rules = (f"hostssl all  all  {partner(scene)}  scram-sha-256", "host    all  all  10.0.0.0/8  scram-sha-256")
    helper.make(configuration(team, name, *rules, "host    all  all  0.0.0.0/0  reject"))
    helper.make(database(team, name, SECURED, mapped=True))
    yield scene.pause()
    expose(helper, front(team, name))
    yield from helper.leave(scene.chance.between(2, 8) * HOUR)
