"""One simulated cluster: its API server, machines, workloads and people, and what actors ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from simulation.chance import Chance
from simulation.clock import second_time
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
    reports
        Where the sensor's reports go; None: nobody keeps them.
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
        reports: Journal | None,
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
        self.reports = reports
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
        self._namespaces: dict[str, dict[str, Workload]] = {}
        self.teams: list[str] = []
        self.people: list[Person] = []
        self.programs = Programs(self)
        self.arm: ActivityLog | None = None
        self._node_values: WeakKeyDictionary[Machine, dict[str, object]] = WeakKeyDictionary()
        self._joined = self._pods = self._placed = 0
        self.set_version(self.facts.version)

    @property
    def now(self) -> int:
        """Microseconds since 1970."""
        return self.schedule.now

    @property
    def sources(self) -> set[str]:
        """Which of its logs somebody keeps: audit, runtime, arm."""
        journals = {"audit": self.api.journal, "runtime": self.reports, "arm": self.arm.journal if self.arm else None}
        return {source for source, journal in journals.items() if journal is not None}

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

    def add_machine(self, age: int = 0) -> Machine:
        """One more node, which joined so many microseconds ago; whoever adds it says so to the API server."""
        chance = self.chance
        place = self._joined
        self._joined += 1
        pool = "nodepool1" if self.platform is Platform.AKS else "main"
        address = f"10.{self.network}.{4 + place // 200}.{5 + place % 200}"
        parts = dict(zip("abcd", address.split("."), strict=True))
        number, ending = 10_000_000 + self.network * 31_337, chance.ending(4)
        name = self.facts.node_name.format(pool=pool, number=number, place=place, ending=ending, **parts)
        machine = Machine(name, address, self.schedule, chance.child("machine", name), self.sensor, self.reports)
        self._node_values[machine] = {
            "node": name,
            "node_uid": chance.uuid(),
            "node_ip": machine.address,
            "node_build": self.version,
            "node_commit": Chance("commit", self.version).hexadecimal(7),
            "node_certificate": chance.hexadecimal(64),
            "node_place": place,
            "lease_uid": chance.child("lease", name).uuid(),
            "joined": second_time(self.now - age),
        }
        self.machines.append(machine)
        return machine

    def node_values(self, machine: Machine) -> dict[str, object]:
        """What a node fills into the holes of requests that are about it or by it, also when it is gone."""
        return self._node_values[machine]

    def remove_machine(self, machine: Machine) -> None:
        """A node is gone; whoever removes it says so to the API server."""
        self.machines.remove(machine)
        if machine in self.cordoned:
            self.cordoned.remove(machine)
        for workload in list(self.workloads.values()):
            workload.lose(machine)

    def next_machine(self) -> Machine:
        """Where the scheduler puts the next pod."""
        self._placed += 1
        open_machines = [machine for machine in self.machines if machine not in self.cordoned] or self.machines
        return open_machines[self._placed % len(open_machines)]

    def pod_address(self, machine: Machine) -> str:
        """An address for a pod of this node."""
        self._pods += 1
        return f"10.244.{int(str(self._node_values[machine]['node_place'])) % 250}.{self._pods % 240 + 8}"

    # Workloads.

    def settle(self, manifest: Json, manager: str = "kubectl") -> Workload:
        """A workload that has been there, with its pods, since before the log begins."""
        held = self.api.hold(manifest, manager)
        workload = self.enter(Workload(self, held))
        workload.settle()
        return workload

    def deploy(self, client: Client, manifest: Json, query: str = "") -> Workload:
        """Somebody creates a workload, which from then on is there."""
        workload = self.enter(Workload(self, self.api.create(client, manifest, query=query)))
        workload.deploy()
        return workload

    def enter(self, workload: Workload) -> Workload:
        """A workload is there from now on."""
        self.workloads[workload.namespace, workload.name] = workload
        self._namespaces.setdefault(workload.namespace, {})[workload.name] = workload
        return workload

    def withdraw(self, workload: Workload) -> None:
        """A workload is there no more."""
        if self.workloads.pop((workload.namespace, workload.name), None) is not None:
            names = self._namespaces[workload.namespace]
            del names[workload.name]
            if not names:
                del self._namespaces[workload.namespace]

    def workload(self, namespace: str, name: str) -> Workload:
        """One that is there."""
        return self.workloads[namespace, name]

    def workloads_of(self, namespace: str, *kinds: str) -> list[Workload]:
        """Those of a namespace that have pods; of these kinds, if any are named."""
        found = self.all_of(namespace)
        return [workload for workload in found if workload.pods and (not kinds or workload.kind in kinds)]

    def all_of(self, namespace: str) -> list[Workload]:
        """Those of a namespace, whether they have pods or not."""
        return list(self._namespaces.get(namespace, {}).values())

    def teams_workloads(self, *kinds: str) -> list[Workload]:
        """Those of all teams that have pods; of these kinds, if any are named."""
        return [workload for team in self.teams for workload in self.workloads_of(team, *kinds)]

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
        for held in self.api.find("EndpointSlice", workload.namespace):
            if held["metadata"].get("labels", {}).get("kubernetes.io/service-name") != workload.name:
                continue
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
