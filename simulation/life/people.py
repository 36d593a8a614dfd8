"""People with kubectl: in working hours, and one at night when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from simulation.actors import actor
from simulation.addresses import public_address
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, is_working_time, time_of_day, weekday
from simulation.cluster import Cluster, Person
from simulation.kubernetes.kubectl import Kubectl, with_image
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.programs import image_name
from simulation.schedule import Life

ALL = ("Pod", "ReplicationController", "Service", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet",
       "HorizontalPodAutoscaler", "CronJob", "Job")  # fmt: skip
"""What `kubectl get all` asks for."""
LOOKED_AT = ("Pod", "Pod", "Pod", "Deployment", "Service", "Ingress", "Job", "Event", "ConfigMap")
SHELLED = frozenset({"nginx", "storefront", "api-java", "api-node", "api-python"})
"""Images that have a shell."""
LOOKS = (
    ("ps", "aux"),
    ("env",),
    ("df", "-h"),
    ("ls", "-l", "/app"),
    ("cat", "/etc/resolv.conf"),
    ("date",),
)
"""What somebody runs in a container to see what is wrong."""
NODES = Target("Node", query="limit=500")
APART = 10 * MINUTE
"""Nobody opens a shell in a container that a colleague is in."""


@actor()
def people(cluster: Cluster, chance: Chance) -> Life:
    """Everybody who works on the cluster: those who are there, and those who come later."""
    known: list[Person] = []
    inside: dict[str, int] = {}
    while True:
        for person in cluster.people:
            if person not in known:
                known.append(person)
                worker = Worker(cluster, person, inside, chance.child(person.client.username))
                cluster.start(_days(worker), chance.below(MINUTE))
        known = [person for person in known if person in cluster.people]
        yield HOUR


@actor()
def on_call(cluster: Cluster, chance: Chance) -> Life:
    """Some nights, one of those who look after the cluster is woken up."""
    while True:
        yield chance.wait(3 * DAY)
        if is_working_time(cluster.now):
            yield 9 * HOUR
        who = [person for person in cluster.people if not person.team] or cluster.people
        worker = Worker(cluster, who[cluster.now // (7 * DAY) % len(who)], {}, chance.child("night", cluster.now))
        for _ in range(chance.between(6, 20)):
            chance.pick((worker.pods, worker.log, worker.describe, worker.everything, worker.nodes, worker.events))()
            yield chance.between(5 * SECOND, 90 * SECOND)
        if chance.happens(0.4):
            cluster.start(worker.restart())


Act: TypeAlias = Callable[[], Life | None]


class Worker:
    """One person at work.

    Parameters
    ----------
    cluster, person
        Who works where.
    inside
        When somebody last opened a shell in a pod, by the pod's uid.
    chance
        What they do.
    """

    def __init__(self, cluster: Cluster, person: Person, inside: dict[str, int], chance: Chance) -> None:
        self.cluster = cluster
        self.person = person
        self.inside = inside
        self.chance = chance
        self.begins = chance.between(6 * 60, 10 * 60) * MINUTE
        self.stays = chance.between(6 * 60, 10 * 60) * MINUTE
        self.home = replace(person.client, address=public_address(chance))
        self.kubectl = Kubectl(cluster, person.client)
        can: list[tuple[Act, int]] = [
            (self.pods, 30), (self.log, 22), (self.describe, 14), (self.look, 20), (self.events, 6),
            (self.everything, 4), (self.nodes, 3), (self.apply, 3), (self.apply_on_server, 1), (self.try_out, 3),
            (self.edit, 2), (self.restart, 2), (self.scale, 2), (self.forward, 3), (self.can_i, 2), (self.debug, 5),
            (self.secret, 1), (self.discover, 4),
        ]  # fmt: skip
        # People differ in what they do: each has habits.
        self.acts = [act for act, weight in can for _ in range(max(round(weight * chance.pick((0.3, 1, 1, 2))), 1))]

    def come(self) -> None:
        """Today's address: the office's, or home."""
        self.kubectl = Kubectl(self.cluster, self.home if self.chance.happens(0.3) else self.person.client)

    def workload(self) -> Workload:
        """One that this person is responsible for today."""
        found = self.cluster.workloads_of(self.namespace(), "Deployment")
        return self.chance.pick(found or self._anything())

    def _anything(self) -> list[Workload]:
        return [each for each in self.cluster.workloads.values() if each.kind == "Deployment"]

    def namespace(self) -> str:
        """The team's, or any for those who look after all."""
        others = [*self.cluster.teams, *self.cluster.teams, "monitoring", "ingress-nginx", "kube-system"]
        return self.person.team or self.chance.pick(others)

    # Looking.

    def pods(self) -> None:
        self.kubectl.get("Pod", self.namespace())

    def look(self) -> None:
        self.kubectl.get(self.chance.pick(LOOKED_AT), self.namespace())

    def events(self) -> None:
        self.kubectl.get("Event", self.namespace())

    def everything(self) -> None:
        namespace = self.namespace()
        for kind in ALL:
            self.kubectl.get(kind, namespace)

    def nodes(self) -> None:
        if not self.person.team:
            self.kubectl.get("Node")
        elif self.chance.happens(0.3):
            self.cluster.api.refuse(self.kubectl.client, "list", NODES)

    def describe(self) -> None:
        workload = self.workload()
        if workload.pods:
            self.kubectl.describe(self.chance.pick(workload.pods))

    def log(self) -> None:
        workload = self.workload()
        if workload.pods:
            follows = self.chance.happens(0.2)
            seconds, options = (self.chance.between(20, 900), "follow=true") if follows else (0.1, "tailLines=200")
            self.kubectl.logs(workload, self.chance.pick(workload.pods), seconds, options)

    def secret(self) -> None:
        self.kubectl.get("Secret", self.person.team or "monitoring", f"{self.workload().name}-config")

    def can_i(self) -> None:
        kind = self.chance.pick(("Pod", "Deployment", "Node", "ClusterRole"))
        verb = self.chance.pick(("create", "delete", "list"))
        within = kind in {"Pod", "Deployment"} or not self.person.team
        self.kubectl.can_i(verb, kind, self.namespace() if kind in {"Pod", "Deployment"} else "", allowed=within)

    def discover(self) -> None:
        self.kubectl.discover()

    # Changing.

    def apply(self) -> Life:
        workload = self.workload()
        held = workload.held()
        changes = self.chance.happens(0.25)
        image = bumped(workload.image, self.chance)
        made = self.kubectl.apply(held, {"spec": with_image(held, image)} if changes else {})
        if changes:
            self.kubectl.status(workload)
            yield from workload.roll_out(made)

    def apply_on_server(self) -> None:
        self.kubectl.apply_on_server(self.workload().held(), {})

    def try_out(self) -> None:
        held = self.workload().held()
        spec = with_image(held, bumped(self.workload().image, self.chance))
        self.kubectl.try_out(held, {"spec": spec}, server_side=self.chance.happens(0.4))

    def edit(self) -> None:
        held = self.workload().held()
        note = {"example.com/reviewed-by": self.person.client.username.partition("@")[0]}
        notes = {**held["metadata"].get("annotations", {}), **note}
        command = self.chance.pick(("edit", "annotate"))
        self.kubectl.edit(held, {"metadata": {"annotations": note}}, {"metadata": {"annotations": notes}}, command)

    def restart(self) -> Life:
        workload = self.workload()
        made = self.kubectl.restart(workload)
        yield 2 * SECOND
        self.kubectl.status(workload)
        yield from workload.roll_out(made)

    def scale(self) -> Life:
        workload = self.workload()
        before = workload.object["spec"]["replicas"]
        self.kubectl.scale(workload, before + self.chance.between(1, 2))
        yield self.chance.between(10 * MINUTE, 240 * MINUTE)
        if self.cluster.workloads.get((workload.namespace, workload.name)) is workload:
            self.kubectl.scale(workload, before)

    def forward(self) -> None:
        workload = self.workload()
        if workload.pods:
            self.kubectl.forward(self.chance.pick(workload.pods), self.chance.between(60, 3600))

    # Into pods.

    def debug(self) -> Life:
        """A few commands in a container: fewer than an intruder who looks around, and a health check."""
        workload, now = self.workload(), self.cluster.now
        kind = image_name(workload.image)
        pods = [pod for pod in workload.pods if pod.main is not None and self.inside.get(pod.uid, 0) < now - APART]
        if kind not in SHELLED or not pods or workload.namespace not in self.cluster.teams:
            return
        pod = self.chance.pick(pods)
        for uid in [uid for uid, at in self.inside.items() if at < now - APART]:
            del self.inside[uid]
        self.inside[pod.uid] = now
        health = ("curl", "-fsS", "http://localhost:8080/healthz")
        commands = [*self.chance.picks(LOOKS, self.chance.between(1, 3)), health][self.chance.below(2) :]
        shown = self.chance.picks(commands, len(commands))
        yield from (self._in_shell if self.chance.happens(0.5) else self._one_by_one)(workload, pod, shown)

    def _one_by_one(self, workload: Workload, pod: Pod, commands: list[tuple[str, ...]]) -> Life:
        for command in commands:
            if not pod.alive:
                return
            self.kubectl.execute(workload, pod, command, 0.3)
            yield self.chance.between(8 * SECOND, 60 * SECOND)

    def _in_shell(self, workload: Workload, pod: Pod, commands: list[tuple[str, ...]]) -> Life:
        seconds = 70 * len(commands) + 30
        shell = self.kubectl.execute(workload, pod, ("sh",), seconds, terminal=True)
        for command in commands:
            yield self.chance.between(6 * SECOND, 60 * SECOND)
            if shell is None or not pod.alive:
                return
            pod.machine.run(shell, command, 0.1)


