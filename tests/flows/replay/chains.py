"""Detectors that notice every swap, loss and repetition: a finding is a hash of all before it, in order."""

import hashlib
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from alerts import AlertType, Severity
from alerts.signal import Entity
from detectors import Finding, Match, Noted, Observation, Quiet, Scope, Stateful, executes, requests
from detectors.selection import Operations
from events import ActivityEvent, AuditEvent, Event, RuntimeEvent

SAME_ALERT = 128
"""Observations whose findings are one alert."""
SPAN = 300_000_000
"""Microseconds without an observation after which a chain begins anew."""


class Links(Struct):
    """A chain as far as it has come."""

    last: int = 0
    digest: str = ""
    count: int = 0
    occurrence: str = ""


class Chain(Stateful[Event, Links]):
    """Fires at every few observations."""

    form = Links
    every = 16
    """Observations from one finding to the next."""

    @property
    def required(self) -> str:
        return f"{self.every} more observations"

    def step(self, state: Links, observation: Observation) -> Iterator[Finding | Noted]:
        if observation.time > self.expires(state):
            state.digest, state.count = "", 0
        linked = f"{state.digest}{observation.event_id}{observation.what}"
        state.last, state.digest = observation.time, hashlib.sha256(linked.encode()).hexdigest()[:16]
        if state.count % SAME_ALERT == 0:
            state.occurrence = observation.event_id
        state.count += 1
        if self.then is not None:
            yield Noted("", state.digest)
        if state.count % self.every == 0:
            entity = Entity("chain", observation.key)
            match = Match(entity, state.occurrence, "a chain went on", {"digest": state.digest, "count": state.count})
            yield Finding(match, (observation.evidence,))

    def expires(self, state: Links) -> int:
        return state.last + SPAN


def _type(name: str, source: Literal["audit", "runtime", "arm"]) -> AlertType:
    return AlertType(
        id=name,
        title=name,
        severity=Severity.LOW,
        tactics=("Discovery",),
        techniques=("T1613",),
        description="For tests.",
        source=source,
    )


CONTAINER = _type("TEST_ContainerChain", "runtime")
ACCOUNT = _type("TEST_AccountChain", "audit")
IDENTITY = _type("TEST_IdentityChain", "arm")
CLUSTER = _type("TEST_ClusterChain", "audit")
COMMANDS = executes()
REQUESTS = requests("*", of=("*",))
OPERATIONS = Operations(frozenset({""}))


class OfContainers(Chain):
    """A chain for each container."""

    scope = Scope.CONTAINER


class OfAccounts(Chain):
    """A chain for each user; and one for each cluster, of what those hand on."""

    scope = Scope.SERVICE_ACCOUNT


class OfIdentities(Chain):
    """A chain for each identity that Azure knows."""

    scope = Scope.MANAGED_IDENTITY
    every = 4


class OfClusters(Chain):
    """A chain for each cluster: of all sources, or of what another chain hands on."""

    scope = Scope.CLUSTER


@OfContainers.detects("TEST_ContainerChain", COMMANDS, misses="-", noise="-")
def container_chain(event: RuntimeEvent) -> Noted | Quiet:
    """Commands of a container."""
    return Noted(event.node if event.container is None else event.container.id, event.process.binary)


@OfAccounts.detects("TEST_AccountChain", REQUESTS, misses="-", noise="-")
def account_chain(event: AuditEvent) -> Noted | Quiet:
    """Requests of a user."""
    return Noted(event.user.username, event.stage)


@OfIdentities.detects("TEST_IdentityChain", OPERATIONS, misses="-", noise="-")
def identity_chain(event: ActivityEvent) -> Noted | Quiet:
    """Operations of an identity."""
    return Noted(event.identity.object_id, event.operation)


@OfClusters.detects("TEST_ClusterChain", (REQUESTS, COMMANDS, OPERATIONS), misses="-", noise="-")
def cluster_chain(event: Event) -> Noted | Quiet:
    """Whatever happens in a cluster."""
    return Noted("", event.time % 7)


def _behind(first: Chain) -> Chain:
    made = OfClusters(first.__wrapped__, first.alert_type, first.on, misses="-", noise="-")
    made.__name__ = f"{first.__name__}_links"
    return made


account_chain.then = _behind(account_chain)
