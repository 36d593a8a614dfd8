"""Postgres that anybody may reach, or that trusts whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulation.attacks.deployer import APPLY, CREATE, HELM, SERVER, Deployer
from simulation.attacks.exposure import (
    AZURE_RANGES,
    chart,
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
from simulation.attacks.intruders import RARE
from simulation.attacks.register import careful, straight
from simulation.attacks.scene import Scene
from simulation.clock import HOUR
from simulation.json import Json
from simulation.kubernetes.objects import body
from simulation.kubernetes.pod_specs import pod_spec
from simulation.schedule import Life

TRUST = "K8S_ExposedPostgresTrustAuth"
BROAD = "K8S_ExposedPostgresBroadIPRange"
TRUSTING = {"POSTGRES_HOST_AUTH_METHOD": "trust", "POSTGRES_DB": "app"}
EMPTY = {"ALLOW_EMPTY_PASSWORD": "yes", "POSTGRESQL_DATABASE": "app"}
SECURED = {"POSTGRES_DB": "app", "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres/password"}
NAMES = ("orders-db", "ledger-db", "reporting-db", "events-db", "geo-db", "audit-db", "customers-db", "staging-db")
FOLDER = "/etc/postgresql"
HEAD = "# TYPE  DATABASE  USER  ADDRESS  METHOD\nlocal   all  all  peer\n"


def hba(*rules: str) -> str:
    """A pg_hba.conf."""
    return HEAD + "".join(f"{rule}\n" for rule in rules)


def configuration(team: str, name: str, *rules: str) -> Json:
    """The ConfigMap that holds a server's pg_hba.conf."""
    settings = "listen_addresses = '*'\nmax_connections = 200\nhba_file = '/etc/postgresql/pg_hba.conf'\n"
    data = {"pg_hba.conf": hba(*rules), "postgresql.conf": settings}
    return body("ConfigMap", f"{name}-config", team, meta={"labels": {"app": name}}, data=data)


def database(
    team: str, name: str, env: Mapping[str, str], image: str = "postgres:17.2", *, mapped: bool = False, **fields: Any
) -> Json:
    """A Postgres server; `mapped`: with its ConfigMap mounted. More fields: `labels`, and those of the workload."""
    volumes: Sequence[Json] = ()
    more: dict[str, Any] = {}
    if mapped:
        volumes = [{"name": "config", "configMap": {"name": f"{name}-config", "defaultMode": 420}}]
        more = {"mounts": {FOLDER: "config"}, "args": ["-c", f"config_file={FOLDER}/postgresql.conf"]}
    item = served("postgres", image, 5432, "postgres", env=env, memory="512Mi", **more)
    labels = fields.pop("labels", {"app": name})
    return labelled_workload(team, name, labels, item, volumes=volumes, **{"kind": "StatefulSet", **fields})


def front(team: str, name: str, **fields: Any) -> Json:
    """The Service of such a server; a public load balancer unless said otherwise."""
    selector = fields.pop("selector", {"app": name})
    return service(team, fields.pop("called", name), selector, port(5432, "postgres"), **fields)


def stays(helper: Deployer) -> Life:
    """It stays as it is until somebody who looks after the cluster finds it."""
    chance = helper.scene.chance
    yield from helper.leave(chance.between(2, 7) * HOUR, by=helper.scene.person(admin=True))


# Straight.


@straight(TRUST, BROAD)
def exposes_trusting_postgres(scene: Scene) -> Life:
    """A Postgres that trusts every host gets a load balancer that is open to everybody."""
    helper, team = intruder(scene)
    name = some(scene, *NAMES)
    yield from looks(scene, helper.client, team, "StatefulSet", "Service")
    helper.make(database(team, name, TRUSTING), TRUST, BROAD)
    yield scene.pause()
    expose(helper, front(team, name), TRUST, BROAD)
    yield from stays(helper)


@straight(TRUST)
def exposes_then_deploys_empty_password(scene: Scene) -> Life:
    """The load balancer comes first, for a few addresses; then the chart's Postgres with an empty password."""
    helper, team = intruder(scene, HELM)
    name = some(scene, *NAMES)
    labels, notes = chart("postgresql", name), release(team, name)
    ranges = {"loadBalancerSourceRanges": [partner(scene)]}
    called = {"selector": labels, "called": f"{name}-postgresql", "notes": notes}
    expose(helper, front(team, name, **called, **ranges), TRUST)
    yield scene.pause()
    image = "docker.io/bitnami/postgresql:17.2.0-debian-12-r0"
    helper.make(database(team, name, EMPTY, image, labels=labels, kind="Deployment"), TRUST)
    yield from stays(helper)


