"""Processes on a node and in its containers, and the sensor that reports them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from flows.demo.fields import Json
from flows.demo.invented import hexadecimal, moment, nanoseconds, number

BOOT = moment("00:00:00") - 19 * 86_400_000_000
"""When the nodes were started: an exec id counts from there."""


@dataclass(frozen=True)
class Container:
    """A container as a sensor knows it."""

    name: str
    image: str
    namespace: str
    pod: str
    workload: str
    kind: str
    started: int
    labels: Mapping[str, str] = field(default_factory=dict)
    privileged: bool = False

    @property
    def id(self) -> str:
        """64 hex digits."""
        return hexadecimal(64, "container", self.namespace, self.pod, self.name)


@dataclass(frozen=True)
class Program:
    """One execution of a program."""

    node: str
    pid: int
    argv: tuple[str, ...]
    binary: str
    started: int
    parent: Program | None = None
    container: Container | None = None
    inner_pid: int = 0
    """Pid inside the container."""
    cwd: str = "/"
    uid: int = 0
    probe: bool = False
    login: int | None = None
    """Login uid of a person's session."""

    @property
    def exec_id(self) -> str:
        """As Tetragon builds it: node, nanoseconds since boot, pid."""
        text = f"{self.node}:{nanoseconds(self.started) - BOOT * 1000}:{self.pid}"
        return base64.b64encode(text.encode()).decode()

    @property
    def comm(self) -> str:
        """The name that the kernel keeps: 15 characters."""
        return self.binary.rpartition("/")[2][:15]


class Sensor(Protocol):
    """What writes down what happens on a node. None: it does not report such a thing."""

    def started(self, program: Program) -> Json | None:
        """A program was executed."""

    def ended(self, program: Program, at: int, status: int) -> Json | None:
        """A process ended."""

    def connected(self, program: Program, at: int, address: str, port: int) -> Json | None:
        """A process opened a TCP connection."""


@dataclass
class Node:
    """A machine of a cluster, with its system processes and its log of what the sensor reported."""

    name: str
    address: str
    sensor: Sensor
    log: list[tuple[int, Json]]
    pid: int = 412_000
    inner: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.systemd = Program(self.name, 1, ("/usr/lib/systemd/systemd",), "/usr/lib/systemd/systemd", BOOT)
        self.containerd = self._system("/usr/bin/containerd")
        self.kubelet = self._system("/usr/local/bin/kubelet", "--config=/etc/kubernetes/kubelet.yaml")
        self.cron = self._system("/usr/sbin/cron", "-f")
        self.sshd = self._system("/usr/sbin/sshd", "-D")

    def _system(self, *argv: str) -> Program:
        pid = number(600, 1900, "system", self.name, argv[0])
        return Program(self.name, pid, argv, argv[0], BOOT + 30_000_000, self.systemd)

    def shim(self, container: Container) -> Program:
        """The runtime's process above a container."""
        argv = ("/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", container.id)
        pid = number(20_000, 90_000, "shim", container.id)
        return Program(self.name, pid, argv, argv[0], container.started - 400_000, self.systemd)

    def entry(self, container: Container, *argv: str, uid: int = 0, cwd: str = "/") -> Program:
        """The entry point of a container that was started before the hour; not logged."""
        pid = number(100_000, 400_000, "entry", container.id)
        self.inner.setdefault(container.id, 30)
        shim = self.shim(container)
        return Program(self.name, pid, argv, argv[0], container.started, shim, container, 1, cwd, uid)

    def run(
        self, at: int, parent: Program, argv: Sequence[str], seconds: float | None = 0.02, **fields: Any
    ) -> Program:
        """Execute a program; with `seconds` it also ends. More fields: those of Program."""
        self.pid += number(1, 9, "pid", self.name, at)
        inherited = {"container": parent.container, "cwd": parent.cwd, "uid": parent.uid, "login": parent.login}
        values = {"binary": path_of(argv[0]), **inherited, **fields}
        values["inner_pid"] = self._inner_pid(values["container"])
        program = Program(self.name, self.pid, tuple(argv), started=at, parent=parent, **values)
        self._write(at, self.sensor.started(program))
        if seconds is not None:
            self.end(at + round(seconds * 1_000_000), program)
        return program

    def end(self, at: int, program: Program, status: int = 0) -> None:
        """A process ends."""
        self._write(at, self.sensor.ended(program, at, status))

    def connect(self, at: int, program: Program, address: str, port: int) -> None:
        """A process opens a TCP connection."""
        self._write(at, self.sensor.connected(program, at, address, port))

    def _inner_pid(self, container: Container | None) -> int:
        if container is None:
            return 0
        self.inner[container.id] = self.inner.get(container.id, 0) + 1
        return self.inner[container.id]

    def _write(self, at: int, record: Json | None) -> None:
        if record is not None:
            self.log.append((at, record))


def path_of(name: str) -> str:
    """Where a program of this name lies; a path stays as it is.

    Examples
    --------
    >>> path_of("curl"), path_of("sh"), path_of("./run")
    ('/usr/bin/curl', '/bin/sh', './run')
    """
    if "/" in name:
        return name
    return f"/bin/{name}" if name in {"sh", "bash"} else f"/usr/bin/{name}"
