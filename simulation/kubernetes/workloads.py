"""Workloads and their pods: what the cluster's own controllers, scheduler and kubelets do when one changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulation.clock import MILLISECOND, MINUTE, SECOND, second_time
from simulation.json import Json
from simulation.kubernetes.conditions import available, labelled, progress
from simulation.kubernetes.objects import body, job_spec, owner
from simulation.kubernetes.pods import MANAGER, Pod, PodForms
from simulation.kubernetes.requests import Client
from simulation.labels import Mark
from simulation.schedule import Life
from simulation.stencil import hole

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.sensors.processes import Machine

CONTROLLERS = {
    "DaemonSet": "daemon-set-controller",
    "Deployment": "deployment-controller",
    "Job": "job-controller",
    "ReplicaSet": "replicaset-controller",
    "StatefulSet": "statefulset-controller",
}
"""Who makes the pods of a kind."""


class Workload:
    """A Deployment, DaemonSet, StatefulSet, CronJob or Job with its pods, or bare pods that somebody makes.

    Parameters
    ----------
    cluster
        Where it runs.
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
        self.made = 0
        self._author = author

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
        template: Json = self.object if self.kind == "Pod" else _template(self.object)
        return template["spec"]  # type: ignore[no-any-return]

    @property
    def account(self) -> str:
        """Name of its service account."""
        return str(self.spec.get("serviceAccountName", "default"))

    @property
    def image(self) -> str:
        """Of the first container."""
        return str(self.spec["containers"][0]["image"])

    def client(self, agent: str, granted: str = "") -> Client:
        """Its service account as its first pod uses it: with that pod's address, and a token bound to it."""
        pod = self.pods[0]
        key = (agent, granted)
        if key not in pod.clients:
            identities = self.cluster.identities
            address = pod.machine.address if self.spec.get("hostNetwork") else pod.address
            names = (self.namespace, self.account, agent, address)
            pod.clients[key] = identities.account(*names, granted, pod.bound, pod.token)
        return pod.clients[key]

    # What happens to its pods.

    def settle(self) -> None:
        """Let it be there with its pods, from before the log begins."""
        self._prepare()
        for machine in self._places():
            pod = self._pod(machine)
            self._contain(pod)
            self.cluster.programs.settled(self, pod)

    def deploy(self) -> None:
        """Its object was just created: its controllers make what it asks for."""
        self._prepare(tell=True)
        for machine in self._places():
            self.add_pod(machine)

    def adopt(self) -> None:
        """Its object is a bare pod that was just created: the scheduler, a kubelet and the sensors do their part."""
        self._prepare()
        pod = self._pod(self.cluster.next_machine())
        meta = self.object["metadata"]
        pod.name, pod.uid = meta["name"], meta["uid"]
        pod.values |= {"pod": pod.name, "pod_uid": pod.uid}
        self.cluster.start(self._begin(pod), 9 * MILLISECOND)

    def prepare(self) -> None:
        """Let it be there without pods yet: `add_pod` makes them."""
        self._prepare()

    def collect(self, pod: Pod) -> None:
        """What owned a pod that has ended is gone: it is deleted, at once."""
        forms = self._prepared()
        self.pods.remove(pod)
        forms.send(forms.ending, pod, mark=self.mark)
        forms.send(forms.gone, pod, mark=self.mark)

    def add_pod(self, machine: Machine | None = None, owned_by: Json | None = None) -> Pod:
        """Its controller makes one more pod; the scheduler, a kubelet and the sensors do their part.

        A pod of a CronJob is owned by one of its Jobs.
        """
        forms = self._prepared()
        pod = self._pod(machine or self.cluster.next_machine(), owned_by)
        forms.send(forms.created, pod, mark=self.mark)
        forms.send(forms.told, pod, mark=self.mark)
        self.cluster.start(self._begin(pod), 9 * MILLISECOND)
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
            self._contain(pod)
            self.cluster.programs.started(self, pod)
            yield chance.between(300, 900) * MILLISECOND
            forms.send(forms.running, pod, mark=self.mark)

    def remove_pod(self, pod: Pod | None = None) -> None:
        """Its controller marks a pod, and its kubelet ends it."""
        pod = pod or self.pods[-1]
        forms = self._prepared()
        self.pods.remove(pod)
        forms.send(forms.ending, pod, mark=self.mark)
        self.cluster.start(self._end(pod), self.cluster.chance.between(1100, 2600) * MILLISECOND)

    def _end(self, pod: Pod) -> Life:
        forms = self._prepared()
        pod.alive = False
        self.cluster.programs.ended(pod)
        forms.send(forms.seen, pod, mark=self.mark)
        yield 30 * MILLISECOND
        forms.send(forms.gone, pod, mark=self.mark)

    def complete(self, pod: Pod) -> None:
        """A pod that runs to an end has come to it."""
        forms = self._prepared()
        pod.alive = False
        self.cluster.programs.ended(pod)
        forms.send(forms.succeeded, pod, mark=self.mark)

    def scale(self, replicas: int) -> None:
        """Have so many pods; whoever asked for it has already said so to the server."""
        self.object["spec"]["replicas"] = replicas
        while len(self.pods) > replicas:
            self.remove_pod()
        for _ in range(replicas - len(self.pods)):
            self.add_pod()

    def roll_out(self, changed: Json) -> Life:
        """The object has a new template: new pods take the place of the old ones, one by one."""
        cluster, chance = self.cluster, self.cluster.chance
        self.object = changed
        old = list(self.pods)
        yield 15 * MILLISECOND
        self._prepare(tell=True)
        for pod in old:
            if pod not in self.pods:
                continue
            if self.kind == "Deployment":
                self.add_pod()
                yield chance.between(4, 9) * SECOND
                self._drop(pod)
            else:
                self._drop(pod)
                yield chance.between(4, 9) * SECOND
                self.add_pod(pod.machine if self.kind == "DaemonSet" else None)
            yield chance.between(200, 900) * MILLISECOND
        self._finished()
        cluster.endpoints(self)

    def _drop(self, pod: Pod) -> None:
        if pod in self.pods:
            self.remove_pod(pod)

    def _finished(self) -> None:
        if self.kind != "Deployment" or self.parent is None:
            return
        api, author = self.cluster.api, self.cluster.identities.controller("deployment-controller")
        generation = self.object["metadata"]["generation"]
        counted = available(self.cluster.now, self.parent, len(self.pods), generation)
        self.object = api.update(author, self.object, {"status": counted["status"]}, subresource="status")

    # How its pods are made.

    def _places(self) -> list[Machine]:
        if self.kind == "DaemonSet":
            return list(self.cluster.machines)
        return [self.cluster.next_machine() for _ in range(self.object["spec"].get("replicas", 1))]

    def _prepared(self) -> PodForms:
        assert self.forms is not None, f"{self.name} was neither settled nor deployed"
        return self.forms

    def _prepare(self, *, tell: bool = False) -> None:
        cluster = self.cluster
        template = {"metadata": {"labels": {}}, "spec": self.spec}
        if self.kind == "Pod":
            assert self._author is not None
            meta = {"labels": self.object["metadata"].get("labels", {})}
            parts: tuple[Any, ...] = (None, self.namespace, self.name, {**template, "metadata": meta}, self._author, "")
            self.forms = PodForms(cluster.api, cluster.identities, *parts)
            return
        self.parent, component = self.object, CONTROLLERS.get(self.kind, "")
        if self.kind == "Deployment":
            self.parent, component = self._replica_set(tell=tell), CONTROLLERS["ReplicaSet"]
        elif self.kind == "CronJob":
            self.parent, component = _any_job(self.object), CONTROLLERS["Job"]
        template = self.parent["spec"]["template"]
        named = (self.namespace, self.parent["metadata"]["name"], template)
        author = cluster.identities.controller(component)
        self.forms = PodForms(cluster.api, cluster.identities, self.parent, *named, author, component)

    def _pod(self, machine: Machine, owned_by: Json | None = None) -> Pod:
        cluster, chance = self.cluster, self.cluster.chance
        uid, token = chance.uuid(), chance.uuid()
        self.made += 1
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
        }
        if owned_by is not None:
            values |= {"job": base, "job_uid": owned_by["metadata"]["uid"]}
        for place in range(len(self.spec["containers"])):
            values[f"container_{place}"] = chance.hexadecimal(64)
        pod = Pod(name, self.namespace, uid, machine, str(values["ip"]), values, token)
        self.pods.append(pod)
        return pod

    def _contain(self, pod: Pod) -> None:
        pod.containers = self.cluster.programs.containers(self, pod)

    def _replica_set(self, *, tell: bool) -> Json:
        api, cluster = self.cluster.api, self.cluster
        meta, spec = self.object["metadata"], self.object["spec"]
        if self.parent is not None and self.parent["kind"] == "ReplicaSet":
            api.forget(self.parent)
        mark = _mark(f"{meta['uid']}/{meta.get('generation')}/{api.version}")
        labels = {**spec["selector"]["matchLabels"], "pod-template-hash": mark}
        notes = {"desired-replicas": str(spec["replicas"]), "max-replicas": str(spec["replicas"] + 1), "revision": "7"}
        template = {"metadata": {**spec["template"]["metadata"], "labels": labels}, "spec": spec["template"]["spec"]}
        sent = body(
            "ReplicaSet",
            f"{meta['name']}-{mark}",
            meta["namespace"],
            meta={
                "labels": labels,
                "annotations": {f"deployment.kubernetes.io/{key}": value for key, value in notes.items()},
                "ownerReferences": owner(self.object),
            },
            spec={"replicas": spec["replicas"], "selector": {"matchLabels": labels}, "template": template},
            status={"replicas": 0},
        )
        if not tell:
            return api.hold(sent, MANAGER)
        author = cluster.identities.controller("deployment-controller")
        made = api.create(author, sent, mark=self.mark)
        told = f"Scaled up replica set {made['metadata']['name']} from 0 to {spec['replicas']}"
        cluster.tell("deployment-controller", self.object, "ScalingReplicaSet", told)
        condition = progress(
            cluster.now, "NewReplicaSetCreated", f'Created new replica set "{sent["metadata"]["name"]}"'
        )
        status = {"observedGeneration": meta["generation"], "replicas": len(self.pods), "conditions": [condition]}
        self.object = api.update(author, self.object, {"status": status}, subresource="status")
        if cluster.chance.happens(0.3):
            api.conflict(author, self.object, {"status": status}, subresource="status")
        return made