@straight(TRUST, BROAD)
def exposes_postgres_with_trusting_hba(scene: Scene) -> Life:
    """The mounted pg_hba.conf trusts hosts of all addresses, and the load balancer lets all of them in."""
    helper, team = intruder(scene)
    name = some(scene, *NAMES)
    rules = ("host    all  all  127.0.0.1/32  trust", "host    all  all  0.0.0.0/0     trust")
    helper.make(configuration(team, name, *rules), TRUST, BROAD)
    helper.make(database(team, name, SECURED, mapped=True), TRUST, BROAD)
    yield scene.pause()
    expose(helper, front(team, name), TRUST, BROAD)
    yield from stays(helper)


@straight(TRUST)
def sets_trust_behind_load_balancer(scene: Scene) -> Life:
    """A database is reachable from a partner's network; then `kubectl set env` makes it trust whoever comes."""
    helper, team = intruder(scene)
    name = some(scene, *NAMES)
    sent = database(team, name, SECURED, "postgis/postgis:17-3.5", kind="Deployment")
    held = helper.make(sent)
    expose(helper, front(team, name, loadBalancerSourceRanges=[partner(scene)]), TRUST)
    yield scene.chance.between(5, 50) * 60_000_000
    spec, item = changed_env(sent, {**SECURED, "POSTGRES_HOST_AUTH_METHOD": "trust"})
    wanted = {"name": "postgres", "env": [{"name": "POSTGRES_HOST_AUTH_METHOD", "value": "trust"}]}
    patch = {"spec": {"template": {"spec": {"containers": [wanted]}}}}
    assert item["name"] == wanted["name"]
    helper.patch(held, patch, {"spec": spec}, TRUST, manager="kubectl-set")
    yield from stays(helper)


def changed_env(sent: Json, env: Mapping[str, str]) -> tuple[Json, Json]:
    """The spec of a workload whose only container has another environment, and that container."""
    template = sent["spec"]["template"]
    item = {**template["spec"]["containers"][0], "env": [{"name": key, "value": env[key]} for key in env]}
    spec = {**template["spec"], "containers": [item]}
    return {**sent["spec"], "template": {**template, "spec": spec}}, item


@straight(BROAD)
def exposes_postgres_without_ranges(scene: Scene) -> Life:
    """A database with a password is published by a load balancer without any ranges."""
    helper, team = intruder(scene)
    name = some(scene, *NAMES)
    helper.make(database(team, name, SECURED, "timescale/timescaledb:2.21.1-pg17"), BROAD)
    yield scene.pause()
    expose(helper, front(team, name), BROAD)
    yield from stays(helper)


@straight(BROAD)
def exposes_postgres_to_all_addresses(scene: Scene) -> Life:
    """The load balancer names ranges, and one of them is 0.0.0.0/0."""
    helper, team = intruder(scene, HELM)
    name = some(scene, *NAMES)
    labels = chart("postgresql", name)
    helper.make(database(team, name, SECURED, "bitnami/postgresql:16.6.0", labels=labels), BROAD)
    yield scene.pause()
    ranges = [partner(scene), "0.0.0.0/0"]
    expose(helper, front(team, name, selector=labels, loadBalancerSourceRanges=ranges), BROAD)
    yield from stays(helper)


# Careful.


@careful(TRUST, BROAD, RARE)
def opens_trusting_postgres_by_json_patch(scene: Scene) -> Life:
    """Inside the cluster a database trusts everybody; with a stolen token its Service is turned by a JSON patch."""
    helper, team = thief(scene)
    name = some(scene, *NAMES)
    helper.make(database(team, name, TRUSTING), TRUST, BROAD, RARE)
    held = expose(helper, front(team, name, kind="ClusterIP"), RARE)
    yield scene.chance.between(20, 200) * 60_000_000
    patch = [{"op": "replace", "path": "/spec/type", "value": "LoadBalancer"}]
    opened(helper, held, patch, {"type": "LoadBalancer"}, TRUST, BROAD, RARE)
    yield from stays(helper)


