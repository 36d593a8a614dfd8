"""Workloads that use the API themselves: each service account with habits of its own, drawn by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, MILLISECOND, MINUTE, SECOND, second_time
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.habits import Asking, Habit, Values, begin, long_ago, pods_client, quoted
from simulation.kubernetes.identities import client_go
from simulation.kubernetes.objects import body, job_spec, ordered, stored
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.programs import image_name
from simulation.schedule import Life
from simulation.stencil import hole

AGENTS = {
    "api-go": (client_go("{name}"), "Go-http-client/2.0"),
    "api-java": ("fabric8-kubernetes-client/7.3.1", "okhttp/4.12.0", "Kubernetes Java Client/23.0.0"),
    "api-node": ("kubernetes-client-node/1.3.0", "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)"),
    "api-python": ("OpenAPI-Generator/33.1.0/python", "python-requests/2.32.5", "kr8s/0.20.9"),
}
"""Libraries by image; the workloads of other images do not ask the API anything."""


@dataclass(frozen=True)
class Use:
    """What the drawing of a habit depends on."""

    workload: Workload
    asking: Asking
    chance: Chance
    since: str
    """When what it uses was made."""

    @property
    def name(self) -> str:
        """Of the workload."""
        return self.workload.name

    @property
    def namespace(self) -> str:
        """Of the workload."""
        return self.workload.namespace

    def often(self, low: int, high: int) -> int:
        """A period in seconds, drawn once for all time; the answer is in microseconds."""
        return self.chance.between(low, high) * SECOND


Draw: TypeAlias = Callable[[Use], Sequence[Habit]]


def _leads(use: Use) -> list[Habit]:
    every = use.chance.pick((5, 10, 15)) * SECOND
    lease, query = f"{use.name}-leader", use.chance.pick(("", "timeout=5s"))
    renewed = use.asking.lease(lease, every, use.namespace, query)
    return [renewed, use.asking.look(lease, every, use.namespace, query)]


def _reads_settings(use: Use) -> list[Habit]:
    return [use.asking.ask(use.often(20, 300), "get", Target("ConfigMap", use.namespace, f"{use.name}-config"))]


def _watches_settings(use: Use) -> list[Habit]:
    return [use.asking.watch("ConfigMap", use.namespace, f"{use.name}-config")]


def _lists_pods(use: Use) -> list[Habit]:
    query = f"labelSelector={quoted(f'app={use.name}')}" if use.chance.happens(0.7) else ""
    return [use.asking.ask(use.often(10, 120), "list", Target("Pod", use.namespace, query=query))]


def _watches_pods(use: Use) -> list[Habit]:
    return [use.asking.watch("Pod", use.namespace), use.asking.ask(6 * HOUR, "list", Target("Pod", use.namespace))]


def _finds_peers(use: Use) -> list[Habit]:
    kind = use.chance.pick(("Endpoints", "EndpointSlice", "Service"))
    read = use.asking.ask(use.often(15, 60), "list", Target(kind, use.namespace))
    return [read if use.chance.happens(0.5) else use.asking.watch(kind, use.namespace)]


def _reads_secret(use: Use) -> list[Habit]:
    name = f"{use.name}-{use.chance.pick(('credentials', 'api-key', 'signing-key', 'smtp'))}"
    return [use.asking.ask(use.often(2700, 7200), "get", Target("Secret", use.namespace, name))]


def _keeps_state(use: Use) -> list[Habit]:
    """It writes where it is into a config map of its own."""
    name = f"{use.name}-state"
    uid = use.chance.uuid()

    def state(version: str, now: str) -> Json:
        sent = body("ConfigMap", name, use.namespace, data={"checkpoint": now, "offset": version, "owner": hole("pod")})
        made = stored(sent, name=name, uid=uid, version=version, created=use.since)
        entry = {"manager": use.asking.client.agent.partition("/")[0], "operation": "Update", "apiVersion": "v1"}
        fields: Json = {"f:data": {".": {}, "f:checkpoint": {}, "f:offset": {}, "f:owner": {}}}
        kept: Json = {**entry, "time": now, "fieldsType": "FieldsV1", "fieldsV1": fields}
        return {**made, "metadata": ordered({**made["metadata"], "managedFields": [kept]})}

    target = Target("ConfigMap", use.namespace, name, uid=uid, version=hole("before"))
    bodies = {"request": state(hole("before"), hole("now")), "response": state(hole("version"), hole("now"))}
    every = use.often(120, 1500)
    return [use.asking.ask(every, "get", Target("ConfigMap", use.namespace, name)),
            use.asking.change(every, "update", target, **bodies)]  # fmt: skip


def _asks_what_it_may(use: Use) -> list[Habit]:
    return [use.asking.ask(use.often(600, 1500), "create", Target("SelfSubjectAccessReview"), code=201)]


def _looks_everywhere(use: Use) -> list[Habit]:
    kinds = use.chance.picks(("Pod", "Node", "Namespace", "Service", "Deployment", "Ingress"), 2)
    return [use.asking.ask(use.often(60, 600), "list", Target(kind, query="limit=500")) for kind in kinds]


def _is_refused(use: Use) -> list[Habit]:
    """Nobody gave it the rights that its chart asks for; it tries on all day."""
    kind = use.chance.pick(("Node", "ConfigMap", "Endpoints", "CustomResourceDefinition"))
    return [use.asking.refused(use.often(30, 240), "list", Target(kind, query="limit=500&resourceVersion=0"))]


def _misses(use: Use) -> list[Habit]:
    """It looks for an optional config map that nobody made."""
    target = Target("ConfigMap", use.namespace, f"{use.name}-overrides")
    return [use.asking.missing(use.often(60, 600), "get", target)]


class Chosen(NamedTuple):
    """How likely it is that a workload has a habit, and by which right."""

    share: float
    draw: Draw
    wide: bool = False
    """By a ClusterRole; else by a Role of its namespace."""


HABITS = (
    Chosen(0.22, _leads),
    Chosen(0.3, _reads_settings),
    Chosen(0.22, _watches_settings),
    Chosen(0.25, _lists_pods),
    Chosen(0.12, _watches_pods),
    Chosen(0.2, _finds_peers),
    Chosen(0.16, _reads_secret),
    Chosen(0.2, _keeps_state),
    Chosen(0.05, _asks_what_it_may),
    Chosen(0.06, _looks_everywhere, wide=True),
    Chosen(0.05, _is_refused),
    Chosen(0.06, _misses),
)


@actor()
def accounts(cluster: Cluster, chance: Chance) -> Life:
    """The teams' workloads that are there when the log begins."""
    for workload in list(cluster.workloads.values()):
        agents = AGENTS.get(image_name(workload.image), ())
        if workload.namespace not in cluster.teams or workload.kind != "Deployment" or not agents:
            continue
        own = chance.child(workload.namespace, workload.name)
        agent = own.pick(agents).format(name=workload.name)
        if own.happens(0.75):
            _use(cluster, own, workload, agent)
        if own.happens(0.06):
            cluster.start(_job_maker(cluster, own, workload, agent))
    yield 0


