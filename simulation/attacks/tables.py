"""Episodes that are one command, in tables: for each alert type what an attacker runs, and what only looks like it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from simulation.attacks.register import enter
from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell, Started, Step
from simulation.labels import Variant
from simulation.schedule import Life
from simulation.sensors.processes import Program


class Place(Enum):
    """Where a command is run."""

    WEB = "by a web server that was broken into"
    EXEC = "in a container, by kubectl exec"
    ENTRY = "by a container's entry point"
    HOST = "on a node, by ssh"
    DAEMON = "on a node, by a service of systemd"


@dataclass(frozen=True)
class Act:
    """A command, and where it is run."""

    command: str | tuple[str, ...]
    runs: Sequence[Step] | None
    """Of shell text: the programs that it starts, as `Shell.line` takes them."""
    is_text: bool
    at: Place
    under: tuple[str, ...]
    """Programs between the place and the command, from the outside in, such as `dpkg --configure app`."""
    images: tuple[str, ...]
    """In which containers; any if empty."""
    connects: tuple[str, int] | None
    touches: tuple[str, bool] | None
    also: tuple[str, ...]
    """Further alert types that it should raise."""
    workload: tuple[str, str] | None
    """Namespace and name of the workload in whose container; None: any of `images`."""
    fields: dict[str, Any] = field(default_factory=dict)

    def play(self, scene: Scene, *raises: str) -> Life:
        """Run it, labelled as evidence of these alert types."""
        shell = self._shell(scene)
        if self.at in {Place.EXEC, Place.HOST}:
            yield scene.pause(2, 20)
        above = shell.program
        for outer in self.under:
            above = shell.run(outer, under=above, seconds=5)
        shell = Shell(scene, above)
        # A parameter expansion of the shell looks like a hole of format strings: the address is put in by replacement.
        command = _aimed(self.command, scene.address)
        runs = None if self.runs is None else [_aimed_step(step, scene.address) for step in self.runs]
        if self.is_text:
            assert isinstance(command, str)
            program = shell.line(command, *raises, runs=runs, **self.fields)
        else:
            program = shell.run(command, *raises, runs=runs or (), **self.fields)
        self._follow(shell, program, *raises)

    def _follow(self, shell: Shell, program: Program, *raises: str) -> None:
        if self.connects is not None:
            address, port = self.connects
            shell.connect(program, _text(address, shell.scene.address), port, *raises)
        if self.touches is not None:
            path, write = self.touches
            shell.touch(program, path, *raises, write=write)

    def _shell(self, scene: Scene) -> Shell:
        if self.at is Place.WEB:
            return scene.web_shell(scene.victim(*self.images) if self.images else None)
        if self.at in {Place.EXEC, Place.ENTRY}:
            named = None if self.workload is None else scene.cluster.workload(*self.workload)
            workload = named or scene.victim(*(self.images or WITH_SHELL))
            if self.at is Place.ENTRY:
                return scene.entry_point(workload)
            return scene.exec_shell(scene.person(admin=True), workload, seconds=120)
        machine = scene.chance.pick(scene.cluster.machines)
        if self.at is Place.HOST:
            return scene.host_shell(machine, uid=self.fields.get("uid", 0))
        return Shell(scene, machine.systemd)


WITH_SHELL = ("api-java", "api-node", "api-python", "maintenance", "nginx", "storefront")
"""Images that have a shell and the usual tools; those of exporters and of small Go programs have none."""
INTRUDER = "INTRUDER"
"""What stands for the intruder's address in a command."""


def _aimed(command: str | Sequence[str], address: str) -> str | tuple[str, ...]:
    if isinstance(command, str):
        return _text(command, address)
    return tuple(_text(part, address) for part in command)


def _aimed_step(step: Step, address: str) -> Step:
    if isinstance(step, Started):
        runs = [_aimed_step(part, address) for part in step.runs]
        return Started(_aimed(step.command, address), runs, step.binary, step.cwd)
    return _aimed(step, address)


def _text(text: str, address: str) -> str:
    return text.replace(INTRUDER, address)


def encoded(text: str) -> str:
    """Shell text in base64, as it is piped to `base64 -d`; the intruder's address must not be in it."""
    assert INTRUDER not in text
    return base64.b64encode(text.encode()).decode()


def line(
    text: str,
    *,
    runs: Sequence[Step] | None = None,
    at: Place = Place.WEB,
    under: Sequence[str] = (),
    images: Sequence[str] = (),
    connects: tuple[str, int] | None = None,
    touches: tuple[str, bool] | None = None,
    also: Sequence[str] = (),
    workload: tuple[str, str] | None = None,
    **fields: Any,
) -> Act:
    """Shell text: `sh -c TEXT` and the programs that it starts (`Shell.line` says how they are found).

    `connects` (address, port) is what the program connects to, `touches` (path, whether it writes) a file that the
    sensor sees it access; `INTRUDER` in any of them is the intruder's address. `also` are further alert types that it
    should raise, `workload` (namespace, name) is in whose container it is run, if not in one of `images`.
    """
    return Act(text, runs, True, at, tuple(under), tuple(images), connects, touches, tuple(also), workload, fields)


def run(
    command: str | Sequence[str],
    *,
    runs: Sequence[Step] = (),
    at: Place = Place.WEB,
    under: Sequence[str] = (),
    images: Sequence[str] = (),
    connects: tuple[str, int] | None = None,
    touches: tuple[str, bool] | None = None,
    also: Sequence[str] = (),
    workload: tuple[str, str] | None = None,
    **fields: Any,
) -> Act:
    """One program without a shell: a simple command line, or its arguments.

    `runs` are the programs that it starts itself; the rest is as of `line`.
    """
    argv = command if isinstance(command, str) else tuple(command)
    return Act(argv, runs, False, at, tuple(under), tuple(images), connects, touches, tuple(also), workload, fields)


def table(alert_type: str, *, straight: Sequence[Act], careful: Sequence[Act], quiet: Sequence[Act]) -> None:
    """Register an episode for each of these acts, named by the alert type and its place here."""
    base = alert_type.rpartition("_")[2] if alert_type.startswith("K8S.NODE_") else alert_type
    for variant, acts in ((Variant.STRAIGHT, straight), (Variant.CAREFUL, careful), (Variant.NEAR_MISS, quiet)):
        for number, act in enumerate(acts, 1):
            name = f"{base}-{variant}-{number}".lower().replace("_", "-")
            types = [alert_type, *act.also]
            enter(name, variant, types, _play(act, types))


def _play(act: Act, types: Sequence[str]) -> Any:
    def play(scene: Scene) -> Life:
        yield from act.play(scene, *types)

    shown = act.command if isinstance(act.command, str) else " ".join(act.command)
    play.__doc__ = f"{' '.join(shown.split())} ({act.at.value})"
    return play
