"""Containers that mount sensitive folders of their node."""

from __future__ import annotations

from simulation.attacks.changes import debug, ephemeral, patched, tamper
from simulation.attacks.intruders import leaked
from simulation.attacks.launches import APPLY, DRY_RUN, Launch, Spec, launch, launches, manifest, take_away
from simulation.attacks.pods import SHELL_IMAGE, WAITS, plain
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import CREATED, Scene
from simulation.clock import HOUR, SECOND
from simulation.json import Json
from simulation.kubernetes.objects import body
from simulation.kubernetes.pod_specs import container, host_path, pod_spec
from simulation.kubernetes.requests import Target
from simulation.labels import Variant
from simulation.schedule import Life

SCRATCH = "/tmp"  # noqa: S108  the path of a volume, not of a file here
MOUNT = "K8S_SensitiveMount"


def _mounting(*paths: str, first: bool = False, kind: str = "", at: str = "/host") -> Spec:
    """A container that mounts these folders of the node; `first`: an init container does."""

    def spec(scene: Scene) -> Json:
        volumes = [host_path(f"host-{place}", path) for place, path in enumerate(paths)]
        for volume in volumes:
            volume["hostPath"]["type"] = kind
        mounts = {at if len(paths) == 1 else f"{at}-{place}": f"host-{place}" for place in range(len(paths))}
        item = container("reader", SHELL_IMAGE, command=WAITS, mounts=mounts, memory="64Mi")
        if first:
            done = {**item, "command": ["sh", "-c", "ls /host | head"]}
            return pod_spec(plain(scene), volumes=volumes, initContainers=[done])
        return pod_spec(item, volumes=volumes)

    return spec


launches(
    MOUNT,
    Variant.STRAIGHT,
    Launch("mounts-the-root", "A pod mounts the node's root.", _mounting("/")),
    Launch("mounts-etc-kubernetes", "A Deployment mounts the control plane's files.",
           _mounting("/etc/kubernetes"), "Deployment"),
    Launch("mounts-etc", "A pod mounts /etc.", _mounting("/etc")),
    Launch("mounts-kubelet", "A DaemonSet mounts the kubelet's folder.", _mounting("/var/lib/kubelet"), "DaemonSet"),
    Launch("mounts-docker", "A pod mounts Docker's folder.", _mounting("/var/lib/docker")),
    Launch("mounts-docker-socket", "A pod mounts Docker's socket.",
           _mounting("/var/run/docker.sock", kind="Socket", at="/var/run/docker.sock")),
    Launch("mounts-containerd", "A StatefulSet mounts containerd's folder and socket.",
           _mounting("/var/lib/containerd", "/run/containerd/containerd.sock"), "StatefulSet"),
    Launch("mounts-crio-socket", "A Job mounts the socket of CRI-O.", _mounting("/var/run/crio/crio.sock"), "Job"),
    Launch("mounts-run", "A pod mounts /run.", _mounting("/run")),
    Launch("mounts-roots-keys", "A pod mounts root's SSH keys.", _mounting("/root/.ssh")),
    Launch("mounts-homes", "A pod mounts the users' homes.", _mounting("/home")),
    Launch("mounts-kernel", "A pod mounts /proc and /sys.", _mounting("/proc", "/sys")),
    Launch("mounts-devices", "A pod mounts the node's devices.", _mounting("/dev")),
    Launch("mounts-boot", "A pod mounts the boot folder and the kernel's modules.", _mounting("/boot", "/lib/modules")),
    Launch("mounts-programs", "A pod mounts the node's programs.", _mounting("/usr")),
    Launch("mounts-logs", "A Deployment mounts the node's logs.", _mounting("/var/log"), "Deployment"),
    Launch("mounts-root-by-account", "A stolen account starts a pod that mounts the node's root.", _mounting("/"),
           account=True),
)  # fmt: skip
launches(
    MOUNT,
    Variant.CAREFUL,
    Launch("mounts-etc-with-a-slash", "The path ends in a slash.", _mounting("/etc/")),
    Launch("mounts-etc-with-two-slashes", "The path begins with two slashes.", _mounting("//etc"), "Deployment"),
    Launch("mounts-etc-by-a-detour", "The path goes up and down.", _mounting("/var/../etc")),
    Launch("mounts-pods-of-the-kubelet", "A folder inside the kubelet's, with a dot in the path.",
           _mounting("/var/lib/./kubelet/pods"), "Deployment"),
    Launch("mounts-one-file", "One file: the kubeconfig of the control plane's manager.",
           _mounting("/etc/kubernetes/controller-manager.conf", kind="File", at="/config"), "CronJob", "rotate"),
    Launch("mounts-in-an-init-container", "Only the init container mounts it.", _mounting("/root", first=True)),
    Launch("mounts-in-a-replication-controller", "A ReplicationController mounts a folder of /home.",
           _mounting("/home/azureuser/.ssh"), "ReplicationController"),
    Launch("mounts-in-a-pod-template", "A PodTemplate, of which nothing is made yet.", _mounting("/"), "PodTemplate"),
    Launch("mounts-by-apply", "A server-side apply creates a pod with the runtime's socket.",
           _mounting("/run/containerd/containerd.sock", kind="Socket"), query=APPLY),
)  # fmt: skip


