"""Changes of the cluster's DNS."""

from __future__ import annotations

from simulation.attacks.deployer import BACKGROUND, CREATE, SERVER, STRICT, Deployer
from simulation.attacks.exposure import administrator, colleague, intruder, some
from simulation.attacks.register import careful, near_miss, straight
from simulation.attacks.scene import Scene
from simulation.clock import HOUR, MINUTE
from simulation.json import Json
from simulation.kubernetes.identities import AUTHENTICATED, MASTERS, client_go
from simulation.kubernetes.objects import body
from simulation.kubernetes.requests import Client, Target
from simulation.life.gitops import controller
from simulation.platforms import Platform
from simulation.schedule import Life

DNS = "K8S_CoreDnsModification"
SYSTEM = "kube-system"
COREFILE = """.:53 {
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
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
"""
LOGGED = {"logging.override": "log . {\n    class error\n}\n"}
"""What a platform team puts into coredns-custom."""


def standing(scene: Scene, name: str = "coredns") -> Json:
    """A ConfigMap of the cluster's DNS, which has been there for long."""
    held = scene.api.held("ConfigMap", SYSTEM, name)
    if held is not None:
        return held
    data = LOGGED if name == "coredns-custom" else {"Corefile": COREFILE}
    labels = {"k8s-app": "kube-dns"} if name == "coredns" else {}
    return scene.api.hold(body("ConfigMap", name, SYSTEM, meta={"labels": labels}, data=data), "kubectl")


def poisoned(scene: Scene) -> str:
    """A Corefile that sends clients of one name elsewhere."""
    hosts = f"    hosts {{\n       {scene.address} payments.{scene.cluster.cast.domain}\n       fallthrough\n    }}\n"
    return COREFILE.replace("    prometheus", f"{hosts}    prometheus")


def forwarding(scene: Scene) -> str:
    """A Corefile with one zone more, which the intruder's server answers for."""
    return f"{COREFILE}{scene.cluster.cast.domain}:53 {{\n    errors\n    forward . {scene.address}\n}}\n"


def restored(scene: Scene, held: Json) -> Life:
    """After some hours somebody who looks after the cluster sees it, and puts the Corefile back."""
    yield scene.chance.between(1, 6) * HOUR
    administrator(scene).replace(held, {"data": {"Corefile": COREFILE}}, DNS)


# Straight.


@straight(DNS)
def edits_coredns(scene: Scene) -> Life:
    """With an administrator's kubeconfig one name of the company is pointed elsewhere, by `kubectl edit`."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    scene.read(helper.client, "list", Target("ConfigMap", SYSTEM, query="limit=500"))
    yield scene.pause()
    data = {"data": {"Corefile": poisoned(scene)}}
    helper.patch(held, data, data, DNS, manager=f"kubectl-edit&{STRICT}")
    yield from restored(scene, held)


@straight(DNS)
def replaces_coredns(scene: Scene) -> Life:
    """The whole ConfigMap is read, changed and sent back."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    scene.read(helper.client, "get", Target("ConfigMap", SYSTEM, "coredns"))
    yield scene.pause(20, 200)
    helper.replace(held, {"data": {"Corefile": forwarding(scene)}}, DNS)
    yield from restored(scene, held)


@straight(DNS)
def adds_custom_dns(scene: Scene) -> Life:
    """A ConfigMap coredns-custom is made, which the server takes in; and deleted when it has done its work."""
    helper, _ = intruder(scene, admin=True)
    found = scene.api.held("ConfigMap", SYSTEM, "coredns-custom")
    if found is not None:
        scene.api.forget(found)
    data = {"shop.server": f"shop.{scene.cluster.cast.domain}:53 {{\n    forward . {scene.address}\n}}\n"}
    held = helper.make(body("ConfigMap", "coredns-custom", SYSTEM, data=data), DNS)
    yield scene.chance.between(1, 5) * HOUR
    helper.remove(held, DNS)


