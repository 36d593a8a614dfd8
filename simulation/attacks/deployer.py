"""Somebody who puts objects into a cluster with a tool, changes them, and takes them out again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from simulation.attacks.scene import Scene
from simulation.clock import MILLISECOND, SECOND, second_time
from simulation.json import Json
from simulation.kubernetes import namespaces
from simulation.kubernetes.fields import owned
from simulation.kubernetes.jobs import run_job
from simulation.kubernetes.kubectl import LAST_APPLIED
from simulation.kubernetes.objects import ordered
from simulation.kubernetes.pod_specs import admitted
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life

STRICT = "fieldValidation=Strict"
CREATE, APPLY, SERVER, HELM = "create", "apply", "server-side", "helm"
"""How objects are made: kubectl create, kubectl apply, the same on the server's side, and Helm."""
QUERIES = {
    CREATE: f"fieldManager=kubectl-create&{STRICT}",
    APPLY: f"fieldManager=kubectl-client-side-apply&{STRICT}",
    SERVER: f"fieldManager=kubectl&{STRICT}&force=false",
    HELM: "fieldManager=helm",
}
BACKGROUND = {"propagationPolicy": "Background"}
WORKLOADS = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "StatefulSet"})


class Deployer:
    """Somebody with a tool; what he makes is part of the scene.

    Parameters
    ----------
    scene
        The episode.
    client
        As whom he acts.
    tool
        How objects are made: `CREATE`, `APPLY`, `SERVER` or `HELM`.
    """

    def __init__(self, scene: Scene, client: Client, tool: str = APPLY) -> None:
        self.scene = scene
        self.api = scene.api
        self.client = replace(client, agent="Helm/3.19.0") if tool == HELM else client
        self.tool = tool
        self.made: list[tuple[str, str, str]] = []
        self.workloads: dict[tuple[str, str, str], Workload] = {}

    # Making.

    def make(self, sent: Json, *raises: str, added: Json | None = None) -> Json:
        """An object; workloads get their pods."""
        if self.tool == HELM and not any(kind != "Namespace" for kind, _, _ in self.made):
            self._keep_release(sent["metadata"])
        self.made.append(_place(sent))
        if self.tool in {APPLY, HELM}:
            self.api.miss(self.client, "get", _target(sent), mark=self.scene.mark())
        if sent["kind"] == "Pod":
            added = {"spec": admitted(sent["spec"], self.scene.chance.ending(5))}
        sent = _annotated(sent) if self.tool == APPLY else sent
        ask = self.api.apply if self.tool == SERVER else self.api.create
        held = ask(self.client, sent, query=QUERIES[self.tool], added=added, mark=self.scene.mark(*raises))
        if sent["kind"] == "Pod":
            held["spec"] = sent["spec"]
        if sent["kind"] in WORKLOADS:
            self._start(held)
        return held

    def _keep_release(self, meta: Json) -> None:
        """Helm looks for the release, finds none, and keeps what it is about to install in a Secret."""
        namespace = meta.get("namespace", "default")
        name = meta.get("annotations", {}).get("meta.helm.sh/release-name", meta["name"])
        selector = f"labelSelector=name%3D{name}%2Cowner%3Dhelm"
        self.scene.read(self.client, "list", Target("Secret", namespace, query=selector))
        target = Target("Secret", namespace, f"sh.helm.release.v1.{name}.v1", unnamed=True)
        self.api.record(self.client, "create", target, code=201, mark=self.scene.mark())

    def _start(self, held: Json) -> None:
        workload = Workload(self.scene.cluster, held, author=self.client, mark=self.scene.mark())
        self.workloads[_place(held)] = workload
        workload.deploy()
        if held["kind"] == "CronJob":
            self.scene.cluster.start(run_job(workload, 40), 20 * SECOND)

    def namespace(self, name: str) -> Life:
        """A namespace, and what the cluster puts into every new one."""
        self.made.append(("Namespace", "", name))
        query, mark = QUERIES[CREATE if self.tool == HELM else self.tool], self.scene.mark()
        yield from namespaces.make(self.scene.cluster, self.client, name, query=query, mark=mark)

    # Changing.

    def now(self, held: Json) -> Json:
        """The object as the server holds it now."""
        return self.api.held(*_place(held)) or held

    def patch(
        self,
        held: Json,
        patch: Any,
        changed: Json,
        *raises: str,
        manager: str = "kubectl-patch",
        owns: Json | None = None,
    ) -> Json:
        """`kubectl patch` of any type (or edit, set env, label, by the manager's name): read, then changed.

        `patch` is what is sent, `changed` the parts of the object as they are then, `owns` what of them the manager
        sets, if that is not all.
        """
        held = self.now(held)
        self.api.read(self.client, "get", _target(held), mark=self.scene.mark())
        fields = owned(owns or changed, list(owns or changed))
        options = {"query": f"fieldManager={manager}", "fields": fields, "mark": self.scene.mark(*raises)}
        return self._follow(self.api.patch(self.client, held, patch, changed, **options), changed)

    def reapply(self, held: Json, sent: Json, changed: Json, *raises: str, manager: str = "kubectl") -> Json:
        """Server-side apply to an object that is there; nothing in `changed` leaves it as it was."""
        query = f"fieldManager={manager}&{STRICT}&force=true"
        fields = owned(sent, [part for part in sent if part != "status"])
        options = {"query": query, "operation": "Apply", "fields": fields, "mark": self.scene.mark(*raises)}
        return self._follow(self.api.patch(self.client, self.now(held), sent, changed, **options), changed)

    def replace(self, held: Json, changed: Json, *raises: str) -> Json:
        """`kubectl replace`: read, and the whole object sent back."""
        held = self.now(held)
        self.api.read(self.client, "get", _target(held), mark=self.scene.mark())
        query, mark = f"fieldManager=kubectl-replace&{STRICT}", self.scene.mark(*raises)
        return self._follow(self.api.update(self.client, held, changed, query=query, mark=mark), changed)

    def _follow(self, held: Json, changed: Json) -> Json:
        workload = self.workloads.get(_place(held))
        if workload is not None and "spec" in changed:
            self.scene.cluster.start(workload.roll_out(held))
        return held

    # Taking out.

    def remove(self, held: Json, *raises: str, by: Client | None = None) -> None:
        """`kubectl delete` of one object, and what follows from it."""
        client, place, mark = by or self.client, _place(held), self.scene.mark(*raises)
        if place in self.made:
            self.made.remove(place)
        found = self.api.held(*place)
        workload = self.workloads.pop(place, None)
        if held["kind"] == "Namespace":
            life = namespaces.delete(self.scene.cluster, client, held["metadata"]["name"], mark=mark)
            self.scene.cluster.start(life)
        elif found is None:
            return
        elif "service.kubernetes.io/load-balancer-cleanup" in found["metadata"].get("finalizers", ()):
            self._release(client, found, mark)
        else:
            self.api.delete(client, found, BACKGROUND, mark=mark)
            self.api.forget(found)
        if workload is not None:
            workload.dissolve()

    def _release(self, client: Client, held: Json, mark: Any) -> None:
        fresh = {"deletionTimestamp": second_time(self.scene.now), "resourceVersion": self.api.next_version()}
        marked = {**held["metadata"], **fresh}
        leaving = {**held, "metadata": ordered(marked)}
        request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **BACKGROUND}
        self.api.record(client, "delete", _target(held), request=request, response=leaving, mark=mark)
        self.api.forget(held)
        cleared = {**leaving, "metadata": ordered({**marked, "finalizers": ()})}
        self.scene.cluster.start(_released(self.scene, cleared), self.scene.chance.between(3, 20) * SECOND)

    def leave(self, after: int, *raises: str, by: Client | None = None) -> Life:
        """After a while everything that he made and that is still there is removed, the last first."""
        yield after
        for place in reversed(list(self.made)):
            held = self.api.held(*place)
            if held is None:
                continue
            if held["kind"] == "Namespace":
                # Load balancers must be gone before a namespace can be.
                yield 25 * SECOND
            self.remove(held, *raises, by=by)
            yield self.scene.chance.between(200, 900) * MILLISECOND
        self.made.clear()


