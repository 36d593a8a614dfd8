"""What thieves do with a service account's token to stay, or to go on: workloads, rights, one thing a day."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulation.attacks.accounts import LIMIT, command, discover, may_i
from simulation.attacks.changes import reshape, subject, undo
from simulation.attacks.intruders import RARE, in_use, inside, outside, seen_inside, wide
from simulation.attacks.launches import launch, manifest, take_away
from simulation.attacks.pods import SHELL_IMAGE, WAITS
from simulation.attacks.register import careful, straight
from simulation.attacks.rights import clear_up, old, to_admin
from simulation.attacks.scene import Scene, brought
from simulation.clock import DAY, HOUR, MINUTE, is_working_time
from simulation.json import Json
from simulation.kubernetes.objects import binding
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.life.ci import GRANTED, RUNNER
from simulation.schedule import Life


def _tools(scene: Scene, image: str = SHELL_IMAGE) -> Json:
    return pod_spec(container("main", image, command=WAITS, memory="64Mi", env={"TZ": "UTC"}), account="default")


def _other(scene: Scene, workload: Workload) -> str:
    others = [team for team in scene.cluster.teams if team != workload.namespace]
    return scene.chance.pick(others) if others else "default"


@straight(RARE, kind="pod in another namespace")
def pod_in_another_namespace(scene: Scene) -> Life:
    """A stolen token starts a pod in another team's namespace, with that team's default account."""
    workload = in_use(scene)
    thief, where = outside(scene, workload), _other(scene, workload)
    yield from discover(scene, thief)
    yield scene.pause()
    made = launch(scene, thief, manifest("Pod", where, f"tools-{scene.chance.ending(4)}", _tools(scene)), RARE)
    yield scene.chance.between(1 * HOUR, 6 * HOUR)
    take_away(scene, scene.person(admin=True), made)


@careful(RARE, kind="pod in another namespace")
def runner_starts_a_pod_elsewhere(scene: Scene) -> Life:
    """The CI runner makes pods all day; this one, from its own pod, is in the namespace of the monitoring."""
    runner = scene.cluster.workload("ci", "gitlab-runner")
    thief = inside(scene, runner, GRANTED.replace("/ci", "/monitoring"), RUNNER)
    image = f"{scene.cluster.cast.registry}/ci/build:24.04"
    name = f"runner-{scene.chance.ending(8)}-project-7-concurrent-0"
    made = launch(scene, thief, manifest("Pod", "monitoring", name, _tools(scene, image)), RARE, query="")
    yield scene.chance.between(10 * MINUTE, 50 * MINUTE)
    take_away(scene, thief, made)


@careful(RARE, kind="pod in another namespace")
def deployment_in_another_namespace(scene: Scene) -> Life:
    """From inside, by the program's own library, a Deployment that looks like an exporter of the monitoring."""
    workload = in_use(scene)
    thief = inside(scene, workload, wide(workload))
    image = "quay.io/prometheuscommunity/postgres-exporter:v0.18.1"
    made = launch(
        scene, thief, manifest("Deployment", "monitoring", "pg-exporter", _tools(scene, image)), RARE, query=""
    )
    yield scene.chance.between(6 * HOUR, 30 * HOUR)
    take_away(scene, scene.person(admin=True), made)


@straight(RARE, kind="rbac change")
def gives_itself_rights(scene: Scene) -> Life:
    """A stolen token looks at bindings, and binds edit in another namespace to itself."""
    workload = in_use(scene)
    thief, where = outside(scene, workload), _other(scene, workload)
    yield from discover(scene, thief)
    scene.read(thief, "list", Target("RoleBinding", query=LIMIT), RARE)
    yield scene.pause()
    mine = subject("ServiceAccount", workload.account, workload.namespace)
    held = scene.create(thief, binding("RoleBinding", where, "deployers", mine, "ClusterRole", "edit"), RARE)
    yield from clear_up(scene, held)


@careful(RARE, kind="rbac change")
def joins_a_binding(scene: Scene) -> Life:
    """From inside, a patch puts the default account of the namespace into a binding that has long been there."""
    workload = in_use(scene)
    group = subject("Group", f"team-{workload.namespace}")
    held = old(scene, to_admin(workload.namespace, "team-editors", group, role="edit"))
    yield scene.pause()
    changed = {"subjects": [group, subject("ServiceAccount", "default", workload.namespace)]}
    thief = inside(scene, workload)
    held = scene.api.patch(thief, held, changed, changed, mark=scene.mark(RARE))
    yield from clear_up(scene, held)


