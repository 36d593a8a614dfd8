"""Bindings to cluster-admin."""

from typing import Any

import pytest

from detectors.audit.cluster_admin_binding import cluster_admin_binding
from detectors.audit.entities import SHOWN
from detectors.contract import Match, Quiet
from detectors.examples import audit
from events import AuditEvent
from tests.detectors.audit.written import JSON, TABLE, alert_id

EVE = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve"}
POD = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
UID: dict[str, Any] = {"metadata": {"uid": "u1"}}


def binding(*subjects: JSON, role: str = "cluster-admin", kind: str = "ClusterRole", **more: Any) -> JSON:
    return {"roleRef": {"kind": kind, "name": role}, "subjects": list(subjects), **more}


def bind(request: Any = None, verb: str = "create", name: str = "x", **fields: Any) -> AuditEvent:
    return audit(verb, "clusterrolebindings", name=name, request=request, **fields)


@pytest.mark.parametrize(
    ("event", "because"),
    [
        (bind(binding(EVE, POD)), "bound cluster-admin in the whole cluster to ServiceAccount shop/web, User eve"),
        (
            audit("create", "rolebindings", namespace="shop", name="x", request=binding(EVE)),
            "bound cluster-admin in namespace shop to User eve",
        ),
        (bind(binding()), "to nobody yet"),
        (bind({**binding(), "subjects": None}), "to nobody yet"),
        (bind(binding({"kind": "Group", "name": "system:unauthenticated"})), "that is everyone, without signing in"),
        (bind(binding({"kind": "User", "name": "system:anonymous"})), "that is everyone, without signing in"),
        (bind(binding({"kind": "Group", "name": "system:authenticated"})), "that is everyone who can sign in"),
        (bind(binding({"kind": "Group", "name": "system:serviceaccounts"})), "that is every service account"),
        (
            bind(binding({"kind": "Group", "name": "system:serviceaccounts:shop"})),
            "that is every service account of namespace shop",
        ),
        (bind({"subjects": [EVE]}, "patch", response=binding(EVE)), "to User eve"),
        (bind([{"op": "add", "path": "/subjects/-", "value": EVE}], "patch", response=binding(POD, EVE)), "User eve"),
        (bind(binding(EVE), "patch", code=201), "to User eve"),
        (bind(None, "patch", response=binding(EVE)), "to User eve"),
        (bind({"subjects": [EVE]}, "patch", name="cluster-admin", response=TABLE), "to User eve"),
        (bind([{"op": "add", "path": "/subjects/-", "value": EVE}], "patch", name="cluster-admin"), "to User eve"),
        (bind(binding(EVE), user="system:apiserver"), "to User eve"),
        (bind(binding(EVE, metadata={"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}})), "to User eve"),
    ],
)
def test_it_fires_and_names_the_subjects(event: AuditEvent, because: str) -> None:
    match = cluster_admin_binding(event)
    assert isinstance(match, Match)
    assert because in match.because
    assert match.entity.name == event.object.name


@pytest.mark.parametrize(
    ("event", "condition"),
    [
        (bind(binding(EVE, role="view")), "the role is ClusterRole cluster-admin"),
        (bind(binding(EVE, role="cluster-admin", kind="Role")), "the role is ClusterRole cluster-admin"),
        (bind(binding(EVE, role="cluster-admin-view")), "the role is ClusterRole cluster-admin"),
        (bind({"metadata": {"labels": {"a": "b"}}}, "patch", response=binding(EVE)), "the patch itself sets the role"),
        (
            bind([{"op": "remove", "path": "/subjects/1"}], "patch", response=binding(EVE)),
            "the patch itself sets the role",
        ),
        (bind({"subjects": [EVE]}, "patch"), "the role is ClusterRole cluster-admin"),
        (bind(binding(EVE, role="view"), "update", name="cluster-admin"), "the role is ClusterRole cluster-admin"),
        (
            audit("patch", "rolebindings", namespace="shop", name="cluster-admin", request={"subjects": [EVE]}),
            "the role is ClusterRole cluster-admin",
        ),
        (bind(binding(EVE), code=403), "not: the request was refused"),
        (bind(binding(EVE), uri="/x?dryRun=All"), "not: the request is a dry run"),
        (bind(level="Metadata"), "the request body was recorded"),
        (
            audit("update", "clusterrolebindings", name="cluster-admin", user="system:apiserver", request=binding(EVE)),
            "not: the API server itself reconciles",
        ),
    ],
)
def test_it_stays_quiet_and_says_why(event: AuditEvent, condition: str) -> None:
    verdict = cluster_admin_binding(event)
    assert isinstance(verdict, Quiet)
    assert verdict.condition.startswith(condition)


def test_an_unchanged_re_apply_is_the_same_alert_and_another_subject_is_not() -> None:
    first = bind(binding(EVE, **UID))
    again = bind(binding(EVE, **UID), "update")
    more = bind(binding(EVE, POD, **UID), "update")
    ids = [alert_id(cluster_admin_binding, event) for event in (first, again, more)]
    assert ids[0] == ids[1] != ids[2]


def test_an_apply_whose_answer_is_not_recorded_is_one_alert_however_often_it_comes() -> None:
    applied = [bind(binding(EVE), "patch", level="Request") for _ in range(3)]
    assert len({alert_id(cluster_admin_binding, event) for event in applied}) == 1
    made = [bind(binding(EVE), level="Request") for _ in range(2)]
    assert len({alert_id(cluster_admin_binding, event) for event in made}) == 2


def test_many_subjects_are_one_short_alert() -> None:
    match = cluster_admin_binding(bind(binding(*({"kind": "User", "name": f"u{n}"} for n in range(5000)))))
    assert isinstance(match, Match)
    assert len(match.fields["subjects"]) == SHOWN
    assert len(match.because) < 1000
