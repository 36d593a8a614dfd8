"""Workloads and their pods: what the cluster's own controllers, scheduler and kubelets do when one changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from simulation.clock import MILLISECOND, SECOND, second_time
from simulation.json import Json
from simulation.kubernetes.conditions import available, labelled, progress
from simulation.kubernetes.objects import body, job_spec, owner
from simulation.kubernetes.pods import MANAGER, SUCCESS, Pod, PodForms
from simulation.kubernetes.requests import Client, Target
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
    "ReplicationController": "replication-controller",
    "StatefulSet": "statefulset-controller",
}
"""Who makes the pods of a kind."""
KEPT = 3
"""Replica sets of earlier templates that a Deployment keeps."""


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
        self.ended: list[Pod] = []
        """Pods that have come to their end, and are still kept."""
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
        if self.kind == "Deployment":
            self.cluster.start(self._complete(), 8 * SECOND)

    def adopt(self) -> None:
        """Its object is a bare pod that was just created: the scheduler, a kubelet and the sensors do their part."""
        self._prepare()
        pod = self._pod(self.cluster.next_machine())
        meta = self.object["metadata"]
        pod.name, pod.uid = meta["name"], meta["uid"]
        pod.values |= {"pod": pod.name, "pod_uid": pod.uid}
        self.cluster.start(self._begin(pod), self.cluster.api.busy + 9 * MILLISECOND)

    def prepare(self) -> None:
        """Let it be there without pods yet: `add_pod` makes them."""
        self._prepare()

    def made_by(self, author: Client) -> None:
        """Its bare pods are made by this client from now on."""
        if author is not self._author:
            self._author = author
            self._prepare()

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
            self._contain(pod)
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
        self.pods.remove(pod)
        ending = forms.ending if by is None else forms.deletion(by, {"propagationPolicy": "Background"})
        forms.send(ending, pod, mark=self.mark)
        self.cluster.start(self._end(pod), self.cluster.chance.between(1100, 2600) * MILLISECOND)

    def _end(self, pod: Pod) -> Life:
        forms = self._prepared()
        pod.alive = False
        self.cluster.programs.ended(pod)
        forms.send(forms.seen, pod, mark=self.mark)
        yield 30 * MILLISECOND
        forms.send(forms.gone, pod, mark=self.mark)

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
        self.pods.remove(pod)
        self.cluster.start(self._end(pod), self.cluster.chance.between(1100, 2600) * MILLISECOND)
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
        owned = self.parent if self.parent is not None and self.parent is not self.object else None
        background = {"propagationPolicy": "Background"}
        for held in [*self.history, *([owned] if owned and self.kind == "Deployment" else [])]:
            if self._is_held(held):
                self.cluster.api.delete(collector, held, background, mark=self.mark)
        self.history.clear()
        forms = self._prepared()
        deletion = forms.deletion(collector, background)
        for pod in list(self.pods):
            self.pods.remove(pod)
            forms.send(deletion, pod, mark=self.mark)
            self.cluster.start(self._end(pod), self.cluster.chance.between(1100, 2600) * MILLISECOND)

    def vanish(self) -> None:
        """Its namespace is deleted, and everything in it: only the kubelets still say that its pods are gone."""
        api = self.cluster.api
        for held in [*self.history, self.object, *([self.parent] if self.parent else [])]:
            api.forget(held)
        self.history.clear()
        self.ended.clear()
        for pod in list(self.pods):
            self.pods.remove(pod)
            self.cluster.start(self._end(pod), self.cluster.chance.between(300, 2600) * MILLISECOND)

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

    def scale(self, replicas: int) -> None:
        """Have so many pods; whoever asked for it has already said so to the server."""
        self.object = self._now()
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
        if not self._is_held(changed):
            return
        self._prepare(tell=True)
        if self.kind in {"CronJob", "Job"}:
            return
        for pod in list(self.pods):
            if pod not in self.pods:
                continue
            if self.kind == "Deployment":
                self.add_pod()
                yield chance.between(4, 9) * SECOND
                self._drop(pod)
            else:
                self._drop(pod)
                yield chance.between(4, 9) * SECOND
                if self.kind != "DaemonSet":
                    self.add_pod()
                elif pod.machine in cluster.machines:
                    self.add_pod(pod.machine)
            yield chance.between(200, 900) * MILLISECOND
        while self.kind != "DaemonSet" and len(self.pods) > self.object["spec"]["replicas"]:
            self.remove_pod()
        self._finished()
        cluster.endpoints(self)

    def _complete(self) -> Life:
        self._finished()
        yield 0

    def _drop(self, pod: Pod) -> None:
        if pod in self.pods:
            self.remove_pod(pod)

    def _finished(self) -> None:
        if self.kind != "Deployment" or self.parent is None or not self._is_held(self.object):
            return
        api, identities, count = self.cluster.api, self.cluster.identities, len(self.pods)
        author = identities.controller("deployment-controller")
        if self._is_held(self.parent):
            status = dict.fromkeys(("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"), count)
            status["observedGeneration"] = self.parent["metadata"]["generation"]
            options: dict[str, Any] = {"subresource": "status", "mark": self.mark}
            replica_sets = identities.controller("replicaset-controller")
            self.parent = api.update(replica_sets, self.parent, {"status": status}, **options)
        held = self._now()
        counted = available(self.cluster.now, self.parent, count, held["metadata"]["generation"])
        self.object = api.update(author, held, {"status": counted["status"]}, subresource="status", mark=self.mark)
        for place, old in enumerate(self.history):
            if old["spec"]["replicas"] and self._is_held(old):
                none = {"spec": {**old["spec"], "replicas": 0}}
                self.history[place] = api.update(author, old, none, mark=self.mark)
        while len(self.history) > KEPT:
            api.delete(author, self.history.pop(0), mark=self.mark)

    def _now(self) -> Json:
        """Its object as the server holds it now."""
        return self.cluster.api.held(self.kind, self.namespace, self.name) or self.object

    def _is_held(self, made: Json) -> bool:
        meta = made["metadata"]
        held = self.cluster.api.held(made["kind"], meta.get("namespace", ""), meta["name"])
        return held is not None and held["metadata"]["uid"] == meta["uid"]

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
        if self.parent is not None and self.parent["kind"] == "ReplicaSet":
            self.history.append(self.parent)
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
            "token": token,
        }
        if owned_by is not None:
            values |= {"job": base, "job_uid": owned_by["metadata"]["uid"]}
        # A later template may have more containers: what it says of a pod that is there has holes for them too.
        for place in range(max(len(self.spec["containers"]), 4)):
            values[f"container_{place}"] = chance.hexadecimal(64)
        pod = self._last = Pod(name, self.namespace, uid, machine, str(values["ip"]), values, token)
        self.pods.append(pod)
        return pod

    def _contain(self, pod: Pod) -> None:
        pod.containers = self.cluster.programs.containers(self, pod)

    def _replica_set(self, *, tell: bool) -> Json:
        api, cluster = self.cluster.api, self.cluster
        meta, spec = self.object["metadata"], self.object["spec"]
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
        cluster.tell("deployment-controller", self.object, "ScalingReplicaSet", told, mark=self.mark)
        condition = progress(
            cluster.now, "NewReplicaSetCreated", f'Created new replica set "{sent["metadata"]["name"]}"'
        )
        status = {"observedGeneration": meta["generation"], "replicas": len(self.pods), "conditions": [condition]}
        if not self._is_held(self.object):
            return made
        self.object = api.update(author, self._now(), {"status": status}, subresource="status", mark=self.mark)
        if cluster.chance.happens(0.3):
            api.conflict(author, self.object, {"status": status}, subresource="status")
        return made


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
