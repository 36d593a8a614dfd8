"""Deleted events."""

from typing import Any

import pytest
from msgspec.structs import replace

from alerts.signal import Entity
from detectors.audit.event_deletion import event_deletion
from detectors.contract import Match, Quiet
from detectors.examples import audit, fired
from events import AuditEvent, ObjectRef, User
from tests.detectors.audit.written import alert_id

ENDER = "system:serviceaccount:kube-system:namespace-controller"


def delete(verb: str = "delete", namespace: str = "shop", name: str = "web.1", **fields: Any) -> AuditEvent:
    return audit(verb, "events", namespace=namespace, name=name, **fields)


@pytest.mark.parametrize(
    "event",
    [
        delete(),
        delete("deletecollection"),
        delete(namespace=""),
        replace(delete(), object=ObjectRef(resource="events", api_group="events.k8s.io", namespace="shop")),
        delete(user="system:serviceaccount:shop:namespace-controller"),
        delete(user=f"{ENDER}2"),
        delete(request={"kind": "DeleteOptions"}, uri="/x?dryRun=All"),
        replace(delete(), user=User(ENDER, groups=("system:authenticated",))),
        delete(user=ENDER),
        delete(user="system:kube-controller-manager"),
        delete("deletecollection", namespace="", user=ENDER),
        delete(uri="/x?dryRun=All", truncated=True),
    ],
)
def test_deleted_events_fire(event: AuditEvent) -> None:
    assert isinstance(event_deletion(event), Match)


@pytest.mark.parametrize(
    "event",
    [
        delete(user=ENDER, verb="deletecollection"),
        delete(user="system:kube-controller-manager", verb="deletecollection"),
        delete(user="system:apiserver"),
        delete(code=403),
        delete(code=404),
        delete(request={"dryRun": ["All"]}),
        replace(delete(), object=ObjectRef(resource="events", api_group="example.com")),
    ],
)
def test_it_stays_quiet(event: AuditEvent) -> None:
    assert isinstance(event_deletion(event), Quiet)


def test_it_is_one_finding_for_each_identity_namespace_and_hour() -> None:
    burst = [delete(name=f"web.{number}", at=number) for number in range(46)]
    others = [delete(at=3600), delete(namespace="kube-system"), delete(user="eve")]
    assert len({alert_id(event_deletion, event) for event in burst}) == 1
    assert len({alert_id(event_deletion, event) for event in (*burst, *others)}) == 4


def test_it_is_about_the_identity_that_did_it() -> None:
    match = event_deletion(delete(user="system:serviceaccount:shop:web", impersonated=User("jane")))
    assert isinstance(match, Match)
    assert match.entity == Entity("service_account", "web", "shop")
    assert match.because == "system:serviceaccount:shop:web (as jane) deleted events in namespace shop (delete)"


def test_users_name_who_cleans_up() -> None:
    mine = event_deletion.with_parameters({"identities": ["system:serviceaccount:vcluster:syncer"]})
    assert fired(mine, delete(user="system:serviceaccount:vcluster:syncer"), delete(user="eve")) == ["eve"]
