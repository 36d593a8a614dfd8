"""Operations that are rare for a service account, by a model of each account and of its peers in the cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from alerts.signal import Actor, Entity
from detectors.audit.lists import SERVICE_ACCOUNT
from detectors.audit.operations import LONG, LONGEST_NAME, account, client, decision, operation, place
from detectors.audit.rare_incidents import Incidents, reasons
from detectors.audit.rare_operation_parameters import RareOperationParameters
from detectors.contract import DetectorKind, Match, Quiet, State
from detectors.selection import requests
from detectors.stateful import Finding, Noted, Observation, Plain, Scope, Stateful, UnknownStateError
from events import AuditEvent
from models.habit import DAY
from models.peers import PeerPrior
from models.rare_operation import RareOperation, Surprise

M = TypeVar("M", RareOperation, PeerPrior)
FIELDS = ("op", "ns", "ua", "net", "decision")
"""Operation, place, client, network and decision (`detectors/audit/operations.py`)."""
OPERATIONS = 512
"""Different operations of one account that are remembered: a controller shows 229 within minutes."""
REMARKABLE = 8.0
"""Nats above which the cluster's stage is told of an event that shows nothing new."""
SENSITIVE_BONUS = 3.0
SENSITIVE_FROM = 1.5
"""Nats above which a sensitive operation gets the bonus: below, it is a habit."""
KNOWN = 7 * DAY
"""What an account showed so long ago is a habit, however rare: a monthly job is no news once it was seen."""
FORGOTTEN = 90 * DAY
"""Without a request, an account or a cluster is as good as new."""
SIGN_OF_LIFE = 7 * DAY
"""As often the cluster's stage hears of an account that shows nothing new: else it would forget a calm cluster."""
UNFINISHED = Quiet("not: the request is not finished")
NO_ACCOUNT = Quiet("the user is a service account")


class Habits(Struct, array_like=True):
    """What is remembered of one account."""

    model: RareOperation | None = None
    seen: int = 0
    """When it last did something."""
    told: int = 0
    """When the cluster's stage last heard of it."""


class Peers(Struct, array_like=True):
    """What is remembered of one cluster."""

    prior: PeerPrior | None = None
    began: int = 0
    seen: int = 0
    incidents: Incidents = msgspec.field(default_factory=Incidents)


class RareOperations(Stateful[AuditEvent, Habits]):
    """Scores what an account does by its own habits, and hands on what is new for it, or remarkable."""

    kind = DetectorKind.MODEL
    state = State.CLUSTER
    scope = Scope.SERVICE_ACCOUNT
    form = Habits
    parameters: RareOperationParameters

    def observe(self, event: AuditEvent) -> Noted | Quiet:
        told: Noted | Quiet = self.__wrapped__(event, self.parameters)
        return told

    @property
    def required(self) -> str:
        return self.parameters.required

    def shown(self, told: Noted) -> dict[str, Any]:
        return dict(zip(FIELDS, told.what, strict=False))

    def step(self, state: Habits, observation: Observation) -> Iterator[Finding | Noted]:
        time = observation.time
        if state.model is None or time > self.expires(state):
            state.model, state.told = _model(), 0
        op, ns, ua, net, decided, sensitive, address, agent = observation.what
        x = {"t": time, "op": op, "ns": ns, "ua": ua, "net": net, "decision": decided}
        score, new = state.model.score_learn_one(x)
        state.seen = time
        if not new and score > REMARKABLE and state.model.knew_one(x, time - KNOWN):
            score = 0.0
        if not new and score <= REMARKABLE and time - state.told < SIGN_OF_LIFE:
            return
        state.told = time
        who = observation.key.removeprefix(f"{observation.cluster}|")
        kept = tuple([field for field in new if x[field] in state.model.habits[field].known])
        surprises = tuple([tuple(surprise) for surprise in state.model.explain_one(x)])
        yield Noted("", (who, score, new, kept, surprises, sensitive, address, agent))

    def expires(self, state: Habits) -> int:
        return state.seen + FORGOTTEN

    def to_plain(self, state: Habits) -> Plain:
        return state.model and state.model.to_plain(), state.seen, state.told

    def from_plain(self, version: int, plain: Plain) -> Habits:
        learned, rest = _parted(plain)
        state = super().from_plain(version, rest)
        state.model = learned and _restored(self, _model(), learned)
        return state


