"""CI: a runner in the cluster that makes a pod for every job, and previews that jobs deploy."""

from __future__ import annotations

from typing import Any

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, MINUTE, SECOND, is_working_time
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes import namespaces
from simulation.kubernetes.kinds import RBAC
from simulation.kubernetes.kubectl import STRICT, Kubectl
from simulation.kubernetes.objects import binding, body, deployment, role
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.life.build_steps import CLONE, JOBS
from simulation.schedule import Life
from simulation.sensors.trees import grow
from simulation.stencil import hole

RUNNER = "gitlab-runner/18.4.0 (linux/amd64) kubernetes/$Format"
GRANTED = 'RoleBinding "gitlab-runner/ci" of Role "gitlab-runner"'
KUBECTL = "kubectl/v1.33.4 (linux/amd64) kubernetes/74cdb42"
"""In the image that jobs deploy with."""
DEPLOYER = 'ClusterRoleBinding "ci-deployer" of ClusterRole "ci-deployer"'
APPLIED = f"fieldManager=kubectl-client-side-apply&{STRICT}"


class Runners:
    """The runner's jobs: bare pods in the namespace `ci`.

    Parameters
    ----------
    cluster
        Where it runs.
    chance
        What the jobs do, and for how long.
    """

    def __init__(self, cluster: Cluster, chance: Chance) -> None:
        self.cluster = cluster
        self.chance = chance
        key = ("ci", "runner-job")
        self.jobs = cluster.workloads.get(key) or Workload(cluster, _manifest(cluster), author=self.runner())
        if key not in cluster.workloads:
            self.jobs.prepare()
            cluster.enter(self.jobs)

    def runner(self) -> Client:
        """The runner's account, from where it runs now."""
        return self.cluster.workload("ci", "gitlab-runner").client(RUNNER, GRANTED)

    def begin(self) -> Pod:
        """The runner makes a pod for a job."""
        self.jobs.made_by(self.runner())
        return self.jobs.add_pod()

    def end(self, pod: Pod) -> None:
        """The job is over; its pod is deleted."""
        self.jobs.made_by(self.runner())
        self.jobs.remove_pod(pod)

    def lose(self, pod: Pod) -> None:
        """The runner lost the job: its pod ends by itself and stays, until somebody cleans up."""
        self.jobs.complete(pod)

    def deployer(self, pod: Pod) -> Client:
        """The account that jobs deploy with, as a job's pod uses it."""
        return self.jobs.client_of(pod, KUBECTL, DEPLOYER)

    def attach(self, pod: Pod, seconds: int) -> None:
        """The runner attaches to the pod, and runs the job's script in it."""
        name = "container=build&stderr=true&stdin=true&stdout=true"
        self.cluster.api.stream(self.runner(), "create", Target("Pod", "ci", pod.name, "attach", name), seconds)


def _manifest(cluster: Cluster) -> Json:
    image = f"{cluster.cast.registry}/ci/build:24.04"
    parts = [container(name, image, command=["sleep", "7200"], memory="1Gi") for name in ("build", "helper")]
    spec = pod_spec(*parts, account="deployer", restart="Never")
    labels = {"app": "gitlab-job", "job.runner.gitlab.com/pod": "runner-job"}
    return body("Pod", "runner-job", "ci", meta={"labels": labels}, spec=spec, status={})


JOB_POD = Target("Pod", "ci", hole("pod"))
JOB_EVENTS = Target("Event", "ci", query=f"fieldSelector=involvedObject.uid%3D{hole('pod_uid')}")


@actor()
def runner(cluster: Cluster, chance: Chance) -> Life:
    """The runner's jobs: many by day, a few at night."""
    runners = Runners(cluster, chance)
    hourly = max(cluster.profile.ci_jobs_per_hour, 0.01)
    while True:
        yield chance.wait(round(HOUR / hourly))
        if is_working_time(cluster.now) or chance.happens(0.1):
            cluster.start(_job(cluster, chance, runners))


