"""What kubectl sends for its commands, and what the node's sensor sees of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from simulation.clock import MILLISECOND, second_time
from simulation.json import Json
from simulation.kubernetes.identities import EVERYBODY
from simulation.kubernetes.kinds import KINDS
from simulation.kubernetes.objects import body, present
from simulation.kubernetes.requests import Client, Target

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.kubernetes.pods import Pod
    from simulation.kubernetes.workloads import Workload
    from simulation.sensors.processes import Program

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
STRICT = "fieldValidation=Strict"
SERVERS_OWN = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"})


class Kubectl:
    """Somebody's kubectl.

    Parameters
    ----------
    cluster
        Which it talks to.
    client
        As whom.
    """

    def __init__(self, cluster: Cluster, client: Client) -> None:
        self.cluster = cluster
        self.api = cluster.api
        self.client = client

    # Looking.

    def discover(self) -> None:
        """It forgot what kinds there are."""
        for path in ("/api", "/apis"):
            self.api.record(self.client, "get", Target(path=path, query="timeout=32s"))

    def get(self, kind: str, namespace: str = "", name: str = "", *, query: str = "limit=500") -> None:
        """`kubectl get` of one object, or of all of a kind."""
        if name:
            self.api.record(self.client, "get", Target(kind, namespace, name))
        else:
            self.api.read(self.client, "list", Target(kind, namespace, query=query))

    def describe(self, pod: Pod) -> None:
        """`kubectl describe pod`: the pod, and the Events about it."""
        self.get("Pod", pod.namespace, pod.name)
        about = {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid}
        selector = quote(",".join(f"involvedObject.{key}={value}" for key, value in about.items()))
        query = f"fieldSelector={selector}&limit=500"
        self.api.record(self.client, "list", Target("Event", pod.namespace, query=query))

    def logs(self, workload: Workload, pod: Pod, seconds: float = 0.1, options: str = "tailLines=200") -> None:
        """`kubectl logs`."""
        self.get("Pod", pod.namespace, pod.name)
        query = f"container={workload.spec['containers'][0]['name']}&{options}"
        self.api.stream(self.client, "get", Target("Pod", pod.namespace, pod.name, "log", query), seconds, code=200)

    def status(self, workload: Workload, seconds: float = 30) -> None:
        """`kubectl rollout status`: it watches one object until all is well."""
        target = Target(workload.kind, workload.namespace, workload.name)
        self.api.read(self.client, "get", target)
        selector = f"fieldSelector={quote(f'metadata.name={workload.name}')}"
        only = replace(target, query=f"{selector}&limit=500&resourceVersion=0", unnamed=True)
        self.api.record(self.client, "list", only)
        query = f"allowWatchBookmarks=true&{selector}&timeoutSeconds=412&watch=true"
        self.api.watch(self.client, replace(target, query=query, unnamed=True), seconds)

    def can_i(self, verb: str, kind: str, namespace: str, *, allowed: bool = True) -> None:
        """`kubectl auth can-i`."""
        anybody = replace(self.client, reason=EVERYBODY)
        self.api.record(anybody, "get", Target(path="/api/v1" if not KINDS[kind].group else f"/apis/{KINDS[kind].api}"))
        asked = present(namespace=namespace, verb=verb, group=KINDS[kind].group, resource=KINDS[kind].resource)
        review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
        review["spec"] = {"resourceAttributes": asked}
        answer = {"allowed": True, "reason": self.client.reason} if allowed else {"allowed": False}
        request = {**review, "status": {"allowed": False}}
        bodies: dict[str, Any] = {"request": request, "response": {**review, "status": answer}}
        self.api.record(anybody, "create", Target("SelfSubjectAccessReview"), code=201, **bodies)

    # Changing.

    def apply(self, held: Json, changed: Json) -> Json:
        """`kubectl apply` of an object that is there: it only reads if nothing is to be changed."""
        self.api.read(self.client, "get", _target(held))
        if not changed:
            return held
        sent = {**applied(held), **changed}
        noted = {LAST_APPLIED: f"{json.dumps(sent, separators=(',', ':'), sort_keys=True)}\n"}
        patch = {"metadata": {"annotations": noted}, **changed}
        notes = {**held["metadata"].get("annotations", {}), **noted}
        query = f"fieldManager=kubectl-client-side-apply&{STRICT}"
        return self.api.patch(self.client, held, patch, {**changed, "metadata": {"annotations": notes}}, query=query)

    def try_out(self, held: Json, changed: Json, *, server_side: bool = False) -> None:
        """`kubectl apply --dry-run=server`, or `kubectl diff`: the server says what would be, and nothing is."""
        self.api.read(self.client, "get", _target(held))
        would_be = {**held, **changed}
        manager = f"kubectl&{STRICT}&force=false" if server_side else f"kubectl-client-side-apply&{STRICT}"
        target = replace(_target(held), query=f"dryRun=All&fieldManager={manager}")
        patch = {**applied(held), **changed} if server_side else changed
        self.api.record(self.client, "patch", target, request=patch, response=would_be)

    def apply_on_server(self, held: Json, changed: Json, manager: str = f"kubectl&{STRICT}&force=false") -> Json:
        """`kubectl apply --server-side`: a patch, also if it changes nothing."""
        options = {"operation": "Apply", "query": f"fieldManager={manager}"}
        return self.api.patch(self.client, held, {**applied(held), **changed}, changed, **options)

    def edit(self, held: Json, patch: Json, changed: Json, command: str = "edit") -> Json:
        """`kubectl edit`, `set image`, `annotate`, ...: a get and a patch."""
        self.api.read(self.client, "get", _target(held))
        strict = f"&{STRICT}" if command in {"edit", "annotate"} else ""
        return self.api.patch(self.client, held, patch, changed, query=f"fieldManager=kubectl-{command}{strict}")

    def restart(self, workload: Workload) -> Json:
        """`kubectl rollout restart`: a note in the template; whoever asks lets the workload roll out."""
        held = workload.held()
        note = {"kubectl.kubernetes.io/restartedAt": second_time(self.cluster.now)}
        template = held["spec"]["template"]
        meta = {**template["metadata"], "annotations": {**template["metadata"].get("annotations", {}), **note}}
        spec = {**held["spec"], "template": {**template, "metadata": meta}}
        patch = {"spec": {"template": {"metadata": {"annotations": note}}}}
        return self.edit(held, patch, {"spec": spec}, "rollout")

    def scale(self, workload: Workload, replicas: int) -> None:
        """`kubectl scale`: a patch of the subresource; the workload follows."""
        held = workload.held()
        self.api.read(self.client, "get", _target(held))
        known = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        meta = {key: held["metadata"][key] for key in known}
        status = {"replicas": len(workload.pods), "selector": f"app={workload.name}"}
        answer = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": {"replicas": replicas}}
        target = replace(_target(held), subresource="scale")
        bodies: dict[str, Any] = {"request": {"spec": {"replicas": replicas}}, "response": {**answer, "status": status}}
        self.api.record(self.client, "patch", target, **bodies)
        workload.scale(replicas)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """`kubectl delete` of something that is there."""
        held = self.api.held(kind, namespace, name)
        if held is not None:
            self.api.delete(self.client, held, {"propagationPolicy": "Background"})

    # Into pods.

    def forward(self, pod: Pod, seconds: float) -> None:
        """`kubectl port-forward`."""
        self.get("Pod", pod.namespace, pod.name)
        self.api.stream(self.client, "get", Target("Pod", pod.namespace, pod.name, "portforward"), seconds)

    def execute(
        self, workload: Workload, pod: Pod, command: Sequence[str], seconds: float, *, terminal: bool = False
    ) -> Program | None:
        """`kubectl exec`: the server sees who asks for what, the node's sensor what runs. None: nothing runs yet."""
        self.get("Pod", pod.namespace, pod.name)
        names = "&".join(f"command={quote_plus(part)}" for part in command)
        container = workload.spec["containers"][0]["name"]
        streams = "stdin=true&stdout=true&tty=true" if terminal else "stderr=true&stdout=true"
        target = Target("Pod", pod.namespace, pod.name, "exec", f"{names}&container={container}&{streams}")
        self.api.stream(self.client, "get", target, seconds)
        if pod.main is None or pod.main.container is None:
            return None
        fields: dict[str, Any] = {"container": pod.main.container, "uid": pod.main.uid, "cwd": "/"}
        shim = pod.machine.shim(pod.main.container)
        return pod.machine.run(shim, command, seconds, after=120 * MILLISECOND, **fields)


