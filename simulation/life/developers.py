"""What developers' tools run in containers: builds, CI jobs, workspaces, servers that call tools, and maintenance."""

from __future__ import annotations

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, MINUTE, is_working_time, until
from simulation.cluster import Cluster
from simulation.kubernetes.objects import deployment, stateful_set
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.workloads import Workload
from simulation.life.build_steps import GIT, LAYERS, text
from simulation.schedule import Life
from simulation.sensors.processes import Program
from simulation.sensors.trees import grow, tree

SERVERS = (
    tree("/usr/bin/node /home/coder/.local/share/pyright/langserver.index.js -- --stdio", seconds=1800),
    tree("/home/coder/go/bin/gopls -mode=stdio", "/usr/local/go/bin/go env -json", seconds=2400),
    tree(
        "/home/coder/.cargo/bin/rust-analyzer",
        "/home/coder/.cargo/bin/rustc --print sysroot",
        "/home/coder/.cargo/bin/cargo metadata --format-version 1",
        seconds=2000,
    ),
    tree("/usr/bin/node /home/coder/.local/share/tsserver/tsserver.js --useNodeIpc", seconds=1500),
    tree("/usr/bin/git status -z -uall"),
    tree("/usr/bin/git fetch --quiet origin", "/usr/lib/git-core/git maintenance run --auto --quiet", connects=(GIT,)),
)
CALLS = (
    tree("/usr/bin/ffmpeg -hide_banner -y -i /data/in/7f31.mov -vf scale=1280:-2 /data/out/7f31.mp4", seconds=20),
    tree(("/bin/sh", "-c", "convert in.jpg -resize 800x out.webp"), "/usr/bin/convert in.jpg -resize 800x out.webp"),
    tree("/usr/bin/git --git-dir=/data/content.git log -1 --format=%H"),
    tree("/usr/bin/wkhtmltopdf --quiet /data/invoice.html /data/invoice.pdf", seconds=2),
)
DUMP = text(
    "pg_dump -h db -U app -Fc app | gzip > /backups/app.dump.gz",
    tree("/usr/bin/pg_dump -h db -U app -Fc app", seconds=25, connects=(("DATABASE", 5432),)),
    tree("/bin/gzip", seconds=20),
)
NIGHTLY = (
    DUMP,
    tree("/usr/bin/redis-cli -h cache --rdb /backups/cache.rdb", seconds=4),
    tree("/usr/bin/restic backup --quiet /backups", seconds=40, connects=(("203.0.113.80", 443),)),
    tree(
        "/usr/bin/certbot renew --quiet",
        tree("/hooks/deployed.sh", "/usr/bin/openssl x509 -checkend 2592000 -noout -in /etc/tls/tls.crt"),
        connects=(("203.0.113.15", 443),),
    ),
)
HEALTH = tree("/scripts/health.sh", "/usr/bin/pg_isready -h db -t 3", "/usr/bin/redis-cli -h cache ping")
ARCHIVED = tree(
    ("/bin/sh", "-c", "test ! -f /wal/0001 && cp pg_wal/0001 /wal/0001"), "/usr/bin/cp pg_wal/0001 /wal/0001"
)


@actor()
def builds(cluster: Cluster, chance: Chance) -> Life:
    """A build daemon in the cluster runs the steps of other people's builds."""
    image = "docker.io/moby/buildkit:v0.24.0-rootless"
    flags = ["--addr", "tcp://0.0.0.0:1234", "--oci-worker-no-process-sandbox"]
    item = container("buildkitd", image, command=["/usr/bin/buildkitd"], args=flags, memory="4Gi")
    daemon = cluster.settle(deployment("ci", "buildkitd", pod_spec(item), replicas=1))
    hourly = max(cluster.profile.ci_jobs_per_hour / 3, 0.01)
    while True:
        yield chance.wait(round(HOUR / (hourly * (1 if is_working_time(cluster.now) else 0.1))))
        above = _main(daemon, chance)
        after = 0
        for layer in chance.picks(LAYERS, chance.between(2, 4)) if above else ():
            folder = f"/var/lib/buildkit/runc-overlayfs/executor/{chance.ending(25)}"
            log = ("--log", f"{folder}/log.json")
            argv = ("/usr/bin/buildkit-runc", *log, "run", "--bundle", folder, chance.ending(25))
            assert above is not None
            after = grow(above, tree(argv, layer), after=after)


