"""Workloads: what the cluster's own controllers, scheduler and kubelets do with their pods when one changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.clock import MILLISECOND, SECOND
from simulation.json import Json
from simulation.kubernetes.pod_forms import SUCCESS
from simulation.kubernetes.pod_set import PodSet
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.replica_sets import report
from simulation.kubernetes.requests import Client, Target
from simulation.labels import Mark
from simulation.schedule import Life

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.sensors.processes import Machine


class Workload(PodSet):
    """A Deployment, DaemonSet, StatefulSet, CronJob or Job with its pods, or bare pods that somebody makes.

    Parameters
    ----------
    cluster, manifest, author, mark
        As of its pods.
    """

    def __init__(
        self, cluster: Cluster, manifest: Json, *, author: Client | None = None, mark: Mark | None = None
    ) -> None:
        super().__init__(cluster, manifest, author=author, mark=mark)
        self.ended: list[Pod] = []
        """Pods that have come to their end, and are still kept."""

    def settle(self) -> None:
        """Let it be there with its pods, from before the log begins."""
        self.prepare()
        for machine in self._places():
            pod = self._pod(machine)
            pod.containers = self.cluster.programs.containers(self, pod)
            self.cluster.programs.settled(self, pod)

    def deploy(self) -> None:
        """Its object was just created: its controllers make what it asks for; a CronJob waits for its time."""
        self.prepare(tell=True)
        if self.kind == "Pod":
            self._adopt()
            return
        for machine in self._places():
            self.add_pod(machine)
        if self.kind == "Deployment":
            self.cluster.start(self._complete(), 8 * SECOND)

    def _adopt(self) -> None:
        """Its object is a bare pod: the scheduler, a kubelet and the sensors do their part."""
        pod = self._pod(self.cluster.next_machine())
        meta = self.object["metadata"]
        pod.name, pod.uid = meta["name"], meta["uid"]
        pod.values |= {"pod": pod.name, "pod_uid": pod.uid}
        self.cluster.start(self._begin(pod), self.cluster.api.busy + 9 * MILLISECOND)

    def _places(self) -> list[Machine]:
        if self.kind == "DaemonSet":
            return list(self.cluster.machines)
        if self.kind == "CronJob":
            return []
        return [self.cluster.next_machine() for _ in range(self.object["spec"].get("replicas", 1))]

    def evict(self, pod: Pod, client: Client) -> None:
        """Somebody drains the node: the pod goes, and its controller makes another one elsewhere."""
        if pod not in self.pods:
            return
        named = {"metadata": {"name": pod.name, "namespace": pod.namespace}, "deleteOptions": {}}
        request = {"kind": "Eviction", "apiVersion": "policy/v1", **named}
        response = {"kind": "Status", "apiVersion": "v1", **SUCCESS}
        answer = {"code": 201, "status": SUCCESS, "request": request, "response": response}
        target = Target("Pod", pod.namespace, pod.name, "eviction")
        self.cluster.api.record(client, "create", target, mark=self.mark, **answer)
        self._let_go(pod)
        if self.kind in {"Deployment", "StatefulSet"}:
            self.cluster.start(self._replace(), 3 * SECOND if self.kind == "StatefulSet" else 40 * MILLISECOND)

    def _replace(self) -> Life:
        if len(self.pods) < self.object["spec"]["replicas"]:
            self.add_pod()
        yield 0

    def lose(self, machine: Machine) -> None:
        """A node is gone, and its pods with it: the garbage collector deletes them."""
        collector = self.cluster.identities.controller("pod-garbage-collector")
        self.ended = [pod for pod in self.ended if pod.machine is not machine]
        for pod in [pod for pod in self.pods if pod.machine is machine]:
            self.pods.remove(pod)
            pod.alive = False
            forms = self._prepared()
            forms.send(forms.deletion(collector, {"gracePeriodSeconds": 0}), pod, mark=self.mark)

    def dissolve(self) -> None:
        """Its object was just deleted: the garbage collector deletes what it owned."""
        collector = self.cluster.identities.controller("generic-garbage-collector")
        background = {"propagationPolicy": "Background"}
        for held in [*self.history, *([self.parent] if self.parent and self.kind == "Deployment" else [])]:
            if self.cluster.api.holds(held):
                self.cluster.api.delete(collector, held, background, mark=self.mark)
        self.history.clear()
        forms = self._prepared()
        deletion = forms.deletion(collector, background)
        for pod in list(self.pods):
            forms.send(deletion, pod, mark=self.mark)
            self._let_go(pod)

    def vanish(self) -> None:
        """Its namespace is deleted, and everything in it: only the kubelets still say that its pods are gone."""
        api = self.cluster.api
        for held in [*self.history, self.object, *([self.parent] if self.parent else [])]:
            api.forget(held)
        self.history.clear()
        self.ended.clear()
        for pod in list(self.pods):
            self._let_go(pod, soonest=300)

    def complete(self, pod: Pod) -> None:
        """A pod that runs to an end has come to it."""
        forms = self._prepared()
        if pod not in self.pods:
            return
        self.pods.remove(pod)
        self.ended.append(pod)
        pod.alive = False
        self.cluster.programs.ended(pod)
        forms.send(forms.seen, pod, mark=self.mark)
        forms.send(forms.succeeded, pod, mark=self.mark)

    def collect(self, pod: Pod) -> None:
        """What owned a pod that has ended is gone: it is deleted, at once."""
        forms = self._prepared()
        for kept in (self.pods, self.ended):
            if pod in kept:
                kept.remove(pod)
                break
        else:
            return
        pod.alive = False
        forms.send(forms.collected or forms.ending, pod, mark=self.mark)
        forms.send(forms.gone, pod, mark=self.mark)

    def scale(self, replicas: int) -> None:
        """Have so many pods; whoever asked for it has already said so to the server."""
        self.object = self.held()
        self.object["spec"]["replicas"] = replicas
        while len(self.pods) > replicas:
            self.remove_pod()
        for _ in range(replicas - len(self.pods)):
            self.add_pod()

    def roll_out(self, changed: Json) -> Life:
        """The object has a new template: new pods take the place of the old ones, one by one."""
        cluster, chance = self.cluster, self.cluster.chance
        self.object = changed
        yield 15 * MILLISECOND
        if not cluster.api.holds(changed):
            return
        self.prepare(tell=True)
        if self.kind in {"CronJob", "Job"}:
            return
        for pod in list(self.pods):
            if pod not in self.pods:
                continue
            if self.kind == "Deployment":
                self.add_pod()
                yield chance.between(4, 9) * SECOND
                self.remove_pod(pod)
            else:
                self.remove_pod(pod)
                yield chance.between(4, 9) * SECOND
                if self.kind != "DaemonSet":
                    self.add_pod()
                elif pod.machine in cluster.machines:
                    self.add_pod(pod.machine)
            yield chance.between(200, 900) * MILLISECOND
        while self.kind != "DaemonSet" and len(self.pods) > self.object["spec"]["replicas"]:
            self.remove_pod()
        report(self)
        cluster.endpoints(self)

    def _complete(self) -> Life:
        report(self)
        yield 0
