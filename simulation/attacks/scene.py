"""What an episode is played on: one cluster, somebody who acts in it, and the labels of what they do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote_plus

from simulation.attacks.register import Episode
from simulation.chance import Chance
from simulation.clock import MILLISECOND, SECOND
from simulation.json import Json
from simulation.kubernetes.objects import admitted
from simulation.kubernetes.requests import Client, Target
from simulation.kubernetes.workloads import Workload
from simulation.labels import Mark, Variant
from simulation.sensors.processes import Machine, Program

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.kubernetes.pods import Pod

ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
CREATED = "fieldManager=kubectl-create&fieldValidation=Strict"
KUBECTL = "kubectl/v1.32.3 (linux/amd64) kubernetes/32cc146"
"""What intruders bring."""
SERVERS = {
    "api-java": ("/opt/java/openjdk/bin/java", 1000),
    "api-node": ("/usr/local/bin/node", 1000),
    "api-python": ("/usr/local/bin/python3", 1000),
    "nginx": ("/usr/sbin/nginx", 101),
    "storefront": ("/usr/sbin/apache2", 33),
}
"""Web servers by image: the worker that an intruder gets hold of, and its user."""


@dataclass(frozen=True)
class Started:
    """A program of a shell text that starts others itself, such as the `sh` of `base64 -d | sh`."""

    command: str | Sequence[str]
    runs: Sequence[Step] = ()
    binary: str = ""
    """Path of the program, where its first argument names another (`exec -a`)."""
    cwd: str = ""
    """Its working folder, where that is not the shell's."""


Step: TypeAlias = "str | Sequence[str] | Started"
"""A program that a shell text starts."""


class Shell:
    """Somebody's shell: what is run in it is labelled.

    Parameters
    ----------
    scene
        The episode that it is part of.
    program
        The process that runs what is typed: a shell, or the server that was broken into.
    """

    def __init__(self, scene: Scene, program: Program) -> None:
        self.scene = scene
        self.program = program
        self.machine = program.machine

    def run(
        self,
        command: str | Sequence[str],
        *raises: str,
        seconds: float | None = 0.1,
        after: int = 0,
        under: Program | None = None,
        runs: Sequence[Step] = (),
        **fields: Any,
    ) -> Program:
        """Run one program now: a command line without shell syntax, or its arguments.

        Parameters
        ----------
        command
            For example `nmap -sS 10.0.0.0/24`, or `("python3", "-c", "import os")`.
        raises
            Alert types that this should raise; of a near miss those that it must not are known from the episode.
        seconds, after, fields
            As `Machine.run` takes them: how long it runs, when, and `cwd`, `uid`, `binary` ...
        under
            What runs it, if not the shell itself.
        runs
            The programs that it starts itself; the first of them takes its place if it is made for that (`nohup`).
        """
        argv = shlex.split(command) if isinstance(command, str) else command
        mark = self.scene.mark(*raises)
        longer = seconds if seconds is None else max(seconds, _lasts(runs))
        ends = None if runs and _base(argv[0]) in IN_PLACE else longer
        program = self.machine.run(under or self.program, argv, ends, after=after, mark=mark, **fields)
        self._start(runs, program, after, raises, fields)
        return program

    def line(
        self,
        text: str,
        *raises: str,
        runs: Sequence[Step] | None = None,
        interpreter: str = "sh",
        seconds: float = 0.4,
        **fields: Any,
    ) -> Program:
        """Run a line of shell text now, as `sh -c TEXT`; every program that it starts is reported too.

        Parameters
        ----------
        text
            What the shell is given.
        raises
            Alert types that the text should raise, and the programs with it.
        runs
            The programs that it starts, one after the other; None: the parts of the text between `;`, `&&`, `||` and
            `|`, which suits simple lines. What a shell does itself (echo, cd, history) starts no program: leave it
            out. A `Started` starts others in its turn.
        interpreter
            `sh`, `bash` or a path.
        """
        steps = _parts(text) if runs is None else runs
        started = self.run((interpreter, "-c", text), *raises, seconds=max(seconds, _lasts(steps)), **fields)
        self._start(steps, started, fields.pop("after", 0), raises, fields)
        return started

    def _start(
        self, steps: Sequence[Step], under: Program, after: int, raises: Sequence[str], fields: dict[str, Any]
    ) -> None:
        mark = self.scene.mark(*raises)
        fields = {name: value for name, value in fields.items() if name != "binary"}
        for each in steps:
            step = each if isinstance(each, Started) else Started(each)
            after += 40 * MILLISECOND
            argv = shlex.split(step.command) if isinstance(step.command, str) else step.command
            seconds = None if step.runs and _base(argv[0]) in IN_PLACE else _lasts(step.runs)
            if _base(under.argv[0]) in IN_PLACE and not step.binary:
                program = self.machine.replace(under, argv, seconds, after=after, mark=mark)
            else:
                told = {"binary": step.binary, "cwd": step.cwd}
                own = fields | {name: value for name, value in told.items() if value}
                program = self.machine.run(under, argv, seconds, after=after, mark=mark, **own)
            self._start(step.runs, program, after, raises, fields)

    def connect(self, program: Program, address: str, port: int, *raises: str, after: int = 60 * MILLISECOND) -> None:
        """A program opens a TCP connection."""
        self.machine.connect(program, address, port, after=after, mark=self.scene.mark(*raises))

    def touch(self, program: Program, path: str, *raises: str, write: bool = False) -> None:
        """A program reads or writes a file that the sensor watches."""
        self.machine.touch(program, path, write=write, after=20 * MILLISECOND, mark=self.scene.mark(*raises))


