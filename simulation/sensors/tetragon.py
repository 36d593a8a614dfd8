"""The export of Tetragon 1.4 and later."""

from __future__ import annotations

import hashlib

from simulation.clock import nano_time, second_time
from simulation.json import go_json
from simulation.kubernetes.objects import present
from simulation.sensors.processes import Container, Program, Report

NO_LOGIN = 4294967295
MASK = {True: 2, False: 4}
"""MAY_WRITE and MAY_READ of the kernel."""
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

    Its policies watch connections (`tcp_connect`) and some files (`security_file_permission`).

    Parameters
    ----------
    cluster
        The name that it writes into every record.
    """

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def started(self, program: Program) -> Report:
        rights = f',"cap":{_capabilities(program)}' if not program.uid else ""
        process = f'{_process(program)[:-1]}{rights},"ns":{_namespaces(program.container)},"tid":{program.pid}}}'
        body = f'{{"process":{process}{_parent(program)}}}'
        return self._record("process_exec", program, program.started, body), program.exec_id

    def ended(self, program: Program, at: int, status: int) -> Report:
        told = f',"status":{status}' if status else ""
        body = f'{{{_itself(program)}{_parent(program)}{told},"time":"{nano_time(at)}"}}'
        return self._record("process_exit", program, at, body), f"{program.exec_id}/exit"

    def connected(self, program: Program, at: int, address: str, port: int) -> Report:
        source = f"10.244.{program.pid % 8}.{program.pid % 240 + 8}" if program.container else program.machine.address
        ends = {"saddr": source, "daddr": address, "sport": 32_768 + (program.pid * 31 + port) % 28_000, "dport": port}
        family = "AF_INET6" if ":" in address else "AF_INET"
        socket = {"family": family, "type": "SOCK_STREAM", "protocol": "IPPROTO_TCP", **ends, "state": "TCP_SYN_SENT"}
        return self._call(program, at, "tcp_connect", "connections", [{"sock_arg": socket}])

    def touched(self, program: Program, at: int, path: str, *, write: bool) -> Report:
        file = {"path": path, "permission": "-rw-r--r--"}
        arguments = [{"file_arg": file}, {"int_arg": MASK[write]}]
        return self._call(program, at, "security_file_permission", "files", arguments)

    def _call(self, program: Program, at: int, function: str, policy: str, arguments: list[object]) -> Report:
        told = go_json(
            {
                "function_name": function,
                "args": arguments,
                "action": "KPROBE_ACTION_POST",
                "policy_name": policy,
                "return_action": "KPROBE_ACTION_POST",
            }
        )
        body = f"{{{_itself(program)}{_parent(program)},{told[1:]}"
        return self._record("process_kprobe", program, at, body), ""

    def _record(self, kind: str, program: Program, at: int, body: str) -> str:
        node = program.machine.name
        return f'{{"{kind}":{body},"node_name":"{node}","time":"{nano_time(at)}","cluster_name":"{self.cluster}"}}'


def _itself(program: Program) -> str:
    return f'"process":{_process(program)[:-1]},"tid":{program.pid}}}'


def _parent(program: Program) -> str:
    above = program.parent
    return "" if above is None else f',"parent":{_process(above)[:-1]},"tid":{above.pid}}}'


def _process(program: Program) -> str:
    text = program.known.get("process")
    if text is None:
        text = program.known["process"] = _written(program)
    return text


def _written(program: Program) -> str:
    held = program.container
    first = {
        "exec_id": program.exec_id,
        "pid": program.pid,
        "uid": program.uid,
        "cwd": program.cwd,
        "binary": program.binary,
        **present(arguments=quoted(program.argv[1:])),
        "flags": "execve rootcwd clone" if program.cwd == "/" else "execve clone",
        "start_time": nano_time(program.started),
        "auid": NO_LOGIN if program.login is None else program.login,
    }
    inside = "" if held is None else f',"pod":{_pod(program, held)},"docker":"{held.id[:31]}"'
    above = f',"parent_exec_id":"{program.parent.exec_id}"' if program.parent else ""
    return f"{go_json(first)[:-1]}{inside}{above}}}"


def quoted(arguments: tuple[str, ...]) -> str:
    r"""All arguments in one string; one with a space, or an empty one, is put in quotes.

    Examples
    --------
    >>> print(quoted(("-c", 'echo "a b"')))
    -c "echo \"a b\""
    """
    return " ".join('"' + text.replace('"', '\\"') + '"' if " " in text or not text else text for text in arguments)


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
    everything = program.container is None or program.container.privileged
    return _HELD[everything]


def _namespaces(container: Container | None) -> str:
    if container is None:
        return _ON_HOST
    if "namespaces" not in container.known:
        first = 4026532500 + int(container.id[:6], 16) % 1400
        container.known["namespaces"] = go_json(
            {
                name: {"inode": inode, "is_host": True} if name in SHARED_WITH_HOST else {"inode": first + place}
                for place, (name, inode) in enumerate(HOST_NAMESPACES.items())
            }
        )
    return container.known["namespaces"]


_ON_HOST = go_json({name: {"inode": inode, "is_host": True} for name, inode in HOST_NAMESPACES.items()})
_HELD = {
    everything: go_json({"permitted": list(held), "effective": list(held)})
    for everything, held in ((True, ALL_CAPABILITIES), (False, CONTAINER_CAPABILITIES))
}
