"""Changes of workloads that are there already: of their templates, and of single pods of theirs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from simulation.attacks.intruders import leaked
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, SECOND
from simulation.json import Json, plain_json
from simulation.kubernetes.kinds import RBAC
from simulation.kubernetes.objects import present
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life
from simulation.sensors.containers import Container
from simulation.stencil import Stencil

PATCHED = "fieldManager=kubectl-patch"
EDITED = "fieldManager=kubectl-edit&fieldValidation=Strict"
REPLACED = "fieldManager=kubectl-replace&fieldValidation=Strict"
APPLIED = "fieldManager=kubectl&fieldValidation=Strict&force=true"


def with_spec(held: Json, spec: Json) -> Json:
    """The changed part of a workload whose pods get another spec."""
    whole = held["spec"]
    if held["kind"] != "CronJob":
        return {"spec": {**whole, "template": {**whole["template"], "spec": spec}}}
    jobs = whole["jobTemplate"]
    template = {**jobs["spec"]["template"], "spec": spec}
    return {"spec": {**whole, "jobTemplate": {**jobs, "spec": {**jobs["spec"], "template": template}}}}


def reshape(
    scene: Scene, client: Client, workload: Workload, spec: Json, patch: object, *raises: str, query: str = PATCHED
) -> Life:
    """A workload's pods get another spec, by a labelled patch; None: by an update. What follows is labelled too."""
    api = scene.api
    held = workload.held()
    scene.read(client, "get", Target(workload.kind, workload.namespace, workload.name))
    yield scene.pause(0.2, 1)
    changed, mark = with_spec(held, spec), scene.mark(*raises)
    if patch is None:
        made = api.update(client, held, changed, query=query, mark=mark)
    else:
        operation = "Apply" if query == APPLIED else "Update"
        made = api.patch(client, held, patch, changed, query=query, operation=operation, mark=mark)
    before, workload.mark = workload.mark, scene.mark()
    yield from workload.roll_out(made)
    # The last of the new pods is still starting.
    yield 8 * SECOND
    workload.mark = before


def undo(scene: Scene, workload: Workload, before: Json, after: Json) -> Life:
    """Somebody who looks after the cluster sees it, and rolls the workload back; a new image meanwhile stays."""
    (first, *rest), now = before["containers"], workload.image
    if now != after["containers"][0]["image"]:
        before = {**before, "containers": [{**first, "image": now}, *rest]}
    template = with_spec(workload.object, before)["spec"]
    path, value = ("/spec/jobTemplate", "jobTemplate") if workload.kind == "CronJob" else ("/spec/template", "template")
    patch = [{"op": "replace", "path": path, "value": template[value]}]
    query = "fieldManager=kubectl-rollout"
    yield from reshape(scene, scene.person(admin=True), workload, before, patch, query=query)


def tamper(
    scene: Scene,
    workload: Workload,
    spec: Json,
    patch: object,
    *raises: str,
    query: str = PATCHED,
    processes: Sequence[str] = (),
) -> Life:
    """An intruder reshapes a workload, and hours later somebody undoes it; `processes` is what its processes raise."""
    before = workload.spec
    workload.processes = scene.mark(*processes) if processes else None
    yield from reshape(scene, leaked(scene), workload, spec, patch, *raises, query=query)
    workload.processes = None
    yield scene.chance.between(1 * HOUR, 5 * HOUR)
    yield from undo(scene, workload, before, spec)


def patched(*containers: Json, **parts: object) -> Json:
    """A strategic merge patch of a workload that adds containers, or other parts of the pods' spec."""
    order = [{"name": item["name"]} for item in containers]
    added = {"$setElementOrder/containers": order, "containers": list(containers)} if containers else {}
    return {"spec": {"template": {"spec": {**added, **parts}}}}


def ephemeral(name: str, image: str, **fields: object) -> Json:
    """An ephemeral container, as `kubectl debug` sends it; `command`, `args`, `securityContext`, `volumeMounts`."""
    return {
        **present(name=name, image=image, command=fields.get("command"), args=fields.get("args")),
        "resources": {},
        **present(volumeMounts=fields.get("volumeMounts")),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        **present(securityContext=fields.get("securityContext")),
        "stdin": True,
        "tty": True,
    }


def debug(
    scene: Scene, client: Client, workload: Workload, item: Json, *raises: str, processes: tuple[str, ...] = ()
) -> None:
    """An ephemeral container joins one of a workload's pods."""
    pod = workload.latest()
    held = standing(scene, workload)
    scene.read(client, "get", Target("Pod", pod.namespace, pod.name))
    changed = {"spec": {**held["spec"], "ephemeralContainers": [item]}}
    patch = {"spec": {"ephemeralContainers": [item]}}
    options = {"subresource": "ephemeralcontainers", "mark": scene.mark(*raises)}
    scene.api.forget(scene.api.patch(client, held, patch, changed, **options))
    container = Container(
        item["name"],
        item["image"],
        identifier=scene.chance.hexadecimal(64),
        namespace=pod.namespace,
        pod=pod.name,
        workload=pod.name if workload.kind == "Pod" else workload.name,
        kind=workload.kind,
        started=scene.now,
        labels={"app": workload.name},
        privileged=bool(item.get("securityContext", {}).get("privileged")),
    )
    argv = (*item.get("command", ("sh",)), *item.get("args", ()))
    shim, machine = pod.machine.shim(container), pod.machine
    machine.run(shim, argv, 900, after=2 * SECOND, container=container, mark=scene.mark(*processes))


def standing(scene: Scene, workload: Workload) -> Json:
    """The first of a workload's pods as the server holds it."""
    pod = workload.latest()
    assert workload.forms is not None
    filled = Stencil(plain_json(workload.forms.full)).fill({**pod.values, "version": scene.api.next_version()})
    held: Json = msgspec.json.decode(filled)
    held["spec"]["nodeName"] = pod.machine.name
    held["status"] = {"phase": "Running", "hostIP": pod.machine.address, "podIP": pod.address, "qosClass": "Burstable"}
    return held


def subject(kind: str, name: str, namespace: str = "") -> Json:
    """Whom a binding is for."""
    return {"kind": kind, **present(apiGroup="" if kind == "ServiceAccount" else RBAC, name=name, namespace=namespace)}
