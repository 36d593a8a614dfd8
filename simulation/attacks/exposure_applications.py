"""Applications that let their users run whatever they want, open to the world or kept inside."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from simulation.attacks.deployer import APPLY, HELM, SERVER, Deployer
from simulation.attacks.exposure import (
    INTERNAL,
    NLB,
    chart,
    colleague,
    expose,
    intruder,
    labelled_workload,
    office,
    opened,
    partner,
    port,
    release,
    served,
    service,
    some,
    thief,
    vacant,
)
from simulation.attacks.exposure_databases import stays
from simulation.attacks.exposure_kubeflow import MESH, define
from simulation.attacks.intruders import RARE
from simulation.attacks.register import Play, careful, enter, near_miss
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MINUTE
from simulation.labels import Variant
from simulation.schedule import Life

EXPOSED = "K8S_ExposedService"


@dataclass(frozen=True)
class Application:
    """Something that is not for everybody."""

    name: str
    image: str
    port: int
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of its pods; empty: those of a chart of its name."""
    outer: int = 0
    """The Service's port, if it is another."""
    alone: bool = False
    """Only the Service is seen; its pods have been there for long, or are made by something else."""
    kind: str = "Deployment"


def component(name: str, part: str) -> dict[str, str]:
    """Labels of a part of an application."""
    return {"app": name, "component": part}


APPLICATIONS = (
    Application("jenkins", "docker.io/jenkins/jenkins:2.516.2-jdk21", 8080, kind="StatefulSet"),
    Application(
        "jupyterhub", "quay.io/jupyterhub/configurable-http-proxy:4.6.3", 8000, component("jupyterhub", "proxy"), 80
    ),
    Application("notebook", "quay.io/jupyter/scipy-notebook:2025-08-18", 8888, {"app": "notebook"}, 80),
    Application("argo-workflows-server", "quay.io/argoproj/argocli:v3.7.1", 2746, {"app": "argo-server"}),
    Application(
        "argocd-server", "quay.io/argoproj/argocd:v3.1.8", 8080, {"app.kubernetes.io/name": "argocd-server"}, 443
    ),
    Application("airflow-webserver", "apache/airflow:2.11.0", 8080, component("airflow", "webserver")),
    Application("nifi", "apache/nifi:2.5.0", 8443, kind="StatefulSet"),
    Application("weave-scope-app", "docker.io/weaveworks/scope:1.13.2", 4040, {"name": "weave-scope-app"}, 80),
    Application("spark-master", "bitnami/spark:3.5.6", 8080, component("spark", "master"), 80),
    Application("hadoop-yarn-rm", "apache/hadoop:3.4.1", 8088, component("hadoop", "yarn-rm")),
    Application("flink-jobmanager", "flink:2.1.0-scala_2.12", 8081, component("flink", "jobmanager")),
    Application("docker-socket-proxy", "tecnativa/docker-socket-proxy:0.4.1", 2375, {"app": "dind"}),
    Application("consul-ui", "hashicorp/consul:1.21.4", 8500, component("consul", "server"), 80, kind="StatefulSet"),
    Application("nomad-server", "hashicorp/nomad:1.10.4", 4646, kind="StatefulSet"),
    Application("portainer", "portainer/portainer-ce:2.33.1", 9000),
    Application("rancher", "rancher/rancher:v2.12.1", 80, {"app": "rancher"}),
    Application("selenium-hub", "selenium/hub:4.35.0", 4444, {"app": "selenium-hub"}),
    Application("ml-pipeline-ui", "ghcr.io/kubeflow/kfp-frontend:2.14.0", 3000, {"app": "ml-pipeline-ui"}, 80),
    Application("octant", "antrea/octant-antrea-ubuntu:v0.25.1", 7777),
    Application("cadvisor", "gcr.io/cadvisor/cadvisor:v0.52.1", 8080, {"app": "cadvisor"}),
    Application("polaris-dashboard", "quay.io/fairwinds/polaris:10.1.1", 8080, component("polaris", "dashboard"), 80),
    Application("druid-router", "apache/druid:34.0.0", 8888, component("druid", "router")),
    Application("zeppelin", "apache/zeppelin:0.12.0", 8080, {"app": "zeppelin"}, 80),
    Application("ray-head", "rayproject/ray:2.49.0", 8265, {"ray.io/node-type": "head", "ray.io/cluster": "batch"}),
    Application("mlflow", "ghcr.io/mlflow/mlflow:v3.3.2", 5000),
    Application(
        "tekton-dashboard", "ghcr.io/tektoncd/dashboard/dashboard:v0.61.0", 9097, component("tekton", "dashboard")
    ),
    Application("jenkins-controller", "", 8080, {"app.kubernetes.io/name": "jenkins"}, 80, alone=True),
    Application("etcd-client", "", 2379, {"component": "store"}, alone=True),
    Application("node-debug", "", 10250, {"role": "agent"}, alone=True),
    Application("build-engine", "", 2375, {"app": "engine"}, alone=True),
)


