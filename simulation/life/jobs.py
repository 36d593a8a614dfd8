"""CronJobs: some every half hour, some at night, some once a month; and those who clean up after them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, day_of_month, second_time, until
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.identities import client_go
from simulation.kubernetes.jobs import clear, run_job
from simulation.kubernetes.kubectl import Kubectl
from simulation.kubernetes.objects import body
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life

Work: TypeAlias = Callable[[Cluster, Chance, Client, str], Life]
"""What a job's account does, in its namespace."""
PYTHON = "OpenAPI-Generator/32.0.1/python"


@actor()
def frequent(cluster: Cluster, chance: Chance) -> Life:
    """The CronJobs that are there, and those that come later: each every half hour to every six hours."""
    known: list[Workload] = []
    while True:
        for workload in list(cluster.workloads.values()):
            if workload.kind == "CronJob" and workload.name.startswith("report") and workload not in known:
                known.append(workload)
                cluster.start(_often(cluster, chance.child(workload.namespace, workload.name), workload))
        known = [workload for workload in known if _is_there(cluster, workload)]
        yield HOUR


def _is_there(cluster: Cluster, workload: Workload) -> bool:
    return cluster.workloads.get((workload.namespace, workload.name)) is workload


def _often(cluster: Cluster, chance: Chance, workload: Workload) -> Life:
    period = chance.pick((30, 60, 120, 360)) * MINUTE
    asks = chance.happens(0.6)
    while _is_there(cluster, workload):
        yield period - cluster.now % period + chance.below(900_000)
        if _is_there(cluster, workload):
            work = _worker(cluster, chance, workload, _report) if asks else None
            cluster.start(run_job(workload, chance.between(5, 90), work))


def _worker(cluster: Cluster, chance: Chance, workload: Workload, *works: Work) -> Callable[[Pod], Life]:
    agent = PYTHON if workload.name.startswith("report") else client_go(workload.account)
    granted = f'RoleBinding "{workload.account}/{workload.namespace}" of Role "{workload.account}"'

    def work(pod: Pod) -> Life:
        for part in works:
            client = workload.client_of(pod, agent, granted)
            yield from part(cluster, chance, client, workload.namespace)

    return work


def _report(cluster: Cluster, _chance: Chance, client: Client, namespace: str) -> Life:
    cluster.api.record(client, "get", Target("ConfigMap", namespace, "report-settings"))
    yield SECOND
    cluster.api.record(client, "list", Target("Pod", namespace))


def _backup(cluster: Cluster, chance: Chance, client: Client, namespace: str) -> Life:
    for kind in ("PersistentVolumeClaim", "ConfigMap", "Service", "Deployment"):
        cluster.api.record(client, "list", Target(kind, namespace, query="limit=500"))
        yield chance.between(1 * SECOND, 6 * SECOND)
    note = {"last": second_time(cluster.now)}
    yield from _write(cluster, client, namespace, "backup-state", note)


def _close_month(cluster: Cluster, chance: Chance, client: Client, namespace: str) -> Life:
    """What is done on the first of a month: other kinds, other verbs, all in the account's own namespace."""
    api = cluster.api
    api.record(client, "list", Target("Secret", namespace, query="labelSelector=archive%3Dtrue"))
    yield 5 * SECOND
    month = second_time(cluster.now - DAY)[:7]
    closed = api.create(client, body("ConfigMap", f"closed-{month}", namespace, data={"month": month}))
    yield 20 * SECOND
    found = cluster.workloads_of(namespace, "Deployment")
    if found:
        # The busiest workload stands still while the books are closed.
        workload, kubectl = chance.pick(found), Kubectl(cluster, client)
        before = workload.object["spec"]["replicas"]
        kubectl.scale(workload, 0)
        yield 6 * MINUTE
        kubectl.scale(workload, before)
    api.record(client, "list", Target("Job", namespace, query="limit=500"))
    yield 2 * MINUTE
    api.delete(client, closed)


def _write(cluster: Cluster, client: Client, namespace: str, name: str, data: Json) -> Life:
    held = cluster.api.held("ConfigMap", namespace, name)
    if held is None:
        cluster.api.miss(client, "get", Target("ConfigMap", namespace, name))
        cluster.api.create(client, body("ConfigMap", name, namespace, data=data))
    else:
        cluster.api.record(client, "get", Target("ConfigMap", namespace, name))
        cluster.api.update(client, held, {"data": data})
    yield SECOND


@actor()
def nightly(cluster: Cluster, chance: Chance) -> Life:
    """Backups of each team that has CronJobs; on the first of a month the same account closes the month."""
    if not cluster.profile.cron_jobs:
        return
    for team in cluster.teams:
        cluster.start(_nights(cluster, chance.child(team), cluster.settle(_cron_job(cluster, team, "backup"))))
    yield 0


def _nights(cluster: Cluster, chance: Chance, workload: Workload) -> Life:
    clock = f"{chance.between(0, 4):02d}:{chance.pick((5, 15, 30, 40)):02d}"
    is_monthly = chance.happens(0.5) or workload.namespace == cluster.teams[0]
    while _is_there(cluster, workload):
        yield until(clock, cluster.now) + chance.below(900_000)
        if not _is_there(cluster, workload):
            return
        works: list[Work] = [_backup]
        if is_monthly and day_of_month(cluster.now) == 1:
            works.append(_close_month)
        cluster.start(run_job(workload, chance.between(120, 900), _worker(cluster, chance, workload, *works)))


def _cron_job(cluster: Cluster, namespace: str, name: str) -> Json:
    image = f"{cluster.cast.registry}/platform/{name}:2.4"
    spec = pod_spec(container(name, image, args=["--all"]), restart="OnFailure", account=name)
    template = {"metadata": {}, "spec": {"template": {"metadata": {}, "spec": spec}}}
    schedule = {"schedule": "30 2 * * *", "concurrencyPolicy": "Forbid", "suspend": False, "jobTemplate": template}
    return body("CronJob", name, namespace, spec=schedule, status={})


@actor()
def retention(cluster: Cluster, chance: Chance) -> Life:
    """Every night old Jobs, pods that have ended and replica sets of long ago are deleted."""
    workload = cluster.settle(_cron_job(cluster, "ci", "retention"))
    granted = 'ClusterRoleBinding "retention" of ClusterRole "retention"'

    def work(pod: Pod) -> Life:
        client = workload.client_of(pod, client_go("retention"), granted)
        yield from _clean(cluster, chance, client)

    while True:
        yield until("03:50", cluster.now)
        cluster.start(run_job(workload, 20, work))


def _clean(cluster: Cluster, chance: Chance, client: Client) -> Life:
    api = cluster.api
    for kind in ("Job", "Pod", "ReplicaSet"):
        api.record(client, "list", Target(kind, query="limit=500"))
    for workload in list(cluster.workloads.values()):
        if workload.kind == "CronJob" and len(workload.history) > 1:
            for job in workload.history[:-1]:
                yield from clear(workload, job, client)
        elif workload.kind == "Deployment" and len(workload.history) > 2 and chance.happens(0.5):
            yield from _forget(workload, client)
        elif workload.kind == "Pod":
            for pod in list(workload.ended):
                workload.made_by(client)
                workload.collect(pod)
                yield SECOND
        yield chance.between(50, 900) * 1000


def _forget(workload: Workload, client: Client) -> Life:
    api, oldest = workload.cluster.api, workload.history[0]
    held = api.held("ReplicaSet", workload.namespace, oldest["metadata"]["name"])
    workload.history.remove(oldest)
    if held is not None:
        api.delete(client, held)
    yield 100_000
