"""Several clusters of one company, simulated together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulation.actors import Actor, ordinary
from simulation.attacks import plan
from simulation.attacks.register import Episode
from simulation.azure.activity import ActivityLog, EventHubs
from simulation.cast import Cast
from simulation.chance import Chance
from simulation.choices import SOURCES, Form
from simulation.clock import DAY
from simulation.cluster import Cluster
from simulation.envelopes import Aks, Eks, Envelope, Gke, Native
from simulation.journal import Count, EnoughError, Journal, Outlet, Packing
from simulation.kubernetes.apiserver import ApiServer
from simulation.labels import Label
from simulation.platforms import Platform
from simulation.profile import Profile, SensorKind
from simulation.schedule import Life, Schedule
from simulation.sensors.falco import Falco
from simulation.sensors.tetragon import Tetragon
from simulation.settlement import settle

AZURE = frozenset({Platform.AKS, Platform.SELF})
"""Platforms whose clusters have managed identities of Azure: a self-run one is on virtual machines there."""
MIXED = (Form.AKS, Form.EKS, Form.GKE, Form.NATIVE)
SENSORS = (SensorKind.TETRAGON, SensorKind.TETRAGON, SensorKind.FALCO, SensorKind.FALCO)
"""What watches the nodes of clusters of mixed forms."""


@dataclass(frozen=True)
class Order:
    """What is to be simulated."""

    profile: Profile
    days: float = 28
    clusters: int = 3
    seed: int = 7
    form: Form = Form.NATIVE
    sources: Sequence[str] = SOURCES
    attacks: Sequence[Episode] = field(default_factory=tuple)
    begin: int = 0
    """Microseconds since 1970."""
    horizon: int = 0
    """Until when attacks are played; 0: to the end."""
    actors: Sequence[Actor] | None = None
    """Who lives there; None: everybody."""


class World:
    """The clusters of an order, ready to run.

    Parameters
    ----------
    order
        What is to be simulated.
    outlet
        Gives the outlet of one source of one cluster.
    label
        Called with each label.
    count
        Counts what is written, and ends the run when that is enough.
    """

    def __init__(
        self,
        order: Order,
        outlet: Callable[[str, str], Outlet],
        label: Callable[[Label], None],
        count: Count,
    ) -> None:
        self.order = order
        self.count = count
        self.end = order.begin + round(order.days * DAY)
        self.schedule = Schedule(order.begin)
        self.journals: list[Journal] = []
        self._outlet = outlet
        self._label = label
        cast = Cast(order.seed)
        self.clusters = [self._cluster(cast, name, place) for place, name in enumerate(cast.clusters(order.clusters))]
        for cluster in self.clusters:
            settle(cluster)
            for actor in ordinary() if order.actors is None else order.actors:
                if cluster.platform in actor.on:
                    life = actor.play(cluster, Chance(order.seed, cluster.name, actor.name))
                    self.schedule.start(life)
        self.left_out = plan.enter(self.clusters, order.attacks, order.profile, order.seed, order.horizon or self.end)

    def run(self, progress: Life | None = None, until: int = 0) -> None:
        """Let it live to its end (or until another time), or until enough is written.

        `progress` looks on, as an actor does.
        """
        if progress is not None:
            self.schedule.start(progress)
        end = until or self.end
        try:
            self.schedule.run(end)
            for journal in self.journals:
                journal.close(end)
        except EnoughError:
            for journal in self.journals:
                journal.stop()

    def _cluster(self, cast: Cast, name: str, place: int) -> Cluster:
        order = self.order
        mixed = order.form is Form.MIXED
        form = MIXED[place % len(MIXED)] if mixed else order.form
        platform = Platform(form) if form is not Form.NATIVE else Platform.SELF
        chance = Chance(order.seed, "server", name)
        activity = None
        if platform in AZURE:
            journal = self._journal(name, "arm", EventHubs())
            managed = platform is Platform.AKS
            activity = ActivityLog(name, self.schedule, chance.child("activity"), journal, managed=managed)
        envelope = self._envelope(form, name, activity)
        log, reports = self._journal(name, "audit", envelope), self._journal(name, "runtime", Native())
        version = chance.between(2_000_000, 90_000_000)
        api = ApiServer(self.schedule, chance.child("requests"), envelope, log, version)
        kind = SENSORS[place % len(SENSORS)] if mixed else order.profile.sensor
        sensor = Falco(name) if kind is SensorKind.FALCO else Tetragon(name)
        cluster = Cluster(name, platform, order.profile, cast, self.schedule, order.seed, api, sensor, reports)
        cluster.arm = activity
        return cluster

    def _journal(self, cluster: str, source: str, packing: Packing) -> Journal | None:
        if source not in self.order.sources:
            return None
        journal = Journal(cluster, source, packing, self._outlet(cluster, source), self._label, self.count)
        self.journals.append(journal)
        return journal

    def _envelope(self, form: Form, name: str, activity: ActivityLog | None) -> Envelope:
        if form is Form.AKS:
            assert activity is not None
            return Aks(activity.cluster_id)
        if form is Form.EKS:
            return Eks(name)
        return Gke(name) if form is Form.GKE else Native()