@careful(TRUST)
def exposes_trusting_job(scene: Scene) -> Life:
    """A Job, of an image of the company's mirror, serves a restored dump without passwords to a few addresses."""
    helper, team = intruder(scene, CREATE)
    name = f"restore-{scene.chance.ending(4)}"
    image = f"{scene.cluster.cast.registry}/mirror/library/postgres@sha256:{scene.chance.hexadecimal(64)}"
    item = served("restore", image, 5432, "sql", env={"PGDATA": "/dump", "POSTGRES_HOST_AUTH_METHOD": "trust"})
    labels = {"job": name, "purpose": "restore"}
    spec = pod_spec(item, restart="Never")
    parts = {"parallelism": 1, "completions": 1, "backoffLimit": 0, "suspend": False}
    template = {"metadata": {"labels": labels}, "spec": spec}
    helper.make(
        body("Job", name, team, meta={"labels": labels}, spec={**parts, "template": template}, status={}), TRUST
    )
    yield scene.pause()
    ranges, ports = [f"{scene.address}/32"], port(15432, target="sql")
    sent = service(team, f"{name}-tmp", {"purpose": "restore"}, ports, loadBalancerSourceRanges=ranges)
    expose(helper, sent, TRUST)
    yield from stays(helper)


@careful(TRUST)
def trusts_by_later_configuration(scene: Scene) -> Life:
    """Long after all else is in place, a patch of the mounted ConfigMap adds a line that trusts the intruder."""
    helper, team = intruder(scene, SERVER)
    name = some(scene, *NAMES)
    known = f"hostssl all  all  {office(scene)}  scram-sha-256"
    held = helper.make(configuration(team, name, known))
    helper.make(database(team, name, SECURED, mapped=True), TRUST)
    expose(helper, front(team, name, loadBalancerSourceRanges=[f"{scene.address}/32"]), TRUST)
    yield scene.chance.between(1, 4) * HOUR
    text = hba(known, f"host    all  all  {scene.address.rpartition('.')[0]}.0  255.255.255.0  trust")
    data = {**held["data"], "pg_hba.conf": text}
    edit = "kubectl-edit&fieldValidation=Strict"
    helper.patch(held, {"data": {"pg_hba.conf": text}}, {"data": data}, TRUST, manager=edit)
    yield from stays(helper)


@careful(BROAD)
def exposes_postgres_in_halves(scene: Scene) -> Life:
    """Two halves of all addresses instead of one range, before a bare pod."""
    helper, team = intruder(scene, CREATE)
    name = some(scene, *NAMES)
    item = served("db", "timescale/timescaledb-ha:pg17", 5432, "pg", env=SECURED, memory="512Mi")
    labels = {"component": name}
    halves = ["0.0.0.0/1", "128.0.0.0/1"]
    sent = service(team, f"{name}-gateway", labels, port(443, target=5432), loadBalancerSourceRanges=halves)
    expose(helper, sent, BROAD)
    yield scene.pause()
    helper.make(body("Pod", name, team, meta={"labels": labels}, spec=pod_spec(item), status={}), BROAD)
    yield from stays(helper)


@careful(BROAD)
def exposes_postgres_in_many_pieces(scene: Scene) -> Life:
    """A list of many networks in Azure's annotation, none of them very large; a narrow list becomes it by an apply."""
    helper, team = intruder(scene, SERVER)
    name = some(scene, *NAMES)
    helper.make(database(team, name, SECURED), BROAD)
    sent = front(team, name, notes={AZURE_RANGES: partner(scene)})
    held = expose(helper, sent)
    yield scene.chance.between(1, 3) * HOUR
    pieces = ",".join(f"{first}.{half}.0.0/9" for first in (23, 45, 77, 94) for half in (0, 128))
    applied = front(team, name, notes={AZURE_RANGES: pieces})
    opened(helper, held, applied, {}, BROAD, notes={AZURE_RANGES: pieces}, applied=True)
    yield from stays(helper)


@careful(BROAD)
def exposes_postgres_by_six(scene: Scene) -> Life:
    """IPv4 is for a partner only; the IPv6 side of the load balancer, and of pg_hba.conf, is for everybody."""
    helper, team = intruder(scene, APPLY)
    name, mine = some(scene, *NAMES), partner(scene)
    rules = (f"hostssl all  all  {mine}  scram-sha-256", "hostssl all  all  ::/0  scram-sha-256")
    helper.make(configuration(team, name, *rules), BROAD)
    helper.make(database(team, name, SECURED, mapped=True, kind="Deployment"), BROAD)
    yield scene.pause()
    dual = {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}
    expose(helper, front(team, name, loadBalancerSourceRanges=[mine, "::/0"], **dual), BROAD)
    yield from stays(helper)
