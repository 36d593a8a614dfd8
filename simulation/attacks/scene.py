"""What an episode is played on: one cluster, somebody who acts in it, and the labels of what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from simulation.addresses import public_address
from simulation.attacks.register import Episode
from simulation.attacks.shells import Shell
from simulation.chance import Chance
from simulation.clock import MILLISECOND, SECOND
from simulation.json import Json
from simulation.kubernetes.pod_specs import admitted
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.labels import Mark, Variant
from simulation.programs import image_name
from simulation.sensors.processes import Machine, Program

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.kubernetes.pods import Pod

ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
CREATED = "fieldManager=kubectl-create&fieldValidation=Strict"
SERVERS = {
    "api-java": ("/opt/java/openjdk/bin/java", 1000, "/app"),
    "api-node": ("/usr/local/bin/node", 1000, "/app"),
    "api-python": ("/usr/local/bin/python3", 1000, "/app"),
    "nginx": ("/usr/sbin/nginx", 101, "/usr/share/nginx/html"),
    "storefront": ("/usr/sbin/apache2", 33, "/var/www/html"),
}
"""Web servers by image: the worker that an intruder gets hold of, its user, and its folder."""
VISIT = 1800
"""Seconds after which somebody leaves a node again."""


def brought(address: str) -> str:
    """The kubectl of the machine behind an address: intruders have all kinds of them, as people do."""
    chance = Chance("kubectl", address)
    system = chance.pick(("linux/amd64", "linux/amd64", "darwin/arm64", "windows/amd64"))
    version = f"v1.{chance.between(31, 34)}.{chance.between(0, 9)}"
    return f"kubectl/{version} ({system}) kubernetes/{chance.hexadecimal(7)}"


class Scene:
    """Where one episode is played.

    Parameters
    ----------
    cluster
        In which cluster.
    episode
        What is played.
    number
        Which playing of it this is, in this run.
    """

    def __init__(self, cluster: Cluster, episode: Episode, number: int) -> None:
        self.cluster = cluster
        self.api = cluster.api
        self.episode = episode
        self.id = f"{episode.name}-{number}"
        self.chance = Chance(cluster.seed, "episode", self.id)
        self.address = public_address(self.chance)
        """From where the intruder comes."""

    @property
    def now(self) -> int:
        """Microseconds since 1970."""
        return self.cluster.now

    def mark(self, *raises: str) -> Mark:
        """How an event is labelled: as part of this episode, and as evidence of these alert types."""
        episode = self.episode
        if episode.variant is Variant.NEAR_MISS:
            return Mark(self.id, episode.name, episode.variant, near_miss_of=episode.alert_types)
        undeclared = set(raises) - set(episode.alert_types)
        assert not undeclared, f"{episode.name} does not say that it raises {sorted(undeclared)}"
        return Mark(self.id, episode.name, episode.variant, episode.kind, raises)

    def pause(self, low: float = 4, high: float = 45) -> int:
        """How long somebody takes to read and type; seconds in, microseconds out."""
        return self.chance.between(round(low * SECOND), round(high * SECOND))

    # Where to get in.

    def victim(self, *images: str) -> Workload:
        """A workload of some team, of one of these images (last part of the repository) if any runs."""
        cluster = self.cluster
        found = cluster.teams_workloads("Deployment")
        fitting = [each for each in found if image_name(each.image) in images]
        return self.chance.pick(fitting or found)

    def pod(self, workload: Workload) -> Pod:
        """One of a workload's pods that runs; the episode may rely on it for some minutes at most."""
        running = [pod for pod in workload.pods if pod.main is not None]
        return self.chance.pick(running or workload.pods or [workload.latest()])

    def web_shell(self, workload: Workload | None = None) -> Shell:
        """Commands that a web server runs for somebody who broke into it."""
        workload = workload or self.victim(*SERVERS)
        main = self._main(workload)
        binary, uid, folder = SERVERS.get(image_name(workload.image), SERVERS["storefront"])
        started = main.started + 900 * MILLISECOND
        fields: dict[str, Any] = {"container": main.container, "inner_pid": 18, "uid": uid, "cwd": folder}
        # A worker is a fork of the server: what it shows is the server's command line.
        argv = (binary, *main.argv[1:]) if main.binary == binary else (binary,)
        return Shell(
            self, Program(main.machine, main.pid + self.chance.between(6, 40), argv, binary, started, main, **fields)
        )

    def exec_shell(
        self,
        client: Client,
        workload: Workload,
        *raises: str,
        command: Sequence[str] = ("sh",),
        seconds: float = 600,
        inside: Sequence[str] = (),
    ) -> Shell:
        """A shell by `kubectl exec -it`, which the API server and the node's sensor both see.

        `raises` are alert types that both should raise, `inside` those of the process alone.
        """
        pod = self.pod(workload)
        names = "&".join(f"command={quote_plus(part)}" for part in command)
        query = f"{names}&container={workload.spec['containers'][0]['name']}&stdin=true&stdout=true&tty=true"
        target = Target("Pod", pod.namespace, pod.name, "exec", query)
        self.api.stream(client, "get", target, seconds, mark=self.mark(*raises))
        machine, main = pod.machine, self._main(workload, pod)
        assert main.container is not None
        fields: dict[str, Any] = {"container": main.container, "uid": main.uid, "cwd": "/"}
        mark = self.mark(*raises, *inside)
        shim = machine.shim(main.container)
        return Shell(self, machine.run(shim, command, seconds, after=120 * MILLISECOND, mark=mark, **fields))

    def host_shell(self, machine: Machine | None = None, *, uid: int = 0) -> Shell:
        """A login shell on a node, by ssh."""
        machine = machine or self.chance.pick(self.cluster.machines)
        session = machine.run(machine.sshd, ("/usr/sbin/sshd", "-D", "-R"), VISIT, mark=self.mark())
        fields: dict[str, Any] = {"login": 1000, "uid": uid, "cwd": "/root" if uid == 0 else "/home/operator"}
        return Shell(
            self, machine.run(session, ("bash", "--login"), VISIT - 1, after=900_000, mark=self.mark(), **fields)
        )

    def entry_point(self, workload: Workload) -> Shell:
        """What a container's own entry point runs."""
        return Shell(self, self._main(workload))

    def _main(self, workload: Workload, pod: Pod | None = None) -> Program:
        pod = pod or self.pod(workload)
        if pod.main is None:
            self.cluster.programs.settle_now(workload, pod)
        assert pod.main is not None
        return pod.main

    # What to get in with.

    def stolen(self, workload: Workload, agent: str = "", address: str = "", granted: str = "") -> Client:
        """A workload's token in somebody else's hands; by default used from where the intruder is, with kubectl."""
        pod, address = self.pod(workload), address or self.address
        names = (workload.namespace, workload.account, agent or brought(address), address)
        return self.cluster.identities.account(*names, granted, pod.bound, pod.token)

    def person(self, *, admin: bool = False) -> Client:
        """Somebody who works here: in a team, or who looks after the whole cluster."""
        people = [person for person in self.cluster.people if bool(person.team) != admin]
        return self.chance.pick(people or self.cluster.people).client

    def read(self, client: Client, verb: str, target: Target, *raises: str) -> None:
        """A labelled get or list."""
        self.api.read(client, verb, target, mark=self.mark(*raises))

    def refuse(self, client: Client, verb: str, target: Target, *raises: str) -> None:
        """A labelled request that the authorizer refuses."""
        self.api.refuse(client, verb, target, mark=self.mark(*raises))

    def create(self, client: Client, sent: Json, *raises: str, query: str = CREATED) -> Json:
        """A labelled create."""
        return self.api.create(client, sent, query=query, mark=self.mark(*raises))

    def deploy(self, client: Client, manifest: Json, *raises: str, query: str = CREATED) -> Workload:
        """A labelled create of a workload, whose controllers then make its pods, which are part of the episode."""
        added = {"spec": admitted(manifest["spec"], self.chance.ending(5))} if manifest["kind"] == "Pod" else None
        held = self.api.create(client, manifest, query=query, added=added, mark=self.mark(*raises))
        held["spec"] = manifest["spec"]
        workload = Workload(self.cluster, held, author=client, mark=self.mark())
        workload.deploy()
        return workload
