"""What programs ask an API server again and again: prepared once, and sent for whoever runs the program now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from simulation.clock import DAY, MILLISECOND, MINUTE, SECOND, micro_time, second_time
from simulation.kubernetes.requests import Client, Target, forbidden, not_found
from simulation.schedule import Life
from simulation.stencil import hole

if TYPE_CHECKING:
    from simulation.chance import Chance
    from simulation.cluster import Cluster
    from simulation.kubernetes.audit_log import Form
    from simulation.kubernetes.workloads import Workload

T = TypeVar("T")
Values: TypeAlias = Mapping[str, object]
LEASES = 3
"""Renewals of leases are kept so many times less than the rest: they are a third of real logs, and tell nothing."""
WATCH = 450 * SECOND
"""How long a watch lasts in the mean: clients ask for five to ten minutes."""
_TIMES = f"timeout={hole('timeout')}&timeoutSeconds={hole('seconds')}&watch=true"


class Habit(NamedTuple):
    """Something that is done once in so many microseconds by each who runs a program."""

    every: int
    act: Callable[[Values], object]


class Asking:
    """The requests of one program, prepared once for all who run it.

    Parameters
    ----------
    cluster
        Where it runs.
    client
        As whom it asks; what its holes are filled with is given each time.
    chance
        What the lengths of its watches are drawn from.
    """

    def __init__(self, cluster: Cluster, client: Client, chance: Chance) -> None:
        self.api = cluster.api
        self.client = client
        self.chance = chance

    def ask(self, every: int, verb: str, target: Target, **answer: Any) -> Habit:
        """One request, without a body; or with one that holds no times and versions."""
        form, send = self.api.form(self.client, verb, target, **answer), self.api.send
        return Habit(every, lambda values: send(form, values))

    def page(self, every: int, *paths: str) -> list[Habit]:
        """Pages of the server, such as `/version`."""
        return [self.ask(every, "get", Target(path=path)) for path in paths]

    def refused(self, every: int, verb: str, target: Target) -> Habit:
        """A request that the authorizer refuses every time."""
        return self.ask(every, verb, target, code=403, status=forbidden(self.client, verb, target))

    def missing(self, every: int, verb: str, target: Target) -> Habit:
        """A request for what is never there."""
        return self.ask(every, verb, target, code=404, status=not_found(target))

    def change(self, every: int, verb: str, target: Target, **answer: Any) -> Habit:
        """A write whose bodies have holes for `version`, `before`, `now` and `moment`."""
        form, api = self.api.form(self.client, verb, target, **answer), self.api

        def act(values: Values) -> None:
            now = api.schedule.now
            before, version = str(api.version), api.next_version()
            times = {"now": second_time(now), "moment": micro_time(now)}
            api.send(form, {**values, "before": before, "version": version, **times})

        return Habit(every, act)

    def lease(self, name: str, every: int, namespace: str = "kube-system", query: str = "") -> Habit:
        """Renew a lease."""
        uid = self.chance.child("lease", namespace, name).uuid()
        target = Target("Lease", namespace, name, query=query, uid=uid, version=hole("before"))
        return self.change(every * LEASES, "update", target)

    def look(self, name: str, every: int, namespace: str = "kube-system", query: str = "") -> Habit:
        """Look whether somebody else still holds a lease."""
        return self.ask(every, "get", Target("Lease", namespace, name, query=query))

    def watch(self, kind: str, namespace: str = "", name: str = "", *, selector: str = "", every: int = WATCH) -> Habit:
        """A watch of all objects of a kind, of a namespace's, or of one object."""
        if name and not selector:
            selector = f"metadata.name={name}"
        fields = f"&fieldSelector={quoted(selector)}" if selector else ""
        query = f"allowWatchBookmarks=true{fields}&resourceVersion={hole('version')}&{_TIMES}"
        target = Target(kind, namespace, name, query=query, unnamed=True)
        started, complete = (
            self.api.form(self.client, "watch", target, stage=stage)
            for stage in ("ResponseStarted", "ResponseComplete")
        )
        return Habit(every, lambda values: self._watch(started, complete, values))

    def watches(self, *kinds: str, namespace: str = "") -> list[Habit]:
        """A watch of each of these kinds."""
        return [self.watch(kind, namespace) for kind in kinds]

    def _watch(self, started: Form, complete: Form, values: Values) -> None:
        api, seconds = self.api, self.chance.between(300, 599)
        asked = {"version": api.version, "timeout": f"{seconds // 60}m{seconds % 60}s", "seconds": seconds}
        filled = {**values, **asked}
        identifier = api.send(started, filled, took=self.chance.between(1, 5) * MILLISECOND)
        api.send(complete, filled, took=seconds * SECOND + 40 * MILLISECOND, audit_id=identifier)


def quoted(selector: str) -> str:
    """A selector as it stands in a query; holes stay holes."""
    text = quote(selector)
    for bracket in (hole("")[0], hole("")[-1]):
        text = text.replace(quote(bracket), bracket)
    return text


def long_ago(cluster: Cluster) -> str:
    """When things were made that have been there since before the log begins."""
    return second_time(cluster.now - 31 * DAY - cluster.network * MINUTE)


def keep(
    cluster: Cluster, habit: Habit, holders: Callable[[], Sequence[T]], values: Callable[[T], Values], *, slow: int
) -> Life:
    """Let a habit be kept by all who run a program, one after the other: each of them once in its time.

    What is done more seldom than once in `slow` microseconds is not thinned by the profile's pace.
    """
    every, act = habit
    place = 0
    while True:
        found = holders()
        place += 1
        if found:
            act(values(found[place % len(found)]))
        period = every // max(len(found), 1)
        yield cluster.chance.about(period) if every >= slow else cluster.paced(period)


def begin(
    cluster: Cluster,
    chance: Chance,
    habits: Sequence[Habit],
    holders: Callable[[], Sequence[T]],
    values: Callable[[T], Values],
    *,
    slow: int = 30 * MINUTE,
) -> None:
    """Start to keep habits, each at a time of its own."""
    for habit in habits:
        share = 1.0 if habit.every >= slow else cluster.profile.pace
        first = round(habit.every / share / max(len(holders()), 1))
        cluster.start(keep(cluster, habit, holders, values, slow=slow), chance.below(first))


def alone(cluster: Cluster, chance: Chance, habits: Sequence[Habit]) -> None:
    """Start to keep habits of a program that is no pod: a part of the control plane, or something outside."""
    begin(cluster, chance, habits, lambda: (_NOTHING,), lambda values: values)


def pods_client(cluster: Cluster, workload: Workload, agent: str, granted: str) -> Client:
    """A workload's service account as any of its pods uses it: the holes are filled from a pod's values."""
    bound = {"node-name": "node", "node-uid": "node_uid", "pod-name": "pod", "pod-uid": "pod_uid"}
    holes = {key: hole(name) for key, name in bound.items()}
    names = (workload.namespace, workload.account, agent, hole("ip"), granted)
    return cluster.identities.account(*names, holes, hole("token"))


_NOTHING: Values = {}
