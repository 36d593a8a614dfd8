"""Bursts of commands by which someone looks around on a system that is new to them."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import Field

from alerts.signal import Entity
from detectors.commands import read, script
from detectors.commands.memory import remembered
from detectors.commands.options import SHELLS
from detectors.contract import Quiet, condition
from detectors.parameters import written
from detectors.runtime.conditions import on_host, probe
from detectors.runtime.discovery import asked, prefilter
from detectors.runtime.discovery_questions import Category
from detectors.runtime.entities import entity
from detectors.selection import executes
from detectors.windows import LARGEST, CountParameters, Sighting, Span, value_count
from events import Process, RuntimeEvent

_CARRIES = re.compile(r"(?:^|\s)-[a-z]*c\s")
_RUNTIMES = ("containerd-shim", "conmon", "runc", "crun", "dockerd", "docker-containerd-shim")
_TOGETHER = 2_000_000
"""Microseconds between a container's start, told in whole seconds, and its first process."""
START_UP = 60_000_000
"""Microseconds for which a container's entry point may ask about its surroundings."""


class ReconnaissanceParameters(CountParameters, frozen=True, extra="forbid"):
    """How many different commands, of how many categories, within which span."""

    commands: int = Field(5, ge=2, le=LARGEST, description="Different questions that make a burst.")
    categories: int = Field(3, ge=1, le=len(Category), description="Categories that they must cover.")
    within: Span = Field(timedelta(minutes=5), description="Length of the sliding window.")
    exempt_starters: tuple[str, ...] = Field(
        (
            *("/usr/bin/cloud-init", "/usr/lib/cloud-init/ds-identify", "/usr/sbin/waagent", "/etc/update-motd.d/"),
            *("/opt/azure/containers/", "/etc/eks/", "/home/kubernetes/bin/"),
            *("/usr/bin/dpkg", "/usr/bin/rpm", "/var/lib/dpkg/info/"),
        ),
        description="On hosts: programs and scripts, or folders of them (with a final slash), that only root can write "
        "and whose own commands do not count.",
    )

    def enough(self, values: int, groups: int) -> bool:
        return values >= self.commands and groups >= self.categories

    @property
    def required(self) -> str:
        return f"{self.commands} different commands of {self.categories} categories within {written(self.within)}"


@condition(saw=lambda event: event.parent.command_line if event.parent else "")
def entry_point_starts(event: RuntimeEvent) -> bool:
    """The script at a container's entry point runs it, in the container's first minute."""
    container = event.container
    if container is None or container.started is None or event.time - container.started > START_UP:
        return False
    above = (event.parent, *event.ancestors)
    for process, starter in zip(above, (*event.ancestors, None), strict=True):
        if process is None or not _is_script(process):
            return False
        if _is_first(process, starter, container.started):
            return True
    return False


def _is_first(process: Process, starter: Process | None, container_started: int) -> bool:
    """The first process of a container: by its pid there, else by its starter and the time of its start.

    What someone starts in a running container has a container runtime as its starter too.
    """
    if process.container_pid is not None:
        return process.container_pid == 1
    if starter is not None and not starter.name.startswith(_RUNTIMES):
        return False
    if process.started is None:
        return starter is not None
    return abs(process.started - container_started) <= _TOGETHER


def place(event: RuntimeEvent) -> tuple[Entity, str]:
    """The container, or on a host the session: by its login, else by the program that starts the commands."""
    about = entity(event)
    if event.container is not None:
        return about, event.container.id or f"{event.node}|{about.namespace}/{about.pod}/{about.name}"
    process = event.process
    if process.auid is not None:
        return about, f"{event.node}|login {process.auid}|{process.session or ''}"
    return about, f"{event.node}|{_starter(event)}"


_NAMES, _LINES = prefilter()


@value_count(
    "K8S.NODE_ReconnaissanceArtifactsBurst",
    on=executes(*_NAMES, matching=_LINES),
    by=place,
    names=("commands", "categories"),
    parameters=ReconnaissanceParameters(),
    unless=(probe, entry_point_starts),
    revision=2,
    misses="A program that asks the kernel or makes its paths itself (`python -c`), fewer or slower commands than the "
    "parameters say, commands spread over containers, and what a container's own entry-point script runs in its first "
    "minute.",
    noise="Operators who look for a fault by hand, CI jobs and their runners, editors that attach to a container, "
    "benchmarks such as kube-bench, and inventory tools and libraries such as Ansible, osquery or systeminformation.",
)
def reconnaissance_burst(event: RuntimeEvent, parameters: ReconnaissanceParameters) -> tuple[Sighting, ...] | Quiet:
    """Someone asked about identity, host, network and more by many different commands in a short time.

    >>> looking = ("id", "uname -a", "cat /etc/passwd", "ps aux", "netstat -tlnp")
    >>> burst = [execution("/bin/sh", f'-c "{line}"', at=at) for at, line in enumerate(looking)]
    >>> fired(reconnaissance_burst, *burst)
    ['shop/0123456789ab']
    >>> fired(reconnaissance_burst, *burst[:4], *burst[:4])
    []
    >>> together = "; ".join(looking)
    >>> fired(reconnaissance_burst, execution("/bin/sh", f'-c "{together}"'))
    ['shop/0123456789ab']
    """
    found = _asked(event.process)
    if isinstance(found, tuple) and (starter := _exempt(event, parameters.exempt_starters)):
        return Quiet("its starter is not exempt", starter)
    return found


@remembered()
def _asked(process: Process) -> tuple[Sighting, ...] | Quiet:
    commands = read(process)
    questions = {question.label: question for command in commands for question in asked(command, process.cwd)}
    if not questions:
        return Quiet("a command that gathers details of the system", [command.name for command in commands])
    return tuple(Sighting(label, question.category.value) for label, question in sorted(questions.items()))


def _exempt(event: RuntimeEvent, exempt: tuple[str, ...]) -> str:
    """The exempt program that started it on the host; empty if there is none."""
    if not on_host(event):
        return ""
    folders = tuple(path for path in exempt if path.endswith("/"))
    for process in (event.parent, *event.ancestors):
        for path in (process.binary, _script(process)) if process else ():
            if path in exempt or (path.startswith(folders) and "/../" not in path):
                return path
    return ""


def _starter(event: RuntimeEvent) -> str:
    """Exec id of what started it, shells that only carry a command aside: they and their children are one burst."""
    starter = event.process.parent_exec_id
    for process in (event.parent, *event.ancestors):
        if process is None or process.name not in SHELLS or not _CARRIES.search(process.arguments):
            break
        starter = process.parent_exec_id
    return starter


def _is_script(process: Process) -> bool:
    """A shell that runs a script file, shown by the sensor as the shell or as the script."""
    if process.name in SHELLS:
        return bool(_script(process))
    return process.name.endswith(".sh") or "entrypoi" in process.name


def _script(process: Process) -> str:
    """The script that an interpreter runs; empty if it is none, or runs none."""
    commands = read(process)
    return script(commands[0]) or "" if len(commands) == 1 and not commands[0].wrappers else ""