@straight(DNS)
def deletes_custom_dns(scene: Scene) -> Life:
    """The rules that the platform team has added are deleted, so that names are answered elsewhere."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene, "coredns-custom")
    scene.read(helper.client, "get", Target("ConfigMap", SYSTEM, "coredns-custom"))
    yield scene.pause()
    helper.remove(held, DNS)


# Careful.


@careful(DNS)
def patches_coredns_by_json(scene: Scene) -> Life:
    """A JSON patch replaces one key of the ConfigMap; nothing is read before."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene)
    text = poisoned(scene)
    patch = [{"op": "test", "path": "/metadata/name", "value": "coredns"}]
    patch.append({"op": "replace", "path": "/data/Corefile", "value": text})
    query, mark = "fieldManager=kubectl-patch", scene.mark(DNS)
    scene.api.patch(helper.client, held, patch, {"data": {"Corefile": text}}, query=query, mark=mark)
    yield from restored(scene, held)


@careful(DNS)
def applies_to_custom_dns(scene: Scene) -> Life:
    """A server-side apply under the platform team's manager adds one key to coredns-custom, which is there already."""
    helper, _ = intruder(scene, SERVER, admin=True)
    held = standing(scene, "coredns-custom")
    data = {**LOGGED, "cache.override": f"rewrite name exact login.{scene.cluster.cast.domain} proxy.{SYSTEM}.svc\n"}
    yield scene.pause()
    sent = body("ConfigMap", "coredns-custom", SYSTEM, data=data)
    made = helper.reapply(held, sent, {"data": data}, DNS, manager="platform-team")
    yield scene.chance.between(1, 6) * HOUR
    administrator(scene).replace(made, {"data": LOGGED}, DNS)


@careful(DNS)
def applies_stub_domains(scene: Scene) -> Life:
    """The old name of the DNS server's ConfigMap gets stub domains, by a server-side apply that creates it."""
    helper, _ = intruder(scene, SERVER, admin=True)
    stub = f'{{"{scene.cluster.cast.domain}": ["{scene.address}"]}}\n'
    held = helper.make(body("ConfigMap", "kube-dns", SYSTEM, data={"stubDomains": stub}), DNS)
    yield scene.chance.between(1, 5) * HOUR
    helper.remove(held, DNS, by=scene.person(admin=True))


