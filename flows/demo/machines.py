"""Ordinary life on the machines: containers start, probes run, cron and logrotate work, people look around."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flows.demo.cast import Site
from flows.demo.fields import Json
from flows.demo.invented import Action, instant
from flows.demo.processes import Container, Node, Program
from flows.demo.requests import Client, Target

ENTRIES = {
    "agent": ("/bin/sh", "/opt/agent/run.sh"),
    "azure-cloud-node-manager": ("/usr/local/bin/cloud-node-manager", "--node-name=$(NODE_NAME)"),
    "catalog": ("/opt/java/openjdk/bin/java", "-XX:MaxRAMPercentage=75.0", "-jar", "/app/catalog.jar"),
    "fluent-bit": ("/fluent-bit/bin/fluent-bit", "-c", "/fluent-bit/etc/conf/fluent-bit.conf"),
    "nginx": ("/usr/sbin/nginx", "-g", "daemon off;"),
    "orders": ("/app/orders", "--listen=:8080", "--database=postgres.plant.svc"),
    "postgres": ("/usr/lib/postgresql/17/bin/postgres", "-c", "shared_buffers=256MB"),
    "report": ("/usr/local/bin/python3", "/app/report.py", "--day=2026-09-13"),
    "storefront": ("/usr/sbin/apache2", "-DFOREGROUND"),
    "workbench": ("/bin/sleep", "infinity"),
}
"""The long-running program of each image, by the last part of its repository."""
WRAPPERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "nginx": (
        ("/docker-entrypoint.sh", "nginx", "-g", "daemon off;"),
        ("/usr/bin/find", "/docker-entrypoint.d/", "-mindepth", "1", "-maxdepth", "1", "-type", "f", "-print", "-quit"),
        ("/docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",),
        ("/usr/bin/touch", "/etc/nginx/conf.d/default.conf"),
        ("/usr/bin/md5sum", "-c", "-"),
        ("/docker-entrypoint.d/20-envsubst-on-templates.sh",),
        ("/docker-entrypoint.d/30-tune-worker-processes.sh",),
    ),
    "postgres": (
        ("/usr/local/bin/docker-entrypoint.sh", "postgres", "-c", "shared_buffers=256MB"),
        ("/usr/bin/id", "-u"),
        ("/usr/bin/mkdir", "-p", "/var/lib/postgresql/data"),
        ("/usr/bin/chmod", "700", "/var/lib/postgresql/data"),
        ("/usr/local/bin/gosu", "postgres", "/usr/local/bin/docker-entrypoint.sh", "postgres"),
    ),
    "storefront": (
        ("/usr/local/bin/docker-php-entrypoint", "apache2-foreground"),
        ("/usr/local/bin/apache2-foreground",),
        ("/usr/bin/mkdir", "-p", "/var/run/apache2"),
    ),
}
"""What runs before it when a container starts."""
WORKERS = {"nginx": 101, "postgres": 70, "storefront": 33}
"""Users that serve requests, by image."""


def image_name(image: str) -> str:
    """The last part of an image's repository.

    Examples
    --------
    >>> image_name("registry.example/shop/web:1.4")
    'web'
    """
    return image.rpartition("/")[2].partition(":")[0]


class Machines:
    """The nodes of a cluster and what runs in the containers on them."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def container(self, pod: Json, started: int) -> Container:
        """The first container of a pod, as sensors see it."""
        meta, held = pod["metadata"], pod["spec"]["containers"][0]
        parent = meta["ownerReferences"][0]
        workload, kind = parent["name"], parent["kind"]
        if kind == "ReplicaSet":
            workload, kind = workload.rpartition("-")[0], "Deployment"
        privileged = bool(held.get("securityContext", {}).get("privileged"))
        names = (held["name"], held["image"], meta["namespace"], meta["name"])
        return Container(*names, workload, kind, started, meta["labels"], privileged)

    def entry(self, pod: Json) -> Program:
        """The entry point of a pod that runs."""
        container = self.container(pod, instant(pod["status"]["startTime"]))
        node = self.site.node(pod["spec"]["nodeName"])
        image = image_name(container.image)
        return node.entry(container, *ENTRIES[image], uid=WORKERS.get(image, 0))

    def started(self, at: int, pod: Json) -> None:
        """The container of a new pod starts: what its entry point runs, and the entry point itself."""
        container = self.container(pod, at)
        node = self.site.node(pod["spec"]["nodeName"])
        image = image_name(container.image)
        above = node.shim(container)
        steps = WRAPPERS.get(image, ())
        for place, argv in enumerate(steps):
            step = node.run(at + 40_000 * (place + 1), above, argv, 0.01 if place else None, container=container)
            above = above if place else step
        main = at + 40_000 * (len(steps) + 1)
        seconds = 6.5 if image == "report" else None
        node.run(main, above, ENTRIES[image], seconds, container=container, uid=WORKERS.get(image, 0))

    def exec_into(self, at: int, client: Client, pod: Json, argv: Sequence[str], seconds: float = 0.3) -> Program:
        """Someone runs a command in a pod by kubectl: the API server and the node's sensor both see it."""
        meta, held = pod["metadata"], pod["spec"]["containers"][0]
        command = "&".join(f"command={part.replace(' ', '+').replace('/', '%2F')}" for part in argv)
        target = Target(
            "Pod",
            meta["namespace"],
            meta["name"],
            "exec",
            f"{command}&container={held['name']}&stderr=true&stdout=true",
        )
        self.site.server.stream(at, client, target, seconds)
        main = self.entry(pod)
        node = self.site.node(pod["spec"]["nodeName"])
        shim = main.parent or node.containerd
        return node.run(at + 120_000, shim, argv, seconds, container=main.container, cwd=main.cwd)

    def probe(self, pod: Json, *argv: str) -> Action:
        """The kubelet looks whether a container is well, by a command in it."""
        main = self.entry(pod)
        node = self.site.node(pod["spec"]["nodeName"])
        shim = main.parent or node.containerd

        def look(at: int) -> None:
            node.run(at, shim, argv, container=main.container, probe=True)

        return look


