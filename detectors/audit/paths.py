"""Files and folders of a node that give power over it."""

from __future__ import annotations

import posixpath

SENSITIVE_FOLDERS = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/mnt/stateful_partition",
    "/opt/bin",
    "/opt/cni",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/sysroot",
    "/usr",
    "/var/home",
    "/var/lib/cloud",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/crio",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/k0s",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/lib/waagent",
    "/var/log",
    "/var/roothome",
    "/var/run",
    "/var/snap/microk8s",
    "/var/spool/cron",
    "/var/vcap",
)
"""Sensitive with all inside them, and so is every folder that holds one of them (`/`, `/var`, `/var/lib`, `/opt`).

Besides the usual ones: what holds them again under another name (`/sysroot`, `/var/home` and `/var/roothome` of
CoreOS, `/mnt/stateful_partition` of Google's node image), and what hands secrets to a new machine (`waagent`, `cloud`).
"""
SOCKETS = frozenset(
    {"containerd.sock", "cri-dockerd.sock", "crio.sock", "docker.sock", "dockershim.sock", "podman.sock"}
)
"""Container runtimes' sockets, wherever they are."""
HARMLESS = (
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/etc/hostname",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/os-release",
    "/etc/timezone",
    "/usr/lib/os-release",
    "/usr/share/zoneinfo",
)
"""What ordinary applications mount to know the time zone or the node's name, and devices without content."""


def normal(path: str) -> str:
    """An absolute path without `.`, `..`, doubled and trailing slashes.

    Examples
    --------
    >>> normal("//etc/"), normal("/var/../etc/./kubernetes"), normal("/../.."), normal("etc")
    ('/etc', '/etc/kubernetes', '/', '/etc')
    """
    return posixpath.normpath("/" + path.lstrip("/"))


def inside(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies inside it, both in normal form."""
    return path == folder or folder == "/" or path.startswith(folder + "/")


def sensitive(path: str) -> bool:
    """Whether a path in normal form gives power over its node.

    Examples
    --------
    >>> list(filter(sensitive, ("/", "/var", "/etc/kubernetes/pki", "/mnt/docker.sock", "/etcetera", "/tmp/x")))
    ['/', '/var', '/etc/kubernetes/pki', '/mnt/docker.sock']
    """
    if any(inside(path, harmless) for harmless in HARMLESS):
        return False
    if posixpath.basename(path) in SOCKETS:
        return True
    return any(inside(path, folder) or inside(folder, path) for folder in SENSITIVE_FOLDERS)
