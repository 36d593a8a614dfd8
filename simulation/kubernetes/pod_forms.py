"""The audit events of a pod's life, each written once for all pods of a workload."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulation.clock import second_time
from simulation.json import Json
from simulation.kubernetes.conditions import pinned
from simulation.kubernetes.fields import merged, owned
from simulation.kubernetes.identities import Identities
from simulation.kubernetes.objects import event, ordered, owner, scheduling, stored
from simulation.kubernetes.pod_specs import admitted
from simulation.kubernetes.requests import Client, Target
from simulation.stencil import hole

if TYPE_CHECKING:
    from simulation.kubernetes.apiserver import ApiServer
    from simulation.kubernetes.audit_log import Form
    from simulation.kubernetes.pods import Pod

CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
SUCCESS: Json = {"metadata": {}, "status": "Success", "code": 201}


class PodForms:
    """The events of a pod's life, with holes for what differs between the pods of one template.

    Parameters
    ----------
    api, identities
        Of the cluster.
    parent
        The object that owns the pods, as it is held; None: somebody makes bare pods.
    namespace, name
        Of the pods; the name is what generated names begin with.
    template
        Metadata and spec.
    author
        Who makes the pods.
    component
        Who says so in an Event, such as `replicaset-controller`; empty: nobody.
    """

    def __init__(
        self,
        api: ApiServer,
        identities: Identities,
        parent: Json | None,
        namespace: str,
        name: str,
        template: Json,
        author: Client,
        component: str,
    ) -> None:
        self.api = api
        self.namespace = namespace
        self.identities = identities
        self.author = author
        self.sent = _sent(parent, namespace, name, template)
        self.full = stored(
            self.sent, name=hole("pod"), uid=hole("pod_uid"), version=hole("version"), created=hole("created")
        )
        self.full["spec"] = admitted(self.full["spec"], hole("volume"))
        kubelet = identities.kubelet()
        self.created = self._created()
        self.told = self._event(author, component, parent, "SuccessfulCreate", f"Created pod: {hole('pod')}")
        self.bound = self._bound()
        self.scheduled = self._scheduled()
        self.token = self._token(kubelet)
        self.steps = self._steps(kubelet)
        self.running = self._status(kubelet, "Running")
        self.succeeded = self._status(kubelet, "Succeeded")
        self.seen = api.form(kubelet, "get", Target("Pod", namespace, hole("pod")))
        self.ending = self.deletion(author, {})
        self.gone = self.deletion(kubelet, {"gracePeriodSeconds": 0, "preconditions": {"uid": hole("pod_uid")}})
        self.collected: Form | None = None
        """Of a Job's pod: the Job is gone."""
        self.untracked: Form | None = None
        """Of a Job's pod: it has been counted."""
        if parent is not None and parent["kind"] == "Job":
            self._of_job()

    def _of_job(self) -> None:
        collector = self.identities.controller("generic-garbage-collector")
        uid = {"preconditions": {"uid": hole("pod_uid")}, "propagationPolicy": "Background"}
        self.collected = self.deletion(collector, uid)
        finalizers = {"$deleteFromPrimitiveList/finalizers": ["batch.kubernetes.io/job-tracking"]}
        self.untracked = self._status(self.author, "Succeeded", {"metadata": finalizers})

    def _created(self) -> Form:
        target = Target("Pod", self.namespace, self.sent["metadata"].get("name", ""), unnamed=True)
        held = {**self.full, "metadata": self._owned(self.full)}
        held["status"] = {"phase": "Pending", "qosClass": "Burstable"}
        return self.api.form(self.author, "create", target, code=201, request=self.sent, response=held)

    def _owned(self, held: Json, *more: Json) -> Json:
        manager = self.author.agent.partition("/")[0]
        entry = _entry(manager, "v1", owned(self.sent, [part for part in self.sent if part != "status"]))
        return ordered({**held["metadata"], "managedFields": [entry, *more]})

    def _bound(self) -> Form:
        scheduler = self.identities.component("kube-scheduler", "scheduler")
        meta = {"name": hole("pod"), "namespace": self.namespace, "uid": hole("pod_uid")}
        node = {"kind": "Node", "name": hole("node")}
        request = {"kind": "Binding", "apiVersion": "v1", "metadata": meta, "target": node}
        response = {"kind": "Status", "apiVersion": "v1", **SUCCESS}
        target = Target("Pod", self.namespace, hole("pod"), "binding", uid=hole("pod_uid"))
        answer = {"code": 201, "status": SUCCESS, "request": request, "response": response}
        return self.api.form(scheduler, "create", target, **answer)

    def _scheduled(self) -> Form | None:
        scheduler = self.identities.component("kube-scheduler", "scheduler")
        sent = scheduling(self.full, hole("node"), moment=hole("received"), mark=hole("event_mark"))
        return self._tell(scheduler, "events.k8s.io/Event", sent)

    def _token(self, kubelet: Client) -> Form:
        target = Target("ServiceAccount", self.namespace, self.full["spec"]["serviceAccountName"], "token")
        issued = {"authentication.kubernetes.io/issued-credential-id": f"JTI={hole('token')}"}
        return self.api.form(kubelet, "create", target, code=201, annotations=issued)

    def _steps(self, kubelet: Client) -> list[Form | None]:
        first = self.full["spec"]["containers"][0]
        steps = (
            ("Pulled", f'Container image "{first["image"]}" already present on machine'),
            ("Created", f"Created container: {first['name']}"),
            ("Started", f"Started container {first['name']}"),
        )
        return [self._event(kubelet, "kubelet", self.full, reason, told, host=hole("node")) for reason, told in steps]

    def _status(self, client: Client, phase: str, patch: Json | None = None) -> Form:
        placed = {**self.full, "spec": {**self.full["spec"], "nodeName": hole("node")}}
        status = _status(placed["spec"]["containers"], phase)
        order = [{"type": condition["type"]} for condition in status["conditions"]]
        said = {"metadata": {"uid": hole("pod_uid")}, "status": {"$setElementOrder/conditions": order, **status}}
        entry = _entry("kubelet", "v1", owned({"status": status}, ["status"]), "status")
        held = {**placed, "metadata": self._owned(placed, entry), "status": status}
        if patch is not None:
            held["metadata"] = {key: value for key, value in held["metadata"].items() if key != "finalizers"}
        target = Target("Pod", self.namespace, hole("pod"), "status" if patch is None else "")
        return self.api.form(client, "patch", target, request=said if patch is None else patch, response=held)

    def deletion(self, client: Client, options: Json) -> Form:
        """Somebody deletes a pod."""
        placed = {**self.full, "spec": {**self.full["spec"], "nodeName": hole("node")}}
        status = _status(placed["spec"]["containers"], "Running")
        entry = _entry("kubelet", "v1", owned({"status": status}, ["status"]), "status")
        meta = {**self._owned(placed, entry), "deletionTimestamp": hole("now"), "deletionGracePeriodSeconds": 30}
        request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **options}
        response = {**placed, "metadata": ordered(meta), "status": status}
        target = Target("Pod", self.namespace, hole("pod"))
        return self.api.form(client, "delete", target, request=request, response=response)

    def _event(
        self, client: Client, component: str, about: Json | None, reason: str, message: str, *, host: str = ""
    ) -> Form | None:
        if not component or about is None:
            return None
        mark = {"stamp": hole("now"), "mark": hole("event_mark")}
        return self._tell(client, "Event", event(component, about, reason, message, host=host, **mark))

    def _tell(self, client: Client, kind: str, sent: Json) -> Form:
        name = sent["metadata"]["name"]
        made = stored(sent, name=name, uid=hole("event_uid"), version=hole("version"), created=hole("now"))
        manager = client.agent.partition("/")[0]
        entry = _entry(manager, sent["apiVersion"], owned(sent, [part for part in sent if "deprecated" not in part]))
        made["metadata"] = ordered({**made["metadata"], "managedFields": [entry]})
        target = Target(kind, self.namespace, name, unnamed=True)
        return self.api.form(client, "create", target, code=201, request=sent, response=made)

    def send(self, form: Form | None, pod: Pod, **options: Any) -> None:
        """Send one of these requests for a pod, now."""
        if form is None:
            return
        # A pod of an earlier template may have fewer containers than this one tells of.
        for place in range(len(self.full["spec"]["containers"])):
            pod.container_id(place)
        now = self.api.schedule.now
        values = {
            **pod.values,
            "version": self.api.next_version(),
            "now": second_time(now),
            "event_mark": f"{now * 1000 + self.api.version % 1000:x}",
            "event_uid": pod.uid[:-4] + f"{self.api.version & 0xFFFF:04x}",
        }
        self.api.send(form, values, **options)


