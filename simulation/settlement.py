"""How a cluster stands when the log begins: machines, the platform's own workloads, teams and theirs, people."""

from __future__ import annotations

from simulation.addresses import public_address
from simulation.cast import APPS, TEAMS, distinct
from simulation.chance import Chance
from simulation.clock import DAY
from simulation.cluster import Cluster, Person
from simulation.json import Json
from simulation.kubernetes.objects import body, daemon_set, deployment, owner, stateful_set
from simulation.kubernetes.pod_specs import container, host_path, pod_spec
from simulation.kubernetes.workloads import Workload
from simulation.platforms import Platform, System

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease", "monitoring", "argocd", "ci", "ingress-nginx",
              "cert-manager")  # fmt: skip
KINDS = ("api-java", "api-node", "api-python", "api-go", "nginx", "storefront")
"""Images of workloads, by their last part."""


def settle(cluster: Cluster) -> None:
    """Let everything be there that was there before the log begins."""
    chance = cluster.chance.child("settlement")
    ages = chance.child("nodes")
    for _ in range(cluster.profile.nodes):
        cluster.add_machine(age=ages.between(0, 40) * DAY)
    for name in NAMESPACES:
        cluster.namespace(name)
    for system in cluster.facts.systems:
        cluster.settle(_system(system), "Helm")
    for name, namespace, image in ADD_ONS:
        cluster.settle(
            deployment(namespace, name, pod_spec(container(name, image, memory="128Mi"), account=name), replicas=1)
        )
    cluster.teams = distinct(chance, TEAMS, cluster.profile.teams)
    for team in cluster.teams:
        cluster.namespace(team)
        _team(cluster, team, chance.child(team))
    _people(cluster, chance.child("people"))


ADD_ONS = (
    ("argocd-application-controller", "argocd", "quay.io/argoproj/argocd:v3.1.8"),
    ("cert-manager", "cert-manager", "quay.io/jetstack/cert-manager-controller:v1.18.2"),
    ("cert-manager-cainjector", "cert-manager", "quay.io/jetstack/cert-manager-cainjector:v1.18.2"),
    ("ingress-nginx-controller", "ingress-nginx", "registry.k8s.io/ingress-nginx/controller:v1.13.3"),
    ("prometheus-operator", "monitoring", "quay.io/prometheus-operator/prometheus-operator:v0.85.0"),
    ("prometheus", "monitoring", "quay.io/prometheus/prometheus:v3.6.0"),
    ("kube-state-metrics", "monitoring", "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.17.0"),
    ("gitlab-runner", "ci", "registry.gitlab.com/gitlab-org/gitlab-runner:alpine-v18.4.0"),
)
"""What every cluster has installed; each has an account of its own name."""


def _system(system: System) -> Json:
    mounts = {path: f"host-{place}" for place, path in enumerate(system.host_paths)}
    item = container(system.name, system.image, mounts=mounts, privileged=system.privileged, memory="64Mi")
    volumes = [host_path(name, path) for path, name in mounts.items()]
    spec = pod_spec(item, account=system.account, volumes=volumes, priorityClassName="system-node-critical")
    if system.kind == "DaemonSet":
        spec["hostNetwork"] = True
        return daemon_set("kube-system", system.name, {"k8s-app": system.name}, spec)
    return deployment("kube-system", system.name, spec, replicas=system.replicas)