def granted_by(workload: Workload, *, wide: bool = False) -> str:
    """By which binding and role a workload's account may do something."""
    name, namespace = workload.account, workload.namespace
    if wide:
        return f'ClusterRoleBinding "{namespace}-{name}" of ClusterRole "{namespace}-{name}"'
    return f'RoleBinding "{name}/{namespace}" of Role "{name}"'


def _use(cluster: Cluster, chance: Chance, workload: Workload, agent: str) -> None:
    habits: list[Habit] = []
    for choice in HABITS:
        if chance.happens(choice.share):
            client = pods_client(cluster, workload, agent, granted_by(workload, wide=choice.wide))
            habits += choice.draw(Use(workload, Asking(cluster, client, chance), chance, long_ago(cluster)))
    if habits:
        workload.agent = agent
        client = pods_client(cluster, workload, agent, "")
        first = Asking(cluster, client, chance).page(
            0, *chance.picks(("/version", "/api", "/apis", "/apis/apps/v1"), 2)
        )
        cluster.start(_starts(workload, first))
    begin(cluster, chance, habits, lambda: workload.pods[:1], lambda pod: pod.values)


def _starts(workload: Workload, first: Sequence[Habit]) -> Life:
    """Each new pod looks at first what the server can do."""
    known: list[Pod] = list(workload.pods)
    while True:
        yield 2 * MINUTE
        for pod in workload.pods:
            if pod not in known and pod.main is not None:
                _look(first, pod.values)
        known = [pod for pod in workload.pods if pod in known or pod.main is not None]


def _look(first: Sequence[Habit], values: Values) -> None:
    for habit in first:
        habit.act(values)


def _job_maker(cluster: Cluster, chance: Chance, workload: Workload, agent: str) -> Life:
    """A workload that makes a Job every few hours, as exporters and workflow engines do."""
    every = chance.between(2, 8) * HOUR
    image = f"{cluster.cast.registry}/{workload.namespace}/batch:{chance.between(1, 9)}.{chance.between(0, 20)}"
    while True:
        yield chance.about(every, 0.4)
        if workload.pods:
            cluster.start(_job(cluster, chance, workload, agent, image))


def _job(cluster: Cluster, chance: Chance, workload: Workload, agent: str, image: str) -> Life:
    api, granted = cluster.api, granted_by(workload)
    spec = pod_spec(container("batch", image, args=["--once"], memory="256Mi"), restart="Never", account="default")
    name, where = f"{workload.name}-batch-{chance.ending(5)}", workload.namespace
    labels = {"app": f"{workload.name}-batch"}
    sent = body("Job", name, where, meta={"labels": labels}, spec=job_spec(spec), status={})
    client = workload.client(agent, granted)
    held = api.create(client, sent)
    job = Workload(cluster, held)
    yield 30 * MILLISECOND
    job.deploy()
    pod = job.pods[0]
    cluster.tell("job-controller", held, "SuccessfulCreate", f"Created pod: {pod.name}")
    for _ in range(chance.between(2, 6)):
        yield chance.about(20 * SECOND)
        if workload.pods:
            api.read(workload.client(agent, granted), "get", Target("Job", where, name, "status"))
    job.complete(pod)
    yield 40 * MILLISECOND
    held = api.update(
        cluster.identities.controller("job-controller"), held, {"status": _done(cluster)}, subresource="status"
    )
    yield 10 * MINUTE
    if workload.pods:
        client = workload.client(agent, granted)
    api.delete(client, held, {"propagationPolicy": "Background"})
    yield 80 * MILLISECOND
    job.collect(pod)


def _done(cluster: Cluster) -> Json:
    now = second_time(cluster.now)
    condition = {"type": "Complete", "status": "True", "lastTransitionTime": now, "reason": "CompletionsReached"}
    return {"conditions": [condition], "startTime": now, "completionTime": now, "succeeded": 1, "terminating": 0}
