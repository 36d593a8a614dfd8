"""What a Tetragon hook says: the file or the connection among the arguments of a kernel function.

Source: Tetragon's tracing policies for file access and network observability. A hook is a kprobe, an
LSM hook or a tracepoint; `security_file_permission`, `file_permission`, `__x64_sys_write` and
`sys_enter_write` differ in prefixes only.
"""

from __future__ import annotations

from msgspec import Struct

from events.lenient import Integer, PortNumber
from events.names import unmapped
from events.remembered import remembered
from events.runtime import Connection

MAY_WRITE, MAY_READ = 2, 4
"""Mask of security_file_permission."""
WRITE_FLAGS = 0o1 | 0o2 | 0o100 | 0o1000
"""O_WRONLY, O_RDWR, O_CREAT and O_TRUNC: an open that may change the file."""
PREFIXES = (
    "__x64_",
    "__arm64_",
    "__ia32_",
    "__se_",
    "bpf_lsm_",
    "security_",
    "do_sys_",
    "ksys_",
    "vfs_",
    "sys_enter_",
    "sys_exit_",
    "sys_",
    "__",
)
ACCESS = {
    "bprm_check": "execute",
    "bprm_check_security": "execute",
    "bprm_creds_for_exec": "execute",
    "bprm_creds_from_file": "execute",
    "chmod": "chmod",
    "chown": "chown",
    "creat": "write",
    "do_truncate": "truncate",
    "do_unlinkat": "unlink",
    "execve": "execute",
    "execveat": "execute",
    "fchmod": "chmod",
    "fchmodat": "chmod",
    "fchownat": "chown",
    "fd_install": "open",
    "file_open": "open",
    "file_post_open": "open",
    "file_truncate": "truncate",
    "filp_close": "close",
    "ftruncate": "truncate",
    "inode_create": "create",
    "inode_link": "link",
    "inode_mkdir": "mkdir",
    "inode_mknod": "create",
    "inode_rename": "rename",
    "inode_rmdir": "rmdir",
    "inode_setattr": "chmod",
    "inode_symlink": "link",
    "inode_unlink": "unlink",
    "kernel_read_file": "load",
    "link": "link",
    "linkat": "link",
    "mkdir": "mkdir",
    "mkdirat": "mkdir",
    "mmap_file": "map",
    "mount": "mount",
    "path_chmod": "chmod",
    "path_chown": "chown",
    "path_link": "link",
    "path_mkdir": "mkdir",
    "path_mknod": "create",
    "path_rename": "rename",
    "path_rmdir": "rmdir",
    "path_symlink": "link",
    "path_truncate": "truncate",
    "path_unlink": "unlink",
    "pread64": "read",
    "pwrite64": "write",
    "read": "read",
    "readv": "read",
    "rename": "rename",
    "renameat": "rename",
    "renameat2": "rename",
    "rmdir": "rmdir",
    "sb_mount": "mount",
    "symlink": "link",
    "symlinkat": "link",
    "truncate": "truncate",
    "unlink": "unlink",
    "unlinkat": "unlink",
    "utimensat": "utime",
    "write": "write",
    "writev": "write",
}
"""What a function does to the file that it is given; where a mask or flags decide, see `access_of`."""
BY_FLAGS = frozenset({"file_permission", "open", "openat", "openat2"})
ACCEPTING = frozenset(
    {"inet_csk_accept", "socket_accept", "inet_conn_request", "tcp_conn_request", "tcp_v4_conn_request"}
)
LISTENING = frozenset({"inet_csk_listen_start", "inet_listen", "socket_listen", "socket_bind", "listen", "bind"})
CLOSING = frozenset({"tcp_close", "inet_release", "inet_shutdown", "tcp_shutdown", "tcp_fin"})


class Path(Struct, frozen=True, gc=False):
    """A file by its path."""

    path: str = ""


