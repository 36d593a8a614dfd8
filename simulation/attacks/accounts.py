"""What thieves do with a service account's token at once: read, look around, mint, run commands."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote_plus

from simulation.attacks.changes import standing
from simulation.attacks.intruders import CURL, RARE, in_use, inside, outside, seen_inside, wide
from simulation.attacks.register import careful, straight
from simulation.attacks.scene import Scene, brought
from simulation.clock import HOUR, MILLISECOND, MINUTE, second_time
from simulation.json import Json
from simulation.kubernetes.objects import body
from simulation.kubernetes.requests import Client, Target, forbidden
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life

LIMIT = "limit=500"
ADD_ONS = (
    ("monitoring", "prometheus"), ("ingress-nginx", "ingress-nginx-controller"), ("kube-system", "metrics-server"),
)  # fmt: skip
"""Add-ons whose accounts read a lot, and never secrets by name or other accounts' tokens."""


def add_on(scene: Scene) -> Workload:
    """One of the usual add-ons, whose account is worth stealing."""
    return scene.cluster.workload(*scene.chance.pick(ADD_ONS))


def discover(scene: Scene, client: Client) -> Life:
    """What kubectl asks first: it may be asked by anybody, and is only on the way."""
    for path in ("/api", "/apis"):
        scene.read(client, "get", Target(path=path, query="timeout=32s"))
    yield scene.pause(0.1, 0.9)