@careful(DNS)
def deletes_custom_dns_as_collection(scene: Scene) -> Life:
    """The ConfigMap is deleted as the only one of a collection, so that its name is in the query alone."""
    helper, _ = intruder(scene, admin=True)
    held = standing(scene, "coredns-custom")
    yield scene.pause()
    request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **BACKGROUND}
    item = {key: part for key, part in held.items() if key not in {"kind", "apiVersion"}}
    answer = {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": str(scene.api.version)}}
    target = Target("ConfigMap", SYSTEM, query="fieldSelector=metadata.name%3Dcoredns-custom")
    bodies = {"request": request, "response": {**answer, "items": [item]}}
    scene.api.record(helper.client, "deletecollection", target, mark=scene.mark(DNS), **bodies)
    scene.api.forget(held)


# Near misses.


@near_miss(DNS)
def reads_coredns(scene: Scene) -> Life:
    """Somebody looks for the cause of a slow lookup: get, list and a watch of the ConfigMaps."""
    client = administrator(scene).client
    for name in ("coredns", "coredns-custom"):
        scene.read(client, "get", Target("ConfigMap", SYSTEM, name))
        yield scene.pause()
    scene.read(client, "list", Target("ConfigMap", SYSTEM, query="labelSelector=k8s-app%3Dkube-dns&limit=500"))
    query = "allowWatchBookmarks=true&fieldSelector=metadata.name%3Dcoredns&timeoutSeconds=402&watch=true"
    scene.api.watch(client, Target("ConfigMap", SYSTEM, query=query), 180, mark=scene.mark())


@near_miss(DNS)
def reconciles_coredns(scene: Scene) -> Life:
    """The platform's add-on manager brings a new Corefile; where there is none, GitOps applies the same one again."""
    held, platform = standing(scene), scene.cluster.platform
    if platform is Platform.SELF:
        deployer = Deployer(scene, controller(scene.cluster))
        sent = body("ConfigMap", "coredns", SYSTEM, data={"Corefile": COREFILE})
        deployer.reapply(held, sent, {}, manager="argocd-controller")
        return
    text = COREFILE.replace("cache 30", f"cache {scene.chance.pick((20, 25, 35, 40))}")
    manager = "eks" if platform is Platform.EKS else "kubectl-client-side-apply"
    deployer = Deployer(scene, manager_of_add_ons(scene))
    data = {"data": {"Corefile": text}}
    deployer.patch(held, data, data, manager=manager)
    yield scene.chance.between(1, 5) * HOUR
    data = {"data": {"Corefile": COREFILE}}
    deployer.patch(held, data, data, manager=manager)


def manager_of_add_ons(scene: Scene) -> Client:
    """Who looks after the platform's own objects in this cluster."""
    cluster = scene.cluster
    users = {
        Platform.AKS: ("aksService", MASTERS, f"kubectl/{cluster.version} (linux/amd64) kubernetes/1f2a3b4"),
        Platform.EKS: ("eks:addon-manager", AUTHENTICATED, client_go("eks-addon-manager")),
        Platform.GKE: ("system:gke-common-webhooks", AUTHENTICATED, "gke-common-webhooks/v0.0.0 (linux/amd64)"),
    }
    username, groups, agent = users[cluster.platform]
    return Client(username, groups, agent, cluster.address)


@near_miss(DNS)
def applies_same_custom_dns(scene: Scene) -> Life:
    """A server-side apply of coredns-custom that changes nothing, some hours one after the other."""
    helper = administrator(scene, SERVER)
    held = standing(scene, "coredns-custom")
    for _ in range(3):
        current = helper.now(held)
        helper.reapply(current, body("ConfigMap", "coredns-custom", SYSTEM, data=current["data"]), {})
        yield scene.chance.between(1, 3) * HOUR


@near_miss(DNS)
def runs_own_dns(scene: Scene) -> Life:
    """A team runs a DNS server of its own, with a ConfigMap coredns in its namespace: made, changed, deleted."""
    helper, team = colleague(scene, CREATE)
    name = f"coredns-{some(scene, 'dns')}"
    for called in ("coredns", name):
        if scene.api.held("ConfigMap", team, called) is not None:
            continue
        held = helper.make(body("ConfigMap", called, team, data={"Corefile": COREFILE}))
        yield scene.pause()
        data = {"data": {"Corefile": forwarding(scene).replace(scene.address, "10.0.0.10")}}
        helper.patch(held, data, data, manager=f"kubectl-edit&{STRICT}")
        yield scene.chance.between(4, 60) * MINUTE
        helper.remove(held)


@near_miss(DNS)
def may_not_change_coredns(scene: Scene) -> Life:
    """Somebody of a team tries to edit the cluster's DNS, and may not."""
    client = colleague(scene)[0].client
    scene.refuse(client, "get", Target("ConfigMap", SYSTEM, "coredns"))
    yield scene.pause()
    scene.refuse(client, "patch", Target("ConfigMap", SYSTEM, "coredns", query=f"fieldManager=kubectl-edit&{STRICT}"))
    yield scene.pause()
    query = "fieldManager=kubectl-create"
    scene.refuse(client, "create", Target("ConfigMap", SYSTEM, "coredns-custom", query=query, unnamed=True))


@near_miss(DNS)
def tries_coredns_in_dry_run(scene: Scene) -> Life:
    """Somebody sees with `kubectl diff` what a new Corefile would change; nothing is changed."""
    client, held = administrator(scene).client, standing(scene)
    scene.read(client, "get", Target("ConfigMap", SYSTEM, "coredns"))
    yield scene.pause(0.1, 1)
    data = {"data": {"Corefile": COREFILE.replace("cache 30", "cache 60")}}
    target = Target("ConfigMap", SYSTEM, "coredns", query=f"dryRun=All&fieldManager=kubectl-client-side-apply&{STRICT}")
    scene.api.record(client, "patch", target, request=data, response={**held, **data}, mark=scene.mark())
