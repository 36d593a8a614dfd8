"""Processes in containers that ask the metadata service of the cloud."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import re2
from pydantic import BaseModel, Field

from detectors.commands import Command, read, takes_program_from_input
from detectors.commands.memory import remembered
from detectors.commands.options import SHELLS
from detectors.commands.wrappers import is_brought
from detectors.contract import Match, Quiet, rule
from detectors.runtime import images
from detectors.runtime.addresses import address, place, places
from detectors.runtime.conditions import on_host, place_unknown
from detectors.runtime.destinations import destinations, proxies
from detectors.runtime.entities import actor, entity
from detectors.runtime.metadata import (
    gives_credentials,
    patterns,
    quotes_credential_path,
    service_at,
    service_of,
    title,
)
from detectors.runtime.programs import AWKS, FETCHERS, is_interpreter, is_one_liner
from detectors.selection import DISGUISED_TEXT, connects, executes
from events import Kind, Process, RuntimeEvent

HOUR = 3_600_000_000
_BASE64 = re2.compile(r"[A-Za-z0-9+/]{16,}")
_TEXT_TOOLS = frozenset(
    {
        *("grep", "egrep", "fgrep", "rg", "ag", "sed", "cat", "echo", "printf", "test", "[", "[[", "tee", "jq", "yq"),
        *("vi", "vim", "nano", "less", "more", "man", "git", "logger", "iptables", "ip6tables", "nft", "ipset", "ip"),
        *("ping", "ping6", "traceroute", "tracepath", "mtr", "dig", "nslookup", "host", "getent", "route", "arping"),
        *("kubectl", "oc", "helm", "export", "set", "declare", "local", "env", "expr", "find", "cp", "mv", "tar"),
    }
)
"""Programs that take such a URL as text, or ask the network but not for a token."""


class MetadataParameters(BaseModel, frozen=True, extra="forbid"):
    """Which images may ask the metadata service by hand."""

    exempt_images: tuple[str, ...] = Field(
        (
            "mcr.microsoft.com/oss/azure/aad-pod-identity/nmi",
            "mcr.microsoft.com/oss/kubernetes/azure-cloud-node-manager",
            "mcr.microsoft.com/oss/kubernetes/azure-cloud-controller-manager",
            "mcr.microsoft.com/oss/v2/kubernetes/azure-cloud-node-manager",
            "mcr.microsoft.com/oss/kubernetes-csi/azuredisk-csi",
            "mcr.microsoft.com/oss/kubernetes-csi/azurefile-csi",
            "mcr.microsoft.com/oss/kubernetes-csi/blob-csi",
            "mcr.microsoft.com/oss/v2/kubernetes-csi/azuredisk-csi",
            "mcr.microsoft.com/oss/v2/kubernetes-csi/azurefile-csi",
            "mcr.microsoft.com/oss/v2/kubernetes-csi/blob-csi",
            "mcr.microsoft.com/containernetworking/azure-cns",
            "mcr.microsoft.com/azuremonitor/containerinsights/ciprod",
            "602401143452.dkr.ecr.*.amazonaws.com/amazon-k8s-cni",
            "602401143452.dkr.ecr.*.amazonaws.com/amazon-k8s-cni-init",
            "602401143452.dkr.ecr.*.amazonaws.com/eks/aws-ebs-csi-driver",
            "602401143452.dkr.ecr.*.amazonaws.com/eks/aws-efs-csi-driver",
            "602401143452.dkr.ecr.*.amazonaws.com/eks/eks-pod-identity-agent",
            "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver",
            "public.ecr.aws/efs-csi-driver/amazon/aws-efs-csi-driver",
            "jtblin/kube2iam",
            "quay.io/uswitch/kiam",
            "gke.gcr.io/gke-metadata-server",
            "gke.gcr.io/netd-amd64",
            "gke.gcr.io/gcp-compute-persistent-disk-csi-driver",
            "registry.k8s.io/provider-aws/cloud-controller-manager",
            "registry.k8s.io/cloud-provider-gcp/gcp-compute-persistent-disk-csi-driver",
        ),
        description="Repositories, or folders of them, of node identity agents, cloud providers and CNI; "
        "compared part by part from the registry on, `*` is any text inside one part.",
    )


@rule(
    "K8S.NODE_ImdsCall",
    on=(executes(matching=(*patterns(), DISGUISED_TEXT)), connects()),
    unless=(on_host, place_unknown),
    parameters=MetadataParameters(),
    misses="A compiled program or a script file that asks by itself, a relay under another address or a tunnel "
    "(`ssh -R`), a DNS name of the attacker's that resolves to the service, and a host that a program or arithmetic "
    "assembles.",
    noise="Entry points and debugging that ask for their region or instance by hand, and cloud agents in images that "
    "are not listed. SDKs are quiet: a connection counts only for a fetching program or a one-liner.",
)
def metadata_service_access(event: RuntimeEvent, parameters: MetadataParameters) -> Match | Quiet:
    """A process in a container asked the metadata service of the cloud, which gives out identity tokens.

    All requests of one container to one address in one hour are one alert, for a loop of a thousand
    requests is one fact; the hour is that in which the process started, so that its execution and its
    connections fall together.

    >>> fired(metadata_service_access, execution("/usr/bin/curl", "-H Metadata:true http://0xa9fea9fe/metadata/identity"))
    ['shop/0123456789ab']
    >>> fired(metadata_service_access, connection("/usr/bin/wget", "169.254.169.254", 80))
    ['shop/0123456789ab']
    >>> fired(metadata_service_access, connection("/app/server", "169.254.169.254", 80))
    []
    >>> fired(metadata_service_access, execution("/bin/grep", "-r 169.254.169.254 /src"))
    []
    """
    if event.container is not None and images.is_of(event.container.image, parameters.exempt_images):
        return Quiet("its image is not exempt", event.container.image)
    found = _connected(event) if event.kind is Kind.CONNECTION else _asked(event.process)
    return found if isinstance(found, Quiet) else _match(event, *found)


def _match(event: RuntimeEvent, service: str, program: str) -> Match:
    started = event.process.started or event.time
    return Match(
        entity=entity(event),
        occurrence=f"{service} {started // HOUR}",
        because=f"{program} in a container asked {title(service)}",
        fields={"service": service, "program": program, "kind": str(event.kind)},
        actor=actor(event),
    )


def _connected(event: RuntimeEvent) -> tuple[str, str] | Quiet:
    connection = event.connection
    if connection is None or connection.direction != "out":
        return Quiet("a connection to another host", connection and connection.direction)
    service = service_at(address(connection.address), connection.port)
    if not service:
        return Quiet("the address and port of a metadata service", f"{connection.address} port {connection.port}")
    # A shell connects only where its text says so, by /dev/tcp.
    if event.process.name not in SHELLS and not any(_fetches(command, event.sensor) for command in read(event.process)):
        return Quiet("a fetching program or an interpreter's one-liner connects", event.process.command_line[:200])
    return service, event.process.name or "a process"


def _fetches(command: Command, sensor: str) -> bool:
    if command.name in FETCHERS or command.name in AWKS or is_one_liner(command):
        return True
    # A rule of Falco may leave the arguments out: then an interpreter without any may run a script.
    piped = is_interpreter(command) and takes_program_from_input(command)
    return piped and (sensor == "tetragon" or bool(command.arguments))


@remembered()
def _asked(process: Process) -> tuple[str, str] | Quiet:
    commands = read(process)
    for command in commands:
        service = next(filter(None, _services(command)), "")
        if service:
            return service, command.name or "a shell"
    seen = [command.name for command in commands]
    return Quiet("a program that fetches, or a one-liner, with the address or a credential path of the service", seen)


def _services(command: Command) -> Iterator[str]:
    """The metadata services that a command asks; empty where what it names is none."""
    text = " ".join(command.arguments)
    for redirection in command.redirections:
        if redirection.target.startswith("/dev/"):
            yield from map(service_of, places(redirection.target))
    yield from map(service_of, proxies(command))
    if command.name in FETCHERS:
        yield from (service_of(found, text) for found in destinations(command))
    elif command.name in AWKS:
        yield from (service_of(found) for found in places(text) if found.scheme in ("tcp", "udp"))
    elif is_one_liner(command):
        yield from _programmed(f"{text} {command.stdin or ''}")
    elif command.name not in _TEXT_TOOLS and command.name not in SHELLS:
        yield from _by_argument(command)


def _programmed(text: str) -> Iterator[str]:
    """Services that a one-liner names, in its text, in base64 in it, or in an argument to it."""
    for said in (text, *map(_decoded, _BASE64.findall(text))):
        yield from (service_of(found, said) for found in places(said))
        if quotes_credential_path(said):
            yield "metadata path"


def _decoded(code: str) -> str:
    return base64.b64decode(code[: len(code) // 4 * 4]).decode(errors="replace")


def _by_argument(command: Command) -> Iterator[str]:
    """Services in the operands of a script, of what was brought along, or of others if they are a credential path."""
    known = is_interpreter(command) or is_brought(command.path)
    for before, word in zip(("", *command.arguments), command.arguments, strict=False):
        if word.startswith("-") or before.startswith("--"):
            continue
        found = place(word)
        if known or (("://" in word or found.address) and gives_credentials(found.path)):
            yield service_of(found)