@straight(RARE, kind="persistence by cronjob", days=2)
def stays_by_a_cronjob(scene: Scene) -> Life:
    """A stolen token makes a CronJob that calls home every hour."""
    workload = in_use(scene)
    thief = outside(scene, workload)
    yield from discover(scene, thief)
    yield scene.pause()
    text = ["sh", "-c", "sleep 20; wget -q -O /dev/null https://status.cdn.example/ok"]
    spec = pod_spec(container("sync", SHELL_IMAGE, command=text, memory="32Mi"), account=workload.account)
    made = launch(scene, thief, manifest("CronJob", workload.namespace, "cache-sync", spec), RARE)
    yield scene.chance.between(20 * HOUR, 60 * HOUR)
    take_away(scene, scene.person(admin=True), made)


@careful(RARE, kind="persistence by cronjob", days=3)
def stays_in_a_cronjob_that_is_there(scene: Scene) -> Life:
    """From inside, a patch lets a CronJob of the team do one thing more."""
    cluster, workload = scene.cluster, in_use(scene)
    jobs = [each for (where, _), each in cluster.workloads.items()
            if each.kind == "CronJob" and where == workload.namespace]  # fmt: skip
    if not jobs:
        yield from stays_by_a_cronjob(scene)
        return
    job = scene.chance.pick(jobs)
    before = job.spec
    (first, *rest) = before["containers"]
    after = {**before, "containers": [{**first, "args": ["--day=yesterday", "--hook=/data/.sync"]}, *rest]}
    inner = {"spec": {"containers": [{"name": first["name"], "args": after["containers"][0]["args"]}]}}
    patch = {"spec": {"jobTemplate": {"spec": {"template": inner}}}}
    yield from reshape(scene, inside(scene, workload), job, after, patch, RARE, query="")
    yield scene.chance.between(30 * HOUR, 70 * HOUR)
    yield from undo(scene, job, before, after)


Step = Callable[[Scene, Client, Workload], None]


def _lists(kind: str) -> Step:
    return lambda scene, thief, workload: scene.read(thief, "list", Target(kind, workload.namespace), RARE)


def _refused(kind: str) -> Step:
    return lambda scene, thief, workload: scene.refuse(thief, "list", Target(kind, workload.namespace), RARE)


def _asks(scene: Scene, thief: Client, workload: Workload) -> None:
    may_i(scene, thief, workload.namespace, RARE)


def _runs(scene: Scene, thief: Client, workload: Workload) -> None:
    pod = workload.latest()
    target = Target("Pod", pod.namespace, pod.name, "exec", command("id"))
    scene.api.stream(thief, "get", target, 0.2, mark=scene.mark(RARE))
    seen_inside(scene, pod, ("id",), 0.2)


def _gets_secret(scene: Scene, thief: Client, workload: Workload) -> None:
    scene.read(thief, "get", Target("Secret", workload.namespace, "database-credentials"), RARE)


def _mints(scene: Scene, thief: Client, workload: Workload) -> None:
    issued = {"authentication.kubernetes.io/issued-credential-id": f"JTI={scene.chance.uuid()}"}
    target = Target("ServiceAccount", workload.namespace, "default", "token")
    scene.api.record(thief, "create", target, code=201, annotations=issued, mark=scene.mark(RARE))


DAYS: Sequence[Step] = (
    _asks, _lists("ServiceAccount"), _lists("Secret"), _lists("RoleBinding"), _gets_secret, _refused("NetworkPolicy"),
    _runs, _mints, _lists("Job"), _lists("Role"),
)  # fmt: skip
"""What is done on the first day, the second day, and so on."""


@straight(RARE, kind="slow attacker", days=9)
def one_thing_a_day(scene: Scene) -> Life:
    """One new operation a day, with kubectl in the container that was broken into."""
    workload = in_use(scene)
    for step in DAYS:
        step(scene, inside(scene, workload, agent=brought(scene.address)), workload)
        yield scene.chance.about(DAY, 0.15)


@careful(RARE, kind="slow attacker")
def one_thing_a_day_in_working_hours(scene: Scene) -> Life:
    """The same in another order, by the program's own library and right, only while everybody is at work."""
    workload = in_use(scene)
    for step in scene.chance.picks(DAYS, 8):
        while not is_working_time(scene.now):
            yield scene.chance.about(HOUR, 0.3)
        step(scene, inside(scene, workload), workload)
        yield scene.chance.between(19 * HOUR, 43 * HOUR)