def install(helper: Deployer, team: str, each: Application, *raises: str) -> dict[str, str]:
    """Its workload, unless it is there; returns what its Service selects by."""
    labels = dict(each.labels) or chart(each.name, each.name)
    if not each.alone:
        item = served(each.name, each.image, each.port, memory="512Mi")
        helper.make(labelled_workload(team, each.name, labels, item, kind=each.kind), *raises)
    return labels


def _exposes(each: Application) -> Play:
    def play(scene: Scene) -> Generator[int, None, None]:
        helper, team = intruder(scene, scene.chance.pick((APPLY, HELM)))
        yield from vacant(scene, "Service", each.name, team)
        if each.name.startswith("ml-pipeline"):
            yield from vacant(scene, "Namespace", MESH)
            define(helper)
        labels = install(helper, team, each, EXPOSED)
        yield scene.pause()
        notes = release(team, each.name) if helper.tool == HELM else {}
        ports = port(each.outer or each.port, "http" if each.outer else "tcp", each.port)
        expose(helper, service(team, each.name, labels, ports, notes=notes), EXPOSED)
        yield from stays(helper)

    play.__doc__ = f"A load balancer for {each.name}, open to everybody."
    return play


for _each in APPLICATIONS:
    enter(f"exposes-{_each.name}", Variant.STRAIGHT, [EXPOSED], _exposes(_each))


# Careful.


def hidden(name: str, image: str, number: int) -> Application:
    """An application under a name and labels that say nothing."""
    return Application(name, image, number, {"app": name, "tier": "internal"}, 443)


@careful(EXPOSED)
def exposes_jenkins_by_another_name(scene: Scene) -> Life:
    """Jenkins from the company's mirror, under a harmless name; its Service is opened by a JSON patch."""
    helper, team = intruder(scene)
    mirror = f"{scene.cluster.cast.registry}/mirror/jenkins/jenkins@sha256:{scene.chance.hexadecimal(64)}"
    each = hidden(some(scene, "builds", "release-bot", "nightly"), mirror, 8080)
    labels = install(helper, team, each, EXPOSED)
    held = expose(helper, service(team, each.name, labels, port(443, "https", "http"), kind="ClusterIP"))
    yield scene.chance.between(10, 90) * MINUTE
    patch = [{"op": "add", "path": "/spec/type", "value": "LoadBalancer"}]
    opened(helper, held, patch, {"type": "LoadBalancer"}, EXPOSED)
    yield from stays(helper)


@careful(EXPOSED, RARE)
def exposes_notebook_before_it_runs(scene: Scene) -> Life:
    """With a stolen token first the load balancer, by an apply; hours later the notebook server that it selects."""
    helper, team = thief(scene, SERVER)
    each = hidden(
        some(scene, "reports-lab", "forecast", "sandbox"), "quay.io/jupyter/datascience-notebook:2025-08-18", 8888
    )
    expose(
        helper,
        service(team, each.name, {"tier": "internal", "app": each.name}, port(443, "https", 8888)),
        EXPOSED,
        RARE,
    )
    yield scene.chance.between(1, 4) * HOUR
    install(helper, team, each, EXPOSED, RARE)
    yield from stays(helper)


@careful(EXPOSED)
def exposes_docker_behind_https_port(scene: Scene) -> Life:
    """The load balancer's port is 443, its target is the port of a Docker socket."""
    helper, team = intruder(scene)
    name = some(scene, "assets", "media-edge", "thumbs")
    expose(helper, service(team, name, {"app": name}, port(443, "https", 2375)), EXPOSED)
    yield from stays(helper)


