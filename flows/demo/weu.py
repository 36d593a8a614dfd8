"""The ordinary hour of prod-weu-1: a shop on AKS, with Tetragon on its nodes."""

from __future__ import annotations

from functools import partial

from flows.demo import azure, cast, daily
from flows.demo.apiserver import ApiServer, go_json
from flows.demo.cast import REGISTRY, Site, entra
from flows.demo.controllers import Controllers
from flows.demo.fields import Json
from flows.demo.invented import Schedule, moment
from flows.demo.machines import Machines, host_life
from flows.demo.objects import body, container, deployment, pod_spec
from flows.demo.processes import Container, Node
from flows.demo.requests import Target
from flows.demo.tetragon import Tetragon

DEVELOPERS = 'ClusterRoleBinding "developers-edit" of ClusterRole "edit"'
PLATFORM = 'ClusterRoleBinding "platform-admins" of ClusterRole "cluster-admin"'
PANELS = (
    "requests per second", "errors per second", "latency 50", "latency 95", "latency 99", "memory", "cpu", "restarts",
    "connections", "queue length", "cache hits", "disk", "threads", "garbage collection", "open files", "saturation",
)  # fmt: skip


def site() -> Site:
    """The cluster as it stands at nine: four nodes."""
    log: list[tuple[int, Json]] = []
    sensor = Tetragon(azure.CLUSTER)
    names = [f"aks-nodepool1-31904682-vmss00000{place}" for place in range(4)]
    nodes = [Node(name, f"10.224.0.{place + 4}", sensor, log) for place, name in enumerate(names)]
    return Site(azure.CLUSTER, "172.31.24.11", ApiServer(azure.CLUSTER, 48_211_904), nodes, Schedule())


def live(site: Site, controllers: Controllers, machines: Machines) -> list[Json]:
    """Enter the ordinary hour into the schedule.

    Returns
    -------
    list of dict
        The pods of the shop's web page.
    """
    pages = controllers.settled(daily.BEFORE, cast.storefront("3.41.2"), "argocd-controller")
    catalogs = controllers.settled(daily.BEFORE, cast.catalog("2.8.0"), "argocd-controller")
    databases = controllers.settled(daily.BEFORE, database(), "helm")
    controllers.settled(daily.BEFORE, cast.gateway("shop", "1.27.4"), "argocd-controller")
    controllers.settled(daily.BEFORE, cast.log_shipper(), "helm")
    daily.service(site, "shop", "catalog")
    daily.renew_leases(site)
    daily.habits(site, "shop")
    host_life(site)
    at = site.schedule.at
    report = daily.report(site, "shop")
    for clock in ("09:00:00", "09:20:00", "09:40:00"):
        at(clock, partial(controllers.cron, report))
    people(site, controllers, machines, catalogs)
    for name in (
        ("Deployment", "shop", "storefront"),
        ("Service", "shop", "catalog"),
        ("CronJob", "shop", "report"),
        ("DaemonSet", "logging", "fluent-bit"),
    ):
        site.schedule.every("09:03:05", 720, partial(daily.reapply, site, name))
    at("09:26:40", partial(dashboards, site))
    probe = machines.probe(databases[0], "pg_isready", "-U", "shop", "-d", "shop", "-h", "127.0.0.1")
    site.schedule.every("09:00:25", 50, probe)
    site.schedule.every("09:04:50", 1200, partial(node_agent, site))
    return pages


def people(site: Site, controllers: Controllers, machines: Machines, catalogs: list[Json]) -> None:
    """Maria works on the catalogue, Priya on the platform, and CI deploys."""
    at = site.schedule.at
    maria = entra(site, "maria.alvarez@contoso.example", DEVELOPERS, "192.0.2.41")
    priya = entra(site, "priya.nair@contoso.example", PLATFORM, "192.0.2.17")
    agent, granted = cast.KUBECTL, 'RoleBinding "deployer/ci" of ClusterRole "admin"'
    deployer = site.account("ci", "deployer", agent, "10.244.0.31", granted)
    at("09:04:10", partial(daily.look_around, site, maria, "shop"))
    at("09:05:45", partial(daily.dry_run, site, priya, "platform-test"))
    at("09:07:20", partial(daily.refused, site, maria, "list", Target("Node", query="limit=500")))
    at("09:07:52", partial(daily.refused, site, maria, "list", Target("Secret", "kube-system", query="limit=500")))
    image = f"{REGISTRY}/shop/catalog:2.9.0"
    at("09:11:30", partial(daily.set_image, site, controllers, maria, ("shop", "catalog"), image))
    at("09:13:15", partial(daily.look_around, site, maria, "shop"))
    at("09:15:02", partial(daily.ci_role, site, deployer, "ci"))
    at("09:19:30", partial(daily.set_image, site, controllers, priya, ("shop", "gateway"), "nginx:1.28.0"))
    at("09:22:10", partial(daily.helm_upgrade, site, deployer, "shop", "db"))
    at("09:29:00", partial(daily.look_around, site, priya, "kube-system"))
    at("09:56:20", partial(daily.look_around, site, priya, "shop"))
    commands = (
        ("09:24:10", ("ps", "aux")),
        ("09:24:32", ("env",)),
        ("09:25:01", ("df", "-h")),
        ("09:25:40", ("curl", "-fsS", "http://127.0.0.1:8080/actuator/health")),
        ("09:26:12", ("curl", "-fsS", "http://catalog.shop.svc:8080/latest/meta.json")),
    )
    for clock, argv in commands:
        at(clock, partial(debug, site, controllers, machines, argv))