class Socket(Struct, frozen=True, gc=False):
    """Both ends of a socket, or the addresses of a packet."""

    family: str = ""
    protocol: str = ""
    saddr: str = ""
    sport: PortNumber | None = None
    daddr: str = ""
    dport: PortNumber | None = None


class SocketAddress(Struct, frozen=True, gc=False):
    """The address that a system call was given."""

    family: str = ""
    addr: str = ""
    port: PortNumber | None = None


class Argument(Struct, frozen=True, gc=False):
    """One argument of a hook; one of these is set."""

    file_arg: Path | None = None
    path_arg: Path | None = None
    linux_binprm_arg: Path | None = None
    string_arg: str | None = None
    int_arg: Integer | None = None
    uint_arg: Integer | None = None
    sock_arg: Socket | None = None
    skb_arg: Socket | None = None
    sockaddr_arg: SocketAddress | None = None


@remembered
def base_name(function: str) -> str:
    """The function without the prefixes of an architecture, a layer or a tracepoint.

    >>> base_name("__x64_sys_write"), base_name("security_file_permission"), base_name("sys_enter_openat")
    ('write', 'file_permission', 'openat')
    """
    name = function
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def path_of(function: str, args: tuple[Argument, ...]) -> str | None:
    """The path of the file among the arguments; a string counts where the function is known to take a path."""
    for arg in args:
        found = arg.file_arg or arg.path_arg or arg.linux_binprm_arg
        if found is not None and found.path:
            return _rooted(found.path)
    name = base_name(function)
    if name in ACCESS or name in BY_FLAGS:
        return next((arg.string_arg for arg in args if arg.string_arg), None)
    return None


def access_of(function: str, args: tuple[Argument, ...]) -> str:
    """What the function did to the file; empty if that is not known."""
    name = base_name(function)
    if name not in BY_FLAGS:
        return ACCESS.get(name, "")
    number = _number_after_path(args)
    if number is None:
        return "" if name == "file_permission" else "open"
    if name != "file_permission":
        return "write" if number & WRITE_FLAGS else "read"
    if number & MAY_WRITE:
        return "write"
    return "read" if number & MAY_READ else ""


def connection_of(function: str, args: tuple[Argument, ...], answer: Argument | None) -> Connection | None:
    """The connection among the arguments, or in the return value; None if there is none to another machine."""
    name = base_name(function)
    every = args if answer is None else (*args, answer)
    socket = next((found for arg in every if (found := arg.sock_arg or arg.skb_arg) is not None), None)
    given = next((arg.sockaddr_arg for arg in every if arg.sockaddr_arg is not None), None)
    if any(_is_local(found.family) for found in (socket, given) if found is not None):
        return None
    protocol = "" if socket is None else socket.protocol.lower().removeprefix("ipproto_")
    direction = "listen" if name in LISTENING else "in" if name in ACCEPTING else "out"
    closing = name in CLOSING
    if given is not None:
        return Connection(unmapped(given.addr), given.port, protocol, direction, closing)
    if socket is None:
        return None
    if direction == "listen":
        return Connection(unmapped(socket.saddr), socket.sport, protocol, direction, closing)
    return Connection(unmapped(socket.daddr), socket.dport, protocol, direction, closing)


def _number_after_path(args: tuple[Argument, ...]) -> int | None:
    """The mask or the flags; a number in front of the path is the descriptor of a folder."""
    is_behind = False
    for arg in args:
        number = arg.uint_arg if arg.int_arg is None else arg.int_arg
        if is_behind and number is not None:
            return number
        is_behind = is_behind or arg.string_arg is not None or arg.file_arg is not None or arg.path_arg is not None
    return None


def _is_local(family: str) -> bool:
    return family != "" and "INET" not in family.upper()


def _rooted(path: str) -> str:
    """Early exports left out the first slash; a pipe or a socket (`pipe:[1]`) has none."""
    return path if path.startswith("/") or ":" in path else f"/{path}"
