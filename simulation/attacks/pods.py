"""Privileged containers."""

from __future__ import annotations

from simulation.attacks.changes import APPLIED, PATCHED, REPLACED, debug, ephemeral, patched, tamper
from simulation.attacks.intruders import RARE, in_use, leaked, outside
from simulation.attacks.launches import APPLY, DRY_RUN, Launch, Spec, launches
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import CREATED, Scene
from simulation.clock import SECOND
from simulation.json import Json
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Target
from simulation.labels import Variant
from simulation.schedule import Life

PRIVILEGED = "K8S_PrivilegedContainer"
SHELL_IMAGE = "docker.io/library/alpine:3.22"
WAITS = ["sh", "-c", "while true; do sleep 3600; done"]


def plain(scene: Scene, name: str = "app", *, image: str = "", privileged: bool = False) -> Json:
    """A container as a team would write it."""
    chance, registry = scene.chance, scene.cluster.cast.registry
    image = image or f"{registry}/tools/{chance.pick(('web', 'sync', 'probe'))}:{chance.between(1, 9)}.2"
    env = {"LOG_LEVEL": "info", "REGION": "eu-west", "INTERVAL": str(chance.between(10, 90))}
    return container(name, image, command=WAITS, env=env, memory="128Mi", privileged=privileged)


def _privileged(*, first: bool = False, second: bool = False) -> Spec:
    def spec(scene: Scene) -> Json:
        risky = plain(scene, "setup", image=SHELL_IMAGE, privileged=True)
        if first:
            return pod_spec(
                plain(scene), initContainers=[{**risky, "command": ["sh", "-c", "sysctl -w vm.swappiness=1"]}]
            )
        if second:
            return pod_spec(plain(scene), risky)
        return pod_spec(risky)

    return spec


launches(
    PRIVILEGED,
    Variant.STRAIGHT,
    Launch("privileged-pod", "A bare pod with a privileged container.", _privileged()),
    Launch("privileged-deployment", "A Deployment whose second container is privileged.", _privileged(second=True),
           "Deployment"),
    Launch("privileged-init-container", "A pod whose init container is privileged.", _privileged(first=True)),
    Launch("privileged-pod-by-account", "A stolen account makes a privileged pod in another team's namespace.",
           _privileged(), account=True),
)  # fmt: skip
launches(
    PRIVILEGED,
    Variant.CAREFUL,
    Launch("privileged-cronjob", "A CronJob whose pods are privileged for some seconds every hour.", _privileged(),
           "CronJob", "cleanup"),
    Launch("privileged-stateful-set", "A StatefulSet with a privileged init container.", _privileged(first=True),
           "StatefulSet"),
    Launch("privileged-replication-controller", "A ReplicationController, which hardly anybody uses any more.",
           _privileged(), "ReplicationController"),
    Launch("privileged-pod-template", "A PodTemplate, of which nothing is made yet.", _privileged(), "PodTemplate"),
    Launch("privileged-job", "A Job whose second container is privileged.", _privileged(second=True), "Job"),
    Launch("privileged-daemon-set-by-apply", "A server-side apply of a DaemonSet named as a platform's would be.",
           _privileged(), "DaemonSet", "node-tuning", "monitoring", APPLY),
    Launch("privileged-pod-by-apply", "A server-side apply creates a pod whose second container is privileged.",
           _privileged(second=True), query=APPLY),
)  # fmt: skip


def _turned(spec: Json) -> Json:
    first, *rest = spec["containers"]
    return {**spec, "containers": [{**first, "securityContext": {"privileged": True}}, *rest]}


@straight(PRIVILEGED)
def makes_a_workload_privileged(scene: Scene) -> Life:
    """An update by kubectl replace makes the first container of a team's Deployment privileged."""
    workload = scene.victim()
    after = _turned(workload.spec)
    yield from tamper(scene, workload, after, None, PRIVILEGED, query=REPLACED)


@careful(PRIVILEGED)
def makes_a_workload_privileged_by_json_patch(scene: Scene) -> Life:
    """A JSON patch adds the one field, and says nothing of the rest."""
    workload = scene.victim()
    after = _turned(workload.spec)
    path = "/spec/template/spec/containers/0/securityContext"
    patch = [{"op": "add", "path": path, "value": {"privileged": True}}]
    yield from tamper(scene, workload, after, patch, PRIVILEGED)


