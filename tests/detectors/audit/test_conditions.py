"""Conditions that detectors of requests share."""

from typing import Any, TypeAlias

import pytest
from msgspec.structs import replace

from detectors.audit.conditions import bootstrap, dry_run, foreign, refused, unfinished, upkeep
from detectors.audit.lists import ADDON_MANAGERS, NAMESPACE_ENDERS, is_one_of
from detectors.examples import audit
from events import ObjectRef, User

CONTROLLER = "system:serviceaccount:kube-system:"
Extra: TypeAlias = dict[str, tuple[str, ...]]
BY_CERTIFICATE: Extra = {"authentication.kubernetes.io/credential-id": ("X509SHA256=0123",)}
BY_TOKEN: Extra = {"authentication.kubernetes.io/credential-id": ("JTI=0123",)}


@pytest.mark.parametrize(
    ("stage", "holds"),
    [
        (None, False),
        ("", False),
        ("ResponseComplete", False),
        ("RequestReceived", True),
        ("ResponseStarted", True),
        ("Panic", True),
    ],
)
def test_only_the_last_stage_is_judged(stage: str | None, holds: bool) -> None:
    assert unfinished(audit("create", "pods", stage=stage)) is holds


@pytest.mark.parametrize(
    ("code", "decision", "holds"),
    [
        (201, "allow", False),
        (None, None, False),
        (None, "allow", False),
        (None, "forbid", True),
        (403, None, True),
        (409, "allow", True),
        (422, "allow", True),
    ],
)
def test_a_request_without_a_code_succeeded_unless_it_was_forbidden(
    code: int | None, decision: str | None, holds: bool
) -> None:
    assert refused(audit("create", "pods", code=code, decision=decision)) is holds


@pytest.mark.parametrize(
    ("uri", "holds"),
    [
        ("/api/v1/pods?dryRun=All", True),
        ("/api/v1/pods?fieldManager=x&dryRun=%41ll", True),
        ("/api/v1/pods", False),
        ("/api/v1/pods?fieldManager=dryRun=All", False),
        ("/api/v1/namespaces/x%3FdryRun=All/pods", False),
        ("/api/v1/pods?DryRun=All", False),
        ("/api/v1/pods?fieldManager=a;dryRun=All", False),
    ],
)
def test_a_dry_run_is_told_by_the_query(uri: str, holds: bool) -> None:
    assert dry_run(audit("create", "pods", uri=uri)) is holds


@pytest.mark.parametrize(
    ("request_body", "level", "holds"),
    [
        (None, None, True),
        (None, "Metadata", False),
        ({"kind": "DeleteOptions", "propagationPolicy": "Background"}, "Request", False),
        ({"kind": "DeleteOptions", "dryRun": None}, "Request", False),
        ({"kind": "DeleteOptions", "dryRun": ["All"]}, "Request", True),
    ],
)
def test_the_body_of_a_delete_overrules_its_query(request_body: Any, level: str | None, holds: bool) -> None:
    event = audit("delete", "events", uri="/api/v1/events/x?dryRun=All", request=request_body, level=level)
    assert dry_run(event) is holds


def test_the_query_of_a_delete_is_not_believed_where_the_record_was_cut() -> None:
    assert not dry_run(audit("delete", "events", uri="/api/v1/events/x?dryRun=All", truncated=True))


@pytest.mark.parametrize(
    ("resource", "group", "holds"),
    [
        ("events", "", False),
        ("events", "events.k8s.io", False),
        ("events", "example.com", True),
        ("jobs", "batch.volcano.sh", True),
        ("roles", "rbac.authorization.k8s.io", False),
    ],
)
def test_a_resource_of_another_group_is_foreign(resource: str, group: str, holds: bool) -> None:
    event = replace(audit("create", resource), object=ObjectRef(resource=resource, api_group=group))
    assert foreign(event) is holds


@pytest.mark.parametrize(
    ("user", "verb", "holds"),
    [
        (f"{CONTROLLER}deployment-controller", "update", True),
        ("system:kube-controller-manager", "patch", True),
        (f"{CONTROLLER}deployment-controller", "create", False),
        (f"{CONTROLLER}default", "update", False),
        (f"{CONTROLLER}deployment-controller2", "update", False),
        ("system:serviceaccount:shop:deployment-controller", "update", False),
    ],
)
def test_only_the_controllers_themselves_keep_workloads_up(user: str, verb: str, holds: bool) -> None:
    assert upkeep(audit(verb, "deployments", user=user)) is holds


@pytest.mark.parametrize(
    ("user", "name", "holds"),
    [
        ("system:apiserver", "cluster-admin", True),
        ("system:apiserver", "system:node", True),
        ("system:apiserver", "mine", False),
        ("jane", "cluster-admin", False),
        ("jane", "system:mine", False),
    ],
)
def test_bootstrap_is_an_identity_and_a_name_together(user: str, name: str, holds: bool) -> None:
    assert bootstrap(audit("create", "clusterroles", user=user, name=name)) is holds


@pytest.mark.parametrize(
    ("user", "holds"),
    [
        (User("aksService", groups=("system:masters", "system:authenticated")), True),
        (User("aksService"), True),
        (User("aksService", groups=("system:authenticated",)), False),
        (User("eks:addon-manager", groups=("system:authenticated",)), True),
        (User("eks:addon-manager", groups=("system:authenticated",), extra=BY_CERTIFICATE), False),
        (User("system:addon-manager", groups=("system:masters",)), True),
        (User("system:addon-manager"), True),
        (User("system:addon-manager", groups=("system:authenticated",)), False),
        (User("masterclient", groups=("system:masters",)), False),
        (User("addon-manager@evil.example"), False),
    ],
)
def test_a_certificate_in_the_name_of_an_add_on_manager_is_not_one(user: User, holds: bool) -> None:
    assert is_one_of(user, ADDON_MANAGERS) is holds


@pytest.mark.parametrize(("extra", "holds"), [({}, True), (BY_TOKEN, True), (BY_CERTIFICATE, False)])
def test_a_service_account_never_signs_in_with_a_certificate(extra: Extra, holds: bool) -> None:
    name = f"{CONTROLLER}namespace-controller"
    user = User(name, groups=("system:serviceaccounts", "system:authenticated"), extra=extra)
    assert is_one_of(user, NAMESPACE_ENDERS) is holds
