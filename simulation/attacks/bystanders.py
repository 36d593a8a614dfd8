"""Containers that no attack is about: where those work whose ordinary acts look like one."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.attacks.scene import Scene
from simulation.attacks.shells import Shell
from simulation.clock import DAY, MINUTE
from simulation.sensors.containers import Container


def bystander(
    scene: Scene,
    namespace: str,
    workload: str,
    image: str,
    entry: Sequence[str],
    *,
    starts: bool = False,
    uid: int = 0,
    privileged: bool = False,
) -> Shell:
    """The entry point of a container of its own, which has been running for some days, or starts now."""
    chance = scene.chance
    machine = chance.pick(scene.cluster.machines)
    pod = f"{workload}-{chance.ending(10)}-{chance.ending(5)}"
    container = Container(
        workload,
        image,
        identifier=chance.hexadecimal(64),
        namespace=namespace,
        pod=pod,
        workload=workload,
        kind="Deployment",
        started=scene.now if starts else max(scene.now - chance.between(DAY // 4, 9 * DAY), machine.boot + MINUTE),
        labels={"app": workload},
        privileged=privileged,
    )
    shim = machine.shim(container)
    if starts:
        return Shell(scene, machine.run(shim, entry, None, container=container, uid=uid, mark=scene.mark()))
    return Shell(scene, machine.entry(container, shim, entry, uid=uid))
