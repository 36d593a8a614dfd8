"""What service accounts do that they never did before, and nobody need worry about."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.attacks.changes import patched, reshape, undo
from simulation.attacks.intruders import RARE, in_use, narrow
from simulation.attacks.launches import launch, manifest, take_away
from simulation.attacks.register import near_miss
from simulation.attacks.scene import Scene
from simulation.clock import DAY, HOUR, MINUTE, SECOND
from simulation.kubernetes.identities import client_go
from simulation.kubernetes.jobs import run_job
from simulation.kubernetes.objects import body
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Client, Target, unavailable
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life


def _new(scene: Scene, kind: str, name: str) -> Workload:
    """Somebody installs a program of a team's with an account of its own."""
    team = scene.chance.pick(scene.cluster.teams)
    image = f"{scene.cluster.cast.registry}/{team}/{name.rpartition('-')[0]}:1.0.0"
    person = scene.person(admin=True)
    scene.api.forget(scene.create(person, body("ServiceAccount", name, team)))
    spec = pod_spec(container("main", image, env={"LOG_LEVEL": "info"}, memory="128Mi"), account=name)
    return launch(scene, person, manifest(kind, team, name, spec))


def _library(workload: Workload) -> str:
    return client_go(workload.name)


@near_miss(RARE)
def new_account_warms_up(scene: Scene) -> Life:
    """A new operator begins: for its account everything is new, and after an hour nothing is."""
    workload = _new(scene, "Deployment", f"queue-operator-{scene.chance.ending(3)}")
    yield 20 * SECOND
    team, agent = workload.namespace, _library(workload)
    for path in ("/version", "/api", "/apis"):
        scene.read(workload.client(agent), "get", Target(path=path))
    lease = scene.create(workload.client(agent, narrow(workload)), body("Lease", workload.name, team), query="")
    for number in range(30):
        client = workload.client(agent, narrow(workload))
        if number == 0:
            for kind in ("ConfigMap", "Secret", "Service", "Deployment"):
                scene.read(client, "list", Target(kind, team, query="limit=500&resourceVersion=0"))
        scene.read(client, "get", Target("ConfigMap", team, "queues"))
        scene.api.update(client, lease, {"spec": {"leaseDurationSeconds": 15}}, mark=scene.mark())
        yield scene.chance.about(40 * MINUTE, 0.4)
    scene.api.forget(lease)
    take_away(scene, scene.person(admin=True), workload)


@near_miss(RARE)
def monthly_job(scene: Scene) -> Life:
    """A job with an account of its own closes the month: the same few operations, thirty days apart."""
    workload = _new(scene, "CronJob", f"month-end-{scene.chance.ending(3)}")
    team, agent = workload.namespace, "OpenAPI-Generator/33.1.0/python"

    def work(pod: Pod) -> Life:
        client = scene.cluster.identities.account(
            team, workload.account, agent, pod.address, narrow(workload), pod.bound, pod.token
        )
        for verb, kind, name in (("list", "Pod", ""), ("get", "Secret", "ledger-credentials"),
                                 ("list", "PersistentVolumeClaim", ""), ("get", "ConfigMap", "closing")):  # fmt: skip
            scene.read(client, verb, Target(kind, team, name))
            yield scene.pause(1, 20)

    for _ in range(3):
        yield 10 * MINUTE
        yield from run_job(workload, 60, work)
        yield 30 * DAY
    take_away(scene, scene.person(admin=True), workload)


@near_miss(RARE)
def new_version_does_one_new_thing(scene: Scene) -> Life:
    """A new version of the ingress controller also watches network policies; all of its pods do."""
    workload = scene.cluster.workload("ingress-nginx", "ingress-nginx-controller")
    before, image = workload.spec, "registry.k8s.io/ingress-nginx/controller:v1.14.0"
    first, *rest = before["containers"]
    after = {**before, "containers": [{**first, "image": image}, *rest]}
    patch = patched({"name": first["name"], "image": image})
    query = "fieldManager=kubectl-set"
    yield from reshape(scene, scene.person(admin=True), workload, after, patch, query=query)
    granted = f'ClusterRoleBinding "{workload.account}" of ClusterRole "{workload.account}"'
    agent = "nginx-ingress-controller/v1.14.0 (linux/amd64) ingress-nginx/5e8b2d9"
    for _ in range(12):
        client = workload.client(agent, granted)
        scene.read(client, "list", Target("NetworkPolicy", query="limit=500&resourceVersion=0"))
        query = "allowWatchBookmarks=true&timeoutSeconds=420&watch=true"
        scene.api.watch(client, Target("NetworkPolicy", query=query), 420, mark=scene.mark())
        yield scene.chance.about(3 * HOUR, 0.3)
    yield from undo(scene, workload, before, after)


