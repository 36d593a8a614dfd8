"""Helm: releases that are installed, upgraded and applied again unchanged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, MILLISECOND, SECOND, is_working_time
from simulation.cluster import Cluster
from simulation.kubernetes.kubectl import with_image
from simulation.kubernetes.objects import body, deployment
from simulation.kubernetes.pod_specs import container, pod_spec
from simulation.kubernetes.requests import Client, Target, not_found
from simulation.kubernetes.workloads import Workload
from simulation.life.people import bumped
from simulation.schedule import Life

AGENT = "Helm/3.19.0"
MADE = "fieldManager=helm"
CHARTS = (
    ("redis-exporter", "oliver006/redis_exporter:v1.74.0"),
    ("postgres-exporter", "quay.io/prometheuscommunity/postgres-exporter:v0.17.1"),
    ("blackbox", "quay.io/prometheus/blackbox-exporter:v0.27.0"),
    ("mailhog", "mailhog/mailhog:v1.0.1"),
    ("oauth2-proxy", "quay.io/oauth2-proxy/oauth2-proxy:v7.12.0"),
)
"""Charts that teams install."""
KEPT = 10
"""Revisions of a release that are kept, each as a Secret."""


@dataclass
class Release:
    """An installed chart."""

    namespace: str
    name: str
    image: str
    revision: int = 0
    workload: Workload | None = None

    def secret(self, revision: int) -> Target:
        """Where a revision is kept."""
        return Target("Secret", self.namespace, f"sh.helm.release.v1.{self.name}.v{revision}")


class Helm:
    """Somebody's Helm.

    Parameters
    ----------
    cluster, client
        As whom it asks.
    """

    def __init__(self, cluster: Cluster, client: Client) -> None:
        self.cluster = cluster
        self.api = cluster.api
        self.client = replace(client, agent=AGENT)

    def install(self, release: Release) -> Life:
        """`helm install`: nothing of it is there; its objects are made, and the release is kept in a Secret."""
        self._list(release)
        for kind in ("ServiceAccount", "Service", "Deployment"):
            target = Target(kind, release.namespace, release.name)
            self.api.record(self.client, "get", target, code=404, status=not_found(target))
        yield 40 * MILLISECOND
        release.revision = 1
        self._keep(release)
        labels = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": release.name}
        meta = {"labels": labels, "annotations": {"meta.helm.sh/release-name": release.name}}
        account = body("ServiceAccount", release.name, release.namespace, meta=meta)
        self.api.create(self.client, account, query=MADE)
        spec = {"ports": [{"protocol": "TCP", "port": 80, "targetPort": 8080}], "selector": {"app": release.name}}
        service = body("Service", release.name, release.namespace, meta=meta, spec={**spec, "type": "ClusterIP"})
        self.api.create(self.client, service, query=MADE)
        item = container(release.name, release.image, port=8080, memory="64Mi", health="/")
        pods = pod_spec(item, account=release.name)
        manifest = deployment(
            release.namespace, release.name, pods, replicas=1, meta={"annotations": meta["annotations"]}
        )
        release.workload = self.cluster.deploy(self.client, manifest, MADE)
        yield 300 * MILLISECOND
        self.api.record(self.client, "update", release.secret(1))

    def upgrade(self, release: Release, image: str) -> Life:
        """`helm upgrade`: what changed is patched; if nothing did, it only reads, and keeps one more revision."""
        self._list(release)
        self.api.record(self.client, "get", release.secret(release.revision))
        for kind in ("ServiceAccount", "Service", "Deployment"):
            self.api.record(self.client, "get", Target(kind, release.namespace, release.name))
        yield 60 * MILLISECOND
        release.revision += 1
        self._keep(release)
        workload = release.workload
        if workload is not None and image != release.image:
            release.image = image
            held = workload.held()
            item = {"image": image, "name": held["spec"]["template"]["spec"]["containers"][0]["name"]}
            patch = {"spec": {"template": {"spec": {"containers": [item]}}}}
            made = self.api.patch(self.client, held, patch, {"spec": with_image(held, image)}, query=MADE)
            self.cluster.start(workload.roll_out(made))
        yield 300 * MILLISECOND
        self.api.record(self.client, "update", release.secret(release.revision - 1))
        self.api.record(self.client, "update", release.secret(release.revision))
        if release.revision > KEPT:
            self.api.record(self.client, "delete", release.secret(release.revision - KEPT))

    def _list(self, release: Release) -> None:
        selector = f"labelSelector=name%3D{release.name}%2Cowner%3Dhelm"
        self.api.record(self.client, "get", Target(path="/version"))
        self.api.record(self.client, "list", Target("Secret", release.namespace, query=selector))

    def _keep(self, release: Release) -> None:
        target = replace(release.secret(release.revision), unnamed=True)
        self.api.record(self.client, "create", target, code=201)


@actor()
def releases(cluster: Cluster, chance: Chance) -> Life:
    """Teams install charts, and upgrade them; add-ons are upgraded by who looks after the cluster."""
    installed: list[Release] = []
    add_ons = [
        Release(workload.namespace, workload.name, workload.image, chance.between(2, 9), workload)
        for workload in cluster.workloads.values()
        if workload.namespace in {"monitoring", "cert-manager", "ingress-nginx"}
    ]
    while True:
        yield chance.wait(max(18 * HOUR // (1 + len(cluster.teams) // 4), HOUR))
        if not is_working_time(cluster.now):
            continue
        installed = [release for release in installed if (release.namespace, release.name) in cluster.workloads]
        if chance.happens(0.35) and len(installed) < 2 * len(cluster.teams):
            team, (name, image) = chance.pick(cluster.teams), chance.pick(CHARTS)
            if (team, name) not in cluster.workloads:
                installed.append(Release(team, name, image))
                yield from Helm(cluster, _member(cluster, chance, team)).install(installed[-1])
            continue
        release = chance.pick([*installed, *add_ons])
        image = bumped(release.image, chance) if chance.happens(0.6) else release.image
        team = release.namespace if release in installed else ""
        yield from Helm(cluster, _member(cluster, chance, team)).upgrade(release, image)
        yield 5 * SECOND


def _member(cluster: Cluster, chance: Chance, team: str) -> Client:
    fitting = [person.client for person in cluster.people if person.team == team]
    admins = [person.client for person in cluster.people if not person.team]
    return chance.pick(fitting or admins or [person.client for person in cluster.people])
