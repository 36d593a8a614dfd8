"""What runs in the containers of a pod, by the image: entry points, what they start first, and probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulation.clock import MILLISECOND, SECOND
from simulation.schedule import Life
from simulation.sensors.containers import Container

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.kubernetes.pods import Pod
    from simulation.kubernetes.workloads import Workload


@dataclass(frozen=True)
class Recipe:
    """What the containers of an image run."""

    entry: tuple[str, ...]
    """The long-running program."""
    before: tuple[tuple[str, ...], ...] = ()
    """What its start script runs first; the first of them is the script itself."""
    uid: int = 0
    probe: tuple[str, ...] = ()
    """The command by which the kubelet sees whether it is well."""
    every: int = 10
    """Seconds between two probes."""


RECIPES = {
    "nginx": Recipe(
        ("/usr/sbin/nginx", "-g", "daemon off;"),
        (
            ("/docker-entrypoint.sh", "nginx", "-g", "daemon off;"),
            (
                "/usr/bin/find",
                "/docker-entrypoint.d/",
                "-mindepth",
                "1",
                "-maxdepth",
                "1",
                "-type",
                "f",
                "-print",
                "-quit",
            ),
            ("/docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",),
            ("/usr/bin/touch", "/etc/nginx/conf.d/default.conf"),
            ("/usr/bin/md5sum", "-c", "-"),
            ("/docker-entrypoint.d/20-envsubst-on-templates.sh",),
            ("/docker-entrypoint.d/30-tune-worker-processes.sh",),
        ),
        uid=101,
    ),
    "postgres": Recipe(
        ("/usr/lib/postgresql/17/bin/postgres", "-c", "shared_buffers=256MB"),
        (
            ("/usr/local/bin/docker-entrypoint.sh", "postgres", "-c", "shared_buffers=256MB"),
            ("/usr/bin/id", "-u"),
            ("/usr/bin/mkdir", "-p", "/var/lib/postgresql/data"),
            ("/usr/bin/chmod", "700", "/var/lib/postgresql/data"),
            ("/usr/local/bin/gosu", "postgres", "/usr/local/bin/docker-entrypoint.sh", "postgres"),
        ),
        uid=70,
        probe=("/usr/bin/pg_isready", "-U", "postgres"),
    ),
    "redis": Recipe(
        ("/usr/local/bin/redis-server", "*:6379"),
        (
            ("/usr/local/bin/docker-entrypoint.sh", "redis-server"),
            ("/usr/bin/id", "-u"),
            ("/usr/bin/find", ".", "!", "-user", "redis", "-exec", "chown", "redis", "{}", "+"),
        ),
        uid=999,
        probe=("/bin/sh", "-c", "redis-cli ping"),
    ),
    "storefront": Recipe(
        ("/usr/sbin/apache2", "-DFOREGROUND"),
        (
            ("/usr/local/bin/docker-php-entrypoint", "apache2-foreground"),
            ("/usr/local/bin/apache2-foreground",),
            ("/usr/bin/mkdir", "-p", "/var/run/apache2"),
        ),
        uid=33,
    ),
    "api-java": Recipe(
        ("/opt/java/openjdk/bin/java", "-XX:MaxRAMPercentage=75.0", "-jar", "/app/service.jar"), uid=1000
    ),
    "api-node": Recipe(
        ("/usr/local/bin/node", "/app/server.js"),
        (("/usr/local/bin/docker-entrypoint.sh", "node", "/app/server.js"),),
        uid=1000,
        probe=("/bin/sh", "-c", "wget -q -O- http://127.0.0.1:8080/healthz"),
        every=30,
    ),
    "api-python": Recipe(
        ("/usr/local/bin/python3", "/usr/local/bin/gunicorn", "-b", "0.0.0.0:8000", "app.wsgi"),
        uid=1000,
        probe=("/usr/bin/curl", "-fsS", "http://localhost:8000/healthz"),
        every=30,
    ),
    "api-go": Recipe(("/app/server", "--listen=:8080"), uid=65532),
}
"""Recipes by the last part of an image's repository; any other image runs its command, or `/app/<name>`."""