def _used(workload: Workload) -> Client:
    return workload.client(workload.agent or _library(workload), narrow(workload))


@near_miss(RARE)
def pod_moves_to_another_node(scene: Scene) -> Life:
    """A pod is made anew on another node: its account asks from another address what it always asks."""
    workload = in_use(scene)
    before, workload.mark = workload.mark, scene.mark()
    workload.add_pod()
    yield 9 * SECOND
    if len(workload.pods) > 1:
        workload.remove_pod(workload.pods[0])
    yield 6 * SECOND
    workload.mark = before
    for path in ("/version", "/apis"):
        scene.read(_used(workload), "get", Target(path=path))
    scene.read(_used(workload), "get", Target("ConfigMap", workload.namespace, f"{workload.name}-config"))


@near_miss(RARE)
def daemon_of_a_new_node(scene: Scene) -> Life:
    """The daemon of a node asks what the daemons of all nodes ask, from an address that nobody saw yet."""
    cluster = scene.cluster
    workload = next(each for each in cluster.workloads_of("kube-system", "DaemonSet") if each.agent)
    address, node = f"10.{cluster.network}.7.{scene.chance.between(5, 250)}", f"node-{scene.chance.ending(6)}"
    bound = {
        "node-name": node,
        "node-uid": scene.chance.uuid(),
        "pod-name": f"{workload.name}-{scene.chance.ending(5)}",
    }
    granted = f'ClusterRoleBinding "{workload.account}" of ClusterRole "{workload.account}"'
    names = ("kube-system", workload.account, workload.agent, address, granted)
    bound["pod-uid"] = scene.chance.uuid()
    client = cluster.identities.account(*names, bound, scene.chance.uuid())
    for _ in range(6):
        for kind, name in (("Service", ""), ("EndpointSlice", ""), ("Node", node)):
            fields = f"fieldSelector=metadata.name%3D{name}&" if name else ""
            query = f"allowWatchBookmarks=true&{fields}timeoutSeconds=400&watch=true"
            scene.api.watch(client, Target(kind, name=name, query=query, unnamed=True), 400, mark=scene.mark())
        yield 20 * MINUTE


OUTAGE: Sequence[int] = (503, 429, 504, 500)


@near_miss(RARE)
def tries_again_in_an_outage(scene: Scene) -> Life:
    """The API server fails for some minutes, and an account asks the same again and again."""
    workload = in_use(scene)
    target = Target("ConfigMap", workload.namespace, f"{workload.name}-config")
    for _ in range(40):
        code = scene.chance.pick(OUTAGE)
        client = _used(workload)
        scene.api.record(client, "get", target, code=code, status=unavailable(code, target), mark=scene.mark())
        yield scene.pause(0.5, 8)
    scene.read(_used(workload), "get", target)


@near_miss(RARE)
def new_account_is_refused_all_day(scene: Scene) -> Life:
    """A new program lacks a right, and asks for the same every few minutes for a day."""
    workload = _new(scene, "Deployment", f"inventory-{scene.chance.ending(3)}")
    yield 20 * SECOND
    for _ in range(60):
        client = workload.client(_library(workload), narrow(workload))
        scene.refuse(client, "list", Target("Node", query="limit=500&resourceVersion=0"))
        yield scene.chance.about(24 * MINUTE, 0.3)
    take_away(scene, scene.person(admin=True), workload)


@near_miss(RARE)
def account_does_a_known_thing_again(scene: Scene) -> Life:
    """What an account did once, when it was new, it does again for days: repeats are no news."""
    workload = _new(scene, "Deployment", f"reporter-{scene.chance.ending(3)}")
    yield 20 * SECOND
    for _ in range(16):
        client = workload.client(_library(workload), narrow(workload))
        scene.read(client, "get", Target("Secret", workload.namespace, "reporter-key"))
        scene.read(client, "list", Target("Pod", workload.namespace))
        yield scene.chance.about(6 * HOUR, 0.3)
    take_away(scene, scene.person(admin=True), workload)
