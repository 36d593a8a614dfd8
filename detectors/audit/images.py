"""Images of system daemons, and which folders of their node they mount in the ordinary course of things."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field

from detectors.audit.objects import Container
from detectors.audit.paths import inside

EKS_ACCOUNTS = frozenset(
    {
        "602401143452",
        "877085696533",
        "800184023465",
        "558608220178",
        "590381155156",
        "918309763551",
        "961992271922",
        "013241004608",
        "151742754352",
        "759879836304",
        "491585149902",
        "296578399912",
        "066635153087",
        "455263428931",
        "900612956339",
        "900889452093",
        "761377655185",
        "121268973566",
        "533267051163",
        "151610086707",
        "333609536671",
        "730335286997",
    }
)
"""The accounts from which AWS serves the add-ons of EKS (EKS user guide, container image registries for add-ons)."""
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
SHELLS = frozenset(
    {
        "ash",
        "awk",
        "bash",
        "busybox",
        "cat",
        "chroot",
        "curl",
        "dash",
        "dd",
        "env",
        "expect",
        "find",
        "fish",
        "gawk",
        "gdb",
        "ksh",
        "lua",
        "mawk",
        "nc",
        "ncat",
        "netcat",
        "nsenter",
        "perl",
        "php",
        "python",
        "ruby",
        "script",
        "setsid",
        "sh",
        "socat",
        "ssh",
        "sshd",
        "su",
        "sudo",
        "tar",
        "tclsh",
        "tee",
        "telnet",
        "unshare",
        "wget",
        "xargs",
        "zsh",
    }
)
"""Programs that do what they are told, without the digits of a version; no daemon is one of them."""


def repository(image: str) -> str:
    """The repository of an image reference: registry and path, without tag and digest.

    Docker Hub is the registry that is not written, EKS's regional registries are one.

    Examples
    --------
    >>> repository("docker.io/library/nginx:1.27@sha256:0123"), repository("localhost:5000/nginx")
    ('nginx', 'localhost:5000/nginx')
    >>> repository("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy:v1.34")
    'eks.amazon/eks/kube-proxy'
    """
    name = image.strip().partition("@")[0]
    head, slash, tail = name.rpartition("/")
    name = head + slash + tail.partition(":")[0]
    host, slash, path = name.partition("/")
    if not slash:
        return name
    if host.lower() in _DOCKER_HUB:
        return path.removeprefix("library/")
    ecr = _ECR.fullmatch(host.lower())
    if ecr and ecr[1] in EKS_ACCOUNTS:
        return f"eks.amazon/{path}"
    return (
        f"{host.lower()}/{path}" if "." in host or ":" in host or host == "localhost" else name.removeprefix("library/")
    )


class TrustedImage(BaseModel, frozen=True, extra="forbid"):
    """An image whose containers may do on their node what others may not."""

    repository: str = Field(description="Registry and path without tag, compared whole: `registry.k8s.io/kube-proxy`")
    paths: tuple[str, ...] = Field(
        (), description="Folders of the node that it may mount, with all inside; `/` is `/` alone"
    )
    privileged: bool = Field(False, description="Whether it may be privileged")
    any_program: bool = Field(
        False, description="Whether it counts too when a DaemonSet or static pod has it run a shell or such a tool"
    )
    namespaces: tuple[str, ...] = Field((), description="Where it counts; everywhere if none is given")


class TrustedImages:
    """A list of trusted images, for looking up what a container may do.

    Parameters
    ----------
    images
        The entries; a repository may have several.
    """

    def __init__(self, images: tuple[TrustedImage, ...]) -> None:
        self._entries: dict[str, list[TrustedImage]] = {}
        for entry in images:
            self._entries.setdefault(repository(entry.repository), []).append(entry)

    def entries(self, container: Container, namespace: str, *, daemon: bool = False) -> list[TrustedImage]:
        """The entries that count for a container: of its image, its namespace, and the image's own program.

        Parameters
        ----------
        container
            As a pod or a template states it.
        namespace
            Where it runs.
        daemon
            Whether a DaemonSet or a static pod runs it: only of these another program is believed.
        """
        own = runs_its_own(container)
        return [
            entry
            for entry in self._entries.get(repository(container.image or ""), ())
            if (own or (daemon and entry.any_program)) and (not entry.namespaces or namespace in entry.namespaces)
        ]

    def may_mount(self, container: Container, namespace: str, path: str, *, daemon: bool = False) -> bool:
        """Whether a container may mount a path of its node, given in its normal form."""
        return any(
            path == listed or (listed != "/" and inside(path, listed))
            for entry in self.entries(container, namespace, daemon=daemon)
            for listed in entry.paths
        )

    def may_be_privileged(self, container: Container, namespace: str, *, daemon: bool = False) -> bool:
        """Whether a container may be privileged."""
        return any(entry.privileged for entry in self.entries(container, namespace, daemon=daemon))


def runs_its_own(container: Container) -> bool:
    """Whether a container runs the program of its image: no word of its pod names a shell or such a tool instead."""
    words = (word or "" for words in (container.command, container.args) for word in words or ())
    return not any(word.rpartition("/")[2].rstrip("0123456789.") in SHELLS for word in words)
