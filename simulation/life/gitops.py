"""GitOps: Argo CD applies what lies in Git again and again, most of the time without a change.

What others make in the namespace is none of its business, and what somebody changed by hand it leaves as it is (out of
sync) until it is as before.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulation.actors import actor
from simulation.chance import Chance
from simulation.clock import HOUR, MILLISECOND, MINUTE, second_time
from simulation.cluster import Cluster
from simulation.json import Json
from simulation.kubernetes.audit_log import Form
from simulation.kubernetes.identities import client_go
from simulation.kubernetes.kubectl import applied
from simulation.kubernetes.objects import body
from simulation.kubernetes.requests import Client, Target
from simulation.schedule import Life

CONTROLLER = "argocd-application-controller"
GRANTED = f'ClusterRoleBinding "{CONTROLLER}" of ClusterRole "{CONTROLLER}"'
QUERY = "fieldManager=argocd-controller&force=true"
KINDS = ("Service", "Deployment", "StatefulSet", "CronJob")


def controller(cluster: Cluster) -> Client:
    """The account of the application controller, from where it runs now."""
    workload = cluster.workload("argocd", CONTROLLER)
    return workload.client(workload.agent or client_go(CONTROLLER), GRANTED)


@actor()
def applications(cluster: Cluster, chance: Chance) -> Life:
    """Each team's application, every so many minutes."""
    known: dict[str, Rounds] = {}
    while True:
        known = {team: rounds for team, rounds in known.items() if team in cluster.teams}
        for team in cluster.teams:
            if team not in known:
                known[team] = Rounds(cluster, team, chance.child(team))
                cluster.start(known[team].live(), chance.below(_every(cluster)))
        yield 10 * MINUTE


def _every(cluster: Cluster) -> int:
    return round(cluster.profile.gitops_minutes * MINUTE)


class Rounds:
    """The application of one team.

    Parameters
    ----------
    cluster, team
        Whose manifests are applied.
    chance
        How long it takes.
    """

    def __init__(self, cluster: Cluster, team: str, chance: Chance) -> None:
        self.cluster = cluster
        self.team = team
        self.chance = chance
        self.forms: dict[tuple[str, str], tuple[Client, str, Form]] = {}
        self.known = {(held["kind"], held["metadata"]["name"]): _shape(held) for held in self._found()}
        destination = {"server": "https://kubernetes.default.svc", "namespace": team}
        source = {"repoURL": f"https://git.example/{team}/deploy.git", "path": "base", "targetRevision": "main"}
        spec = {"destination": destination, "project": "default", "source": source}
        self.application = cluster.api.hold(body("Application", team, "argocd", spec=spec, status={}), "kubectl")

    def live(self) -> Life:
        """Round after round, as long as the team is there."""
        while self.team in self.cluster.teams:
            client = controller(self.cluster)
            for held in self._manifests():
                self._apply(client, held)
                yield self.chance.between(5, 60) * MILLISECOND
            self._report(client)
            yield self.chance.about(_every(self.cluster), 0.05)
        self.cluster.api.forget(self.application)

    def _found(self) -> list[Json]:
        return [each for kind in KINDS for each in self.cluster.api.find(kind, self.team)]

    def _manifests(self) -> Iterator[Json]:
        held = {(each["kind"], each["metadata"]["name"]): each for each in self._found()}
        self.forms = {key: kept for key, kept in self.forms.items() if key in held}
        for key, each in held.items():
            if self.known.get(key) == _shape(each):
                yield each

    def _apply(self, client: Client, held: Json) -> None:
        """Server-side apply of what is as it should be: the same object comes back, in the same version."""
        meta, api = held["metadata"], self.cluster.api
        key = (held["kind"], meta["name"])
        asked, version, form = self.forms.get(key, (None, "", None))
        if form is None or asked is not client or version != meta["resourceVersion"]:
            target = Target(held["kind"], self.team, meta["name"], query=QUERY)
            form = api.form(client, "patch", target, request=applied(held), response=held)
            self.forms[key] = (client, meta["resourceVersion"], form)
        api.send(form)

    def _report(self, client: Client) -> None:
        """How the application is, in its status."""
        now, shift = second_time(self.cluster.now), self.cluster.now // (8 * HOUR)
        sync = {"status": "Synced", "revision": self.chance.child(shift).hexadecimal(40)}
        status = {"health": {"status": "Healthy"}, "reconciledAt": now, "sync": sync}
        patch = {"status": {"reconciledAt": now}}
        self.application = self.cluster.api.patch(client, self.application, patch, {"status": status})


def _shape(held: Json) -> Json:
    """What only a person changes: neither images nor numbers, which roll-outs and autoscalers set."""
    spec = held["spec"]
    if held["kind"] == "Service":
        return {key: spec.get(key) for key in ("type", "selector", "ports", "externalIPs", "loadBalancerSourceRanges")}
    template = spec["jobTemplate"]["spec"]["template"] if held["kind"] == "CronJob" else spec["template"]
    within = dict(template["spec"])
    within["containers"] = [{**each, "image": ""} for each in within["containers"]]
    return within
