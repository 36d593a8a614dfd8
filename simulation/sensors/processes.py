"""Processes on a machine and in its containers."""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Sequence
from typing import Any

from simulation.chance import Chance
from simulation.clock import DAY, SECOND, nanoseconds
from simulation.journal import Journal
from simulation.labels import Mark
from simulation.schedule import Schedule
from simulation.sensors.containers import Container
from simulation.sensors.scripts import interpreter_of
from simulation.sensors.sensor import Report, Sensor

WELL_KNOWN = {"sh": "/bin/sh", "bash": "/bin/bash", "iptables": "/usr/sbin/iptables", "ip": "/usr/sbin/ip"}
"""Programs that do not lie in /usr/bin."""


SOCKET = ("-address", "/run/containerd/containerd.sock")


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
        known = self.known.get("id")
        if known is None:
            text = f"{self.machine.name}:{nanoseconds(self.started) - self.machine.boot * 1000}:{self.pid}"
            known = self.known["id"] = base64.b64encode(text.encode()).decode()
        return known

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the kernel gave it: those of a script begin with the script."""
        argv = self.argv
        if not interpreter_of(self.binary):
            return argv[1:]
        return (argv[0] if "/" in argv[0] else self.binary, *argv[1:])

    @property
    def comm(self) -> str:
        """The name that the kernel keeps: 15 characters."""
        return self.binary.rpartition("/")[2][:15]

    @property
    def replaces(self) -> bool:
        """Whether its process ran another program before, which then is its parent, as start scripts do."""
        return self.parent is not None and self.parent.pid == self.pid

    @property
    def early(self) -> bool:
        """Whether it was started before the log begins, so that a sensor knows it from `/proc` only."""
        return self.started <= self.machine.begun


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
        self.begun = schedule.now
        self.boot = schedule.now - chance.between(DAY // 24, 30 * DAY)
        self.pid = chance.between(3_000, 400_000)
        self.systemd = Program(self, 1, ("/usr/lib/systemd/systemd",), "/usr/lib/systemd/systemd", self.boot)
        self._services: dict[tuple[str, ...], Program] = {}
        self.containerd = self.service("/usr/bin/containerd")
        self.kubelet = self.service("/usr/local/bin/kubelet", "--config=/etc/kubernetes/kubelet.yaml")
        self.sshd = self.service("/usr/sbin/sshd", "-D")

    def service(self, *argv: str) -> Program:
        """One of the system's services, which has been running since the machine was booted: not reported."""
        if argv not in self._services:
            pid = 600 + len(self._services) * 41 + self.chance.below(40)
            self._services[argv] = Program(self, pid, argv, argv[0], self.boot + 30 * SECOND, self.systemd)
        return self._services[argv]

    def shim(self, container: Container) -> Program:
        """The runtime's process above a container that starts now or has started."""
        if container.shim is None:
            argv = ("/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", container.id, *SOCKET)
            fields: dict[str, Any] = {"cwd": f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{container.id}"}
            started = container.started - 400_000
            container.shim = Program(self, self._next_pid(), argv, argv[0], started, self.systemd, **fields)
        return container.shim

    def entry(self, container: Container, shim: Program, argv: Sequence[str], *, uid: int = 0) -> Program:
        """The entry point of a container that was started before the log begins: not reported."""
        container.last_pid = 30
        fields: dict[str, Any] = {"container": container, "inner_pid": 1, "uid": uid}
        return Program(self, self._next_pid(), tuple(argv), path_of(argv[0]), container.started, shim, **fields)

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
            With what it exits; below zero the signal that ended it.
        mark
            What the reports of its start and end are labelled as.
        fields
            Of the Program, where they are not those of the parent: `binary`, `container`, `cwd`, `uid`, `login`,
            `probe`.
        """
        at = self.schedule.now + after
        held = fields.get("container", parent.container)
        # Who comes into a container is not where the runtime stands.
        cwd = parent.cwd if held is parent.container else "/"
        values: dict[str, Any] = {"container": held, "cwd": cwd, "uid": parent.uid, "login": parent.login, **fields}
        if "binary" not in values:
            values["binary"] = path_of(argv[0], values["cwd"])
        values["inner_pid"] = _inner_pid(held)
        program = Program(self, self._next_pid(), tuple(argv), values.pop("binary"), at, parent, **values)
        return self._begin(program, seconds, status, mark)

    def replace(
        self,
        program: Program,
        argv: Sequence[str],
        seconds: float | None = None,
        *,
        after: int = 0,
        mark: Mark | None = None,
        uid: int | None = None,
    ) -> Program:
        """The process of a program executes another one in its place, as start scripts do in the end."""
        inherited: dict[str, Any] = {"container": program.container, "cwd": program.cwd, "login": program.login}
        inherited["uid"] = program.uid if uid is None else uid
        inherited["inner_pid"] = program.inner_pid
        at = self.schedule.now + after
        new = Program(self, program.pid, tuple(argv), path_of(argv[0], program.cwd), at, program, **inherited)
        return self._begin(new, seconds, 0, mark)

    def _begin(self, program: Program, seconds: float | None, status: int, mark: Mark | None) -> Program:
        at = program.started
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

    def lose(self, count: int) -> None:
        """The sensor could not keep up just now: so many events are missing, and it says so."""
        if self.journal is not None:
            now = self.schedule.now
            for report in self.sensor.lost(self, now, count):
                self._write(now, report, None)

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


def path_of(name: str, cwd: str = "/") -> str:
    """Where a program of this name lies; a path is taken from the working folder.

    Examples
    --------
    >>> path_of("curl"), path_of("sh"), path_of("./run", "/tmp")
    ('/usr/bin/curl', '/bin/sh', '/tmp/run')
    """
    if "/" in name:
        return name if name[0] == "/" else posixpath.normpath(posixpath.join(cwd, name))
    return WELL_KNOWN.get(name) or f"/usr/bin/{name}"
