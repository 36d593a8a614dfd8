"""Episodes in which somebody starts a workload: in tables, one for each alert type."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from simulation.attacks.intruders import RARE, in_use, leaked, outside
from simulation.attacks.register import Play, enter
from simulation.attacks.scene import CREATED, Scene
from simulation.clock import HOUR, SECOND
from simulation.json import Json
from simulation.kubernetes.jobs import run_job
from simulation.kubernetes.objects import body, daemon_set, deployment, job_spec, stateful_set
from simulation.kubernetes.pod_specs import admitted
from simulation.kubernetes.requests import Client
from simulation.kubernetes.workloads import Workload
from simulation.labels import Variant
from simulation.schedule import Life

Spec: TypeAlias = Callable[[Scene], Json]
"""Gives the pod's spec; it may make what the pod refers to."""
APPLY = "apply"
"""Instead of a create's query: a server-side apply."""
DRY_RUN = f"dryRun=All&{CREATED}"


def manifest(kind: str, namespace: str, name: str, spec: Json) -> Json:
    """An object of this kind whose pods have this spec."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": spec}
    if kind == "Pod":
        return body("Pod", name, namespace, meta={"labels": labels}, spec=spec, status={})
    if kind == "Deployment":
        return deployment(namespace, name, spec, replicas=1)
    if kind == "StatefulSet":
        return stateful_set(namespace, name, spec)
    if kind == "DaemonSet":
        return daemon_set(namespace, name, labels, spec)
    if kind == "ReplicationController":
        parts = {"replicas": 1, "selector": labels, "template": template}
        return body(kind, name, namespace, meta={"labels": labels}, spec=parts, status={"replicas": 0})
    if kind == "PodTemplate":
        return body(kind, name, namespace, meta={"labels": labels}, template=template)
    once = {**spec, "restartPolicy": "Never"}
    if kind == "Job":
        return body(kind, name, namespace, meta={"labels": labels}, spec=job_spec(once), status={})
    timed = {"schedule": "17 * * * *", "concurrencyPolicy": "Allow", "suspend": False}
    jobs = {"metadata": {}, "spec": {"template": {**template, "spec": once}}}
    limits = {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
    return body("CronJob", name, namespace, meta={"labels": labels}, spec={**timed, "jobTemplate": jobs, **limits})


def launch(
    scene: Scene, client: Client, sent: Json, *raises: str, query: str = CREATED, processes: Sequence[str] = ()
) -> Workload:
    """A labelled create or apply of a workload, and what its controllers and the nodes make of it.

    `processes` are the alert types that its processes should raise.
    """
    is_pod, mark = sent["kind"] == "Pod", scene.mark(*raises)
    added = {"spec": admitted(sent["spec"], scene.chance.ending(5))} if is_pod else None
    if query == APPLY:
        held = scene.api.apply(client, sent, added=added, mark=mark)
    else:
        held = scene.api.create(client, sent, query=query, added=added, mark=mark)
    if is_pod:
        held["spec"] = sent["spec"]
    workload = Workload(scene.cluster, held, author=client, mark=scene.mark())
    workload.processes = scene.mark(*processes) if processes else None
    if sent["kind"] != "PodTemplate":
        workload.deploy()
    if sent["kind"] == "CronJob":
        scene.cluster.start(run_job(workload, 40), 20 * SECOND)
    return workload


def take_away(scene: Scene, client: Client, workload: Workload) -> None:
    """Somebody deletes a workload, and the cluster clears up after it."""
    held = scene.api.held(workload.kind, workload.namespace, workload.name)
    if held is None:
        return
    if workload.kind == "Pod":
        workload.remove_pod(by=client)
        scene.api.forget(held)
        return
    scene.api.delete(client, held, {"propagationPolicy": "Background"}, mark=scene.mark())
    if workload.forms is not None:
        workload.dissolve()


@dataclass(frozen=True)
class Launch:
    """Somebody starts a workload."""

    name: str
    """Of the episode."""
    story: str
    spec: Spec
    kind: str = "Pod"
    called: str = ""
    """Name of the object."""
    namespace: str = ""
    """Empty: a team's."""
    query: str = CREATED
    account: bool = False
    """By a stolen service account; else by a stolen kubeconfig. Near misses are by people."""
    processes: tuple[str, ...] = ()
    """Alert types that its processes should raise."""

    def play(self, scene: Scene, *raises: str) -> Life:
        """Start it, and after some hours take it away."""
        chance = scene.chance
        client = self._client(scene)
        namespace = self.namespace or chance.pick(scene.cluster.teams)
        name = (
            self.called or f"{chance.pick(('web', 'sync', 'helper', 'agent', 'tools', 'metrics'))}-{chance.ending(4)}"
        )
        yield scene.pause()
        sent = manifest(self.kind, namespace, name, self.spec(scene))
        if "dryRun" in self.query:
            scene.create(client, sent, query=self.query)
            return
        rare = (RARE,) if self.account else ()
        workload = launch(scene, client, sent, *raises, *rare, query=self.query, processes=self.processes)
        yield chance.between(2 * HOUR, 6 * HOUR)
        take_away(scene, scene.person(admin=True), workload)

    def _client(self, scene: Scene) -> Client:
        if scene.episode.variant is Variant.NEAR_MISS:
            return scene.person(admin=True)
        return outside(scene, in_use(scene)) if self.account else leaked(scene)


def launches(alert_type: str, variant: Variant, *found: Launch) -> None:
    """Register an episode for each of these."""
    for each in found:
        types = (alert_type, *each.processes, *((RARE,) if each.account else ()))
        raises = () if variant is Variant.NEAR_MISS else (alert_type,)
        enter(each.name, variant, types, _play(each, raises), sources=("audit",))


def _play(each: Launch, raises: Sequence[str]) -> Play:
    def play(scene: Scene) -> Generator[int, None, None]:
        yield from each.play(scene, *raises)

    play.__doc__ = each.story
    return play