@actor()
def workspaces(cluster: Cluster, chance: Chance) -> Life:
    """Editors in the cluster start language servers, and git, again and again."""
    image = f"{cluster.cast.registry}/dev/workspace:2026.2"
    entry = ["/usr/lib/code-server/lib/node", "/usr/lib/code-server", "--bind-addr=0.0.0.0:8080"]
    spec = pod_spec(container("editor", image, command=entry, memory="2Gi"))
    held = [cluster.settle(stateful_set(team, "workspace", spec)) for team in cluster.teams]
    while True:
        pause = 20 * MINUTE if is_working_time(cluster.now) else 6 * HOUR
        yield chance.wait(pause // len(held))
        above = _main(chance.pick(held), chance)
        if above is not None:
            for _ in range(chance.between(1, 3)):
                grow(above, chance.pick(SERVERS), uid=1000, cwd="/home/coder/project")


@actor()
def tools(cluster: Cluster, chance: Chance) -> Life:
    """Web servers call programs for what they cannot do themselves, and databases archive their logs."""
    while True:
        yield max(cluster.paced(2 * MINUTE) // len(cluster.teams), 1)
        team = chance.pick(cluster.teams)
        found = {each.name: each for each in cluster.workloads_of(team, "Deployment", "StatefulSet")}
        database = found.get("db")
        if database is not None and chance.happens(0.4):
            above = _main(database, chance)
            if above is not None:
                grow(above, ARCHIVED)
            continue
        callers = [each for each in found.values() if each.image.rpartition("/")[2].startswith(("api-node", "store"))]
        above = _main(callers[0], chance) if callers else None
        if above is not None:
            grow(above, CALLS[len(callers[0].name) % len(CALLS)], cwd="/data")


@actor()
def maintenance(cluster: Cluster, chance: Chance) -> Life:
    """A team's own scheduler: health scripts by day, backups and certificates by night."""
    image = f"{cluster.cast.registry}/platform/maintenance:1.12"
    spec = pod_spec(container("cron", image, command=["/usr/local/bin/supercronic", "/etc/crontab"], memory="128Mi"))
    for team in cluster.teams:
        held = cluster.settle(deployment(team, "maintenance", spec, replicas=1))
        cluster.start(_nightly(cluster, chance.child(team), held))
        cluster.start(_checked(cluster, chance.child(team, "health"), held))
    yield 0


def _nightly(cluster: Cluster, chance: Chance, held: Workload) -> Life:
    clock = f"0{chance.between(1, 4)}:{chance.between(10, 55)}"
    while True:
        yield until(clock, cluster.now)
        above, after = _main(held, chance), 0
        pods = cluster.workloads[held.namespace, "db"].pods if (held.namespace, "db") in cluster.workloads else []
        words = {"DATABASE": pods[0].address if pods else "10.244.0.9"}
        for step in NIGHTLY if above is not None else ():
            assert above is not None
            after = grow(above, step, after=after, words=words)


def _checked(cluster: Cluster, chance: Chance, held: Workload) -> Life:
    while True:
        yield cluster.paced(5 * MINUTE)
        above = _main(held, chance)
        if above is not None:
            grow(above, HEALTH)


def _main(workload: Workload, chance: Chance) -> Program | None:
    running = [pod.main for pod in workload.pods if pod.main is not None and pod.alive]
    return chance.pick(running) if running else None