def host_life(site: Site) -> None:
    """What the machines do by themselves, each at its own minute."""
    for place, node in enumerate(site.nodes):
        site.schedule.at(f"09:17:0{place + 1}", partial(cron_hourly, node))
        site.schedule.at(f"09:0{place + 2}:12", partial(rotate_logs, node))
        site.schedule.every(f"09:0{place}:41", 300, partial(clock_check, node))
        site.schedule.every(f"09:0{place + 1}:20", 300, partial(volume_stats, node))


def cron_hourly(node: Node, at: int) -> None:
    """Cron runs the hourly scripts."""
    child = node.run(at, node.cron, ("/usr/sbin/cron", "-f"), 0.9)
    shell = node.run(at + 4_000, child, ("sh", "-c", "cd / && run-parts --report /etc/cron.hourly"), 0.8)
    node.run(at + 9_000, shell, ("run-parts", "--report", "/etc/cron.hourly"), 0.7)


def rotate_logs(node: Node, at: int) -> None:
    """The timer of logrotate: it compresses the old logs and tells rsyslog."""
    main = node.run(at, node.systemd, ("/usr/sbin/logrotate", "/etc/logrotate.conf"), 1.2)
    node.run(at + 300_000, main, ("/bin/gzip",), 0.4)
    shell = node.run(
        at + 800_000, main, ("sh", "-c", "\n\t\t/usr/lib/rsyslog/rsyslog-rotate\n", "logrotate_script"), 0.2
    )
    script = node.run(at + 810_000, shell, ("/usr/lib/rsyslog/rsyslog-rotate",), 0.15)
    node.run(at + 830_000, script, ("systemctl", "kill", "-s", "HUP", "rsyslog.service"), 0.05)


def clock_check(node: Node, at: int) -> None:
    """The node problem detector asks chrony whether the clock is right."""
    node.run(at, node.systemd, ("chronyc", "-n", "tracking"))


def volume_stats(node: Node, at: int) -> None:
    """The kubelet mounts a token's volume and keeps its chains of iptables."""
    node.run(at, node.kubelet, ("/usr/sbin/iptables", "-w", "5", "-t", "mangle", "-S", "KUBE-KUBELET-CANARY"))
    node.run(
        at + 2_000_000,
        node.kubelet,
        ("/bin/systemd-run", "--description=Kubernetes transient mount", "--scope", "--", "mount", "-t", "tmpfs"),
    )


def login(node: Node, commands: Sequence[tuple[str, ...]], at: int) -> None:
    """An operator comes by ssh, looks and goes."""
    session = node.run(at, node.sshd, ("/usr/sbin/sshd", "-D", "-R"), None)
    shell = node.run(at + 900_000, session, ("bash", "--login"), None, login=1000, uid=1000, cwd="/home/operator")
    for place, argv in enumerate(commands):
        node.run(at + (place + 1) * 14_000_000, shell, argv, 0.2)
    end = at + (len(commands) + 2) * 14_000_000
    node.end(end, shell)
    node.end(end + 20_000, session)