class PeerComparison(Stateful[Any, Peers]):
    """Weighs what was new for an account by who else in the cluster does it, and decides."""

    kind = DetectorKind.MODEL
    state = State.CLUSTER
    scope = Scope.CLUSTER
    form = Peers
    parameters: RareOperationParameters

    @property
    def required(self) -> str:
        return self.parameters.required

    def step(self, state: Peers, observation: Observation) -> Iterator[Finding | Noted]:
        time = observation.time
        if state.prior is None or time > self.expires(state):
            state.prior, state.began, state.incidents = PeerPrior(), time, Incidents()
        state.seen = time
        who, score, new, kept, told, sensitive, address, agent = observation.what
        surprises = [Surprise(*one) for one in told]
        values = {one.field: one.value for one in surprises}
        score += sum([_bonus(state.prior, one) for one in surprises if one.field in new])
        if sensitive and score > SENSITIVE_FROM:
            score += SENSITIVE_BONUS
        rare = score >= self.parameters.threshold and time - state.began >= self._warm_up
        why = reasons(state.prior, who, surprises, new) if rare else []
        state.prior.learn_one(who, [(field, values[field]) for field in kept])
        if not rare:
            return
        first = state.incidents.occurrence(who, values["op"], score, bool(kept), time, observation.event_id)
        if first:
            fields = {"score": round(score, 2), "threshold": self.parameters.threshold, "surprises": why, **values}
            yield Finding(_match(who, first, fields, address, agent), (observation.evidence,))

    def expires(self, state: Peers) -> int:
        return state.seen + FORGOTTEN

    def to_plain(self, state: Peers) -> Plain:
        known = state.incidents
        return (
            state.prior and state.prior.to_plain(),
            state.began,
            state.seen,
            (known.open.copy(), known.quiet.copy(), known.dropped),
        )

    def from_plain(self, version: int, plain: Plain) -> Peers:
        learned, rest = _parted(plain)
        state = super().from_plain(version, rest)
        state.prior = learned and _restored(self, PeerPrior(), learned)
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        return _behind, super().__reduce__()

    @property
    def _warm_up(self) -> int:
        return self.parameters.warm_up // timedelta(microseconds=1)


def _bonus(prior: PeerPrior, one: Surprise) -> float:
    """Nats for what no peer shows, as far as the account has habits: what is new for a new account is no news."""
    return -math.expm1(-one.nats) * prior.score_one([(one.field, one.value)])


def _match(who: str, first: str, fields: dict[str, Any], address: str, agent: str) -> Match:
    namespace, _, name = who.partition("/")
    user = f"{SERVICE_ACCOUNT}{namespace}:{name}"
    return Match(
        Entity("service_account", name, namespace),
        first,
        f"service account {who} did what it does not usually do, {fields['op']}; {'; '.join(fields['surprises'])}",
        fields,
        Actor("service_account", user, (address,) if address else (), agent),
    )


def _model() -> RareOperation:
    return RareOperation(FIELDS, caps={"op": OPERATIONS})


def _parted(plain: Plain) -> tuple[Plain, Plain]:
    """What the model reads by itself, and the state without it; anything of another form is left to be refused."""
    if not isinstance(plain, (list, tuple)) or not plain:
        return None, None
    return plain[0], (None, *plain[1:])


def _restored(detector: Stateful[Any, Any], model: M, learned: Plain) -> M:
    try:
        model.learned(learned)
    except msgspec.ValidationError as error:
        raise UnknownStateError(f"state of {detector.__name__}: {error}") from None
    return model


def _behind(find: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return find(*arguments).then


def rare_operations(
    alert_type: str, *, parameters: RareOperationParameters, misses: str, noise: str
) -> Callable[[Callable[[AuditEvent, RareOperationParameters], Noted | Quiet]], RareOperations]:
    """Make both stages of a function that gives the features of one request."""

    def decorate(function: Callable[[AuditEvent, RareOperationParameters], Noted | Quiet]) -> RareOperations:
        every = requests("*", of=("*",))
        made = RareOperations(function, alert_type, every, (), parameters, 1, misses, noise)
        made.then = PeerComparison(function, alert_type, every, (), parameters, 1, misses, noise)
        made.then.__name__ = f"{made.__name__}_peers"
        return made

    return decorate


@rare_operations(
    "K8S_ServiceAccountRareOperation",
    parameters=RareOperationParameters(),
    misses=(
        "Someone slow, who does one new thing at a time, from the account's own pod and with its client; operations"
        " that the account does anyhow; whatever comes in the first days of a cluster; an account's first day, since"
        " it has no habits yet; a request all of whose values the account showed a week ago or earlier, each in"
        " whatever request. What the audit policy does not record."
    ),
    noise=(
        "A person who debugs with an account's token, a new version of an operator that does more than before where it"
        " is the only one of its kind, a pod that moves to a node whose network its account was never seen in: the"
        " parameter `networks` ends that."
    ),
)
def service_account_rare_operation(event: AuditEvent, parameters: RareOperationParameters) -> Noted | Quiet:
    """A service account did an operation that is not common for it, nor for its peers in the cluster.

    Examples
    --------
    >>> web = {"user": "system:serviceaccount:shop:web", "namespace": "shop"}
    >>> own = {"addresses": ("10.1.2.3",), "user_agent": "web/1.4", **web}
    >>> life = [audit("get", "configmaps", at=3600 * hour, **own) for hour in range(24 * 8)]
    >>> stolen = {"addresses": ("203.0.113.9",), "user_agent": "kubectl/v1.34.1 (linux/amd64)", **web}
    >>> fired(service_account_rare_operation, *life, audit("create", "pods/exec", at=3600 * 24 * 8, **stolen))
    ['shop/web']
    >>> fired(service_account_rare_operation, *life, audit("list", "services", at=3600 * 24 * 8, **own))
    []
    """
    stage = event.stage
    if stage is not None and stage not in ("ResponseComplete", ""):
        return UNFINISHED
    username = event.user.username
    who = account(username) if len(username) <= LONGEST_NAME else None
    if who is None:
        return NO_ACCOUNT
    label, writes, sensitive = operation(event)
    address = event.addresses[-1] if event.addresses else ""
    agent = event.user_agent[:LONG]
    where = place(event.object.namespace[:LONG], who.namespace, writes)
    net = parameters.network.of(address)
    return Noted(who.key, (label, where, client(agent), net, decision(event), sensitive, address[:LONG], agent))
