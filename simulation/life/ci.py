"""CI: a runner in the cluster that makes a pod for every job."""

from __future__ import annotations

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, SECOND, is_working_time
from simulation.cluster import Cluster
from simulation.kubernetes.objects import body, container, pod_spec
from simulation.kubernetes.pods import Pod
from simulation.kubernetes.requests import Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life

RUNNER = "gitlab-runner/18.4.0 (linux/amd64) kubernetes/$Format"
GRANTED = 'RoleBinding "gitlab-runner/ci" of Role "gitlab-runner"'
STEPS = (
    ("sh", "-c", "npm ci --no-audit && npm test"),
    ("sh", "-c", "go build ./... && go test ./..."),
    ("sh", "-c", "mvn -B -q verify"),
    ("sh", "-c", "pip install -r requirements.txt && pytest -q"),
)


@actor()
def runner(cluster: Cluster, chance: Chance) -> Life:
    """The runner's jobs: many by day, a few at night."""
    image = f"{cluster.cast.registry}/ci/build:24.04"
    spec = pod_spec(container("build", image, command=["sleep", "7200"], memory="1Gi"), restart="Never")
    manifest = body("Pod", "runner-job", "ci", meta={"labels": {"app": "gitlab-job"}}, spec=spec, status={})
    jobs = Workload(cluster, manifest, author=cluster.workload("ci", "gitlab-runner").client(RUNNER, GRANTED))
    jobs.prepare()
    hourly = max(cluster.profile.ci_jobs_per_hour, 0.01)
    while True:
        share = 1 if is_working_time(cluster.now) else 0.1
        yield chance.wait(round(HOUR / (hourly * share)))
        cluster.start(_job(cluster, chance, jobs))


def _job(cluster: Cluster, chance: Chance, jobs: Workload) -> Life:
    pod = jobs.add_pod()
    client = cluster.workload("ci", "gitlab-runner").client(RUNNER, GRANTED)
    for _ in range(3):
        yield chance.about(3 * SECOND)
        cluster.api.read(client, "get", Target("Pod", "ci", pod.name))
    _build(cluster, chance, pod)
    yield chance.wait(60 * SECOND) + 10 * SECOND
    cluster.api.read(client, "get", Target("Pod", "ci", pod.name))
    jobs.remove_pod(pod)


def _build(cluster: Cluster, chance: Chance, pod: Pod) -> None:
    if pod.main is None:
        return
    shell = pod.machine.run(pod.machine.shim(pod.containers[0]), chance.pick(STEPS), 40, container=pod.containers[0])
    pod.machine.run(shell, ("git", "clone", "--depth=20", "https://git.example/team/app.git"), 2.1)