def balancer(scene: Scene) -> Client:
    """The controller that makes load balancers for Services, in the cloud's controller manager."""
    known = scene.cluster.identities.controller("service-controller")
    return replace(known, agent=known.agent.replace("kube-controller-manager", "cloud-controller-manager", 1))


def _released(scene: Scene, cleared: Json) -> Life:
    request = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["service.kubernetes.io/load-balancer-cleanup"]}}
    target = _target(cleared, "status")
    scene.api.record(balancer(scene), "patch", target, request=request, response=cleared, mark=scene.mark())
    yield 0


def _place(held: Json) -> tuple[str, str, str]:
    meta = held["metadata"]
    return held["kind"], meta.get("namespace", ""), meta["name"]


def _target(held: Json, subresource: str = "", query: str = "") -> Target:
    kind, namespace, name = _place(held)
    return Target(kind, name if kind == "Namespace" else namespace, name, subresource, query)


def _annotated(sent: Json) -> Json:
    meta = sent["metadata"]
    shown = {key: value for key, value in sent.items() if key != "status"}
    text = json.dumps(shown, separators=(",", ":"), sort_keys=True)
    notes = {LAST_APPLIED: f"{text}\n", **meta.get("annotations", {})}
    return {**sent, "metadata": ordered({**meta, "annotations": notes})}
