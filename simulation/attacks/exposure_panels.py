"""The dashboard of Kubernetes, open to the world or kept inside."""

from __future__ import annotations

from collections.abc import Mapping

from simulation.attacks.deployer import APPLY, CREATE, HELM, SERVER, Deployer
from simulation.attacks.exposure import (
    INTERNAL,
    administrator,
    chart,
    colleague,
    expose,
    intruder,
    labelled_workload,
    opened,
    port,
    release,
    served,
    service,
    some,
    vacant,
)
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MINUTE
from simulation.json import Json
from simulation.schedule import Life

DASHBOARD = "K8S_ExposedDashboard"
HOME = "kubernetes-dashboard"
OLD = {"k8s-app": HOME}
WEB = "docker.io/kubernetesui/dashboard-web:1.7.0"
KONG = {"app.kubernetes.io/component": "app", "app.kubernetes.io/instance": HOME, "app.kubernetes.io/name": "kong"}


def dashboard(namespace: str, name: str = HOME, labels: Mapping[str, str] = OLD, **extra: str) -> Json:
    """The dashboard's own Deployment, as the manifest of version 2 writes it."""
    item = served(HOME, "docker.io/kubernetesui/dashboard:v2.7.0", 8443, "https", args=["--auto-generate-certificates"])
    return labelled_workload(namespace, name, labels, item, account=HOME, extra=extra)


def home(helper: Deployer) -> Life:
    """The dashboard's namespace; nobody else's may be there."""
    yield from vacant(helper.scene, "Namespace", HOME)
    yield from helper.namespace(HOME)


def inside(helper: Deployer) -> Life:
    """The dashboard as it is installed: with a Service inside the cluster."""
    yield from home(helper)
    helper.make(dashboard(HOME))
    yield helper.scene.pause(1, 5)


def old_service(**fields: object) -> Json:
    """The Service of version 2."""
    return service(HOME, HOME, OLD, port(443, target=8443), **fields)  # type: ignore[arg-type]


# Straight.


@straight(DASHBOARD)
def opens_dashboard_by_patch(scene: Scene) -> Life:
    """The dashboard's Service is patched to a load balancer, so that nobody needs a proxy any more."""
    helper = administrator(scene)
    yield from inside(helper)
    held = expose(helper, old_service(kind="ClusterIP"))
    yield scene.chance.between(2, 30) * MINUTE
    spec = {"type": "LoadBalancer"}
    opened(helper, held, {"spec": spec}, spec, DASHBOARD)
    yield from helper.leave(scene.chance.between(20, 70) * MINUTE)


@straight(DASHBOARD)
def installs_open_dashboard_chart(scene: Scene) -> Life:
    """The chart of version 7 is installed with a load balancer for its proxy."""
    helper = administrator(scene, HELM)
    yield from home(helper)
    item = served("proxy", "docker.io/library/kong:3.9", 8443, "kong-proxy-tls")
    labels = chart("kubernetes-dashboard-web", HOME) | {"app.kubernetes.io/part-of": HOME}
    helper.make(labelled_workload(HOME, f"{HOME}-kong", KONG, item))
    helper.make(labelled_workload(HOME, f"{HOME}-web", labels, served("web", WEB, 8000, "web")))
    ports = port(443, "kong-proxy-tls", 8443)
    expose(helper, service(HOME, f"{HOME}-kong-proxy", KONG, ports, notes=release(HOME, HOME)), DASHBOARD)
    yield from helper.leave(scene.chance.between(20, 70) * MINUTE)


@straight(DASHBOARD)
def exposes_headlamp(scene: Scene) -> Life:
    """Headlamp is installed with a load balancer."""
    helper = administrator(scene, HELM)
    name = some(scene, "headlamp")
    labels = chart("headlamp", name)
    item = served("headlamp", "ghcr.io/headlamp-k8s/headlamp:v0.35.0", 4466)
    helper.make(labelled_workload("monitoring", name, labels, item))
    notes = release("monitoring", name)
    expose(helper, service("monitoring", name, labels, port(80, "http", "http"), notes=notes), DASHBOARD)
    yield from helper.leave(scene.chance.between(20, 70) * MINUTE)


@straight(DASHBOARD)
def exposes_dashboard_by_replace(scene: Scene) -> Life:
    """The Service is replaced as a whole by one of type LoadBalancer."""
    helper, _ = intruder(scene, CREATE, admin=True)
    yield from inside(helper)
    held = expose(helper, old_service(kind="NodePort"))
    yield scene.chance.between(2, 30) * MINUTE
    spec = {**held["spec"], "type": "LoadBalancer", "allocateLoadBalancerNodePorts": True}
    helper.replace(held, {"spec": spec}, DASHBOARD)
    yield from helper.leave(scene.chance.between(20, 70) * MINUTE, by=scene.person(admin=True))