def image_name(image: str) -> str:
    """The last part of an image's repository.

    Examples
    --------
    >>> image_name("registry.example/shop/web:1.4")
    'web'
    """
    return image.rpartition("/")[2].partition(":")[0].partition("@")[0]


class Programs:
    """Starts and ends what runs in the containers of a cluster's pods.

    Parameters
    ----------
    cluster
        The cluster.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.recipes = dict(RECIPES)

    def recipe(self, item: dict[str, object]) -> Recipe:
        """What a container of a pod's spec runs: its command if it has one, else what its image does."""
        command = item.get("command")
        if isinstance(command, list):
            arguments = item.get("args")
            return Recipe((*command, *arguments) if isinstance(arguments, list) else tuple(command))
        name = image_name(str(item["image"]))
        return self.recipes.get(name) or Recipe((f"/app/{name}",))

    def containers(self, workload: Workload, pod: Pod) -> list[Container]:
        """The containers of a pod that start now, as sensors see them."""
        labels = {**workload.object["metadata"].get("labels", {})}
        kind = "Pod" if workload.kind == "Pod" else workload.kind
        return [
            Container(
                item["name"],
                item["image"],
                identifier=str(pod.values[f"container_{place}"]),
                namespace=pod.namespace,
                pod=pod.name,
                workload=pod.name if workload.kind == "Pod" else workload.name,
                kind=kind,
                started=self.cluster.now,
                labels=labels,
                privileged=bool(item.get("securityContext", {}).get("privileged")),
            )
            for place, item in enumerate(workload.spec["containers"])
        ]

    def settled(self, workload: Workload, pod: Pod) -> None:
        """A pod's containers have been running since before the log begins."""
        machine = pod.machine
        for item, container in zip(workload.spec["containers"], pod.containers, strict=True):
            recipe = self.recipe(item)
            main = machine.entry(container, machine.shim(container), recipe.entry, uid=recipe.uid)
            pod.main = pod.main or main
            self._probe(pod, container, recipe)

    def settle_now(self, workload: Workload, pod: Pod) -> None:
        """A pod that is still starting is taken as running: somebody wants to look into it."""
        pod.containers = pod.containers or self.containers(workload, pod)
        self.settled(workload, pod)

    def started(self, workload: Workload, pod: Pod) -> None:
        """A pod's containers start: what their start scripts run, and their entry points."""
        machine, after = pod.machine, 0
        for item, container in zip(workload.spec["containers"], pod.containers, strict=True):
            recipe = self.recipe(item)
            above = machine.shim(container)
            for place, argv in enumerate(recipe.before):
                after += 40 * MILLISECOND
                seconds = 0.01 if place else None
                step = machine.run(above, argv, seconds, after=after, container=container, mark=workload.mark)
                above = above if place else step
            after += 40 * MILLISECOND
            fields: dict[str, Any] = {"container": container, "uid": recipe.uid}
            main = machine.run(above, recipe.entry, None, after=after, mark=workload.mark, **fields)
            pod.main = pod.main or main
            self._probe(pod, container, recipe)

    def ended(self, pod: Pod) -> None:
        """A pod's entry point ends."""
        if pod.main is not None:
            pod.machine.end(pod.main, status=0)

    def _probe(self, pod: Pod, container: Container, recipe: Recipe) -> None:
        if recipe.probe:
            self.cluster.start(self._probes(pod, container, recipe), self.cluster.chance.below(recipe.every * SECOND))

    def _probes(self, pod: Pod, container: Container, recipe: Recipe) -> Life:
        machine, shim = pod.machine, pod.machine.shim(container)
        while pod.alive:
            machine.run(shim, recipe.probe, container=container, probe=True)
            yield self.cluster.paced(recipe.every * SECOND)