def debug(site: Site, controllers: Controllers, machines: Machines, argv: tuple[str, ...], at: int) -> None:
    """Maria looks into a pod of the catalogue that she has just rolled out."""
    maria = entra(site, "maria.alvarez@contoso.example", DEVELOPERS, "192.0.2.41")
    pod = site.server.find("Pod", "shop", "catalog-")[0]
    site.server.read(at - 300_000, maria, "get", Target("Pod", "shop", pod["metadata"]["name"]))
    machines.exec_into(at, maria, pod, argv)


def database() -> Json:
    """The shop's database."""
    held = container("postgres", "postgres:17.2", port=5432, memory="1Gi", mounts={"/var/lib/postgresql/data": "data"})
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "db"}}
    return deployment("shop", "db", pod_spec(held, volumes=[volume]), replicas=1)


def dashboards(site: Site, at: int) -> None:
    """GitOps writes all dashboards into one ConfigMap: too long for one log record."""
    panels = [
        {"type": "timeseries", "title": f"{service}: {panel}", "datasource": "prometheus", "gridPos": {"h": 8, "w": 12}}
        for service in ("storefront", "catalog", "db", "checkout")
        for panel in PANELS
    ]
    data = {"shop.json": go_json({"title": "shop", "panels": panels})}
    held = site.server.hold(
        daily.BEFORE, body("ConfigMap", "dashboards", "monitoring", data={"shop.json": "{}"}), "argocd-controller"
    )
    meta = {"name": "dashboards", "namespace": "monitoring"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    options = {"manager": "argocd-controller", "operation": "Apply", "query": daily.APPLY}
    site.server.patch(at, daily.gitops(site), held, manifest, {"data": data}, **options)


def node_agent(site: Site, at: int) -> None:
    """The cloud's own agent on a node asks for the machine's metadata, with its SDK."""
    node = site.nodes[1]
    image = "mcr.microsoft.com/oss/v2/kubernetes/azure-cloud-node-manager:v1.34.1"
    labels = {"k8s-app": "cloud-node-manager"}
    pod = "cloud-node-manager-k4tzr"
    held = Container(
        "cloud-node-manager", image, "kube-system", pod, "cloud-node-manager", "DaemonSet", daily.BEFORE, labels
    )
    manager = node.entry(held, "/usr/local/bin/cloud-node-manager", "--node-name=$(NODE_NAME)", "--wait-routes=true")
    node.connect(at, manager, "169.254.169.254", 80)


def add_ons() -> list[tuple[int, Json]]:
    """What the cluster's add-ons and its control plane do in Azure."""
    records = []
    network = f"{azure.NODE_GROUP}/providers/Microsoft.Network"
    work = (
        ("09:02:11", "Microsoft.Network/loadBalancers/write", f"{network}/loadBalancers/kubernetes", azure.CLUSTER),
        (
            "09:14:37",
            "Microsoft.Network/publicIPAddresses/write",
            f"{network}/publicIPAddresses/kubernetes-a1",
            azure.CLUSTER,
        ),
        (
            "09:27:50",
            "Microsoft.Network/networkSecurityGroups/write",
            f"{network}/networkSecurityGroups/aks-agentpool",
            azure.CLUSTER,
        ),
        (
            "09:33:08",
            "Microsoft.Insights/dataCollectionRuleAssociations/write",
            f"{azure.CLUSTER_ID}/providers/Microsoft.Insights/dataCollectionRuleAssociations/shop",
            f"omsagent-{azure.CLUSTER}",
        ),
        ("09:49:19", "Microsoft.Network/loadBalancers/write", f"{network}/loadBalancers/kubernetes", azure.CLUSTER),
    )
    for clock, operation, scope, identity in work:
        options = {"address": "198.51.100.140" if identity == azure.CLUSTER else "192.0.2.200", "role": "Contributor"}
        records += azure.activity(
            moment(clock), operation, scope, identity, results=("Start", "Accept", "Success"), **options
        )
    return records