def _entry(manager: str, api: str, fields: Json, subresource: str = "") -> Json:
    entry = {"manager": manager, "operation": "Update", "apiVersion": api, "time": hole("created")}
    rest = {"fieldsType": "FieldsV1", "fieldsV1": merged(fields, {})}
    return {**entry, **rest, **({"subresource": subresource} if subresource else {})}


def _sent(parent: Json | None, namespace: str, name: str, template: Json) -> Json:
    labels: Mapping[str, str] = template["metadata"].get("labels", {})
    spec = {**template["spec"], "enableServiceLinks": True}
    finalizers: list[str] = []
    named = {"generateName": f"{name}-"}
    if parent is None:
        named = {"name": hole("pod")}
    elif parent["kind"] == "DaemonSet":
        labels = {"controller-revision-hash": _hash(template), **labels, "pod-template-generation": "1"}
        spec["affinity"] = pinned(hole("node"))
    elif parent["kind"] == "StatefulSet":
        named = {"name": hole("pod"), "generateName": f"{name}-"}
        labels = {**labels, "controller-revision-hash": f"{name}-{_hash(template)}"}
    elif parent["kind"] == "Job":
        finalizers = ["batch.kubernetes.io/job-tracking"]
    owners = owner(parent) if parent is not None else []
    annotations = template["metadata"].get("annotations", {})
    meta = {**named, "namespace": namespace, "labels": labels, "annotations": annotations}
    made = {**meta, "ownerReferences": owners, "finalizers": finalizers}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": ordered(made), "spec": spec, "status": {}}