# Careful.


@careful(DASHBOARD)
def exposes_dashboard_by_another_service(scene: Scene) -> Life:
    """The known Service is left alone; a second one, of a harmless name, selects the dashboard's pods too."""
    owner = administrator(scene)
    yield from inside(owner)
    expose(owner, old_service(kind="ClusterIP"))
    yield scene.chance.between(5, 50) * MINUTE
    helper, _ = intruder(scene, SERVER, admin=True)
    labels = {"app": "metrics-relay"}
    expose(helper, service(HOME, "metrics-relay", OLD, port(8443, "tls"), labels=labels), DASHBOARD)
    yield from helper.leave(scene.chance.between(20, 70) * MINUTE, by=owner.client)
    yield from owner.leave(HOUR // 4)


@careful(DASHBOARD)
def opens_dashboard_by_json_patch(scene: Scene) -> Life:
    """A load balancer that was inside loses its mark, by a JSON patch."""
    owner = administrator(scene)
    yield from inside(owner)
    notes = dict(INTERNAL[0])
    held = expose(owner, old_service(notes=notes))
    yield scene.chance.between(5, 50) * MINUTE
    helper, _ = intruder(scene, admin=True)
    key = next(iter(notes))
    patch = [{"op": "replace", "path": f"/metadata/annotations/{key.replace('/', '~1')}", "value": "false"}]
    kept = {**owner.now(held)["metadata"]["annotations"], key: "false"}
    opened(helper, held, patch, {}, DASHBOARD, notes=kept)
    yield from owner.leave(scene.chance.between(20, 70) * MINUTE)


@careful(DASHBOARD)
def exposes_dashboard_by_own_label(scene: Scene) -> Life:
    """The Service comes first, in a team's namespace; the label that it selects by comes with the dashboard only."""
    helper, team = intruder(scene, APPLY)
    name = some(scene, "console", "portal", "tools")
    selector = {"tier": name}
    expose(helper, service(team, name, selector, port(443, "https", "https")), DASHBOARD)
    yield scene.chance.between(5, 50) * MINUTE
    labels = {"app.kubernetes.io/name": HOME, "app.kubernetes.io/instance": name}
    helper.make(dashboard(team, f"{name}-app", labels, tier=name), DASHBOARD)
    yield from helper.leave(scene.chance.between(20, 70) * MINUTE, by=scene.person(admin=True))


# Near misses.


@near_miss(DASHBOARD)
def keeps_dashboard_inside(scene: Scene) -> Life:
    """The dashboard has a ClusterIP, then load balancers that are marked internal, in each cloud's way."""
    helper = administrator(scene)
    yield from inside(helper)
    held = expose(helper, old_service(kind="ClusterIP"))
    for notes in INTERNAL:
        yield scene.chance.between(2, 9) * MINUTE
        helper.remove(held)
        yield scene.pause(25, 60)
        held = expose(helper, old_service(notes=notes))
    yield from helper.leave(scene.chance.between(20, 70) * MINUTE)


@near_miss(DASHBOARD)
def exposes_grafana_dashboard(scene: Scene) -> Life:
    """A team shows its Grafana to customers, by a Service whose name has dashboard in it."""
    helper, team = colleague(scene, HELM)
    name = some(scene, "grafana-dashboard", "sales-dashboard")
    labels = chart("grafana", name)
    helper.make(labelled_workload(team, name, labels, served("grafana", "docker.io/grafana/grafana:12.1.1", 3000)))
    expose(helper, service(team, name, labels, port(443, "service", 3000), notes=release(team, name)))
    yield from helper.leave(scene.chance.between(2, 6) * HOUR)


@near_miss(DASHBOARD)
def names_page_after_dashboard(scene: Scene) -> Life:
    """A Service is called kubernetes-dashboard, and selects a web server that says where the dashboard is now."""
    helper, team = colleague(scene)
    yield from vacant(scene, "Service", HOME, team)
    name = some(scene, "moved-page")
    helper.make(labelled_workload(team, name, {"app": name}, served("web", "nginx:1.29.1", 8080)))
    expose(helper, service(team, HOME, {"app": name}, port(80, "http", 8080), labels={"app": name}))
    yield from helper.leave(scene.chance.between(2, 6) * HOUR)