@careful(EXPOSED)
def widens_argo_in_halves(scene: Scene) -> Life:
    """Argo Workflows is open to the office; an edit opens it to everybody, in two halves."""
    helper, team = intruder(scene)
    each = hidden(some(scene, "flows", "batch-ui"), "quay.io/argoproj/argocli:v3.7.1", 2746)
    labels = install(helper, team, each, EXPOSED)
    ranges = [office(scene)]
    held = expose(helper, service(team, each.name, labels, port(443, "https", 2746), loadBalancerSourceRanges=ranges))
    yield scene.chance.between(1, 4) * HOUR
    spec = {"loadBalancerSourceRanges": ["0.0.0.0/1", "128.0.0.0/1"]}
    opened(helper, held, {"spec": spec}, spec, EXPOSED, manager="kubectl-edit&fieldValidation=Strict")
    yield from stays(helper)


@careful(EXPOSED)
def turns_web_service_to_flink(scene: Scene) -> Life:
    """A load balancer of a web page, long in place, gets the selector of a Flink job manager."""
    helper, team = intruder(scene)
    page, each = some(scene, "press", "careers"), hidden(some(scene, "stream"), "flink:2.1.0-scala_2.12", 8081)
    helper.make(labelled_workload(team, page, {"app": page}, served("web", "nginx:1.29.1", 8080)))
    held = expose(helper, service(team, page, {"app": page}, port(80, "http", "http")))
    yield scene.chance.between(1, 4) * HOUR
    labels = install(helper, team, each, EXPOSED)
    opened(helper, held, {"spec": {"selector": labels}}, {"selector": labels}, EXPOSED)
    yield from stays(helper)


# Near misses.


@near_miss(EXPOSED)
def publishes_web_service(scene: Scene) -> Life:
    """A team publishes a web shop by a load balancer without ranges, which is what it is for."""
    helper, team = colleague(scene, HELM)
    name = some(scene, "shopfront", "landing", "campaign", "public-api")
    image = f"{scene.cluster.cast.registry}/{team}/storefront:4.2.0"
    labels = chart(name, name)
    helper.make(labelled_workload(team, name, labels, served("web", image, 8080), replicas=2))
    ports = (port(80, "http", "http"), port(443, "https", 8443))
    expose(helper, service(team, name, labels, *ports, notes=release(team, name)))
    yield from helper.leave(scene.chance.between(3, 9) * HOUR)


@near_miss(EXPOSED)
def balances_jenkins_inside(scene: Scene) -> Life:
    """Jenkins is behind load balancers that are marked internal, in each cloud's way, and then a ClusterIP."""
    helper, team = colleague(scene)
    name = some(scene, "jenkins")
    labels = chart("jenkins", name)
    item = served("jenkins", "docker.io/jenkins/jenkins:2.516.2-jdk21", 8080, memory="1Gi")
    helper.make(labelled_workload(team, name, labels, item, kind="StatefulSet"))
    for place, notes in enumerate(INTERNAL):
        held = expose(helper, service(team, f"{name}-{place}", labels, port(80, "http", "http"), notes=notes))
        yield scene.chance.between(4, 20) * MINUTE
        helper.remove(held)
    expose(helper, service(team, f"{name}-nlb", labels, port(80, "http", "http"), loadBalancerClass=NLB))
    expose(helper, service(team, name, labels, port(8080, "http", "http"), kind="ClusterIP"))
    yield from helper.leave(scene.chance.between(1, 4) * HOUR)


@near_miss(EXPOSED)
def lets_office_to_airflow(scene: Scene) -> Life:
    """Airflow's web server is open to the office and a partner only."""
    helper, team = colleague(scene)
    name = some(scene, "airflow")
    labels = {"component": "webserver", "release": name, "tier": "airflow"}
    helper.make(labelled_workload(team, name, labels, served("webserver", "apache/airflow:2.11.0", 8080)))
    ranges = [office(scene), partner(scene)]
    expose(helper, service(team, f"{name}-web", labels, port(443, "https", 8080), loadBalancerSourceRanges=ranges))
    yield from helper.leave(scene.chance.between(2, 8) * HOUR)


@near_miss(EXPOSED)
def keeps_docker_proxy_inside(scene: Scene) -> Life:
    """A proxy of a Docker socket and a Consul agent are for the cluster only."""
    helper, team = colleague(scene)
    name = some(scene, "dind", "engine")
    helper.make(
        labelled_workload(team, name, {"app": name}, served("proxy", "tecnativa/docker-socket-proxy:0.4.1", 2375))
    )
    expose(helper, service(team, name, {"app": name}, port(2375, "docker"), kind="ClusterIP"))
    yield from helper.leave(scene.chance.between(2, 8) * HOUR)
