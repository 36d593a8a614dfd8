"""The export of Tetragon 1.4 and later."""

from __future__ import annotations

from flows.demo.fields import Json
from flows.demo.invented import hexadecimal, nano_time, number, second_time
from flows.demo.objects import present
from flows.demo.processes import Container, Program

NO_LOGIN = 4294967295
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
    """The sensor on a cluster's nodes, with credentials and namespaces switched on, and a policy for `tcp_connect`."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def started(self, program: Program) -> Json:
        """A `process_exec` record."""
        detail = {**_process(program), "cap": _capabilities(program), "ns": _namespaces(program.container)}
        body = {"process": {**detail, "tid": program.pid}, **_parent(program)}
        return self._record("process_exec", program, program.started, body)

    def ended(self, program: Program, at: int, status: int) -> Json:
        """A `process_exit` record."""
        body = {"process": {**_process(program), "tid": program.pid}, **_parent(program)}
        return self._record(
            "process_exit", program, at, {**body, **present(status=status or None), "time": nano_time(at)}
        )

    def connected(self, program: Program, at: int, address: str, port: int) -> Json:
        """A `process_kprobe` record of `tcp_connect`."""
        source = {"saddr": f"10.244.2.{number(10, 99, program.exec_id)}", "daddr": address}
        ports = {"sport": number(32_768, 60_999, program.exec_id, port), "dport": port}
        socket = {"family": "AF_INET", "type": "SOCK_STREAM", "protocol": "IPPROTO_TCP", **source, **ports}
        body = {
            "process": {**_process(program), "tid": program.pid},
            **_parent(program),
            "function_name": "tcp_connect",
            "args": [{"sock_arg": {**socket, "state": "TCP_SYN_SENT"}}],
            "action": "KPROBE_ACTION_POST",
            "policy_name": "connections",
            "return_action": "KPROBE_ACTION_POST",
        }
        return self._record("process_kprobe", program, at, body)

    def _record(self, kind: str, program: Program, at: int, body: Json) -> Json:
        return {kind: body, "node_name": program.node, "time": nano_time(at), "cluster_name": self.cluster}


def _parent(program: Program) -> Json:
    if program.parent is None:
        return {}
    return {"parent": {**_process(program.parent), "tid": program.parent.pid}}


def _process(program: Program) -> Json:
    parent = program.parent.exec_id if program.parent else ""
    return {
        "exec_id": program.exec_id,
        "pid": program.pid,
        "uid": program.uid,
        "cwd": program.cwd,
        "binary": program.binary,
        **present(arguments=quoted(program.argv[1:])),
        "flags": "execve rootcwd clone" if program.cwd == "/" else "execve clone",
        "start_time": nano_time(program.started),
        "auid": NO_LOGIN if program.login is None else program.login,
        **({"pod": _pod(program, program.container)} if program.container else {}),
        **({"docker": program.container.id[:31]} if program.container else {}),
        **present(parent_exec_id=parent),
    }


def quoted(arguments: tuple[str, ...]) -> str:
    r"""All arguments in one string; one with a space, or an empty one, is put in quotes.

    Examples
    --------
    >>> print(quoted(("-c", 'echo "a b"')))
    -c "echo \"a b\""
    """
    return " ".join('"' + text.replace('"', '\\"') + '"' if " " in text or not text else text for text in arguments)


def _pod(program: Program, container: Container) -> Json:
    repository = container.image.rpartition(":")[0]
    digest = hexadecimal(64, "image", container.image)
    return {
        "namespace": container.namespace,
        "name": container.pod,
        "container": {
            "id": f"containerd://{container.id}",
            "name": container.name,
            "image": {"id": f"{repository}@sha256:{digest}", "name": container.image},
            "start_time": second_time(container.started),
            "pid": program.inner_pid,
            **present(maybe_exec_probe=program.probe or None),
            **present(security_context={"privileged": True} if container.privileged else None),
        },
        "pod_labels": dict(container.labels),
        "workload": container.workload,
        "workload_kind": container.kind,
    }


def _capabilities(program: Program) -> Json:
    if program.uid:
        return {}
    everything = program.container is None or program.container.privileged
    held = list(ALL_CAPABILITIES if everything else CONTAINER_CAPABILITIES)
    return {"permitted": held, "effective": held}


def _namespaces(container: Container | None) -> Json:
    if container is None:
        return {name: {"inode": inode, "is_host": True} for name, inode in HOST_NAMESPACES.items()}
    first = number(4026532500, 4026533900, "namespaces", container.id)
    return {
        name: {"inode": inode, "is_host": True} if name in SHARED_WITH_HOST else {"inode": first + place}
        for place, (name, inode) in enumerate(HOST_NAMESPACES.items())
    }
