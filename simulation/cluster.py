"""One simulated cluster: its API server, machines, workloads and people, and what actors ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulation.chance import Chance
from simulation.clock import HOUR, second_time
from simulation.json import Json
from simulation.kubernetes.apiserver import ApiServer
from simulation.kubernetes.identities import Identities
from simulation.kubernetes.objects import body, event, present
from simulation.kubernetes.requests import Client
from simulation.kubernetes.workloads import Workload
from simulation.labels import Mark
from simulation.platforms import PLATFORMS, Platform
from simulation.profile import Profile
from simulation.programs import Programs
from simulation.schedule import Life, Schedule
from simulation.sensors.processes import Machine
from simulation.sensors.sensor import Sensor

if TYPE_CHECKING:
    from simulation.azure.activity import ActivityLog
    from simulation.cast import Cast
    from simulation.journal import Journal


@dataclass(frozen=True)
class Person:
    """Someone who works on the cluster."""

    client: Client
    team: str
    """Namespace; empty for those who look after the whole cluster."""


@dataclass(frozen=True)
class Logs:
    """Where what a cluster reports is written; None: nobody keeps it."""

    audit: Journal | None
    runtime: Journal | None
    arm: Journal | None


class Cluster:
    """One cluster, and everything that actors need of it.

    Parameters
    ----------
    name, platform
        What it is called, and who runs its control plane.
    profile
        How large and busy it is.
    cast
        The company's names.
    schedule
        The clock of all clusters.
    seed
        Of the simulation.
    api
        Its API server.
    sensor
        What watches its nodes.
    logs
        Where reports go.
    """

    def __init__(
        self,
        name: str,
        platform: Platform,
        profile: Profile,
        cast: Cast,
        schedule: Schedule,
        seed: int,
        api: ApiServer,
        sensor: Sensor,
        logs: Logs,
    ) -> None:
        self.name = name
        self.platform = platform
        self.facts = PLATFORMS[platform]
        self.profile = profile
        self.cast = cast
        self.schedule = schedule
        self.seed = seed
        self.api = api
        self.sensor = sensor
        self.logs = logs
        self.chance = Chance(seed, "cluster", name)
        self.network = self.chance.between(16, 200)
        """Second byte of the nodes' addresses."""
        self.address = f"10.{self.network}.0.4"
        """Of the control plane."""
        self.identities = Identities(name, seed, self.address)
        self.machines: list[Machine] = []
        self.cordoned: list[Machine] = []
        """Machines that get no more pods."""
        self.workloads: dict[tuple[str, str], Workload] = {}
        self.teams: list[str] = []
        self.people: list[Person] = []
        self.programs = Programs(self)
        self.arm: ActivityLog | None = None
        self._node_values: dict[str, dict[str, object]] = {}
        self._joined = 0
        self._pods = 0
        self._placed = 0
        self.set_version(self.facts.version)

    @property
    def now(self) -> int:
        """Microseconds since 1970."""
        return self.schedule.now

    def start(self, life: Life, after: int = 0) -> None:
        """Let an actor live, from now on or after so many microseconds."""
        self.schedule.start(life, after)

    def paced(self, period: int) -> int:
        """How long until a machine does again what it really does once in this period, by the profile's pace."""
        return self.chance.about(round(period / self.profile.pace))

    def set_version(self, version: str) -> None:
        """The control plane is of this version from now on."""
        self.version = version
        self.api.constants |= {"build": version, "commit": Chance("commit", version).hexadecimal(7)}

    # Machines.

    def add_machine(self, version: str = "") -> Machine:
        """One more node of this version; whoever adds it says so to the API server."""
        chance = self.chance
        place = self._joined
        self._joined += 1
        pool = "nodepool1" if self.platform is Platform.AKS else "main"
        a, b, c, d = 10, self.network, 4 + place // 200, 5 + place % 200
        name = self.facts.node_name.format(
            pool=pool,
            number=10_000_000 + self.network * 31_337,
            place=place,
            ending=chance.ending(4),
            a=a,
            b=b,
            c=c,
            d=d,
        )
        machine = Machine(
            name, f"{a}.{b}.{c}.{d}", self.schedule, chance.child("machine", name), self.sensor, self.logs.runtime
        )
        version = version or self.version
        self._node_values[name] = {
            "node": name,
            "node_uid": chance.uuid(),
            "node_ip": machine.address,
            "node_build": version,
            "node_commit": Chance("commit", version).hexadecimal(7),
            "node_certificate": chance.hexadecimal(64),
            "node_place": place,
        }
        self.machines.append(machine)
        return machine

    def node_values(self, machine: Machine) -> dict[str, object]:
        """What a node fills into the holes of requests that are about it or by it."""
        return self._node_values[machine.name]

    def remove_machine(self, machine: Machine) -> None:
        """A node is gone; whoever removes it says so to the API server."""
        self.machines.remove(machine)
        if machine in self.cordoned:
            self.cordoned.remove(machine)
        for workload in list(self.workloads.values()):
            workload.lose(machine)
        # Some of its pods may still be in somebody's hands.
        self.start(self._forget_machine(machine), HOUR)

    def _forget_machine(self, machine: Machine) -> Life:
        self._node_values.pop(machine.name, None)
        yield 0

    def next_machine(self) -> Machine:
        """Where the scheduler puts the next pod."""
        self._placed += 1
        open_machines = [machine for machine in self.machines if machine not in self.cordoned] or self.machines
        return open_machines[self._placed % len(open_machines)]

    def pod_address(self, machine: Machine) -> str:
        """An address for a pod of this node."""
        self._pods += 1
        return f"10.244.{int(str(self._node_values[machine.name]['node_place'])) % 250}.{self._pods % 240 + 8}"

    # Workloads.

    def settle(self, manifest: Json, manager: str = "kubectl") -> Workload:
        """A workload that has been there, with its pods, since before the log begins."""
        held = self.api.hold(manifest, manager)
        workload = Workload(self, held)
        self.workloads[workload.namespace, workload.name] = workload
        if workload.kind == "CronJob":
            workload.prepare()
        else:
            workload.settle()
        return workload

    def deploy(self, client: Client, manifest: Json, query: str = "") -> Workload:
        """Somebody creates a workload, which from then on is there."""
        workload = Workload(self, self.api.create(client, manifest, query=query))
        self.workloads[workload.namespace, workload.name] = workload
        if workload.kind == "CronJob":
            workload.prepare()
        else:
            workload.deploy()
        return workload

    def withdraw(self, workload: Workload) -> None:
        """A workload is there no more."""
        self.workloads.pop((workload.namespace, workload.name), None)

    def workload(self, namespace: str, name: str) -> Workload:
        """One that is there."""
        return self.workloads[namespace, name]

    def workloads_of(self, namespace: str, *kinds: str) -> list[Workload]:
        """Those of a namespace that have pods; of these kinds, if any are named."""
        found = [workload for (where, _), workload in self.workloads.items() if where == namespace]
        return [workload for workload in found if workload.pods and (not kinds or workload.kind in kinds)]

    def tell(
        self,
        component: str,
        about: Json,
        reason: str,
        message: str,
        client: Client | None = None,
        *,
        mark: Mark | None = None,
    ) -> None:
        """A controller writes an Event about an object."""
        self.api.version += 1
        marks = {"stamp": second_time(self.now), "mark": f"{self.now * 1000 + self.api.version % 1000:x}"}
        sent = event(component, about, reason, message, **marks)
        self.api.forget(self.api.create(client or self.identities.controller(component), sent, mark=mark))

    def endpoints(self, workload: Workload) -> None:
        """A Service's addresses follow its pods."""
        author = self.identities.controller("endpointslice-controller")
        for held in self.api.find("EndpointSlice", workload.namespace, f"{workload.name}-"):
            entries = [
                {
                    "addresses": [pod.address],
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                    "nodeName": pod.machine.name,
                    "targetRef": present(kind="Pod", namespace=pod.namespace, name=pod.name, uid=pod.uid),
                }
                for pod in workload.pods
            ]
            self.api.update(author, held, {"endpoints": entries})

    def namespace(self, name: str) -> None:
        """A namespace that has been there since before the log begins."""
        labels = {"kubernetes.io/metadata.name": name}
        self.api.hold(body("Namespace", name, meta={"labels": labels}, spec={"finalizers": ["kubernetes"]}), "kubectl")
