"""Processes on a machine and in its containers."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from simulation.chance import Chance
from simulation.clock import DAY, SECOND, nanoseconds
from simulation.journal import Journal
from simulation.labels import Mark
from simulation.schedule import Schedule

WELL_KNOWN = {"sh": "/bin/sh", "bash": "/bin/bash", "iptables": "/usr/sbin/iptables", "ip": "/usr/sbin/ip"}
"""Programs that do not lie in /usr/bin."""


class Container:
    """A container as a sensor knows it; `known` holds what a sensor has written of it."""

    __slots__ = ("id", "image", "kind", "known", "labels", "last_pid", "name", "namespace", "pod", "privileged",
                 "started", "workload")  # fmt: skip

    def __init__(
        self,
        name: str,
        image: str,
        *,
        identifier: str,
        namespace: str,
        pod: str,
        workload: str,
        kind: str,
        started: int,
        labels: Mapping[str, str],
        privileged: bool = False,
    ) -> None:
        self.name = name
        self.image = image
        self.id = identifier
        """64 hex digits."""
        self.namespace = namespace
        self.pod = pod
        self.workload = workload
        self.kind = kind
        self.started = started
        self.labels = labels
        self.privileged = privileged
        self.last_pid = 0
        self.known: dict[str, str] = {}


class Program:
    """One execution of a program; `known` holds what a sensor has written of it."""

    __slots__ = ("argv", "binary", "container", "cwd", "inner_pid", "known", "login", "machine", "parent", "pid",
                 "probe", "started", "uid")  # fmt: skip

    def __init__(
        self,
        machine: Machine,
        pid: int,
        argv: tuple[str, ...],
        binary: str,
        started: int,
        parent: Program | None = None,
        *,
        container: Container | None = None,
        inner_pid: int = 0,
        cwd: str = "/",
        uid: int = 0,
        probe: bool = False,
        login: int | None = None,
    ) -> None:
        self.machine = machine
        self.pid = pid
        self.argv = argv
        self.binary = binary
        self.started = started
        self.parent = parent
        self.container = container
        self.inner_pid = inner_pid
        """Pid inside the container."""
        self.cwd = cwd
        self.uid = uid
        self.probe = probe
        """Whether the kubelet runs it to see how a container is."""
        self.login = login
        """Login uid of a person's session."""
        self.known: dict[str, str] = {}

    @property
    def exec_id(self) -> str:
        """As Tetragon builds it: node, nanoseconds since boot, pid."""
        text = f"{self.machine.name}:{nanoseconds(self.started) - self.machine.boot * 1000}:{self.pid}"
        return base64.b64encode(text.encode()).decode()

    @property
    def comm(self) -> str:
        """The name that the kernel keeps: 15 characters."""
        return self.binary.rpartition("/")[2][:15]


Report = tuple[str, str]
"""A record, and its event id."""


class Sensor(Protocol):
    """What writes down what happens on a machine. None: it does not report such a thing."""

    def started(self, program: Program) -> Report | None:
        """A program was executed."""

    def ended(self, program: Program, at: int, status: int) -> Report | None:
        """A process ended."""

    def connected(self, program: Program, at: int, address: str, port: int) -> Report | None:
        """A process opened a TCP connection."""

    def touched(self, program: Program, at: int, path: str, *, write: bool) -> Report | None:
        """A process read or wrote a file that the sensor's policies watch."""


