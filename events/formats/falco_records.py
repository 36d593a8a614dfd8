"""The records of Falco's JSON output, as far as they are read.

Source: Falco's list of supported fields. Which of them a record has depends on the output text of its rule, and
those that the sensor does not know are null, `<NA>` or empty.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec import Raw, Struct, field

from events.lenient import ABSENT, Integer

Told: TypeAlias = str | Integer | None
"""What a field says: numbers are sometimes text."""
LEVELS = range(2, 11)
"""How far up a rule may name ancestors; 1 is the parent."""
_OF_ANCESTOR = ("aname", "aexepath", "acmdline", "apid")
TOLD_OF_EACH = len(_OF_ANCESTOR)
_ANCESTRY = {f"{name}_{level}": f"proc.{name}[{level}]" for level in LEVELS for name in _OF_ANCESTOR}
if TYPE_CHECKING:
    from msgspec import Struct as Ancestry
else:
    Ancestry = msgspec.defstruct(
        "Ancestry",
        [(name, Told, field(default=None, name=encoded)) for name, encoded in _ANCESTRY.items()],
        frozen=True,
        gc=False,
    )
told_of_ancestors = attrgetter(*_ANCESTRY)
"""Of output fields: name, path, command line and pid of the grandparent, then of the one above it, and so on."""


class OutputFields(Ancestry, frozen=True, gc=False):
    """The `output_fields` of a record."""

    cluster: Told = None
    cluster_name: Told = None
    container_id: Told = field(default=None, name="container.id")
    container_image: Told = field(default=None, name="container.image")
    container_repository: Told = field(default=None, name="container.image.repository")
    container_tag: Told = field(default=None, name="container.image.tag")
    container_name: Told = field(default=None, name="container.name")
    container_started: Told = field(default=None, name="container.start_ts")
    argument_flags: Told = field(default=None, name="evt.arg.flags")
    argument_name: Told = field(default=None, name="evt.arg.name")
    argument_path: Told = field(default=None, name="evt.arg.path")
    hostname: Told = field(default=None, name="evt.hostname")
    is_open_read: Told | bool = field(default=None, name="evt.is_open_read")
    is_open_write: Told | bool = field(default=None, name="evt.is_open_write")
    raw_time: Told = field(default=None, name="evt.rawtime")
    time: Told = field(default=None, name="evt.time")
    iso_time: Told = field(default=None, name="evt.time.iso8601")
    call: Told = field(default=None, name="evt.type")
    client_ip: Told = field(default=None, name="fd.cip")
    client_port: Told = field(default=None, name="fd.cport")
    protocol: Told = field(default=None, name="fd.l4proto")
    local_ip: Told = field(default=None, name="fd.lip")
    local_port: Told = field(default=None, name="fd.lport")
    descriptor: Told = field(default=None, name="fd.name")
    remote_ip: Told = field(default=None, name="fd.rip")
    remote_port: Told = field(default=None, name="fd.rport")
    server_ip: Told = field(default=None, name="fd.sip")
    server_port: Told = field(default=None, name="fd.sport")
    descriptor_type: Told = field(default=None, name="fd.type")
    descriptor_letter: Told = field(default=None, name="fd.typechar")
    path: Told = field(default=None, name="fs.path.name")
    kubernetes_cluster: Told = field(default=None, name="k8s.cluster.name")
    namespace: Told = field(default=None, name="k8s.ns.name")
    pod: Told = field(default=None, name="k8s.pod.name")
    custom_cluster: Told = field(default=None, name="k8s_cluster_name")
    meta_namespace: Told = field(default=None, name="k8smeta.ns.name")
    meta_pod: Told = field(default=None, name="k8smeta.pod.name")
    dropped: Told = field(default=None, name="n_drops")
    parent_path: Told = field(default=None, name="proc.aexepath[1]")
    parent_aname: Told = field(default=None, name="proc.aname[1]")
    parent_apid: Told = field(default=None, name="proc.apid[1]")
    arguments: Told = field(default=None, name="proc.args")
    command: Told = field(default=None, name="proc.cmdline")
    cwd: Told = field(default=None, name="proc.cwd")
    exe: Told = field(default=None, name="proc.exe")
    exe_path: Told = field(default=None, name="proc.exepath")
    is_health_check: Told | bool = field(default=None, name="proc.is_container_healthcheck")
    is_liveness_probe: Told | bool = field(default=None, name="proc.is_container_liveness_probe")
    is_readiness_probe: Told | bool = field(default=None, name="proc.is_container_readiness_probe")
    name: Told = field(default=None, name="proc.name")
    parent_command: Told = field(default=None, name="proc.pcmdline")
    parent_exe_path: Told = field(default=None, name="proc.pexepath")
    pid: Told = field(default=None, name="proc.pid")
    started: Told = field(default=None, name="proc.pid.ts")
    parent_name: Told = field(default=None, name="proc.pname")
    parent_pid: Told = field(default=None, name="proc.ppid")
    parent_started: Told = field(default=None, name="proc.ppid.ts")
    parent_container_pid: Told = field(default=None, name="proc.pvpid")
    session: Told = field(default=None, name="proc.sid")
    container_pid: Told = field(default=None, name="proc.vpid")
    early_call: Told = field(default=None, name="syscall.type")
    login_uid: Told = field(default=None, name="user.loginuid")
    uid: Told = field(default=None, name="user.uid")


class FalcoRecord(Struct, frozen=True, gc=False):
    """A line of the output."""

    hostname: str = ""
    output_fields: OutputFields | None = None
    rule: str = ""
    source: str = ""
    time: str | Integer | None = None


class PlainRecord(FalcoRecord, frozen=True, gc=False, forbid_unknown_fields=True):
    """A line with nothing in it but what Falco and its forwarder write."""

    output: Raw = ABSENT
    priority: Raw = ABSENT
    tags: Raw = ABSENT
    uuid: Raw = ABSENT


class Named(Struct, frozen=True, gc=False):
    """The names of the output fields."""

    output_fields: dict[str, Raw] = {}
