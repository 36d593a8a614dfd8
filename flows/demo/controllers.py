"""What a cluster does by itself when someone writes an object: controllers, scheduler and kubelets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flows.demo.cast import Site, running
from flows.demo.fields import Json
from flows.demo.invented import ending, number, second_time
from flows.demo.objects import admitted, body, event, job_spec, ordered, owner
from flows.demo.processes import Node
from flows.demo.requests import Target
from flows.demo.workloads import available, labelled, pinned, progress

MANAGER = "kube-controller-manager"
MILLISECOND = 1_000
SECOND = 1_000_000
Started = Callable[[int, Json], None]


class Controllers:
    """The cluster's own part.

    Parameters
    ----------
    site
        The cluster.
    started
        Called when the containers of a new pod start, with the time and the pod.
    """

    def __init__(self, site: Site, started: Started) -> None:
        self.site = site
        self.server = site.server
        self.started = started
        self.placed = 0

    def settled(self, at: int, sent: Json, manager: str) -> list[Json]:
        """A Deployment or DaemonSet from before the hour, with all that controllers made of it: its pods."""
        workload = self.server.hold(at, sent, manager)
        parent, places = workload, self.site.nodes
        if workload["kind"] == "Deployment":
            parent = self.server.hold(at, self._replica_set(workload), MANAGER)
            self.server.settle(at, workload, MANAGER, available(at, parent, workload["spec"]["replicas"]))
            places = [self._next_node() for _ in range(workload["spec"]["replicas"])]
        return [self._settled_pod(at, parent, node) for node in places]

    def _settled_pod(self, at: int, parent: Json, node: Node) -> Json:
        pod = self.server.hold(at, self._pod(parent, node.name), MANAGER)
        pod["spec"] = admitted({**pod["spec"], "nodeName": node.name}, pod["metadata"]["uid"])
        status = running(pod, second_time(at), node, pod["metadata"]["uid"])
        self.server.settle(at, pod, "kubelet", {"metadata": {}, "status": status})
        return pod

    def _next_node(self) -> Node:
        self.placed += 1
        return self.site.workers[self.placed % len(self.site.workers)]

    def rollout(self, at: int, workload: Json) -> None:
        """A Deployment has a new template: a new ReplicaSet takes over, pod by pod."""
        meta = workload["metadata"]
        author = self.site.controller("deployment-controller")
        old = self.server.find("Pod", meta["namespace"], f"{meta['name']}-")
        made = self.server.create(at + 7 * MILLISECOND, author, self._replica_set(workload), MANAGER)
        told = f"Scaled up replica set {made['metadata']['name']} from 0 to 1"
        self._event(at + 13 * MILLISECOND, "deployment-controller", workload, "ScalingReplicaSet", told)
        condition = progress(at, "NewReplicaSetCreated", f'Created new replica set "{made["metadata"]["name"]}"')
        status = {"observedGeneration": meta["generation"], "replicas": len(old), "conditions": [condition]}
        self.server.update(at + 15 * MILLISECOND, author, workload, MANAGER, {"status": status}, "status")
        self.server.conflict(at + 19 * MILLISECOND, author, workload, {"status": status}, "status")
        self._replace(at + 21 * MILLISECOND, made, old, workload["spec"]["replicas"])

    def _replace(self, at: int, replica_set: Json, old: list[Json], left: int) -> None:
        if not left:
            self._finished(at, replica_set)
            return
        pod = self.pod(at, "replicaset-controller", replica_set)

        def ready(later: int) -> None:
            self._endpoints(later + 40 * MILLISECOND, pod)
            if old:
                self.remove(later + 60 * MILLISECOND, old[0], replica_set)
            self._replace(later + 90 * MILLISECOND, replica_set, old[1:], left - 1)

        self.site.schedule.at(at + number(4, 7, "ready", pod["metadata"]["uid"]) * SECOND, ready)

    def _finished(self, at: int, replica_set: Json) -> None:
        meta = replica_set["metadata"]
        parent = self.server.objects["Deployment", meta["namespace"], meta["ownerReferences"][0]["name"]]
        status = available(at, replica_set, parent["spec"]["replicas"], parent["metadata"]["generation"])["status"]
        author = self.site.controller("deployment-controller")
        self.server.update(at, author, parent, MANAGER, {"status": status}, "status")

    def pod(self, at: int, author: str, parent: Json, node_name: str = "") -> Json:
        """A controller makes a pod, the scheduler binds it, its kubelet runs it."""
        sent = self._pod(parent, node_name)
        name = f"{self.site.name}/{self.server.version + 1}"
        spec = admitted(sent["spec"], name)
        pending = {"spec": spec, "status": {"phase": "Pending", "qosClass": "Burstable"}}
        pod = self.server.create(at, self.site.controller(author), sent, MANAGER, admit=lambda _: pending)
        node = self.site.node(node_name) if node_name else self._next_node()
        meta = pod["metadata"]
        self._bind(at + 9 * MILLISECOND, pod, node)
        told = f"Created pod: {meta['name']}"
        self._event(at + 12 * MILLISECOND, author, parent, "SuccessfulCreate", told)
        placed = {**pod, "spec": admitted({**sent["spec"], "nodeName": node.name}, name)}
        self.server.objects["Pod", meta["namespace"], meta["name"]] = placed
        start = at + number(1500, 2900, "start", meta["uid"]) * MILLISECOND
        self.site.schedule.at(start, lambda time: self._run(time, placed))
        return placed

    def _bind(self, at: int, pod: Json, node: Node) -> None:
        meta = pod["metadata"]
        bound = {
            "kind": "Binding",
            "apiVersion": "v1",
            "metadata": {key: meta[key] for key in ("name", "namespace", "uid")},
        }
        target = Target("Pod", meta["namespace"], meta["name"], "binding", uid=meta["uid"])
        done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        self.server.record(
            at,
            self.site.component("kube-scheduler", "scheduler"),
            "create",
            target,
            code=201,
            status={"metadata": {}, "status": "Success", "code": 201},
            request={**bound, "target": {"kind": "Node", "name": node.name}},
            response=done,
        )

    def _run(self, at: int, pod: Json) -> None:
        meta = pod["metadata"]
        node = self.site.node(pod["spec"]["nodeName"])
        self.started(at, pod)
        status = running(pod, second_time(at), node, meta["uid"])
        self.status(at + 300 * MILLISECOND, pod, status)

    def status(self, at: int, pod: Json, status: Json) -> Json:
        """A kubelet reports how a pod is."""
        meta = pod["metadata"]
        order = [{"type": condition["type"]} for condition in status["conditions"]]
        patch = {"metadata": {"uid": meta["uid"]}, "status": {"$setElementOrder/conditions": order, **status}}
        node = self.site.node(pod["spec"]["nodeName"])
        options = {"manager": "kubelet", "subresource": "status"}
        return self.server.patch(at, self.site.kubelet(node), pod, patch, {"status": status}, **options)

    def remove(self, at: int, pod: Json, replica_set: Json | None = None) -> None:
        """A pod that is no longer wanted: its controller marks it, its kubelet ends it."""
        meta = pod["metadata"]
        author = "replicaset-controller" if replica_set else "generic-garbage-collector"
        self.server.delete(at, self.site.controller(author), pod)
        node = self.site.node(pod["spec"]["nodeName"])

        def gone(later: int) -> None:
            marked = self.server.objects["Pod", meta["namespace"], meta["name"]]
            exact = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
            self.server.delete(later, self.site.kubelet(node), marked, exact)
            del self.server.objects["Pod", meta["namespace"], meta["name"]]

        self.site.schedule.at(at + number(1100, 2600, "gone", meta["uid"]) * MILLISECOND, gone)

    def daemon_set(self, at: int, workload: Json) -> None:
        """A new DaemonSet gets a pod on every node."""
        for place, node in enumerate(self.site.nodes):
            self.pod(at + (18 + 11 * place) * MILLISECOND, "daemon-set-controller", workload, node.name)

    def cron(self, cron_job: Json, at: int) -> None:
        """A CronJob's time has come: a Job, its pod, and their end."""
        meta = cron_job["metadata"]
        author = self.site.controller("cronjob-controller")
        name = f"{meta['name']}-{at // 60_000_000}"
        template = cron_job["spec"]["jobTemplate"]["spec"]["template"]
        sent = body(
            "Job",
            name,
            meta["namespace"],
            meta={
                "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": second_time(at)},
                "ownerReferences": owner(cron_job),
            },
            spec=job_spec(template["spec"]),
            status={},
        )
        job = self.server.create(at + 90 * MILLISECOND, author, sent, MANAGER, admit=labelled)
        self._event(at + 100 * MILLISECOND, "cronjob-controller", cron_job, "SuccessfulCreate", f"Created job {name}")
        made = {key: job["metadata"][key] for key in ("namespace", "name", "uid")}
        version = {"apiVersion": "batch/v1", "resourceVersion": job["metadata"]["resourceVersion"]}
        status = {"active": [{"kind": "Job", **made, **version}], "lastScheduleTime": second_time(at)}
        self.server.update(at + 104 * MILLISECOND, author, cron_job, MANAGER, {"status": status}, "status")
        pod = self.pod(at + 120 * MILLISECOND, "job-controller", job)
        self.site.schedule.at(at + 9 * SECOND, lambda later: self._completed(later, job, pod))

    def _completed(self, at: int, job: Json, pod: Json) -> None:
        current = self.server.objects["Pod", pod["metadata"]["namespace"], pod["metadata"]["name"]]
        self.status(at, pod, {**current["status"], "phase": "Succeeded"})
        author = self.site.controller("job-controller")
        status = {"startTime": job["metadata"]["creationTimestamp"], "completionTime": second_time(at), "succeeded": 1}
        conditions = [
            {
                "type": "Complete",
                "status": "True",
                "lastTransitionTime": second_time(at),
                "reason": "CompletionsReached",
            }
        ]
        changed = {
            "status": {"conditions": conditions, **status, "terminating": 0, "uncountedTerminatedPods": {}, "ready": 0}
        }
        self.server.update(at + 30 * MILLISECOND, author, job, MANAGER, changed, "status")

    def _replica_set(self, workload: Json) -> Json:
        meta, spec = workload["metadata"], workload["spec"]
        mark = ending(10, "template", self.site.name, meta["uid"], meta["resourceVersion"])
        labels = {**spec["selector"]["matchLabels"], "pod-template-hash": mark}
        notes = {"desired-replicas": str(spec["replicas"]), "max-replicas": str(spec["replicas"] + 1), "revision": "7"}
        template = {"metadata": {**spec["template"]["metadata"], "labels": labels}, "spec": spec["template"]["spec"]}
        return body(
            "ReplicaSet",
            f"{meta['name']}-{mark}",
            meta["namespace"],
            meta={
                "labels": labels,
                "annotations": {f"deployment.kubernetes.io/{key}": value for key, value in notes.items()},
                "ownerReferences": owner(workload),
            },
            spec={"replicas": spec["replicas"], "selector": {"matchLabels": labels}, "template": template},
            status={"replicas": 0},
        )

    def _pod(self, parent: Json, node_name: str = "") -> Json:
        meta, template = parent["metadata"], parent["spec"]["template"]
        labels: Mapping[str, str] = template["metadata"].get("labels", {})
        spec = {**template["spec"], "enableServiceLinks": True}
        if parent["kind"] == "DaemonSet":
            labels = {
                "controller-revision-hash": ending(10, "revision", meta["uid"]),
                **labels,
                "pod-template-generation": "1",
            }
            spec["affinity"] = pinned(node_name)
        finalizers = ["batch.kubernetes.io/job-tracking"] if parent["kind"] == "Job" else []
        made = {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": owner(parent),
            "finalizers": finalizers,
        }
        return {"kind": "Pod", "apiVersion": "v1", "metadata": ordered(made), "spec": spec, "status": {}}

    def _event(self, at: int, author: str, about: Json, reason: str, message: str) -> None:
        client = self.site.controller(author)
        self.server.create(at, client, event(author, at, about, reason, message), MANAGER)

    def _endpoints(self, at: int, pod: Json) -> None:
        meta = pod["metadata"]
        service = meta["labels"].get("app", "")
        for held in self.server.find("EndpointSlice", meta["namespace"], f"{service}-"):
            target = {"kind": "Pod", **{key: meta[key] for key in ("namespace", "name", "uid")}}
            current = self.server.objects["Pod", meta["namespace"], meta["name"]]
            ready = {"ready": True, "serving": True, "terminating": False}
            addresses = [current["status"]["podIP"]]
            entry = {
                "addresses": addresses,
                "conditions": ready,
                "targetRef": target,
                "nodeName": pod["spec"]["nodeName"],
            }
            changed = {"endpoints": [*held["endpoints"][:1], entry]}
            self.server.update(at, self.site.controller("endpointslice-controller"), held, MANAGER, changed)