def run_job(workload: Workload, seconds: int, work: Callable[[Pod], Life] | None = None) -> Life:
    """A CronJob's time has come: a Job, its pod that runs so many seconds, and their end.

    `work` is what its pod does at the API server meanwhile.
    """
    cluster, cron_job = workload.cluster, workload.object
    api, identities = cluster.api, cluster.identities
    author = identities.controller("cronjob-controller")
    meta = cron_job["metadata"]
    name = f"{meta['name']}-{cluster.now // MINUTE}"
    annotations = {"batch.kubernetes.io/cronjob-scheduled-timestamp": second_time(cluster.now)}
    about = {"annotations": annotations, "ownerReferences": owner(cron_job)}
    sent = body("Job", name, meta["namespace"], meta=about, spec=job_spec(workload.spec), status={})
    held = api.create(author, sent)
    held |= labelled(held)
    cluster.tell("cronjob-controller", cron_job, "SuccessfulCreate", f"Created job {name}")
    yield 30 * MILLISECOND
    pod = workload.add_pod(owned_by=held)
    yield 3 * SECOND
    if work is not None:
        yield from work(pod)
    yield seconds * SECOND
    workload.complete(pod)
    yield 40 * MILLISECOND
    done = second_time(cluster.now)
    condition = {"type": "Complete", "status": "True", "lastTransitionTime": done, "reason": "CompletionsReached"}
    counted = {"completionTime": done, "succeeded": 1, "terminating": 0, "uncountedTerminatedPods": {}, "ready": 0}
    status = {"conditions": [condition], "startTime": held["metadata"]["creationTimestamp"], **counted}
    held = api.update(identities.controller("job-controller"), held, {"status": status}, subresource="status")
    yield 3 * MINUTE
    api.delete(author, held, {"propagationPolicy": "Background"})
    yield 80 * MILLISECOND
    workload.collect(pod)


def _template(manifest: Json) -> Json:
    spec = manifest["spec"]
    return spec["jobTemplate"]["spec"]["template"] if manifest["kind"] == "CronJob" else spec["template"]  # type: ignore[no-any-return]


def _any_job(cron_job: Json) -> Json:
    """Whatever Job of a CronJob: its name and uid are holes."""
    meta = {"namespace": cron_job["metadata"]["namespace"], "uid": hole("job_uid"), "resourceVersion": hole("version")}
    held = body("Job", hole("job"), meta=meta, spec=job_spec(_template(cron_job)["spec"]))
    return held | labelled(held)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(str.maketrans("0123aeiou", "bcdfghjkl"))
