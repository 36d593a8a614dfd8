"""JSON lines of Falco 0.40 and later, of rules that report every execution, connection and access to some files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from simulation.clock import MILLISECOND, nano_time, nanoseconds
from simulation.json import plain_json
from simulation.sensors.containers import Container
from simulation.sensors.processes import Machine, Program
from simulation.sensors.scripts import interpreter_of
from simulation.sensors.sensor import Report

EXECUTED = "Executed program"
CONNECTED = "Outbound connection"
TOUCHED = "Watched file opened"
DROPPED = "Falco internal: syscall event drop"
UNKNOWN = "<NA>"
LATE_METADATA = 150 * MILLISECOND
"""From a container's start, the time within which the sensor does not know its names yet."""
DAEMONS = frozenset({"containerd", "containerd-shim", "cron", "kubelet", "sshd", "systemd"})
LINKS = {
    "/bin/bash": "/usr/bin/bash", "/bin/sh": "/usr/bin/dash", "/usr/bin/env": "/usr/local/bin/node",
    "/usr/bin/python3": "/usr/bin/python3.12", "/usr/sbin/ip6tables": "/usr/sbin/xtables-nft-multi",
    "/usr/sbin/iptables": "/usr/sbin/xtables-nft-multi", "/usr/sbin/iptables-restore": "/usr/sbin/xtables-nft-multi",
    "/usr/sbin/iptables-save": "/usr/sbin/xtables-nft-multi",
}  # fmt: skip
"""Files that are links, as in Debian."""
USERS = {0: "root", 33: "www-data", 70: "postgres", 101: "nginx", 1000: "app", 65532: UNKNOWN}