def applied(held: Json) -> Json:
    """An object as it lies in a repository: without what the server adds."""
    notes = {key: note for key, note in held["metadata"].get("annotations", {}).items() if key != LAST_APPLIED}
    meta = {key: part for key, part in held["metadata"].items() if key not in SERVERS_OWN | {"annotations", "name"}}
    name, namespace = held["metadata"]["name"], meta.pop("namespace", "")
    parts = {key: part for key, part in held.items() if key not in {"kind", "apiVersion", "metadata", "status"}}
    return body(held["kind"], name, namespace, meta={**meta, "annotations": notes}, **parts)


def with_image(held: Json, image: str) -> Json:
    """The spec of a workload with another image in its first container."""
    spec = held["spec"]
    if held["kind"] == "CronJob":
        inner = with_image({"kind": "Job", "spec": spec["jobTemplate"]["spec"]}, image)
        return {**spec, "jobTemplate": {**spec["jobTemplate"], "spec": inner}}
    template = spec["template"]
    first, *others = template["spec"]["containers"]
    pod = {**template["spec"], "containers": [{**first, "image": image}, *others]}
    return {**spec, "template": {**template, "spec": pod}}


def _target(held: Json) -> Target:
    meta = held["metadata"]
    return Target(held["kind"], meta.get("namespace", ""), meta["name"])
