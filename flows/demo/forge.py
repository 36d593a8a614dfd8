"""The hour of forge: a cluster that a factory runs itself, with Falco on its nodes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flows.demo import cast, daily
from flows.demo.apiserver import ApiServer
from flows.demo.cast import Site, query
from flows.demo.controllers import Controllers
from flows.demo.falco import Falco
from flows.demo.fields import Json
from flows.demo.invented import Schedule
from flows.demo.machines import Machines, host_life, login
from flows.demo.objects import body, container, deployment, pod_spec
from flows.demo.processes import Node
from flows.demo.requests import Client, Target

OPERATORS = 'ClusterRoleBinding "operators" of ClusterRole "admin" to Group "forge:operators"'
SECURITY = 'ClusterRoleBinding "security" of ClusterRole "edit" to Group "forge:security"'
CONTRACTOR = "ext-t.lindgren"
DNS_EDITOR = f'RoleBinding "dns-migration/kube-system" of Role "configmap-editor" to User "{CONTRACTOR}"'
TEST_FILE = "asc_alerttest_662jfi039n"
"""The name that Microsoft's documentation gives the test alert's program."""
ZONES = """.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
}
"""


def site() -> Site:
    """The cluster as it stands at nine: a control plane and two workers."""
    log: list[tuple[int, Json]] = []
    sensor = Falco()
    places = (("forge-cp-1", "10.20.0.10"), ("forge-w-1", "10.20.0.21"), ("forge-w-2", "10.20.0.22"))
    nodes = [Node(name, address, sensor, log) for name, address in places]
    return Site("forge", "10.20.0.10", ApiServer("forge", 7_702_551), nodes, Schedule())


def live(site: Site, controllers: Controllers, machines: Machines) -> None:
    """Enter the ordinary hour into the schedule."""
    controllers.settled(daily.BEFORE, cast.gateway("plant", "1.27.4"), "helm")
    controllers.settled(daily.BEFORE, cast.orders("5.0.1"), "helm")
    databases = controllers.settled(daily.BEFORE, database(), "helm")
    controllers.settled(daily.BEFORE, workbench(), "helm")
    daily.service(site, "plant", "orders")
    daily.service(site, "plant", "gateway")
    daily.renew_leases(site)
    daily.habits(site, "plant")
    host_life(site)
    at = site.schedule.at
    report = daily.report(site, "plant")
    for clock in ("09:20:00", "09:40:00"):
        at(clock, partial(controllers.cron, report))
    for name in (("Deployment", "plant", "orders"), ("Service", "plant", "orders")):
        site.schedule.every("09:05:35", 840, partial(daily.reapply, site, name))
    people(site, controllers, machines)
    probe = machines.probe(databases[0], "sh", "-c", "exec pg_isready -U orders -h 127.0.0.1 -p 5432")
    site.schedule.every("09:00:15", 40, probe)


def people(site: Site, controllers: Controllers, machines: Machines) -> None:
    """Jonas runs the factory's cluster by hand."""
    at = site.schedule.at
    jonas = site.person("jonas.weber", "forge:operators", OPERATORS, "10.30.7.15")
    guest = site.person(CONTRACTOR, "forge:contractors", DNS_EDITOR, "198.51.100.23")
    at("09:06:10", partial(daily.look_around, site, jonas, "plant"))
    at("09:08:30", partial(daily.set_image, site, controllers, jonas, ("plant", "gateway"), "nginx:1.28.0"))
    at("09:16:45", partial(daily.end_namespace, site, jonas, "preview-418"))
    at("09:18:20", partial(daily.refused, site, guest, "list", Target("Pod", "plant", query="limit=500")))
    at(
        "09:19:05",
        partial(daily.refused, site, guest, "get", Target("Secret", "kube-system", "bootstrap-token-4f2c1a")),
    )
    at("09:35:40", partial(daily.look_around, site, jonas, "plant"))
    helm = replace(jonas, agent="Helm/3.22")
    at("09:44:20", partial(daily.ship_logs, site, controllers, helm))
    at("09:53:00", partial(daily.look_around, site, jonas, "logging"))
    at("09:58:20", partial(daily.look_around, site, jonas, "plant"))
    at("09:34:30", partial(edge_zone, site))
    seen = (("uptime",), ("journalctl", "-u", "kubelet", "-n", "50", "--no-pager"), ("df", "-h", "/var/lib/containerd"))
    at("09:12:05", partial(login, site.nodes[1], seen))
    commands = (
        ("09:36:50", ("ps", "-ef")),
        ("09:37:15", ("env",)),
        ("09:37:58", ("curl", "-s", "http://localhost:8080/healthz")),
    )
    for clock, argv in commands:
        at(clock, partial(debug, site, controllers, machines, argv))