def _job(cluster: Cluster, chance: Chance, runners: Runners) -> Life:
    api, pod = cluster.api, runners.begin()
    if chance.happens(0.5):
        # Credentials of the job, in a Secret that lives as long as its pod.
        api.record(runners.runner(), "create", Target("Secret", "ci", f"{pod.name}-env", unnamed=True), code=201)
    for _ in range(3):
        yield chance.about(3 * SECOND)
        api.read(runners.runner(), "get", JOB_POD, pod.values)
    seconds = chance.wait(60 * SECOND) // SECOND + 10
    runners.attach(pod, seconds)
    _build(chance, pod, seconds)
    for left in range(seconds, 0, -30):
        yield min(left, 30) * SECOND
        api.read(runners.runner(), "get", JOB_POD, pod.values)
    if chance.happens(0.05):
        runners.lose(pod)
        return
    api.read(runners.runner(), "list", JOB_EVENTS, pod.values)
    runners.end(pod)


def _build(chance: Chance, pod: Pod, seconds: int) -> None:
    """The job's script: a shell that the runner attached to, the sources, and the build."""
    if pod.main is None:
        return
    machine, script = pod.machine, ("sh", "-c", "if [ -x /bin/bash ]; then exec /bin/bash; fi; exec /bin/sh")
    shell = machine.run(machine.shim(pod.containers[0]), script, seconds, container=pod.containers[0])
    grow(shell, chance.pick(JOBS), after=grow(shell, CLONE, after=300_000))


@actor()
def previews(cluster: Cluster, chance: Chance) -> Life:
    """Preview namespaces: a job makes one for a change that is reviewed, another deletes it when that is over."""
    runners, number = Runners(cluster, chance), chance.between(120, 4000)
    mean = round(11 * HOUR / max(cluster.profile.previews_per_day, 0.001))
    while True:
        yield chance.wait(mean)
        if not is_working_time(cluster.now) and not chance.happens(0.03):
            continue
        number += 1
        if cluster.teams:
            team = chance.pick(cluster.teams)
            cluster.start(_preview(cluster, chance, runners, team, f"preview-{team}-{number}"))


def _preview(cluster: Cluster, chance: Chance, runners: Runners, team: str, name: str) -> Life:
    found = cluster.workloads_of(team, "Deployment")
    if not found:
        return
    original, pod = chance.pick(found), runners.begin()
    yield 9 * SECOND
    client = runners.deployer(pod)
    yield from namespaces.make(cluster, client, name, {"preview": "true", "team": team}, APPLIED)
    _rights(cluster, client, name, team)
    yield SECOND
    item = container(original.name, original.image, port=8080, memory="128Mi", health="/healthz", env={"PREVIEW": name})
    manifest = deployment(name, original.name, pod_spec(item, account="preview"), replicas=1)
    cluster.api.miss(client, "get", Target("Deployment", name, original.name))
    workload = cluster.deploy(client, manifest, APPLIED)
    ports = [{"protocol": "TCP", "port": 8080, "targetPort": 8080}]
    selector = {"app": original.name}
    cluster.api.create(
        client, body("Service", original.name, name, spec={"ports": ports, "selector": selector}), query=APPLIED
    )
    Kubectl(cluster, client).status(workload)
    yield 40 * SECOND
    runners.end(pod)
    yield chance.between(40, 30 * 60) * MINUTE
    pod = runners.begin()
    yield 9 * SECOND
    cluster.start(namespaces.delete(cluster, runners.deployer(pod), name))
    yield 20 * SECOND
    runners.end(pod)


def _rights(cluster: Cluster, client: Client, namespace: str, team: str) -> None:
    """An account for what is previewed, and what it may do in its own namespace."""
    api = cluster.api
    api.miss(client, "get", Target("ServiceAccount", namespace, "preview"))
    api.create(client, body("ServiceAccount", "preview", namespace), query=APPLIED)
    rule = (["get", "list", "watch"], "", ["configmaps", "pods", "services"])
    api.create(client, role("Role", namespace, "preview", rule), query=APPLIED)
    subject = {"kind": "ServiceAccount", "name": "preview", "namespace": namespace}
    api.create(client, binding("RoleBinding", namespace, "preview", subject, "Role", "preview"), query=APPLIED)
    reviewers: dict[str, Any] = {"kind": "Group", "apiGroup": RBAC, "name": f"team-{team}"}
    made = binding("RoleBinding", namespace, "reviewers", reviewers, "ClusterRole", "view")
    api.create(client, made, query=APPLIED)