@careful(PRIVILEGED)
def adds_a_privileged_sidecar(scene: Scene) -> Life:
    """A strategic patch adds a privileged sidecar to a team's Deployment."""
    workload = scene.victim()
    before, side = workload.spec, plain(scene, "mesh-init", image="docker.io/library/busybox:1.37", privileged=True)
    after = {**before, "containers": [*before["containers"], side]}
    patch = patched(*before["containers"], side)
    yield from tamper(scene, workload, after, patch, PRIVILEGED)


@careful(PRIVILEGED)
def makes_a_workload_privileged_by_merge_patch(scene: Scene) -> Life:
    """A merge patch writes the containers anew; the first one is privileged."""
    workload = scene.victim()
    after = _turned(workload.spec)
    patch = {"spec": {"template": {"spec": {"containers": after["containers"]}}}}
    yield from tamper(scene, workload, after, patch, PRIVILEGED, query=PATCHED)


@careful(PRIVILEGED)
def makes_a_workload_privileged_by_apply(scene: Scene) -> Life:
    """A server-side apply owns one field of a team's Deployment: that it is privileged."""
    workload = scene.victim()
    before, after = workload.spec, _turned(workload.spec)
    named = {"kind": workload.kind, "apiVersion": "apps/v1"}
    item = {"name": before["containers"][0]["name"], "securityContext": {"privileged": True}}
    meta = {"metadata": {"name": workload.name, "namespace": workload.namespace}}
    patch = {**named, **meta, "spec": {"template": {"spec": {"containers": [item]}}}}
    yield from tamper(scene, workload, after, patch, PRIVILEGED, query=APPLIED)


@straight(PRIVILEGED)
def debugs_with_a_privileged_container(scene: Scene) -> Life:
    """A call of kubectl debug with the profile sysadmin adds a privileged ephemeral container to a running pod."""
    yield scene.pause()
    item = ephemeral(f"debugger-{scene.chance.ending(5)}", SHELL_IMAGE, securityContext={"privileged": True})
    debug(scene, leaked(scene), scene.victim(), item, PRIVILEGED)


@careful(PRIVILEGED, RARE)
def account_adds_a_privileged_container(scene: Scene) -> Life:
    """A stolen account adds an ephemeral container, with the image of the pod itself, to a pod of its own workload."""
    workload = in_use(scene)
    yield scene.pause()
    more = {"privileged": True, "runAsUser": 0}
    item = ephemeral("istio-validation", workload.image, command=["sh"], securityContext=more)
    debug(scene, outside(scene, workload), workload, item, PRIVILEGED, RARE)


def _harmless(scene: Scene) -> Json:
    careful_item = {**plain(scene), "securityContext": {"privileged": False, "allowPrivilegeEscalation": False}}
    ports = {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}
    return pod_spec(careful_item, {**plain(scene, "proxy"), "securityContext": ports})


launches(
    PRIVILEGED,
    Variant.NEAR_MISS,
    Launch("privileged-false", "A Deployment whose containers say that they are not privileged.", _harmless,
           "Deployment"),
    Launch("privileged-in-dry-run", "Somebody tries out whether admission would take a privileged pod.",
           _privileged(), query=DRY_RUN),
)  # fmt: skip


@near_miss(PRIVILEGED)
def may_not_make_a_privileged_pod(scene: Scene) -> Life:
    """Somebody of a team wants a privileged pod in kube-system, and is refused."""
    person = scene.person()
    target = Target("Pod", "kube-system", "node-shell", query=CREATED, unnamed=True)
    scene.refuse(person, "create", target)
    yield 0


@near_miss(PRIVILEGED)
def debugs_without_privileges(scene: Scene) -> Life:
    """Somebody adds an ordinary ephemeral container to a pod, to look around."""
    workload = scene.victim()
    yield scene.pause()
    item = ephemeral(f"debugger-{scene.chance.ending(5)}", "docker.io/library/busybox:1.37")
    debug(scene, scene.person(admin=True), workload, item)


@near_miss(PRIVILEGED, "K8S_SensitiveMount", "K8S_KubeSystemContainer")
def a_daemon_of_the_platform_restarts(scene: Scene) -> Life:
    """The pod of one of the platform's own daemons is made anew by its controller."""
    daemons = scene.cluster.workloads_of("kube-system", "DaemonSet")
    workload = scene.chance.pick(daemons)
    pod = workload.pods[0]
    before, workload.mark = workload.mark, scene.mark()
    workload.remove_pod(pod)
    yield 4 * SECOND
    if pod.machine in scene.cluster.machines:
        workload.add_pod(pod.machine)
    yield 8 * SECOND
    workload.mark = before
