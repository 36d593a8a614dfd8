"""What runs in the containers of a pod, by the image: entry points, what they start first, and probes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from simulation import container_runtime
from simulation.clock import MILLISECOND, SECOND
from simulation.labels import Mark
from simulation.schedule import Life
from simulation.sensors.containers import Container
from simulation.sensors.processes import Program

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.kubernetes.pod_set import PodSet
    from simulation.kubernetes.pods import Pod


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recipe as `recipes.yaml` has it, command lines as one types them."""

    entry: str
    before: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    uid: int = 0
    probe: str = ""
    every: int = 10
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """What the containers of an image run."""

    entry: tuple[str, ...]
    """The long-running program."""
    before: tuple[tuple[str, ...], ...] = ()
    """What its start script runs first; the first of them is the script itself."""
    below: tuple[tuple[str, ...], ...] = ()
    """What the long-running program starts and keeps."""
    uid: int = 0
    probe: tuple[str, ...] = ()
    """The command by which the kubelet sees whether it is well."""
    every: int = 10
    """Seconds between two probes."""
    calls: tuple[str, ...] = ()
    """To whom it connects again and again, as `recipes.yaml` explains."""


def _recipe(written: Written) -> Recipe:
    before = tuple(tuple(shlex.split(line)) for line in written.before)
    below = tuple(tuple(shlex.split(line)) for line in written.below)
    entry, probe = tuple(shlex.split(written.entry)), tuple(shlex.split(written.probe))
    return Recipe(entry, before, below, written.uid, probe, written.every, written.calls)


RECIPES = {
    name: _recipe(written)
    for name, written in msgspec.yaml.decode(
        Path(__file__).with_name("recipes.yaml").read_bytes(), type=dict[str, Written]
    ).items()
}
"""Recipes by the last part of an image's repository, or the last two; any other image runs `/app/<name>`."""


def image_name(image: str) -> str:
    """The last part of an image's repository.

    Examples
    --------
    >>> image_name("registry.example/shop/web:1.4")
    'web'
    """
    return image.rpartition("/")[2].partition(":")[0].partition("@")[0]


class Programs:
    """Starts and ends what runs in the containers of a cluster's pods.

    Parameters
    ----------
    cluster
        The cluster.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.recipes = dict(RECIPES)

    def recipe(self, item: dict[str, object]) -> Recipe:
        """What a container of a pod's spec runs: its command if it has one, else what its image does."""
        command, arguments = item.get("command"), item.get("args")
        given = tuple(arguments) if isinstance(arguments, list) else ()
        if isinstance(command, list):
            return Recipe((*command, *given))
        image = str(item["image"])
        found = self._known(image) or Recipe((f"/app/{image_name(image)}",))
        return replace(found, entry=(found.entry[0], *given)) if given else found

    def _known(self, image: str) -> Recipe | None:
        folder, name = image.rpartition("/")[0].rpartition("/")[2], image_name(image)
        return self.recipes.get(f"{folder}/{name}") or self.recipes.get(name)

    def calls(self, pod: Pod) -> Sequence[str]:
        """To whom the first container of a pod connects again and again."""
        recipe = self._known(pod.containers[0].image) if pod.containers else None
        return recipe.calls if recipe else ()

    def containers(self, workload: PodSet, pod: Pod) -> list[Container]:
        """The containers of a pod that start now, as sensors see them."""
        labels = {**workload.object["metadata"].get("labels", {})}
        kind = "Pod" if workload.kind == "Pod" else workload.kind
        return [
            Container(
                item["name"],
                item["image"],
                identifier=pod.container_id(place),
                namespace=pod.namespace,
                pod=pod.name,
                workload=pod.name if workload.kind == "Pod" else workload.name,
                kind=kind,
                started=self.cluster.now,
                labels=labels,
                address=pod.address,
                privileged=bool(item.get("securityContext", {}).get("privileged")),
            )
            for place, item in enumerate(workload.spec["containers"])
        ]

    def settled(self, workload: PodSet, pod: Pod) -> None:
        """A pod's containers have been running since before the log begins."""
        machine = pod.machine
        shim = machine.shim(pod.containers[0])
        for item, container in zip(workload.spec["containers"], pod.containers, strict=True):
            container.shim, recipe = shim, self.recipe(item)
            container.main = machine.entry(container, shim, recipe.entry, uid=recipe.uid)
            pod.main = pod.main or container.main
            self._probe(pod, container, recipe)

    def settle_now(self, workload: PodSet, pod: Pod) -> None:
        """A pod that is still starting is taken as running: somebody wants to look into it."""
        pod.containers = pod.containers or self.containers(workload, pod)
        self.settled(workload, pod)

    def started(self, workload: PodSet, pod: Pod) -> None:
        """A pod's containers start: what their start scripts run, and their entry points."""
        mark = workload.mark
        shim, after = container_runtime.sandbox(self.cluster, pod, mark)
        for item, container in zip(workload.spec["containers"], pod.containers, strict=True):
            container.shim, container.mark, recipe = shim, mark, self.recipe(item)
            if container_runtime.is_told(self.cluster, pod):
                after = container_runtime.create(shim, container, after, mark)
            container.main = self._start(container, shim, recipe, after, workload.processes or mark)
            pod.main = pod.main or container.main
            self._probe(pod, container, recipe)

    def _start(self, container: Container, shim: Program, recipe: Recipe, after: int, mark: Mark | None) -> Program:
        """A container's start script, if it has one, and its entry point."""
        machine = shim.machine
        first: dict[str, Any] = {"container": container, "uid": 0 if recipe.before else recipe.uid}
        main = machine.run(shim, (recipe.before or (recipe.entry,))[0], None, after=after, mark=mark, **first)
        if recipe.before:
            for argv in recipe.before[1:]:
                after += 40 * MILLISECOND
                machine.run(main, argv, 0.01, after=after, mark=mark)
            after += 40 * MILLISECOND
            main = machine.replace(main, recipe.entry, after=after, mark=mark, uid=recipe.uid)
        for argv in recipe.below:
            after += 60 * MILLISECOND
            machine.run(main, argv, None, after=after, mark=mark)
        return main

    def ended(self, pod: Pod) -> None:
        """A pod's entry points end, and the runtime cleans up after them."""
        if pod.main is None:
            return
        for container in pod.containers:
            if container.main is not None:
                container.main.machine.end(container.main, status=0, mark=container.mark)
        container_runtime.clean(self.cluster, pod)

    def _probe(self, pod: Pod, container: Container, recipe: Recipe) -> None:
        if recipe.probe:
            self.cluster.start(self._probes(pod, container, recipe), self.cluster.chance.below(recipe.every * SECOND))

    def _probes(self, pod: Pod, container: Container, recipe: Recipe) -> Life:
        machine, shim = pod.machine, pod.machine.shim(container)
        uid = 0 if recipe.before else recipe.uid
        while pod.alive:
            machine.run(shim, recipe.probe, container=container, probe=True, uid=uid)
            yield self.cluster.paced(recipe.every * SECOND)
