"""Rare operations of service accounts: from first habit to incident, and what stays quiet."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from alerts.signal import Entity
from detectors.audit.service_account_rare_operation import (
    FORGOTTEN,
    NO_ACCOUNT,
    UNFINISHED,
    Habits,
    Peers,
    service_account_rare_operation,
)
from detectors.contract import Match, Quiet
from detectors.examples import audit, fired
from detectors.replay import findings, judged, observations
from detectors.stateful import Finding, Noted, Observation, Stateful, UnknownStateError
from events import AuditEvent
from events.decoder import Decoder
from models.habit import HOUR

CAPTURES = Path(__file__).parents[2] / "captures" / service_account_rare_operation.alert_type
assert service_account_rare_operation.then is not None
PEERS: Stateful[Any, Any] = service_account_rare_operation.then
WEB = "system:serviceaccount:shop:web"


def act(verb: str, resource: str, hour: float, user: str = WEB, **fields: Any) -> AuditEvent:
    """A request of an account from its own pod, unless said otherwise."""
    defaults = {"namespace": "shop", "addresses": ("10.1.2.3",), "user_agent": "web/1.4"}
    return audit(verb, resource, at=3600 * hour, user=user, **defaults | fields)


def life(user: str = WEB, days: float = 8, since: float = 0, **fields: Any) -> list[AuditEvent]:
    return [act("get", "configmaps", since + hour, user, **fields) for hour in range(int(24 * days))]


def theft(hour: float, verb: str = "list", resource: str = "secrets", **fields: Any) -> AuditEvent:
    stolen = {"addresses": ("203.0.113.9",), "user_agent": "kubectl/v1.34.1 (linux/amd64) kubernetes/1"}
    return act(verb, resource, hour, **stolen | fields)


def found(events: Iterable[AuditEvent], **parameters: Any) -> list[Finding]:
    return findings(service_account_rare_operation.with_parameters(parameters), events)


def test_an_alert_says_who_did_what_and_why() -> None:
    peers = [event for n in range(9) for event in life(f"system:serviceaccount:shop:peer-{n}", days=0.1)]
    stolen = theft(24 * 8)
    (finding,) = found([*peers, *life(), stolen])
    match = finding.match
    assert match.entity == Entity("service_account", "web", "shop")
    assert match.occurrence == stolen.event_id == finding.evidence[0].event_id
    assert match.fields["op"] == "list secrets"
    assert match.fields["score"] > match.fields["threshold"] == 12.6
    assert match.fields["surprises"][0] == (
        "op list secrets: never seen in 1 known values over 8 days; 0 of 9 peers use it"
    )
    assert match.actor is not None
    assert (match.actor.name, match.actor.addresses) == (WEB, ("203.0.113.9",))
    assert match.actor.user_agent.startswith("kubectl/v1.34.1")
    assert "shop/web" in match.because


def test_nothing_is_said_before_the_cluster_was_seen_for_the_warm_up() -> None:
    week = [*life(days=6.9), theft(24 * 7 - 0.01)]
    assert found(week) == []
    assert len(found(week, warm_up="6d")) == 1
    assert len(found([*life(days=7), theft(24 * 7)])) == 1


def test_the_cluster_is_known_from_its_first_event_though_nothing_was_new_since() -> None:
    other = life("system:serviceaccount:shop:other", days=0.1)
    late = life(since=24 * 3, days=5)
    assert len(found([*other, *late, theft(24 * 8)])) == 1
    assert found([*late, theft(24 * 8)]) == []


def test_a_new_account_of_an_old_cluster_learns_in_peace() -> None:
    new: dict[str, Any] = {
        "user": "system:serviceaccount:lab:new",
        "namespace": "lab",
        "user_agent": "new/1",
        "addresses": ("10.9.9.9",),
    }
    begins = [act(verb, resource, 24 * 8 + n / 60, **new) for n, (verb, resource) in enumerate(NEW_TO_ALL)]
    assert found([*life(), *begins]) == []


NEW_TO_ALL = [("get", "secrets"), ("list", "nodes"), ("create", "leases"), ("watch", "services"), ("list", "roles")]


def test_repeats_belong_to_the_incident_for_six_hours_and_are_quiet_for_a_week() -> None:
    begun = 24 * 8
    again = [theft(begun + hour, resource=f"secrets{'' if hour % 2 else '/status'}") for hour in range(6)]
    assert len({one.match.occurrence for one in found([*life(), *again])}) == 1
    low = {"threshold": 4.0}
    repeats = [*life(), theft(begun), theft(begun + 7), theft(begun + 24 * 4)]
    assert {one.match.occurrence for one in found(repeats, **low)} == {repeats[-3].event_id}


def test_another_rare_value_opens_an_incident_of_its_own() -> None:
    first, second = theft(24 * 8), theft(24 * 9, addresses=("198.51.100.7",), resource="pods/exec", verb="create")
    assert len({one.match.occurrence for one in found([*life(), first, second])}) == 2


def test_a_roll_out_that_makes_all_do_one_new_thing_is_quiet() -> None:
    users = [f"system:serviceaccount:shop:peer-{n}" for n in range(12)]
    lives = [event for user in users for event in life(user)]
    new_version = [act("list", "endpointslices", 24 * 8 + n / 6, user) for n, user in enumerate(users)]
    scored = found([*lives, *new_version], threshold=4.0)
    assert found([*lives, *new_version]) == []
    scores = [one.match.fields["score"] for one in scored]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 3


def test_what_a_job_does_once_a_month_is_no_news_the_second_time() -> None:
    first, second = (act("deletecollection", "jobs", 24 * day) for day in (3, 33))
    assert found([*life(days=38), first, second]) == []
    assert len(found([*life(days=38), second])) == 1


MONTHLY: dict[str, Any] = {"user_agent": "rotate/2.0", "namespace": "vault", "addresses": ("10.9.8.7",)}


def test_a_monthly_job_is_quiet_once_it_was_seen_whatever_is_rare_in_it() -> None:
    first, second, third = (act("create", "secrets", 24 * day, **MONTHLY) for day in (3, 33, 63))
    assert found([*life(days=65), first, second, third]) == []
    assert len(found([*life(days=65), second, third])) == 1, "the first time it is news"


def test_an_account_that_acts_but_monthly_is_quiet_as_well() -> None:
    whole = [act(verb, "secrets", 24 * day, **MONTHLY) for day in (3, 33, 63, 94) for verb in ("create", "delete")]
    assert found([*life("system:serviceaccount:shop:other", days=95), *whole]) == []


@pytest.mark.parametrize(("again", "alerts"), [(9.99, 1), (10.05, 0)])
def test_what_was_first_seen_less_than_a_week_ago_is_not_known_yet(again: float, alerts: int) -> None:
    rare = [act("create", "secrets", 24 * day, **MONTHLY) for day in (3, again)]
    assert len(found([*life(days=12), *rare])) == alerts
    from_elsewhere = act("create", "secrets", 24 * 10.1, **MONTHLY | {"addresses": ("203.0.113.9",)})
    told = {one.evidence[0].event_id for one in found([*life(days=12), *rare, from_elsewhere])}
    assert from_elsewhere.event_id in told


def test_pods_that_move_are_at_home_where_their_network_is_declared() -> None:
    moved = [act("list", "configmaps", 24 * 8, addresses=("10.1.77.3",))]
    wide = {"networks": {"pod": ["10.1.0.0/16"]}, "threshold": 8}
    assert len(found([*life(), *moved], threshold=8)) == 1
    assert found([*life(), *moved], **wide) == []
    assert len(found([*life(), theft(24 * 8)], **wide)) == 1


def test_an_account_not_seen_for_ninety_days_begins_anew() -> None:
    gap = FORGOTTEN // HOUR
    keeper = [act("get", "pods", 24 * day, "system:serviceaccount:shop:keeper") for day in range(110)]
    just, over = (
        [*life(), act("get", "configmaps", 191 + gap + more), theft(192 + gap + more), *keeper] for more in (-1, 0.01)
    )
    assert len(found(just)) == 1
    assert found(over) == []


def test_a_calm_cluster_is_not_forgotten() -> None:
    calm = [act("get", "configmaps", 12 * n) for n in range(2 * 150)]
    assert len(found([*calm, theft(24 * 150)])) == 1


def test_what_is_forgotten_after_its_time_is_the_same_as_what_is_not() -> None:
    events = [*life(), theft(24 * 8), *life(since=24 * 120), theft(24 * 129)]
    observed = observations(service_account_rare_operation, events)

    def forget(detector: Stateful[Any, Any], state: Any, observation: Observation) -> Any:
        return detector.form() if observation.time > detector.expires(state) else state

    kept, forgotten = (list(judged(service_account_rare_operation, observed, *before)) for before in ((), (forget,)))
    assert kept == forgotten
    assert len(kept) == 2


def test_swapped_arrivals_change_nothing() -> None:
    events = [*life(), theft(24 * 8), theft(24 * 8 + 1, "create", "pods/exec")]
    assert found(reversed(events)) == found(events)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (audit("get", "pods", user="jane"), NO_ACCOUNT),
        (audit("get", "pods", user="system:serviceaccount:shop"), NO_ACCOUNT),
        (audit("get", "pods", user="system:serviceaccount:shop:" + "x" * 600), NO_ACCOUNT),
        (audit("watch", "pods", user=WEB, stage="ResponseStarted"), UNFINISHED),
        (audit("get", "pods", user=WEB, stage="Panic"), UNFINISHED),
    ],
    ids=["a user", "no name", "no name is so long", "unfinished", "failed"],
)
def test_what_is_not_its_business_has_a_ready_answer(event: AuditEvent, said: Quiet) -> None:
    assert service_account_rare_operation.observe(event) is said


def test_it_notes_little_of_a_request_and_trusts_the_last_address_alone() -> None:
    told = service_account_rare_operation.observe(
        theft(0, "create", "pods/exec", namespace="kube-system", addresses=("10.1.2.3", "203.0.113.9"), code=403)
    )
    assert isinstance(told, Noted)
    assert told.key == "shop/web"
    assert told.what[:7] == (
        *("create pods/exec", "kube-system|w", "kubectl linux", "203.0.113.0/24", "forbidden", True, "203.0.113.9"),
    )
    long = service_account_rare_operation.observe(act("x" * 3000, "y" * 3000, 0, user_agent="z" * 9999, uri="/" * 9000))
    assert isinstance(long, Noted)
    assert len(pickle.dumps(long)) < 1500


def test_state_is_small_and_of_another_form_is_refused() -> None:
    detector, state = service_account_rare_operation, Habits()
    for observation in observations(detector, life()):
        list(detector.step(state, observation))
    plain = detector.to_plain(state)
    assert len(pickle.dumps(plain)) < 700
    assert detector.to_plain(detector.from_plain(1, plain)) == plain
    for stage, wrong in (
        (detector, (((0, 0.0, 0, {}),), 1, 1)),
        (detector, None),
        (PEERS, (1, 0, 0, ({}, {}, 0))),
        (PEERS, ()),
    ):
        with pytest.raises(UnknownStateError):
            stage.from_plain(1, wrong)
    assert isinstance(PEERS.from_plain(1, PEERS.to_plain(Peers())), Peers)


def test_both_stages_pickle_with_their_parameters() -> None:
    twin = service_account_rare_operation.with_parameters({"threshold": 11.0})
    for one in (twin, twin.then):
        again = pickle.loads(pickle.dumps(one))  # noqa: S301  our own
        assert one is not None
        assert (again.__name__, again.parameters) == (one.__name__, one.parameters)
        assert type(again) is type(one)


SCRIPT = """
import sys
from tests.detectors.audit.test_rare_operation import found, life, theft
print([(f.match.fields, f.match.because) for f in found([*life(), theft(192), theft(200, "create", "pods/exec")])])
"""


def test_it_is_the_same_whatever_the_hash_seed() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert "pods/exec" in said[0]


def capture(name: str) -> list[AuditEvent]:
    lines = (CAPTURES / name).read_bytes().splitlines()
    return [item for line in lines for item in Decoder().decode(line) if isinstance(item, AuditEvent)]


def test_each_use_of_a_stolen_token_in_the_capture_is_found_and_once() -> None:
    assert sorted(fired(service_account_rare_operation, *capture("fires-tokens.jsonl"))) == [
        *("shop/billing", "shop/cart", "shop/catalog", "shop/mailer", "shop/orders", "shop/search"),
    ]


def test_the_ordinary_capture_is_quiet() -> None:
    events = capture("quiet.jsonl")
    assert len(events) > 100
    assert fired(service_account_rare_operation, *events) == []


def test_alone_an_event_amounts_to_nothing() -> None:
    verdict = service_account_rare_operation(theft(0))
    assert not isinstance(verdict, Match)
