"""Containers that no attack is about: where those work whose ordinary acts look like one."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.attacks.scene import Scene, Shell
from simulation.clock import DAY
from simulation.sensors.processes import Container


def bystander(
    scene: Scene, namespace: str, workload: str, image: str, entry: Sequence[str], *, starts: bool = False, uid: int = 0
) -> Shell:
    """The entry point of a container of its own, which has been running for some days, or starts now."""
    chance = scene.chance
    pod = f"{workload}-{chance.ending(10)}-{chance.ending(5)}"
    container = Container(
        workload,
        image,
        identifier=chance.hexadecimal(64),
        namespace=namespace,
        pod=pod,
        workload=workload,
        kind="Deployment",
        started=scene.now if starts else scene.now - chance.between(DAY // 4, 9 * DAY),
        labels={"app": workload},
    )
    machine = chance.pick(scene.cluster.machines)
    shim = machine.shim(container)
    if starts:
        return Shell(scene, machine.run(shim, entry, None, container=container, uid=uid, mark=scene.mark()))
    return Shell(scene, machine.entry(container, shim, entry, uid=uid))