def _team(cluster: Cluster, team: str, chance: Chance) -> None:
    registry = cluster.cast.registry
    for place, name in enumerate(distinct(chance, APPS, cluster.profile.workloads)):
        if name in {"cache", "db"}:
            image = "redis:7.4.2" if name == "cache" else "postgres:17.2"
            cluster.settle(
                stateful_set(team, name, pod_spec(container(name, image, port=6379 if name == "cache" else 5432)))
            )
            continue
        kind = KINDS[(2 * cluster.teams.index(team) + place + chance.below(2)) % len(KINDS)]
        repository = "nginx" if kind == "nginx" else f"{registry}/{team}/{kind}"
        item = container(
            name,
            f"{repository}:{chance.between(1, 9)}.{chance.between(0, 30)}.{chance.between(0, 9)}",
            port=8080,
            memory="256Mi",
            health="/healthz",
            env={"LOG_LEVEL": "info", "DATABASE_HOST": f"db.{team}.svc", "TEAM": team},
            mounts={"/etc/app": "settings", "/etc/app/secrets": "credentials"} if place % 2 else {},
            read_only=("/etc/app", "/etc/app/secrets"),
        )
        spec = pod_spec(item, account=name, volumes=_volumes(name) if place % 2 else ())
        workload = cluster.settle(deployment(team, name, spec, replicas=chance.between(1, cluster.profile.replicas)))
        _service(cluster, workload)
    for place in range(cluster.profile.cron_jobs):
        cluster.settle(_cron_job(team, f"report-{place + 1}", f"{registry}/{team}/report:{chance.between(1, 9)}.0"))


def _volumes(name: str) -> list[Json]:
    """A workload's settings and secrets."""
    mode = {"defaultMode": 420}
    settings = {"name": "settings", "configMap": {"name": f"{name}-config", **mode}}
    return [settings, {"name": "credentials", "secret": {"secretName": f"{name}-credentials", **mode}}]


def _cron_job(team: str, name: str, image: str) -> Json:
    spec = pod_spec(container("report", image, args=["--day=yesterday"]), restart="OnFailure", account=name)
    template = {"metadata": {}, "spec": {"template": {"metadata": {}, "spec": spec}}}
    schedule = {"schedule": "0 * * * *", "concurrencyPolicy": "Forbid", "suspend": False, "jobTemplate": template}
    return body("CronJob", name, team, spec=schedule, status={})


def _service(cluster: Cluster, workload: Workload) -> None:
    name, namespace = workload.name, workload.namespace
    spec = {"ports": [{"protocol": "TCP", "port": 8080, "targetPort": 8080}], "selector": {"app": name}}
    held = cluster.api.hold(body("Service", name, namespace, spec={**spec, "type": "ClusterIP"}), "argocd-controller")
    key = "endpointslice.kubernetes.io/managed-by"
    labels = {key: "endpointslice-controller.k8s.io", "kubernetes.io/service-name": name}
    meta = {"generateName": f"{name}-", "labels": labels, "ownerReferences": owner(held)}
    parts = {"addressType": "IPv4", "endpoints": [], "ports": [{"name": "", "protocol": "TCP", "port": 8080}]}
    full = f"{name}-{cluster.chance.ending(5)}"
    cluster.api.hold(body("EndpointSlice", full, namespace, meta=meta, **parts), "kube-controller-manager")


def _people(cluster: Cluster, chance: Chance) -> None:
    office = [public_address(chance) for _ in range(1 + cluster.profile.people // 40)]
    agents = [f"kubectl/v1.{minor}.{chance.between(0, 9)} ({system}) kubernetes/{chance.hexadecimal(7)}"
              for minor in (31, 32, 33, 34) for system in ("linux/amd64", "darwin/arm64", "windows/amd64")]  # fmt: skip
    for place, name in enumerate(cluster.cast.people(cluster.profile.people)):
        is_admin = place % 3 == 0
        team = "" if is_admin else cluster.teams[place % len(cluster.teams)]
        group = "platform-admins" if is_admin else f"team-{team}"
        granted = (
            f'ClusterRoleBinding "platform-admins" of ClusterRole "cluster-admin" to Group "{group}"'
            if is_admin
            else f'RoleBinding "{group}/{team}" of ClusterRole "edit" to Group "{group}"'
        )
        username = name if cluster.platform is not Platform.SELF else name.partition("@")[0]
        address = chance.pick(office) if chance.happens(0.8) else public_address(chance)
        client = cluster.identities.person(username, (group,), granted, address, chance.pick(agents))
        cluster.people.append(Person(client, team))