class Falco:
    """The sensor on a cluster's nodes. It does not report exits.

    Parameters
    ----------
    cluster
        The name that its rules add to every line.
    """

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def started(self, program: Program) -> Report:
        what = {"evt.time": nanoseconds(program.started), "evt.type": "execve"}
        return self._line(EXECUTED, program, program.started, what), ""

    def ended(self, program: Program, at: int, status: int) -> None:
        """Nothing: no rule is about exits."""

    def connected(self, program: Program, at: int, address: str, port: int) -> Report:
        held = program.container
        own = (held.address if held else "") or program.machine.address
        kind = "ipv6" if ":" in address else "ipv4"
        ends = {"fd.sip": address, "fd.sport": port, "fd.type": kind}
        name = f"{own}:{32_768 + (program.pid * 31 + port) % 28_000}->{address}:{port}"
        what = {"evt.time": nanoseconds(at), "evt.type": "connect", "fd.l4proto": "tcp", "fd.name": name, **ends}
        return self._line(CONNECTED, program, at, what), ""

    def touched(self, program: Program, at: int, path: str, *, write: bool) -> Report:
        flags = "O_CREAT|O_WRONLY|O_F_CREATED|FD_UPPER_LAYER" if write else "O_RDONLY|O_CLOEXEC"
        opened = {"evt.arg.flags": flags, "evt.is_open_read": not write, "evt.is_open_write": write}
        what = {**opened, "evt.time": nanoseconds(at), "evt.type": "openat", "fd.name": path, "fd.type": "file"}
        return self._line(TOUCHED, program, at, what), ""

    def lost(self, machine: Machine, at: int, count: int) -> Sequence[Report]:
        """Falco's note of dropped system calls: numbers are text in it, and the clusters' own field is not added."""
        parts = {"open_exit": count * 7 // 10, "close_exit": count // 5, "execve_exit": count // 300, "proc_exit": 0}
        rest = ("clone_fork_exit", "connect_exit", "dir_file_exit", "other_interest_exit")
        numbers = {f"n_drops_buffer_{name}": value for name, value in {**dict.fromkeys(rest, 0), **parts}.items()}
        numbers |= {"n_drops": count, "n_drops_buffer_total": count, "n_evts": count * 9 + 41_213, "ebpf_enabled": 1}
        numbers |= dict.fromkeys(("n_drops_bug", "n_drops_page_faults", "n_drops_scratch_map"), 0)
        told = {
            "hostname": machine.name,
            "output": f"{DROPPED}. {count} system calls dropped in last second.",
            "output_fields": {name: str(value) for name, value in sorted(numbers.items())},
            "priority": "Debug",
            "rule": DROPPED,
            "source": "internal",
            "time": nano_time(at),
        }
        return [(plain_json(told), "")]

    def _line(self, rule: str, program: Program, at: int, what: Mapping[str, Any]) -> str:
        """A line of a rule; `what` is what differs by rule, in order of its names as everything else."""
        where, pod = _container(program, at)
        fields = {**where, **what, "k8s.cluster.name": self.cluster, **pod, **_fields(program)}
        stamp = nano_time(at)
        shown = " ".join([f"{key}={_shown(value)}" for key, value in fields.items()])
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


def _shown(value: object) -> object:
    if value is None:
        return UNKNOWN
    return str(value).lower() if value is True or value is False else value


def _fields(program: Program) -> dict[str, Any]:
    """What the rules tell of a process, in order of the names."""
    parent = _above(program)
    grandparent = _above(parent) if parent else None
    higher = _above(grandparent) if grandparent else None
    login = -1 if program.login is None else program.login
    cwd = program.cwd
    return {
        "proc.aname[2]": grandparent.comm if grandparent else None,
        "proc.aname[3]": higher.comm if higher else None,
        "proc.cmdline": _command_line(program),
        "proc.cwd": cwd if cwd.endswith("/") else f"{cwd}/",
        "proc.exe": interpreter_of(program.binary) or program.argv[0],
        "proc.exepath": _file(program),
        "proc.name": program.comm,
        "proc.pcmdline": _command_line(parent) if parent else None,
        "proc.pexepath": _file(parent) if parent else None,
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


def _above(program: Program) -> Program | None:
    """The parent by its pid: what the same process ran before is none."""
    above = program.parent
    while above is not None and above.pid == program.pid:
        above = above.parent
    return above


def _file(program: Program) -> str:
    """The file that runs: of a script its interpreter, links followed."""
    path = program.known.get("file")
    if path is None:
        path = interpreter_of(program.binary) or program.binary
        path = program.known["file"] = LINKS.get(path, path)
    return path


def _session(program: Program) -> Program:
    """The process that began the session: the first below a daemon."""
    while program.parent is not None and program.parent.comm not in DAEMONS:
        program = program.parent
    return program


def _command_line(program: Program) -> str:
    line = program.known.get("line")
    if line is None:
        line = program.known["line"] = " ".join((program.comm, *program.arguments))
    return line


def _container(program: Program, at: int) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """The container, and the pod: nobody knows their names when the first process of a container starts."""
    held = program.container
    image = ("container.image.repository", "container.image.tag")
    pod = ("k8s.ns.name", "k8s.pod.name")
    if held is None:
        return {"container.id": "host", **dict.fromkeys(image), "container.name": "host"}, dict.fromkeys(pod)
    if at - held.started < LATE_METADATA and held.started > program.machine.begun:
        unknown: dict[str, str | None] = dict.fromkeys(image)
        return {"container.id": held.id[:12], **unknown, "container.name": None}, dict.fromkeys(pod, UNKNOWN)
    return _names(held)


@lru_cache(maxsize=4096)
def _names(held: Container) -> tuple[dict[str, str | None], dict[str, str | None]]:
    repository, _, tag = held.image.rpartition(":")
    image = {"container.image.repository": repository, "container.image.tag": tag}
    pod: dict[str, str | None] = {"k8s.ns.name": held.namespace, "k8s.pod.name": held.pod}
    return {"container.id": held.id[:12], **image, "container.name": held.name}, pod