def may_i(scene: Scene, client: Client, namespace: str, *raises: str) -> None:
    """A SelfSubjectRulesReview: it asks what it may do in a namespace."""
    sent = {**body("SelfSubjectRulesReview", ""), "metadata": {}, "spec": {"namespace": namespace}}
    none = {"resourceRules": None, "nonResourceRules": None, "incomplete": False}
    rules = [
        {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]},
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "configmaps"]},
    ]
    pages = [{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/version"]}]
    found = {"resourceRules": rules, "nonResourceRules": pages, "incomplete": False}
    request, response = {**sent, "status": none}, {**sent, "spec": {}, "status": found}
    basic = replace(client, reason="")
    target = Target("SelfSubjectRulesReview")
    answer = {"code": 201, "request": request, "response": response}
    scene.api.record(basic, "create", target, mark=scene.mark(*raises), **answer)


@straight(RARE, kind="token used outside")
def token_used_outside(scene: Scene) -> Life:
    """A pod's token is used with kubectl from the internet, to read the namespace that it is of."""
    workload = in_use(scene)
    thief, own = outside(scene, workload), workload.namespace
    yield from discover(scene, thief)
    for verb, kind, namespace in (("list", "Pod", own), ("list", "ConfigMap", own), ("list", "Secret", own),
                                  ("list", "Service", own), ("list", "Node", "")):  # fmt: skip
        yield scene.pause()
        scene.read(thief, verb, Target(kind, namespace, query=LIMIT), RARE)


@careful(RARE, kind="token used outside")
def token_used_outside_as_its_own_library(scene: Scene) -> Life:
    """The token is used from a rented machine, under the user agent of the program that it was stolen from."""
    workload = in_use(scene)
    agent = workload.agent or CURL
    thief, own = outside(scene, workload, agent=agent), workload.namespace
    scene.read(thief, "get", Target(path="/version"))
    yield scene.pause(60, 600)
    scene.read(thief, "list", Target("Secret", own), RARE)
    yield scene.pause(60, 600)
    # What it lists once more is nothing new.
    scene.read(thief, "list", Target("Secret", own))


@straight(RARE, kind="discovery sweep")
def discovery_sweep(scene: Scene) -> Life:
    """In a container that was broken into, kubectl asks what it may, everywhere, within a minute."""
    workload = in_use(scene)
    thief = inside(scene, workload, agent=brought(scene.address))
    yield from discover(scene, thief)
    for namespace in ("default", workload.namespace, "kube-system"):
        may_i(scene, thief, namespace, RARE)
        yield scene.pause(0.5, 4)
    for kind in ("Namespace", "Node", "Secret", "ClusterRoleBinding", "ServiceAccount", "PersistentVolume", "Pod"):
        scene.refuse(thief, "list", Target(kind, query=LIMIT), RARE)
        yield scene.pause(0.5, 4)
    for kind in ("RoleBinding", "ServiceAccount", "Secret"):
        scene.refuse(thief, "list", Target(kind, workload.namespace, query=LIMIT), RARE)
        yield scene.pause(0.5, 4)


@careful(RARE, kind="discovery sweep")
def patient_discovery(scene: Scene) -> Life:
    """The same over a night, by the program's own library; only what is allowed to everybody, and little else."""
    workload = in_use(scene)
    may_i(scene, inside(scene, workload), workload.namespace, RARE)
    for kind in ("ServiceAccount", "RoleBinding", "NetworkPolicy"):
        yield scene.chance.between(40 * MINUTE, 140 * MINUTE)
        scene.refuse(inside(scene, workload), "list", Target(kind, workload.namespace), RARE)


@straight(RARE, kind="secrets theft")
def secrets_theft(scene: Scene) -> Life:
    """The token of an add-on lists all secrets, page by page, and gets those of the system by name."""
    thief = outside(scene, add_on(scene))
    yield from discover(scene, thief)
    for number in range(4):
        # The pages after the first are the same operation again.
        mark = (RARE,) if number == 0 else ()
        query = LIMIT if number == 0 else f"continue=invented{number}&{LIMIT}"
        scene.read(thief, "list", Target("Secret", query=query), *mark)
        yield scene.pause(0.3, 2)
    for place, name in enumerate(("bootstrap-token-zq3r7t", "cloud-config", "registry-pull")):
        yield scene.pause(0.4, 6)
        scene.read(thief, "get", Target("Secret", "kube-system", name), *((RARE,) if place == 0 else ()))


@careful(RARE, kind="secrets theft")
def single_secrets(scene: Scene) -> Life:
    """One secret of another namespace at a time, from inside, by the program's own library."""
    workload = in_use(scene)
    others = [team for team in scene.cluster.teams if team != workload.namespace] or ["default"]
    for name in ("database-credentials", "tls", "registry-pull"):
        thief = inside(scene, workload, wide(workload))
        scene.read(thief, "get", Target("Secret", scene.chance.pick(others), name), RARE)
        yield scene.chance.between(25 * MINUTE, 90 * MINUTE)


def command(*parts: str) -> str:
    """The query of an exec."""
    return "&".join(f"command={quote_plus(part)}" for part in parts) + "&stderr=true&stdout=true"


@straight(RARE, kind="exec")
def runs_commands(scene: Scene) -> Life:
    """A stolen token looks for pods, and runs commands in several of them."""
    workload = in_use(scene)
    thief = outside(scene, workload)
    yield from discover(scene, thief)
    scene.read(thief, "list", Target("Pod", workload.namespace, query=LIMIT), RARE)
    for number, target in enumerate(scene.cluster.workloads_of(workload.namespace)[:3]):
        yield scene.pause()
        pod = target.latest()
        scene.read(thief, "get", Target("Pod", pod.namespace, pod.name))
        asked = Target("Pod", pod.namespace, pod.name, "exec", command("sh", "-c", "env"))
        scene.api.stream(thief, "get", asked, 0.4, mark=scene.mark(*((RARE,) if number == 0 else ())))
        seen_inside(scene, pod, ("sh", "-c", "env"), 0.4)


@careful(RARE, kind="exec")
def runs_one_command_over_spdy(scene: Scene) -> Life:
    """One command in a pod of the account's own workload, by a POST as older clients do; later a port is forwarded."""
    workload = in_use(scene)
    pod = workload.latest()
    query = command("cat", "/app/config/settings.yaml")
    target = Target("Pod", pod.namespace, pod.name, "exec", query)
    scene.api.stream(inside(scene, workload), "create", target, 0.2, mark=scene.mark(RARE))
    seen_inside(scene, pod, ("cat", "/app/config/settings.yaml"), 0.2)
    yield scene.chance.between(1 * HOUR, 5 * HOUR)
    pod = workload.latest()
    target = Target("Pod", pod.namespace, pod.name, "portforward")
    scene.api.stream(inside(scene, workload), "create", target, 900, mark=scene.mark(RARE))


@straight(RARE, kind="token minting")
def mints_a_token(scene: Scene) -> Life:
    """A stolen token asks for one of another, stronger account, which is then used from the same place."""
    workload = in_use(scene)
    thief = outside(scene, workload)
    scene.read(thief, "list", Target("ServiceAccount", "argocd", query=LIMIT), RARE)
    yield scene.pause()
    strong, token = "argocd-application-controller", scene.chance.uuid()
    target = Target("ServiceAccount", "argocd", strong, "token")
    issued = {"authentication.kubernetes.io/issued-credential-id": f"JTI={token}"}
    scene.api.record(thief, "create", target, code=201, annotations=issued, mark=scene.mark(RARE))
    yield scene.pause()
    granted = f'ClusterRoleBinding "{strong}" of ClusterRole "{strong}"'
    names = ("argocd", strong, brought(scene.address), scene.address)
    minted = scene.cluster.identities.account(*names, granted, None, token)
    yield from discover(scene, minted)
    for name in ("argocd-initial-admin-secret", "repo-credentials"):
        scene.read(minted, "get", Target("Secret", "argocd", name), RARE)
        yield scene.pause()


@careful(RARE, kind="token minting", days=2)
def makes_a_lasting_token(scene: Scene) -> Life:
    """A Secret of the old kind gets a token that never ends, for the account of another workload."""
    workload = in_use(scene)
    thief, name = inside(scene, workload, wide(workload)), f"default-token-{scene.chance.ending(5)}"
    annotations = {"kubernetes.io/service-account.name": "default"}
    sent = body("Secret", name, workload.namespace, meta={"annotations": annotations})
    held = scene.create(thief, {**sent, "type": "kubernetes.io/service-account-token"}, RARE, query="")
    yield scene.pause(20, 200)
    scene.read(inside(scene, workload, wide(workload)), "get", Target("Secret", workload.namespace, name), RARE)
    yield scene.chance.between(20 * HOUR, 60 * HOUR)
    scene.api.delete(scene.person(admin=True), held, mark=scene.mark())


def _as(client: Client, username: str, *groups: str) -> Client:
    return replace(client, acts_as={"username": username, "groups": [*groups, "system:authenticated"]})


@straight(RARE, kind="impersonation")
def impersonates_an_admin(scene: Scene) -> Life:
    """A stolen token that may impersonate lists secrets as a member of system:masters."""
    workload = add_on(scene)
    thief = _as(outside(scene, workload), "admin", "system:masters")
    yield from discover(scene, thief)
    scene.read(thief, "list", Target("Secret", query=LIMIT), RARE)
    yield scene.pause()
    scene.read(thief, "list", Target("ClusterRoleBinding", query=LIMIT), RARE)


@careful(RARE, kind="impersonation")
def impersonates_another_account(scene: Scene) -> Life:
    """From inside, one read as an account of kube-system; an attempt as a node before it is refused."""
    workload = in_use(scene)
    node = scene.chance.pick(scene.cluster.machines).name
    thief = inside(scene, workload, wide(workload))
    target = Target("Secret", workload.namespace, "tls")
    impostor = _as(thief, f"system:node:{node}", "system:nodes")
    status = forbidden(thief, "impersonate", Target("Node", name=node))
    scene.api.record(impostor, "get", target, code=403, status=status, mark=scene.mark(RARE))
    yield scene.pause(200, 3000)
    thief = inside(scene, workload, wide(workload))
    name = "system:serviceaccount:kube-system:generic-garbage-collector"
    scene.read(_as(thief, name, "system:serviceaccounts"), "get", target, RARE)


@straight(RARE, kind="dormant account")
def dormant_account_wakes(scene: Scene) -> Life:
    """An account of a tool that was removed long ago, whose token never ended, lists secrets and nodes."""
    names = ("default", "legacy-deployer", brought(scene.address), scene.address)
    granted = 'ClusterRoleBinding "legacy-deployer" of ClusterRole "edit"'
    # Tokens of the old kind are bound to no pod, and have no id.
    thief = replace(scene.cluster.identities.account(*names, granted), extra={})
    yield from discover(scene, thief)
    for kind in ("Secret", "Node", "Deployment"):
        yield scene.pause()
        scene.read(thief, "list", Target(kind, query=LIMIT), RARE)


@careful(RARE, kind="dormant account")
def account_of_a_stateful_set_wakes(scene: Scene) -> Life:
    """The account of a database, which never asks the API anything, reads one secret from inside of its pod."""
    cluster = scene.cluster
    found = [each for each in cluster.teams_workloads() if not each.agent]
    workload = scene.chance.pick(found) if found else scene.victim()
    yield scene.pause()
    may_i(scene, inside(scene, workload), workload.namespace, RARE)
    yield scene.pause(300, 3000)
    scene.read(inside(scene, workload), "list", Target("Secret", workload.namespace), RARE)


@straight(RARE, kind="destruction")
def deletes_pods(scene: Scene) -> Life:
    """A stolen token deletes pods of its namespace, which come back at once."""
    workload = in_use(scene)
    thief = outside(scene, workload)
    scene.read(thief, "list", Target("Pod", workload.namespace, query=LIMIT), RARE)
    for number in range(min(len(workload.pods), 3)):
        yield scene.pause(2, 9)
        held: Json = standing(scene, workload)
        options = {"propagationPolicy": "Background"}
        mark = scene.mark(*((RARE,) if number == 0 else ()))
        marked = {**held["metadata"], "deletionTimestamp": second_time(scene.now), "deletionGracePeriodSeconds": 30}
        target = Target("Pod", workload.namespace, held["metadata"]["name"])
        request = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", **options}
        scene.api.record(thief, "delete", target, request=request, response={**held, "metadata": marked}, mark=mark)
        yield 40 * MILLISECOND
