"""JSON lines of Falco 0.40 and later, of one catch-all rule: every execve is telemetry, not a finding."""

from __future__ import annotations

from typing import Any

from flows.demo.fields import Json
from flows.demo.invented import nano_time, nanoseconds
from flows.demo.processes import Program

RULE = "Executed program"
UNKNOWN = "<NA>"
LATE_METADATA = 150_000
"""Microseconds from a container's start within which the sensor does not know its names yet."""
DAEMONS = frozenset({"containerd-shim", "cron", "kubelet", "sshd", "systemd"})
USERS = {0: "root", 33: "www-data", 70: "postgres", 1000: "operator", 65532: UNKNOWN}


class Falco:
    """The sensor on a cluster's nodes. It reports neither exits nor connections."""

    def started(self, program: Program) -> Json:
        """One line of the rule."""
        fields = _fields(program)
        stamp = nano_time(program.started)
        line = f"{stamp[11:-1]}: Informational Executed program"
        shown = " ".join(f"{key}={UNKNOWN if value is None else value}" for key, value in fields.items())
        return {
            "hostname": program.node,
            "output": f"{line} | {shown}",
            "output_fields": fields,
            "priority": "Informational",
            "rule": RULE,
            "source": "syscall",
            "tags": ["telemetry"],
            "time": stamp,
        }

    def ended(self, program: Program, at: int, status: int) -> None:
        """Nothing: the rule is about execve."""

    def connected(self, program: Program, at: int, address: str, port: int) -> None:
        """Nothing: the rule is about execve."""


def _fields(program: Program) -> dict[str, Any]:
    parent = program.parent
    grandparent = parent.parent if parent else None
    login = -1 if program.login is None else program.login
    fields = {
        **_container(program),
        "evt.time": nanoseconds(program.started),
        "evt.type": "execve",
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
    return dict(sorted(fields.items()))


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
