"""Events of Kubernetes that are deleted, to hide what happened or in the course of things."""

from __future__ import annotations

from typing import Any

from simulation.attacks.deployer import BACKGROUND, Deployer
from simulation.attacks.exposure import administrator, colleague, intruder, some, thief
from simulation.attacks.intruders import RARE
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MILLISECOND, MINUTE
from simulation.json import Json
from simulation.kubernetes.kinds import KINDS
from simulation.kubernetes.objects import body, present
from simulation.kubernetes.requests import Client, Target, forbidden
from simulation.schedule import Life

DELETED = "K8S_DeleteEvents"
NEW = "events.k8s.io/Event"
SAID = (("Scheduled", "Pod"), ("Pulled", "Pod"), ("Created", "Pod"), ("Started", "Pod"), ("Killing", "Pod"),
        ("ScalingReplicaSet", "Deployment"), ("SuccessfulCreate", "ReplicaSet"), ("BackOff", "Pod"))  # fmt: skip


def events(scene: Scene, namespace: str, count: int, about: str = "") -> list[str]:
    """Names of Events of a namespace; of one object, if it is named."""
    found = [each.latest().name for each in scene.cluster.workloads_of(namespace)] or [namespace]
    marks = [f"{(scene.now - scene.chance.below(HOUR)) * 1000:x}" for _ in range(count)]
    return [f"{about or scene.chance.pick(found)}.{mark}" for mark in marks]


def delete(
    scene: Scene,
    client: Client,
    namespace: str,
    name: str,
    *raises: str,
    kind: str = "Event",
    options: Json = BACKGROUND,
) -> None:
    """One Event is deleted by its name; the server reads the options of a delete from its body."""
    uid = scene.chance.uuid()
    details = present(name=name, group=KINDS[kind].group, kind="events", uid=uid)
    status = {"metadata": {}, "status": "Success", "details": details}
    bodies: dict[str, Any] = {
        "request": {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **options},
        "response": {"kind": "Status", "apiVersion": "v1", **status},
        "status": {**status, "code": 200},
    }
    target = Target(kind, namespace, name)
    scene.api.record(client, "delete", target, mark=scene.mark(*raises), **bodies)


def delete_one_by_one(
    scene: Scene, client: Client, namespace: str, names: list[str], *raises: str, **fields: Any
) -> Life:
    """`kubectl delete events --all`: a list, and then one request for each."""
    kind = fields.get("kind", "Event")
    scene.read(client, "list", Target(kind, namespace))
    for name in names:
        yield scene.chance.between(15, 60) * MILLISECOND
        delete(scene, client, namespace, name, *raises, **fields)


def sweep(
    scene: Scene, client: Client, namespace: str, names: list[str], *raises: str, kind: str = "Event", query: str = ""
) -> None:
    """All Events of a namespace in one request, as a raw client sends it."""
    api = KINDS[kind].api
    items = [_listed(scene, namespace, name) for name in names]
    answer = {"kind": "EventList", "apiVersion": api, "metadata": {"resourceVersion": scene.api.next_version()}}
    bodies: dict[str, Any] = {"response": {**answer, "items": items}}
    mark = scene.mark(*raises)
    scene.api.record(client, "deletecollection", Target(kind, namespace, query=query), mark=mark, **bodies)


def _listed(scene: Scene, namespace: str, name: str) -> Json:
    reason, kind = scene.chance.pick(SAID)
    about = {"kind": kind, "namespace": namespace, "name": name.rpartition(".")[0], "apiVersion": "v1"}
    meta = {"name": name, "namespace": namespace, "uid": scene.chance.uuid()}
    return {"metadata": meta, "involvedObject": about, "reason": reason, "type": "Normal", "count": 1}


# Straight.


@straight(DELETED)
def deletes_all_events(scene: Scene) -> Life:
    """After an exec into a pod all Events of the namespace are deleted, one by one, as kubectl does."""
    helper, team = intruder(scene)
    scene.read(helper.client, "list", Target("Pod", team, query="limit=500"))
    yield scene.pause(30, 300)
    names = events(scene, team, scene.chance.between(12, 46))
    yield from delete_one_by_one(scene, helper.client, team, names, DELETED)