def bumped(image: str, chance: Chance) -> str:
    """The next version of an image.

    Examples
    --------
    >>> bumped("registry.example/shop/web:1.4.9", Chance(7, "doc")).rpartition(":")[0]
    'registry.example/shop/web'
    """
    repository, _, tag = image.rpartition(":")
    first, *rest = tag.split(".")
    if not rest or not rest[0].isdigit():
        return image
    minor = (int(rest[0]) + 1) % 1000
    return f"{repository}:{first}.{minor}.{chance.below(3)}"


def _days(worker: Worker) -> Life:
    """A person's days: some with much kubectl, some with little, weekends and days off with none."""
    cluster, chance = worker.cluster, worker.chance
    while worker.person in cluster.people:
        yield (worker.begins - time_of_day(cluster.now) - 1) % DAY + 1 + chance.below(40 * MINUTE)
        if weekday(cluster.now) > 4 or chance.happens(0.12):
            continue
        worker.come()
        ends = cluster.now + worker.stays
        while cluster.now < ends and worker.person in cluster.people:
            yield chance.wait(100 * MINUTE)
            yield from _session(worker)


def _session(worker: Worker) -> Life:
    cluster, chance = worker.cluster, worker.chance
    for _ in range(chance.between(2, 12)):
        life = chance.pick(worker.acts)()
        if life is not None:
            cluster.start(life)
        yield chance.between(4 * SECOND, 120 * SECOND)