def _claimed(scene: Scene, source: Json, team: str) -> Json:
    """A volume of the node, and a claim for it; a pod names the claim alone. The answer is the pod's spec."""
    thief, name = leaked(scene), f"archive-{scene.chance.ending(3)}"
    parts = {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": "manual"}
    kept = {**source, **parts, "persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
    volume = scene.create(thief, body("PersistentVolume", name, spec=kept, status={}))
    asked = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Gi"}}, "volumeName": name}
    sent = body("PersistentVolumeClaim", name, team, spec={**asked, "storageClassName": "manual"}, status={})
    claim = scene.create(thief, sent)
    for held in (volume, claim):
        scene.api.forget(held)
    item = container("archive", SHELL_IMAGE, command=WAITS, mounts={"/data": "data"}, memory="64Mi")
    return pod_spec(item, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": name}}])


def _by_claim(scene: Scene, source: Json, kind: str) -> Life:
    team = scene.chance.pick(scene.cluster.teams)
    spec = _claimed(scene, source, team)
    yield scene.pause()
    name = f"archiver-{scene.chance.ending(3)}"
    workload = launch(scene, leaked(scene), manifest(kind, team, name, spec), MOUNT)
    yield scene.chance.between(1 * HOUR, 5 * HOUR)
    take_away(scene, scene.person(admin=True), workload)


@straight(MOUNT)
def mounts_by_a_claim(scene: Scene) -> Life:
    """A PersistentVolume is the node's /etc; a pod mounts it by its claim."""
    yield from _by_claim(scene, {"hostPath": {"path": "/etc", "type": ""}}, "Pod")


@careful(MOUNT)
def mounts_by_a_claim_of_a_local_volume(scene: Scene) -> Life:
    """A PersistentVolume of type local is the kubelet's folder; a StatefulSet mounts it by its claim."""
    node = scene.chance.pick(scene.cluster.machines).name
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
    yield from _by_claim(scene, {"local": {"path": "/var/lib/kubelet"}, **affinity}, "StatefulSet")


def _with_root(spec: Json) -> Json:
    first, *rest = spec["containers"]
    mounted = {**first, "volumeMounts": [*first.get("volumeMounts", []), {"name": "cache", "mountPath": "/cache"}]}
    return {**spec, "volumes": [*spec.get("volumes", []), host_path("cache", "/")], "containers": [mounted, *rest]}


@careful(MOUNT)
def adds_a_mount_by_patch(scene: Scene) -> Life:
    """A strategic patch adds the node's root to a team's Deployment, as a cache."""
    workload = scene.victim()
    after = _with_root(workload.spec)
    patch = patched(*after["containers"], volumes=after["volumes"])
    yield from tamper(scene, workload, after, patch, MOUNT)


@careful(MOUNT)
def adds_a_mount_by_json_patch(scene: Scene) -> Life:
    """A JSON patch adds the volume and the mount to a team's Deployment."""
    workload = scene.victim()
    after = _with_root(workload.spec)
    where = "/spec/template/spec"
    patch = [
        {"op": "add", "path": f"{where}/volumes", "value": after["volumes"]},
        {"op": "add", "path": f"{where}/containers/0/volumeMounts", "value": after["containers"][0]["volumeMounts"]},
    ]
    yield from tamper(scene, workload, after, patch, MOUNT)


@straight(MOUNT)
def replaces_a_workload_with_a_mount(scene: Scene) -> Life:
    """An update by kubectl replace adds the node's root to a team's Deployment."""
    workload = scene.victim()
    after = _with_root(workload.spec)
    yield from tamper(scene, workload, after, None, MOUNT)


@careful(MOUNT)
def mounts_later_by_debugging(scene: Scene) -> Life:
    """A pod has a volume that none of its containers mounts; an ephemeral container does, an hour later."""
    team = scene.chance.pick(scene.cluster.teams)
    spec = pod_spec(plain(scene), volumes=[host_path("spare", "/")])
    thief = leaked(scene)
    workload = launch(scene, thief, manifest("Pod", team, f"spare-{scene.chance.ending(4)}", spec))
    yield HOUR
    mounts = [{"name": "spare", "mountPath": "/spare"}]
    item = ephemeral("debugger", SHELL_IMAGE, volumeMounts=mounts)
    debug(scene, thief, workload, item, MOUNT)
    yield scene.chance.between(1 * HOUR, 3 * HOUR)
    take_away(scene, scene.person(admin=True), workload)


def _unmounted(scene: Scene) -> Json:
    return pod_spec(plain(scene), volumes=[host_path("spare", "/var/lib/docker")])


def _exporter(scene: Scene) -> Json:
    paths = {"/host/proc": "proc", "/host/sys": "sys", "/host/root": "root"}
    args = ["--path.procfs=/host/proc", "--path.sysfs=/host/sys", "--path.rootfs=/host/root"]
    image = "quay.io/prometheus/node-exporter:v1.9.1"
    item = container("node-exporter", image, args=args, mounts=paths, read_only=tuple(paths), memory="64Mi")
    volumes = [host_path("proc", "/proc"), host_path("sys", "/sys"), host_path("root", "/")]
    return pod_spec(item, volumes=volumes, hostNetwork=True, hostPID=True)


def _shipper(scene: Scene) -> Json:
    paths = {"/var/log": "logs", "/var/lib/docker/containers": "containers"}
    image = "cr.fluentbit.io/fluent/fluent-bit:4.0.8"
    item = container("fluent-bit", image, mounts=paths, read_only=tuple(paths), memory="128Mi")
    return pod_spec(
        item, volumes=[host_path("logs", "/var/log"), host_path("containers", "/var/lib/docker/containers")]
    )


launches(
    MOUNT,
    Variant.NEAR_MISS,
    Launch("mounts-a-folder-of-tmp", "A pod mounts a folder of its own in /tmp.", _mounting(f"{SCRATCH}/uploads")),
    Launch("mounts-a-data-disk", "A Deployment mounts a data disk of the node.", _mounting("/mnt/data"), "Deployment"),
    Launch("mounts-dev-null", "A pod mounts /dev/null over a file.",
           _mounting("/dev/null", kind="CharDevice", at="/etc/app/optional.conf")),
    Launch("mounts-nothing", "A Deployment has a volume of the node that no container mounts.", _unmounted,
           "Deployment"),
    Launch("node-exporter-is-installed", "Prometheus' exporter for nodes is installed; it reads /proc, /sys and /.",
           _exporter, "DaemonSet", "node-exporter", "monitoring"),
    Launch("log-shipper-is-installed", "Fluent Bit is installed; it reads the nodes' logs.", _shipper, "DaemonSet",
           "fluent-bit", "monitoring"),
    Launch("mounts-in-dry-run", "Somebody tries out whether admission would take a mount of the root.",
           _mounting("/"), query=DRY_RUN),
)  # fmt: skip


@near_miss(MOUNT)
def may_not_mount(scene: Scene) -> Life:
    """Somebody of a team wants a pod in another namespace that mounts the root, and is refused."""
    person = scene.person()
    target = Target("Pod", "monitoring", "node-shell", query=CREATED, unnamed=True)
    scene.refuse(person, "create", target)
    yield SECOND
