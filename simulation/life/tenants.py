"""Teams that come, projects that come and go, and people who join and leave."""

from __future__ import annotations

from simulation.actors import actor
from simulation.addresses import public_address
from simulation.cast import APPS, FIRST, LAST, TEAMS
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, is_working_time
from simulation.cluster import Cluster, Person
from simulation.json import Json
from simulation.kubernetes import namespaces
from simulation.kubernetes.kinds import RBAC
from simulation.kubernetes.kubectl import STRICT
from simulation.kubernetes.objects import binding, body, deployment, job_spec, owner
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Client
from simulation.platforms import Platform
from simulation.schedule import Life

CREATED = f"fieldManager=kubectl-create&{STRICT}"
APPLIED = f"fieldManager=kubectl-client-side-apply&{STRICT}"
PROJECTS = ("atlas", "borealis", "comet", "delta", "ember", "falcon", "glacier", "harbor", "iris", "juniper")
KINDS = ("api-node", "api-python", "api-java", "nginx")


@actor()
def teams(cluster: Cluster, chance: Chance) -> Life:
    """Now and then a new team starts: a namespace, accounts, workloads, people."""
    yield chance.between(3 * DAY, 10 * DAY)
    most = cluster.profile.teams * 2
    while True:
        yield from _working_hours(cluster)
        name = next((team for team in chance.picks(TEAMS, len(TEAMS)) if team not in cluster.teams), "")
        if name and len(cluster.teams) < most:
            yield from _settle(cluster, chance, name, chance.between(2, cluster.profile.workloads))
            cluster.teams.append(name)
            for _ in range(chance.between(1, 3)):
                _hire(cluster, chance, name)
        yield chance.wait(20 * DAY) + 2 * DAY


@actor()
def projects(cluster: Cluster, chance: Chance) -> Life:
    """Projects of some weeks: what they leave behind is deleted as a whole."""
    yield chance.between(DAY, 6 * DAY)
    while True:
        yield from _working_hours(cluster)
        name = f"{chance.pick(PROJECTS)}-{chance.between(1, 99)}"
        if cluster.api.held("Namespace", "", name) is None:
            yield from _settle(cluster, chance, name, chance.between(1, 3))
            cluster.start(_end(cluster, chance, name), chance.between(5 * DAY, 20 * DAY))
        yield chance.wait(10 * DAY) + DAY


def _end(cluster: Cluster, chance: Chance, name: str) -> Life:
    yield from _working_hours(cluster)
    yield chance.below(3 * HOUR)
    yield from namespaces.delete(cluster, _admin(cluster, chance), name)


@actor()
def staff(cluster: Cluster, chance: Chance) -> Life:
    """People join the teams, and others leave."""
    most = cluster.profile.people + 4
    while True:
        yield chance.wait(25 * DAY) + DAY
        if len(cluster.people) < most and chance.happens(0.6):
            _hire(cluster, chance, chance.pick(cluster.teams))
            continue
        leaving = [person for person in cluster.people if person.team]
        if len(leaving) > 2:
            cluster.people.remove(chance.pick(leaving))


def _working_hours(cluster: Cluster) -> Life:
    while not is_working_time(cluster.now):
        yield 40 * MINUTE


def _admin(cluster: Cluster, chance: Chance) -> Client:
    admins = [person.client for person in cluster.people if not person.team]
    return chance.pick(admins or [person.client for person in cluster.people])


def _hire(cluster: Cluster, chance: Chance, team: str) -> None:
    taken = {person.client.username for person in cluster.people}
    name = f"{chance.pick(FIRST)}.{chance.pick(LAST)}"
    username = name if cluster.platform is Platform.SELF else f"{name}@{cluster.cast.domain}"
    if username in taken:
        return
    agent = cluster.people[0].client.agent if cluster.people else "kubectl/v1.34.1 (linux/amd64) kubernetes/93248f9"
    granted = f'RoleBinding "team-{team}/{team}" of ClusterRole "edit" to Group "team-{team}"'
    client = cluster.identities.person(username, (f"team-{team}",), granted, public_address(chance), agent)
    cluster.people.append(Person(client, team))


def _settle(cluster: Cluster, chance: Chance, name: str, count: int) -> Life:
    """Somebody who looks after the cluster makes a namespace ready; then its workloads come."""
    admin, api = _admin(cluster, chance), cluster.api
    yield from namespaces.make(cluster, admin, name)
    yield chance.between(5 * SECOND, 60 * SECOND)
    subject = {"kind": "Group", "apiGroup": RBAC, "name": f"team-{name}"}
    api.create(admin, binding("RoleBinding", name, f"team-{name}", subject, "ClusterRole", "edit"), query=CREATED)
    yield chance.between(5 * SECOND, 60 * SECOND)
    hard = {"pods": "100", "requests.cpu": "32", "requests.memory": "128Gi"}
    api.create(admin, body("ResourceQuota", "compute", name, spec={"hard": hard}, status={}), query=CREATED)
    rules = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}
    api.create(admin, body("NetworkPolicy", "same-namespace", name, spec=rules), query=APPLIED)
    yield chance.between(10 * MINUTE, 90 * MINUTE)
    for app in chance.picks([app for app in APPS if app not in {"cache", "db"}], count):
        _workload(cluster, chance, admin, name, app)
        yield chance.between(1 * MINUTE, 30 * MINUTE)
    if chance.happens(0.6):
        cluster.deploy(admin, _cron_job(cluster, name), APPLIED)


def _workload(cluster: Cluster, chance: Chance, client: Client, namespace: str, app: str) -> None:
    kind, api = chance.pick(KINDS), cluster.api
    repository = "nginx" if kind == "nginx" else f"{cluster.cast.registry}/{namespace}/{kind}"
    api.create(client, body("ServiceAccount", app, namespace), query=APPLIED)
    env = {"LOG_LEVEL": "info", "TEAM": namespace}
    image = f"{repository}:1.{chance.between(0, 9)}.0"
    item = container(app, image, port=8080, memory="256Mi", health="/healthz", env=env)
    manifest = deployment(namespace, app, pod_spec(item, account=app), replicas=chance.between(1, 3))
    cluster.deploy(client, manifest, APPLIED)
    ports = [{"protocol": "TCP", "port": 8080, "targetPort": 8080}]
    spec = {"ports": ports, "selector": {"app": app}, "type": "ClusterIP"}
    service = api.create(client, body("Service", app, namespace, spec=spec, status={"loadBalancer": {}}), query=APPLIED)
    key = "endpointslice.kubernetes.io/managed-by"
    labels = {key: "endpointslice-controller.k8s.io", "kubernetes.io/service-name": app}
    meta = {"generateName": f"{app}-", "labels": labels, "ownerReferences": owner(service)}
    parts = {"addressType": "IPv4", "endpoints": [], "ports": [{"name": "", "protocol": "TCP", "port": 8080}]}
    slices = body("EndpointSlice", "", namespace, meta=meta, **parts)
    api.create(cluster.identities.controller("endpointslice-controller"), slices)


def _cron_job(cluster: Cluster, namespace: str) -> Json:
    image = f"{cluster.cast.registry}/{namespace}/report:1.0"
    spec = pod_spec(container("report", image, args=["--day=yesterday"]), restart="OnFailure", account="report")
    schedule = {"schedule": "*/30 * * * *", "concurrencyPolicy": "Forbid", "suspend": False}
    template = {"metadata": {}, "spec": job_spec(spec)}
    return body("CronJob", "report", namespace, spec={**schedule, "jobTemplate": template}, status={})