@straight(DELETED)
def sweeps_events(scene: Scene) -> Life:
    """All Events of a namespace are deleted by one request."""
    helper, team = intruder(scene)
    scene.read(helper.client, "list", Target("Event", team, query="limit=500"))
    yield scene.pause()
    sweep(scene, helper.client, team, events(scene, team, scene.chance.between(6, 14)), DELETED)


@straight(DELETED)
def deletes_new_events(scene: Scene) -> Life:
    """The same Events by their newer API group, one by one."""
    helper, team = intruder(scene)
    yield scene.pause()
    names = events(scene, team, scene.chance.between(5, 20))
    yield from delete_one_by_one(scene, helper.client, team, names, DELETED, kind=NEW)


# Careful.


@careful(DELETED)
def deletes_events_of_own_pod(scene: Scene) -> Life:
    """Only the handful of Events about the intruder's own pod go, some minutes apart, by the newer API group."""
    helper, team = intruder(scene)
    name = some(scene, "debug", "shell", "probe")
    selector = f"fieldSelector=regarding.name%3D{name}"
    scene.read(helper.client, "list", Target(NEW, team, query=selector))
    for event in events(scene, team, 5, name):
        yield scene.chance.between(1, 6) * MINUTE
        delete(scene, helper.client, team, event, DELETED, kind=NEW)


@careful(DELETED, RARE)
def sweeps_warnings(scene: Scene) -> Life:
    """With a stolen token only the warnings are deleted, by a selector and the newer API group."""
    helper, team = thief(scene)
    yield scene.pause()
    names = events(scene, team, scene.chance.between(2, 5))
    sweep(scene, helper.client, team, names, DELETED, RARE, kind=NEW, query="fieldSelector=type%3DWarning")


@careful(DELETED)
def deletes_events_all_over(scene: Scene) -> Life:
    """With an administrator's kubeconfig one Event here and one there, hours apart."""
    helper, _ = intruder(scene, admin=True)
    for _ in range(5):
        namespace = scene.chance.pick(("kube-system", "default", *scene.cluster.teams))
        delete(scene, helper.client, namespace, events(scene, namespace, 1)[0], DELETED)
        yield scene.chance.between(1, 4) * HOUR


# Near misses.


@near_miss(DELETED)
def deletes_namespace_with_events(scene: Scene) -> Life:
    """A namespace for a trial is deleted, and namespace-controller deletes what is in it, Events included."""
    deployer: Deployer = administrator(scene)
    name = some(scene, "trial", "preview", "loadtest")
    yield from deployer.namespace(name)
    deployer.make(body("ConfigMap", "settings", name, data={"mode": "trial"}))
    yield from deployer.leave(scene.chance.between(10, 90) * MINUTE)
    yield MINUTE


@near_miss(DELETED)
def may_not_delete_events(scene: Scene) -> Life:
    """Somebody wants to tidy up in the system's namespace, and may not."""
    client = colleague(scene)[0].client
    for name in events(scene, "kube-system", 4):
        scene.refuse(client, "delete", Target("Event", "kube-system", name))
        yield scene.chance.between(20, 70) * MILLISECOND
    target = Target(NEW, "kube-system")
    scene.api.record(
        client,
        "deletecollection",
        target,
        code=403,
        status=forbidden(client, "deletecollection", target),
        mark=scene.mark(),
    )


@near_miss(DELETED)
def reads_events(scene: Scene) -> Life:
    """Somebody looks at Events again and again, by both API groups, and watches them."""
    helper, team = colleague(scene)
    for kind in ("Event", NEW, "Event"):
        scene.read(helper.client, "list", Target(kind, team, query="limit=500"))
        yield scene.pause()
    query = "allowWatchBookmarks=true&timeoutSeconds=540&watch=true"
    scene.api.watch(helper.client, Target("Event", team, query=query), 300, mark=scene.mark())


@near_miss(DELETED)
def deletes_events_in_dry_run(scene: Scene) -> Life:
    """`kubectl delete events --all --dry-run=server`: the server says what would be deleted."""
    helper, team = colleague(scene)
    names = events(scene, team, scene.chance.between(3, 9))
    yield from delete_one_by_one(scene, helper.client, team, names, options={**BACKGROUND, "dryRun": ["All"]})
