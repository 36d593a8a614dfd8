"""The export of Tetragon 1.4 and later."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from simulation.clock import SECOND, nano_time, second_time
from simulation.json import go_json
from simulation.kubernetes.objects import present
from simulation.sensors.containers import Container
from simulation.sensors.processes import Machine, Program
from simulation.sensors.sensor import Report

NO_LOGIN = 4294967295
MASK = {True: 2, False: 4}
"""MAY_WRITE and MAY_READ of the kernel."""
SIGNALS = {1: "SIGHUP", 2: "SIGINT", 6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}
PERMISSIONS = {"shadow": "-rw-r-----", "gshadow": "-rw-r-----", "authorized_keys": "-rw-------"}
"""Of watched files, by name; of all others `-rw-r--r--`."""
THROTTLED = 5_000
"""As many events of one control group in a second make the sensor hold it back."""
CONTAINER_CAPABILITIES = (
    "CAP_CHOWN", "DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP",
)  # fmt: skip
ALL_CAPABILITIES = (
    "CAP_CHOWN", "DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip
HOST_NAMESPACES = {
    "uts": 4026531838, "ipc": 4026531839, "mnt": 4026531841, "pid": 4026531836, "pid_for_children": 4026531836,
    "net": 4026531840, "time": 4026531834, "time_for_children": 4026531834, "cgroup": 4026531835, "user": 4026531837,
}  # fmt: skip
SHARED_WITH_HOST = frozenset({"time", "time_for_children", "user"})


class Tetragon:
    """The sensor on a cluster's nodes, with credentials and namespaces switched on.

    Its field filters leave these out of all but the executed program itself, as clusters do that have to pay for the
    volume. Its policies watch connections (`tcp_connect`) and some files (`security_file_permission`).

    Parameters
    ----------
    cluster
        The name that it writes into every record.
    """

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def started(self, program: Program) -> Report:
        names = _namespaces(program.container)
        own = f'"refcnt":1,"cap":{_capabilities(program)},"ns":{names},{_end(program, _credentials(program.uid))}'
        body = f'{{"process":{_head(program)},{own}{_parent(program)}}}'
        return self._record("process_exec", program.machine, program.started, body), program.exec_id

    def ended(self, program: Program, at: int, status: int) -> Report:
        told = f',"status":{status}' if status > 0 else ""
        if status < 0:
            told = f',"signal":"{SIGNALS.get(-status, "SIGKILL")}"'
        body = f'{{"process":{_head(program)},{_end(program)}{_parent(program)}{told},"time":"{nano_time(at)}"}}'
        return self._record("process_exit", program.machine, at, body), f"{program.exec_id}/exit"

    def connected(self, program: Program, at: int, address: str, port: int) -> Report:
        held = program.container
        source = (held.address if held else "") or program.machine.address
        ends = {"saddr": source, "daddr": address, "sport": 32_768 + (program.pid * 31 + port) % 28_000, "dport": port}
        family = "AF_INET6" if ":" in address else "AF_INET"
        cookie = {"cookie": str(18_446_612_682_070_000_000 + at % 1_000_000_007 * 64), "state": "TCP_SYN_SENT"}
        socket = {"family": family, "type": "SOCK_STREAM", "protocol": "IPPROTO_TCP", **ends, **cookie}
        told = {"function_name": "tcp_connect", "args": [{"sock_arg": socket}]}
        return self._call(program, at, told, "connections")

    def touched(self, program: Program, at: int, path: str, *, write: bool) -> Report:
        file = {"path": path, "permission": PERMISSIONS.get(path.rpartition("/")[2], "-rw-r--r--")}
        arguments = [{"file_arg": file}, {"int_arg": MASK[write]}]
        told = {"function_name": "security_file_permission", "args": arguments, "return": {"int_arg": 0}}
        return self._call(program, at, told, "files")

    def lost(self, machine: Machine, at: int, count: int) -> Sequence[Report]:
        """What the export's rate limit left out; if that is much, one control group was held back as well."""
        dropped = f'{{"number_of_dropped_process_events":"{count}"}}'
        told = [(self._record("rate_limit_info", machine, at, dropped), "")]
        if count < THROTTLED:
            return told
        group = f'"cgroup":"cri-containerd-{hashlib.sha256(str(at).encode()).hexdigest()}.scope"'
        start, stop = (f'{{"type":"THROTTLE_{word}",{group}}}' for word in ("START", "STOP"))
        first = self._record("process_throttle", machine, at - 2 * SECOND, start)
        return [(first, ""), *told, (self._record("process_throttle", machine, at + 3 * SECOND, stop), "")]

    def _call(self, program: Program, at: int, call: Mapping[str, object], policy: str) -> Report:
        action = "KPROBE_ACTION_POST"
        told = go_json({**call, "action": action, "policy_name": policy, "return_action": action})
        body = f'{{"process":{_head(program)},"refcnt":1,{_end(program)}{_parent(program)},{told[1:]}'
        return self._record("process_kprobe", program.machine, at, body), ""

    def _record(self, kind: str, machine: Machine, at: int, body: str) -> str:
        node = machine.name
        return f'{{"{kind}":{body},"node_name":"{node}","time":"{nano_time(at)}","cluster_name":"{self.cluster}"}}'