def debug(site: Site, controllers: Controllers, machines: Machines, argv: tuple[str, ...], at: int) -> None:
    """Jonas looks into a pod."""
    jonas = site.person("jonas.weber", "forge:operators", OPERATORS, "10.30.7.15")
    machines.exec_into(at, jonas, site.server.find("Pod", "plant", "orders-")[0], argv)


def database() -> Json:
    """The factory's database."""
    held = container("postgres", "postgres:17.2", port=5432, memory="1Gi")
    return deployment("plant", "postgres", pod_spec(held), replicas=1)


def workbench() -> Json:
    """A pod of the security team."""
    return deployment(
        "security", "workbench", pod_spec(container("workbench", f"{cast.REGISTRY}/security/workbench:12")), replicas=1
    )


def edge_zone(site: Site, at: int) -> None:
    """The DNS of the edge devices has a ConfigMap of the same name, in a namespace of its own."""
    held = site.server.hold(daily.BEFORE, body("ConfigMap", "coredns", "edge", data={"Corefile": ZONES}), "helm")
    jonas = site.person("jonas.weber", "forge:operators", OPERATORS, "10.30.7.15")
    change_zone(site, jonas, held, "cache 30", "cache 60", at)


def change_zone(site: Site, client: Client, held: Json, old: str, new: str, at: int) -> None:
    """`kubectl edit` of a Corefile."""
    meta = held["metadata"]
    site.server.read(at - 41_000_000, client, "get", Target("ConfigMap", meta["namespace"], meta["name"]))
    data = {"Corefile": held["data"]["Corefile"].replace(old, new)}
    options = {"manager": "kubectl-edit", "query": query(fieldManager="kubectl-edit", fieldValidation="Strict")}
    site.server.patch(at, client, held, {"data": data}, {"data": data}, **options)


def incidents(site: Site, controllers: Controllers, machines: Machines) -> None:
    """Enter what is to be found: a contractor changes the cluster's DNS, the security team makes a drill."""
    site.schedule.at("09:21:30", partial(foreign_zone, site))
    at = site.schedule.at
    for clock, argv in (
        ("09:47:10", ("grep", "-rn", TEST_FILE, "/opt/runbooks")),
        ("09:47:55", ("cp", "/bin/echo", f"/opt/runbooks/{TEST_FILE}")),
        ("09:48:20", (f"/opt/runbooks/{TEST_FILE}", "testing", "eicar", "pipe")),
        ("09:48:45", ("rm", f"/opt/runbooks/{TEST_FILE}")),
    ):
        at(clock, partial(drill, site, controllers, machines, argv))


def foreign_zone(site: Site, at: int) -> None:
    """All names of a partner are to be resolved by a server outside."""
    held = site.server.hold(
        daily.BEFORE, body("ConfigMap", "coredns", "kube-system", data={"Corefile": ZONES}), "kubeadm"
    )
    guest = site.person(CONTRACTOR, "forge:contractors", DNS_EDITOR, "198.51.100.23")
    forward = "forward partner.example 198.51.100.53\n    forward . /etc/resolv.conf"
    change_zone(site, guest, held, "forward . /etc/resolv.conf", forward, at)


def drill(site: Site, controllers: Controllers, machines: Machines, argv: tuple[str, ...], at: int) -> None:
    """The security team tests that the test alert comes through."""
    team = site.person("sofia.marin", "forge:security", SECURITY, "10.30.9.4")
    machines.exec_into(at, team, site.server.find("Pod", "security", "workbench-")[0], argv)
