"""Pods that are made from one object: how they are named, begin and end, and how they use their account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.clock import MILLISECOND, second_time
from simulation.json import Json
from simulation.kubernetes.jobs import any_job
from simulation.kubernetes.objects import template_of
from simulation.kubernetes.pod_forms import PodForms
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.replica_sets import new_replica_set
from simulation.kubernetes.requests import Client
from simulation.labels import Mark
from simulation.schedule import Life

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.sensors.processes import Machine

CONTROLLERS = {
    "DaemonSet": "daemon-set-controller",
    "Deployment": "replicaset-controller",
    "CronJob": "job-controller",
    "Job": "job-controller",
    "ReplicaSet": "replicaset-controller",
    "ReplicationController": "replication-controller",
    "StatefulSet": "statefulset-controller",
}
"""Who makes the pods of a kind."""


class PodSet:
    """The pods of a Deployment, DaemonSet, StatefulSet, CronJob or Job, or bare pods that somebody makes.

    Parameters
    ----------
    cluster
        Where they run.
    manifest
        The object; of bare pods a Pod whose spec they share.
    author
        Who makes bare pods.
    mark
        What everything that follows from it is labelled as.
    """

    def __init__(
        self, cluster: Cluster, manifest: Json, *, author: Client | None = None, mark: Mark | None = None
    ) -> None:
        self.cluster = cluster
        self.object = manifest
        self.mark = mark
        self.pods: list[Pod] = []
        self.forms: PodForms | None = None
        self.parent: Json | None = None
        """What owns the pods: the ReplicaSet of a Deployment, else the object itself."""
        self.history: list[Json] = []
        """Replica sets of earlier templates, or Jobs that have ended; the oldest first."""
        self.processes: Mark | None = None
        """What its processes are labelled as, if not as everything else."""
        self.agent = ""
        """By which its account asks the API server in ordinary life; empty: it does not, so far as is known."""
        self._author = author
        self._last: Pod | None = None

    @property
    def kind(self) -> str:
        return str(self.object["kind"])

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"]["namespace"])

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def spec(self) -> Json:
        """Of its pods."""
        spec: Json = template_of(self.object)["spec"]
        return spec

    @property
    def account(self) -> str:
        """Name of its service account."""
        return str(self.spec.get("serviceAccountName", "default"))

    @property
    def image(self) -> str:
        """Of the first container."""
        return str(self.spec["containers"][0]["image"])

    def held(self) -> Json:
        """Its object as the server holds it now; if it is gone, as it was known last."""
        return self.cluster.api.held(self.kind, self.namespace, self.name) or self.object

    def latest(self) -> Pod:
        """Its first pod; while it has none, the one that was there last."""
        if self.pods:
            return self.pods[0]
        if self._last is None:
            self._last = self._pod(self.cluster.next_machine())
            self.pods.remove(self._last)
        return self._last

    def client(self, agent: str, granted: str = "") -> Client:
        """Its service account as its first pod uses it: with that pod's address, and a token bound to it."""
        return self.client_of(self.latest(), agent, granted)

    def client_of(self, pod: Pod, agent: str, granted: str = "") -> Client:
        """Its service account as this pod uses it."""
        key = (agent, granted)
        if key not in pod.clients:
            identities = self.cluster.identities
            address = pod.machine.address if self.spec.get("hostNetwork") else pod.address
            names = (self.namespace, self.account, agent, address)
            pod.clients[key] = identities.account(*names, granted, pod.bound, pod.token)
        return pod.clients[key]

    def made_by(self, author: Client) -> None:
        """Its bare pods are made by this client from now on."""
        if author is not self._author:
            self._author = author
            self.prepare()

    def add_pod(self, machine: Machine | None = None, owned_by: Json | None = None) -> Pod:
        """Its controller makes one more pod; the scheduler, a kubelet and the sensors do their part.

        A pod of a CronJob is owned by one of its Jobs.
        """
        forms = self._prepared()
        pod = self._pod(machine or self.cluster.next_machine(), owned_by)
        forms.send(forms.created, pod, mark=self.mark)
        forms.send(forms.told, pod, mark=self.mark)
        self.cluster.start(self._begin(pod), self.cluster.api.busy + 9 * MILLISECOND)
        return pod

    def _begin(self, pod: Pod) -> Life:
        forms, chance = self._prepared(), self.cluster.chance
        forms.send(forms.bound, pod, mark=self.mark)
        forms.send(forms.scheduled, pod, mark=self.mark)
        yield chance.between(200, 600) * MILLISECOND
        forms.send(forms.token, pod, mark=self.mark)
        for step in forms.steps:
            yield chance.between(150, 700) * MILLISECOND
            forms.send(step, pod, mark=self.mark)
        if pod.alive:
            pod.containers = self.cluster.programs.containers(self, pod)
            self.cluster.programs.started(self, pod)
            yield chance.between(300, 900) * MILLISECOND
            forms.send(forms.seen, pod, mark=self.mark)
            forms.send(forms.running, pod, mark=self.mark)

    def renew_token(self, pod: Pod) -> None:
        """The kubelet asks for a new token for a pod whose token is about to expire."""
        forms = self._prepared()
        pod.token = self.cluster.chance.uuid()
        pod.values["token"] = pod.token
        pod.clients.clear()
        forms.send(forms.token, pod)

    def remove_pod(self, pod: Pod | None = None, by: Client | None = None) -> None:
        """Its controller (or somebody else) marks a pod, and its kubelet ends it."""
        pod = pod or (self.pods[-1] if self.pods else None)
        if pod not in self.pods:
            return
        forms = self._prepared()
        ending = forms.ending if by is None else forms.deletion(by, {"propagationPolicy": "Background"})
        forms.send(ending, pod, mark=self.mark)
        self._let_go(pod)

    def _let_go(self, pod: Pod, soonest: int = 1100) -> None:
        """A pod has been marked: its kubelet ends it."""
        self.pods.remove(pod)
        self.cluster.start(self._end(pod), self.cluster.chance.between(soonest, 2600) * MILLISECOND)

    def _end(self, pod: Pod) -> Life:
        forms = self._prepared()
        pod.alive = False
        self.cluster.programs.ended(pod)
        forms.send(forms.seen, pod, mark=self.mark)
        yield 30 * MILLISECOND
        forms.send(forms.gone, pod, mark=self.mark)

    def _prepared(self) -> PodForms:
        assert self.forms is not None, f"{self.name} was neither settled nor deployed"
        return self.forms

    def prepare(self, *, tell: bool = False) -> None:
        """Let it be there without pods yet: `add_pod` makes them.

        With `tell` the log shows what controllers make for its template; else that has been there.
        """
        cluster = self.cluster
        if self.kind == "Pod":
            assert self._author is not None
            labels = self.object["metadata"].get("labels", {})
            template = {"metadata": {"labels": labels}, "spec": self.spec}
            named = (self.namespace, self.name, template)
            self.forms = PodForms(cluster.api, cluster.identities, None, *named, self._author, "")
            return
        if self.parent is not None and self.parent["kind"] == "ReplicaSet":
            self.history.append(self.parent)
        self.parent = self.object
        if self.kind == "Deployment":
            self.parent = new_replica_set(self, tell=tell)
        elif self.kind == "CronJob":
            self.parent = any_job(self.object)
        named = (self.namespace, self.parent["metadata"]["name"], self.parent["spec"]["template"])
        component = CONTROLLERS[self.kind]
        author = cluster.identities.controller(component)
        self.forms = PodForms(cluster.api, cluster.identities, self.parent, *named, author, component)

    def _pod(self, machine: Machine, owned_by: Json | None = None) -> Pod:
        cluster, chance = self.cluster, self.cluster.chance
        uid, token = chance.uuid(), chance.uuid()
        above = owned_by or self.parent
        base = above["metadata"]["name"] if above else self.name
        name = f"{base}-{chance.ending(5)}"
        if self.kind == "StatefulSet":
            taken = {pod.name for pod in self.pods}
            name = next(f"{base}-{place}" for place in range(len(taken) + 1) if f"{base}-{place}" not in taken)
        address = cluster.pod_address(machine)
        values: dict[str, object] = {
            **cluster.node_values(machine),
            "pod": name,
            "pod_uid": uid,
            "ip": machine.address if self.spec.get("hostNetwork") else address,
            "created": second_time(cluster.now),
            "volume": chance.ending(5),
            "token": token,
        }
        if owned_by is not None:
            values |= {"job": base, "job_uid": owned_by["metadata"]["uid"]}
        pod = self._last = Pod(name, self.namespace, uid, machine, str(values["ip"]), values, token)
        self.pods.append(pod)
        return pod