IN_PLACE = frozenset({"chroot", "env", "ionice", "nice", "nohup", "proxychains4", "setsid", "stdbuf", "unshare"})
"""Programs that become the program that they are given: its process is theirs."""
BUILTINS = frozenset({"cd", "echo", "export", "history", "set", "unset", "exit", "read", "umask", "alias", "true", ":"})


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _lasts(steps: Sequence[Step]) -> float:
    """Seconds until the last of these has ended, and what they start."""
    return 0.05 + sum(0.05 + (_lasts(step.runs) if isinstance(step, Started) else 0) for step in steps)


def _parts(text: str) -> list[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for token in lexer:
        if token and set(token) <= set(";|&"):
            commands.append([])
        else:
            commands[-1].append(token)
    return [_argv(command) for command in commands if command and command[0] not in BUILTINS]


def _argv(command: list[str]) -> list[str]:
    """The arguments of a command without its redirections."""
    kept: list[str] = []
    skip = False
    for token in command:
        if token and set(token) <= set("<>&"):
            skip = True
        elif skip:
            skip = False
        else:
            kept.append(token)
    return kept


class Scene:
    """Where one episode is played.

    Parameters
    ----------
    cluster
        In which cluster.
    episode
        What is played.
    number
        The how manieth time, in this run.
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
        found = [each for team in cluster.teams for each in cluster.workloads_of(team, "Deployment")]
        fitting = [each for each in found if each.image.rpartition("/")[2].partition(":")[0] in images]
        return self.chance.pick(fitting or found)

    def pod(self, workload: Workload) -> Pod:
        """One of a workload's pods that runs; the episode may rely on it for some minutes at most."""
        running = [pod for pod in workload.pods if pod.main is not None]
        return self.chance.pick(running or workload.pods or [workload.latest()])

    def web_shell(self, workload: Workload | None = None) -> Shell:
        """Commands that a web server runs for somebody who broke into it."""
        workload = workload or self.victim(*SERVERS)
        main = self._main(workload)
        binary, uid = SERVERS.get(workload.image.rpartition("/")[2].partition(":")[0], ("/usr/sbin/apache2", 33))
        started = main.started + 900 * MILLISECOND
        fields: dict[str, Any] = {"container": main.container, "inner_pid": 18, "uid": uid, "cwd": "/var/www/html"}
        # A worker is a fork of the server: what it shows is the server's command line.
        argv = (binary, *main.argv[1:]) if main.binary == binary else (binary,)
        return Shell(self, Program(main.machine, main.pid + 12, argv, binary, started, main, **fields))

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
        machine, container = pod.machine, self._main(workload, pod).container
        assert container is not None
        shim = machine.shim(container)
        after = 120 * MILLISECOND
        options: dict[str, Any] = {"after": after, "mark": self.mark(*raises, *inside), "container": container}
        return Shell(self, machine.run(shim, command, None, **options))

    def host_shell(self, machine: Machine | None = None, *, uid: int = 0) -> Shell:
        """A login shell on a node, by ssh."""
        machine = machine or self.chance.pick(self.cluster.machines)
        session = machine.run(machine.sshd, ("/usr/sbin/sshd", "-D", "-R"), None, mark=self.mark())
        fields: dict[str, Any] = {"login": 1000, "uid": uid, "cwd": "/root" if uid == 0 else "/home/operator"}
        return Shell(self, machine.run(session, ("bash", "--login"), None, after=900_000, mark=self.mark(), **fields))

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

    def stolen(self, workload: Workload, agent: str = KUBECTL, address: str = "", granted: str = "") -> Client:
        """A workload's token in somebody else's hands; `address` is from where, else the intruder's."""
        pod = self.pod(workload)
        names = (workload.namespace, workload.account, agent, address or self.address)
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
        if manifest["kind"] == "Pod":
            workload.adopt()
        else:
            workload.deploy()
        return workload


def public_address(chance: Chance) -> str:
    """A public IPv4 address drawn at random: it means nobody."""
    first = chance.pick((23, 31, 45, 62, 77, 80, 89, 94, 103, 109, 141, 146, 176, 185, 193, 194, 212, 217))
    return f"{first}.{chance.between(1, 250)}.{chance.between(0, 250)}.{chance.between(1, 250)}"