def _parent(program: Program) -> str:
    above = program.parent
    if above is None or _is_unknown(above):
        return ""
    return f',"parent":{_head(above)},{_end(above)}'


def _is_unknown(above: Program) -> bool:
    """Some of the oldest programs have fallen out of the sensor's cache."""
    return above.early and above.pid % 61 == 0


def _head(program: Program) -> str:
    """A process up to where records of different kinds differ, not closed."""
    text = program.known.get("head")
    if text is None:
        text = program.known["head"] = _written(program)
    return text


def _end(program: Program, credentials: str = "") -> str:
    text = program.known.get("tree")
    if text is None:
        text = program.known["tree"] = "true" if _in_init_tree(program) else "false"
    return f'"tid":{program.pid}{credentials},"in_init_tree":{text}}}'


def _in_init_tree(program: Program) -> bool:
    """Whether the container's entry point started it, however indirectly."""
    if program.container is None:
        return False
    above = program.parent
    return program.inner_pid == 1 or (
        above is not None and above.container is program.container and _in_init_tree(above)
    )


def _written(program: Program) -> str:
    held = program.container
    first = {
        "exec_id": program.exec_id,
        "pid": program.pid,
        "uid": program.uid,
        "cwd": program.cwd,
        "binary": program.binary,
        **present(arguments=quoted(program.arguments)),
        "flags": _flags(program),
        "start_time": nano_time(program.started),
        "auid": NO_LOGIN if program.login is None else program.login,
    }
    inside = "" if held is None else f',"pod":{_pod(program, held)},"docker":"{held.id[:31]}"'
    above = (
        program.parent.exec_id if program.parent else base64.b64encode(f"{program.machine.name}:1:0".encode()).decode()
    )
    return f'{go_json(first)[:-1]}{inside},"parent_exec_id":"{above}"'


def _flags(program: Program) -> str:
    place = " rootcwd" if program.cwd == "/" else ""
    if program.early:
        return f"procFS auid{place}"
    return f"execve{place}" if program.replaces else f"execve{place} clone"


def quoted(arguments: Sequence[str]) -> str:
    r"""All arguments in one string; one with a space is put in quotes, and quotes in it stay as they are.

    Examples
    --------
    >>> print(quoted(("-c", 'echo "a b"')))
    -c "echo "a b""
    """
    text = ""
    for argument in arguments:
        if " " in argument:
            text += f' "{argument}"'
        else:
            text = f"{text} {argument}" if text else argument
    return text


def _pod(program: Program, container: Container) -> str:
    if "head" not in container.known:
        container.known |= _described(container)
    probe = ',"maybe_exec_probe":true' if program.probe else ""
    known = container.known
    return f'{known["head"]},"pid":{program.inner_pid}{probe}{known["tail"]}'


def _described(container: Container) -> dict[str, str]:
    repository = container.image.rpartition(":")[0]
    digest = hashlib.sha256(container.image.encode()).hexdigest()
    head = go_json(
        {
            "id": f"containerd://{container.id}",
            "name": container.name,
            "image": {"id": f"{repository}@sha256:{digest}", "name": container.image},
            "start_time": second_time(container.started),
        }
    )[:-1]
    rights = ',"security_context":{"privileged":true}' if container.privileged else ""
    rest = go_json(
        {"pod_labels": dict(container.labels), "workload": container.workload, "workload_kind": container.kind}
    )
    named = f'{{"namespace":"{container.namespace}","name":"{container.pod}","container":{head}'
    return {"head": named, "tail": f"{rights}}},{rest[1:]}"}


def _capabilities(program: Program) -> str:
    if program.uid:
        return "{}"
    everything = program.container is None or program.container.privileged
    return _HELD[everything]


@lru_cache(maxsize=64)
def _credentials(uid: int) -> str:
    kinds = ("uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid")
    return f',"process_credentials":{go_json(dict.fromkeys(kinds, uid))}'


def _namespaces(container: Container | None) -> str:
    if container is None:
        return _ON_HOST
    if "namespaces" not in container.known:
        first = 4026532500 + int(container.id[:6], 16) % 1400
        container.known["namespaces"] = go_json(
            {
                name: {"inum": inode, "is_host": True}
                if name in SHARED_WITH_HOST
                else {"inum": first + (3 if name.startswith("pid") else place)}
                for place, (name, inode) in enumerate(HOST_NAMESPACES.items())
            }
        )
    return container.known["namespaces"]


_ON_HOST = go_json({name: {"inum": inode, "is_host": True} for name, inode in HOST_NAMESPACES.items()})
_HELD = {
    everything: go_json({"permitted": list(held), "effective": list(held)})
    for everything, held in ((True, ALL_CAPABILITIES), (False, CONTAINER_CAPABILITIES))
}
