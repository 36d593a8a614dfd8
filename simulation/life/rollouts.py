"""New versions of workloads, and programs that do something new since a new version."""

from __future__ import annotations

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import DAY, HOUR, MINUTE, SECOND, is_working_time
from simulation.cluster import Cluster
from simulation.kubernetes.kubectl import Kubectl, with_image
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.life.ci import Runners
from simulation.life.gitops import QUERY, controller
from simulation.life.people import bumped
from simulation.schedule import Life

NOVELTIES = (
    "VolumeAttributesClass", "ResourceSlice", "StorageClass", "EndpointSlice", "IngressClass", "PodDisruptionBudget",
    "CSIDriver", "RuntimeClass", "ValidatingAdmissionPolicy",
)  # fmt: skip
"""What a program lists since its new version."""
ADD_ONS = (
    ("monitoring", "kube-state-metrics"), ("monitoring", "prometheus-operator"), ("cert-manager", "cert-manager"),
    ("ingress-nginx", "ingress-nginx-controller"),
)  # fmt: skip
WORKING_HOURS = 11


@actor()
def rollouts(cluster: Cluster, chance: Chance) -> Life:
    """New versions of teams' workloads: some teams deliver by CI, others by GitOps."""
    runners = Runners(cluster, chance.child("runners"))
    mean = round(WORKING_HOURS * HOUR / max(cluster.profile.rollouts_per_day, 0.01))
    while True:
        yield chance.wait(mean)
        if not is_working_time(cluster.now) and not chance.happens(0.04):
            continue
        found = [each for each in cluster.teams_workloads("Deployment", "StatefulSet") if each.image.count("/") > 1]
        if found:
            workload = chance.pick(found)
            by_ci = cluster.teams.index(workload.namespace) % 2 == 0
            life = _by_ci(cluster, chance, runners, workload) if by_ci else _by_gitops(cluster, chance, workload)
            cluster.start(life)


def _by_ci(cluster: Cluster, chance: Chance, runners: Runners, workload: Workload) -> Life:
    """A pipeline's job applies the manifests, and waits until the new pods are there."""
    pod = runners.begin()
    yield 8 * SECOND
    kubectl = Kubectl(cluster, runners.deployer(pod))
    image = bumped(workload.image, chance)
    if chance.happens(0.3):
        kubectl.try_out(workload.held(), {"spec": with_image(workload.held(), image)})
        yield 3 * SECOND
    made = kubectl.apply(workload.held(), {"spec": with_image(workload.held(), image)})
    kubectl.get("Service", workload.namespace, workload.name)
    kubectl.status(workload, 12 * len(workload.pods))
    yield from workload.roll_out(made)
    runners.end(pod)


def _by_gitops(cluster: Cluster, chance: Chance, workload: Workload) -> Life:
    """Somebody merged a new tag; the controller applies it."""
    held = workload.held()
    spec = with_image(held, bumped(workload.image, chance))
    kubectl = Kubectl(cluster, controller(cluster))
    made = kubectl.apply_on_server(held, {"spec": spec}, QUERY.removeprefix("fieldManager="))
    yield 200
    yield from workload.roll_out(made)


@actor()
def novelties(cluster: Cluster, chance: Chance) -> Life:
    """Every few weeks, all pods of an add-on or of a team's operator begin to do one thing that none of them did."""
    yield chance.between(2 * DAY, 9 * DAY)
    names = [
        *(("kube-system", system.name) for system in cluster.facts.systems if system.kind == "DaemonSet"),
        *ADD_ONS,
    ]
    for kind in chance.picks(NOVELTIES, len(NOVELTIES)):
        if names:
            workload = cluster.workloads.get(names.pop(chance.below(len(names))))
            if workload is not None:
                cluster.start(_renewed(cluster, chance, workload, kind))
        yield chance.wait(12 * DAY) + DAY


def _renewed(cluster: Cluster, chance: Chance, workload: Workload, kind: str) -> Life:
    """A new version of it is rolled out; each of its pods lists and watches something new from then on."""
    keeper = Kubectl(cluster, controller(cluster))
    held = workload.held()
    image = bumped(workload.image, chance)
    made = keeper.apply_on_server(held, {"spec": with_image(held, image)}, QUERY.removeprefix("fieldManager="))
    yield from workload.roll_out(made)
    seen: dict[str, int] = {}
    while cluster.workloads.get((workload.namespace, workload.name)) is workload:
        for pod in list(workload.pods):
            _ask(cluster, chance, workload, pod, kind, first=pod.uid not in seen)
            seen[pod.uid] = cluster.now
            yield chance.between(1 * SECOND, 20 * SECOND)
        alive = {pod.uid for pod in workload.pods}
        seen = {uid: at for uid, at in seen.items() if uid in alive}
        yield cluster.paced(15 * MINUTE)


def _ask(cluster: Cluster, chance: Chance, workload: Workload, pod: Pod, kind: str, *, first: bool) -> None:
    granted = f'ClusterRoleBinding "{workload.account}" of ClusterRole "{workload.account}"'
    client = workload.client_of(pod, workload.agent, granted)
    if first:
        cluster.api.record(client, "list", Target(kind, query="limit=500&resourceVersion=0"))
    seconds = chance.between(300, 600)
    query = f"allowWatchBookmarks=true&resourceVersion={cluster.api.version}&timeoutSeconds={seconds}&watch=true"
    cluster.api.watch(client, Target(kind, query=query), seconds)