class Machine:
    """A node of a cluster: its system processes, what runs on it, and its sensor.

    Parameters
    ----------
    name, address
        Of the node.
    schedule, chance
        The clock, and what pids and times are drawn from.
    sensor
        What reports.
    journal
        Where the reports go; None: nobody keeps them.
    """

    def __init__(
        self, name: str, address: str, schedule: Schedule, chance: Chance, sensor: Sensor, journal: Journal | None
    ) -> None:
        self.name = name
        self.address = address
        self.schedule = schedule
        self.chance = chance
        self.sensor = sensor
        self.journal = journal
        self.boot = schedule.now - chance.between(DAY // 24, 30 * DAY)
        self.pid = chance.between(3_000, 400_000)
        self.systemd = Program(self, 1, ("/usr/lib/systemd/systemd",), "/usr/lib/systemd/systemd", self.boot)
        self.containerd = self._system("/usr/bin/containerd")
        self.kubelet = self._system("/usr/local/bin/kubelet", "--config=/etc/kubernetes/kubelet.yaml")
        self.cron = self._system("/usr/sbin/cron", "-f")
        self.sshd = self._system("/usr/sbin/sshd", "-D")

    def _system(self, *argv: str) -> Program:
        pid = self.chance.between(600, 1900)
        return Program(self, pid, argv, argv[0], self.boot + 30 * SECOND, self.systemd)

    def shim(self, container: Container) -> Program:
        """The runtime's process above a container that starts now or has started."""
        argv = ("/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", container.id)
        return Program(self, self._next_pid(), argv, argv[0], container.started - 400_000, self.systemd)

    def entry(self, container: Container, shim: Program, argv: Sequence[str], *, uid: int = 0) -> Program:
        """The entry point of a container that was started before the log begins: not reported."""
        container.last_pid = 30
        pid = self._next_pid()
        return Program(
            self, pid, tuple(argv), path_of(argv[0]), container.started, shim, container=container, inner_pid=1, uid=uid
        )

    def run(
        self,
        parent: Program,
        argv: Sequence[str],
        seconds: float | None = 0.02,
        *,
        after: int = 0,
        status: int = 0,
        mark: Mark | None = None,
        **fields: Any,
    ) -> Program:
        """Execute a program now, or `after` so many microseconds.

        Parameters
        ----------
        parent
            What executes it.
        argv
            Its arguments, the program's name or path first.
        seconds
            How long it runs; None: its end is not told.
        status
            With what it exits.
        mark
            What the reports of its start and end are labelled as.
        fields
            Of the Program, where they are not those of the parent: `binary`, `container`, `cwd`, `uid`, `login`,
            `probe`.
        """
        at = self.schedule.now + after
        inherited = {"container": parent.container, "cwd": parent.cwd, "uid": parent.uid, "login": parent.login}
        values: dict[str, Any] = {"binary": path_of(argv[0]), **inherited, **fields}
        values["inner_pid"] = _inner_pid(values["container"])
        program = Program(self, self._next_pid(), tuple(argv), values.pop("binary"), at, parent, **values)
        if self.journal is not None:
            self._write(at, self.sensor.started(program), mark)
            if seconds is not None:
                end = at + round(seconds * SECOND)
                self._write(end, self.sensor.ended(program, end, status), mark)
        return program

    def end(self, program: Program, *, status: int = 0, mark: Mark | None = None) -> None:
        """A process ends now."""
        if self.journal is not None:
            now = self.schedule.now
            self._write(now, self.sensor.ended(program, now, status), mark)

    def connect(self, program: Program, address: str, port: int, *, after: int = 0, mark: Mark | None = None) -> None:
        """A process opens a TCP connection now, or after so many microseconds."""
        if self.journal is not None:
            at = self.schedule.now + after
            self._write(at, self.sensor.connected(program, at, address, port), mark)

    def touch(
        self, program: Program, path: str, *, write: bool = False, after: int = 0, mark: Mark | None = None
    ) -> None:
        """A process reads or writes a watched file now, or after so many microseconds."""
        if self.journal is not None:
            at = self.schedule.now + after
            self._write(at, self.sensor.touched(program, at, path, write=write), mark)

    def _next_pid(self) -> int:
        self.pid = self.pid + self.chance.between(1, 9) if self.pid < 4_194_000 else 300
        return self.pid

    def _write(self, at: int, report: Report | None, mark: Mark | None) -> None:
        if report is not None and self.journal is not None:
            self.journal.add(self.schedule.now, at, *report, mark)


def _inner_pid(container: Container | None) -> int:
    if container is None:
        return 0
    container.last_pid += 1
    return container.last_pid


def path_of(name: str) -> str:
    """Where a program of this name lies; a path stays as it is.

    Examples
    --------
    >>> path_of("curl"), path_of("sh"), path_of("./run")
    ('/usr/bin/curl', '/bin/sh', './run')
    """
    return name if "/" in name else WELL_KNOWN.get(name) or f"/usr/bin/{name}"
