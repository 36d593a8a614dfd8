"""JSON lines of Falco 0.40 and later, of two rules that report every execution and connection as telemetry."""

from __future__ import annotations

from typing import Any

from simulation.clock import MILLISECOND, nano_time, nanoseconds
from simulation.json import plain_json
from simulation.sensors.processes import Program, Report

EXECUTED = "Executed program"
CONNECTED = "Outbound connection"
UNKNOWN = "<NA>"
LATE_METADATA = 150 * MILLISECOND
"""From a container's start, the time within which the sensor does not know its names yet."""
DAEMONS = frozenset({"containerd-shim", "cron", "kubelet", "sshd", "systemd"})
USERS = {0: "root", 33: "www-data", 70: "postgres", 101: "nginx", 1000: "app", 65532: UNKNOWN}


class Falco:
    """The sensor on a cluster's nodes. It reports neither exits nor accesses of files.

    Parameters
    ----------
    cluster
        The name that its rules add to every line.
    """

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def started(self, program: Program) -> Report:
        at = program.started
        fields = {"evt.time": nanoseconds(at), "evt.type": "execve", **_fields(program)}
        return self._line(EXECUTED, program, at, fields), ""

    def ended(self, program: Program, at: int, status: int) -> None:
        """Nothing: no rule is about exits."""

    def connected(self, program: Program, at: int, address: str, port: int) -> Report:
        own = program.machine.address
        ends = {"fd.l4proto": "tcp", "fd.sip": address, "fd.sport": port, "fd.type": "ipv4"}
        name = f"{own}:{32_768 + program.pid % 28_000}->{address}:{port}"
        fields = {"evt.time": nanoseconds(at), "evt.type": "connect", "fd.name": name, **ends, **_fields(program)}
        return self._line(CONNECTED, program, at, fields), ""

    def touched(self, program: Program, at: int, path: str, *, write: bool) -> None:
        """Nothing: no rule is about files."""

    def _line(self, rule: str, program: Program, at: int, fields: dict[str, Any]) -> str:
        fields = dict(sorted({**fields, "k8s.cluster.name": self.cluster}.items()))
        stamp = nano_time(at)
        shown = " ".join(f"{key}={UNKNOWN if value is None else value}" for key, value in fields.items())
        return plain_json(
            {
                "hostname": program.machine.name,
                "output": f"{stamp[11:-1]}: Informational {rule} | {shown}",
                "output_fields": fields,
                "priority": "Informational",
                "rule": rule,
                "source": "syscall",
                "tags": ["telemetry"],
                "time": stamp,
            }
        )


def _fields(program: Program) -> dict[str, Any]:
    parent = program.parent
    grandparent = parent.parent if parent else None
    login = -1 if program.login is None else program.login
    return {
        **_container(program),
        "proc.aname[2]": grandparent.comm if grandparent else None,
        "proc.aname[3]": grandparent.parent.comm if grandparent and grandparent.parent else None,
        "proc.cmdline": _command_line(program),
        "proc.cwd": program.cwd if program.cwd.endswith("/") else f"{program.cwd}/",
        "proc.exe": program.argv[0],
        "proc.exepath": program.binary,
        "proc.name": program.comm,
        "proc.pcmdline": _command_line(parent) if parent else None,
        "proc.pexepath": parent.binary if parent else None,
        "proc.pid": program.pid,
        "proc.pname": parent.comm if parent else None,
        "proc.ppid": parent.pid if parent else None,
        "proc.sid": _session(program).pid,
        "proc.tty": 34816 if program.login is not None else 0,
        "proc.vpid": program.inner_pid or program.pid,
        "user.loginname": USERS.get(login, UNKNOWN),
        "user.loginuid": login,
        "user.name": USERS.get(program.uid, UNKNOWN),
        "user.uid": program.uid,
    }


def _session(program: Program) -> Program:
    """The process that began the session: the first below a daemon."""
    while program.parent is not None and program.parent.comm not in DAEMONS:
        program = program.parent
    return program


def _command_line(program: Program) -> str:
    return " ".join((program.comm, *program.argv[1:]))


def _container(program: Program) -> dict[str, Any]:
    held = program.container
    if held is None:
        names = dict.fromkeys(
            ("container.image.repository", "container.image.tag", "k8s.ns.name", "k8s.pod.name"), None
        )
        return {"container.id": "host", "container.name": "host", **names}
    if program.started - held.started < LATE_METADATA:
        names = dict.fromkeys(("container.image.repository", "container.image.tag", "container.name"), None)
        return {"container.id": held.id[:12], **names, "k8s.ns.name": UNKNOWN, "k8s.pod.name": UNKNOWN}
    repository, _, tag = held.image.rpartition(":")
    return {
        "container.id": held.id[:12],
        "container.image.repository": repository,
        "container.image.tag": tag,
        "container.name": held.name,
        "k8s.ns.name": held.namespace,
        "k8s.pod.name": held.pod,
    }