def _hash(template: Json) -> str:
    return hashlib.sha256(repr(template).encode()).hexdigest()[:10]


def _status(containers: list[Json], phase: str) -> Json:
    is_done = phase == "Succeeded"
    ready = "False" if is_done else "True"
    return {
        "phase": phase,
        "conditions": [
            {
                "type": kind,
                "status": ready if "Ready" in kind else "True",
                "lastProbeTime": None,
                "lastTransitionTime": hole("now"),
            }
            for kind in CONDITIONS
        ],
        "hostIP": hole("node_ip"),
        "podIP": hole("ip"),
        "podIPs": [{"ip": hole("ip")}],
        "startTime": hole("created"),
        "containerStatuses": [_container_status(item, place, is_done=is_done) for place, item in enumerate(containers)],
        "qosClass": "Burstable",
    }


def _container_status(item: Json, place: int, *, is_done: bool) -> Json:
    digest = hashlib.sha256(item["image"].encode()).hexdigest()
    identifier = f"containerd://{hole(f'container_{place}')}"
    done = {"exitCode": 0, "reason": "Completed", "startedAt": hole("created"), "finishedAt": hole("now")}
    state = {"terminated": {**done, "containerID": identifier}} if is_done else {"running": {"startedAt": hole("now")}}
    return {
        "name": item["name"],
        "state": state,
        "lastState": {},
        "ready": not is_done,
        "restartCount": 0,
        "image": item["image"],
        "imageID": f"{item['image'].rpartition(':')[0]}@sha256:{digest}",
        "containerID": identifier,
        "started": not is_done,
    }
