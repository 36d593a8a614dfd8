"""What a request made of an object."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.audit.bodies import labels_only, written
from detectors.audit.objects import Body, Pod, Role, Workload
from detectors.contract import Quiet
from detectors.examples import START, audit
from events import AuditEvent
from tests.detectors.audit.written import TABLE, container, pods, template

RESPONSE = {"spec": pods(container("asked"))}
REQUEST = {"spec": pods(container("sent"))}


def names(event: AuditEvent) -> list[str | None]:
    write = written(event, Pod)
    assert not isinstance(write, Quiet)
    return [one.name for one in write.now.pods.all_containers]


@pytest.mark.parametrize(
    ("request_body", "response", "wanted"),
    [
        (REQUEST, RESPONSE, ["asked"]),
        (REQUEST, None, ["sent"]),
        (None, RESPONSE, ["asked"]),
        (REQUEST, {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": []}, ["sent"]),
        (REQUEST, {"kind": "PartialObjectMetadata", "metadata": {"name": "x"}}, ["sent"]),
        (REQUEST, {"@type": "meta.k8s.io/v1.PartialObjectMetadata"}, ["sent"]),
        (REQUEST, {"kind": "Status", "status": "Success", "metadata": {}}, ["sent"]),
    ],
)
def test_the_answer_counts_before_the_request_where_it_is_the_object(
    request_body: Any, response: Any, wanted: list[str]
) -> None:
    assert names(audit("create", "pods", request=request_body, response=response)) == wanted


@pytest.mark.parametrize("verb", ["create", "update", "patch"])
def test_a_request_without_bodies_is_not_judged(verb: str) -> None:
    assert written(audit(verb, "pods", level="Metadata"), Pod) == Quiet("the request body was recorded", "Metadata")


@pytest.mark.parametrize(
    "wrong", [{"spec": []}, {"spec": {"containers": {"name": "x"}}}, [], {"spec": {"containers": [7]}}]
)
def test_a_body_of_wrong_types_is_loud(wrong: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        written(audit("create", "pods", request=wrong), Pod)


def test_nulls_and_unknown_fields_are_ordinary() -> None:
    odd = {
        "metadata": None,
        "more": 1,
        "spec": {"containers": [None, {"name": None, "securityContext": None}], "volumes": None},
    }
    assert names(audit("create", "pods", request=odd)) == [None]


PATH = "/spec/template/spec/containers"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"op": "add", "path": f"{PATH}/-", "value": container("a")}], ["a"]),
        ([{"op": "replace", "path": f"{PATH}/0/name", "value": "a"}], ["a"]),
        ([{"op": "replace", "path": f"{PATH}/-1/name", "value": "a"}], ["a"]),
        ([{"op": "replace", "path": "/spec/template", "value": {"spec": pods(container("a"))}}], ["a"]),
        ([{"op": "replace", "path": "", "value": template(pods(container("a")))}], ["a"]),
        (
            [
                {"op": "add", "path": f"{PATH}/0", "value": container("a")},
                {"op": "add", "path": f"{PATH}/0", "value": container("b")},
            ],
            ["a", "b"],
        ),
        ([{"op": "test", "path": f"{PATH}/0/name", "value": "a"}, {"op": "remove", "path": f"{PATH}/1"}], []),
        ([{"op": "add", "path": "/metadata/labels/5", "value": "x"}], []),
    ],
)
def test_a_json_patch_says_what_its_steps_set(steps: list[Any], said: list[str]) -> None:
    write = written(audit("patch", "deployments", request=steps), Workload)
    assert not isinstance(write, Quiet)
    assert write.said is not None
    assert [one.name for one in write.said.pods.all_containers] == said


def test_a_json_patch_that_copies_says_what_came_of_it() -> None:
    steps = [{"op": "copy", "from": f"{PATH}/0/securityContext", "path": f"{PATH}/1/securityContext"}]
    write = written(audit("patch", "deployments", request=steps, response=template(pods(container("b")))), Workload)
    assert not isinstance(write, Quiet)
    assert write.said is write.now


CONTEXT = f"{PATH}/0/securityContext"
PRIVILEGED = template(pods(container("b", privileged=True)))


@pytest.mark.parametrize(
    "patch",
    [
        b'[{"op": "add", "path": "%s", "value": 7}, {"op": "add", "path": "%s", "value": {"privileged": true}}]'
        % (CONTEXT.encode(), CONTEXT.encode()),
        b'{"spec": 7, "spec": {"template": {"spec": {"containers": []}}}}',
        b'{"spec": {"x": %s%s}}' % (b"[" * 900, b"]" * 900),
    ],
)
def test_a_patch_that_cannot_be_read_is_judged_by_its_answer(patch: bytes) -> None:
    event = replace(audit("patch", "deployments", response=PRIVILEGED), request=msgspec.Raw(patch))
    write = written(event, Workload)
    assert not isinstance(write, Quiet)
    assert [one.privileged for one in write.now.pods.all_containers] == [True]


def test_a_patch_that_copies_is_loud_if_its_answer_is_withheld() -> None:
    steps = [{"op": "copy", "from": "/spec/template/spec/hostPID", "path": f"{CONTEXT}/privileged"}]
    with pytest.raises(msgspec.ValidationError, match="cannot be told without its answer"):
        written(audit("patch", "deployments", request=steps, response=TABLE), Workload)
    steps = [{"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/b"}]
    assert not isinstance(written(audit("patch", "deployments", request=steps, response=TABLE), Workload), Quiet)


def test_a_record_that_was_cut_says_so() -> None:
    assert written(audit("create", "pods", truncated=True), Pod) == Quiet("the request body was recorded", "cut")


KEYS = st.sampled_from(["spec", "template", "containers", "0", "-", "name", "~1", "metadata"])


@given(
    st.lists(
        st.tuples(
            st.lists(KEYS, max_size=6),
            st.none() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.integers()),
        )
    )
)
def test_any_json_patch_is_read_or_refused_by_its_types(steps: list[tuple[list[str], Any]]) -> None:
    request = [{"op": "add", "path": "".join(f"/{key}" for key in path), "value": value} for path, value in steps]
    with suppress(msgspec.ValidationError):
        written(audit("patch", "deployments", request=request), Workload)


NEW, OLD = "2026-09-21T14:13:00Z", "2026-09-21T13:00:00Z"


def applied(sent: Any, *, code: int = 200, operation: str = "Apply", stamp: str = OLD) -> AuditEvent:
    entry = {"manager": "flux", "operation": operation, "time": stamp}
    return audit(
        "patch", "roles", code=code, request=sent, response={"metadata": {"managedFields": [entry]}, "rules": []}
    )


ROLE = {"apiVersion": "v1", "kind": "Role", "rules": []}


def test_the_times_of_these_examples_lie_around_the_start() -> None:
    assert START == 1_790_000_000_000_000  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize(
    ("event", "quiet"),
    [
        (applied(ROLE), True),
        (applied(ROLE, stamp=NEW), False),
        (applied(ROLE, code=201), False),
        (applied(ROLE, operation="Update"), False),
        (applied(ROLE, stamp="yesterday"), False),
        (applied(ROLE, stamp="2026-09-21T13:00:00"), True),
        (applied({**ROLE, "metadata": {"labels": None}}), False),
        (applied({**ROLE, "metadata": {"managedFields": [{}]}}), False),
        (applied({**ROLE, "$patch": "replace"}), False),
        (applied([{"op": "remove", "path": "/rules/0"}]), False),
    ],
)
def test_an_apply_that_changes_nothing_is_quiet(event: AuditEvent, quiet: bool) -> None:
    found = written(event, Role)
    assert isinstance(found, Quiet) is quiet
    if isinstance(found, Quiet):
        assert found.saw.startswith("unchanged since 2026-09-21T13:00:00")


def test_an_escaped_directive_does_not_pass_for_an_apply() -> None:
    event = applied(ROLE)
    escaped = replace(event, request=msgspec.Raw(b'{"\\u0024patch": "delete"}'))
    assert not isinstance(written(escaped, Body), Quiet)


@pytest.mark.parametrize(
    ("patch", "alone"),
    [
        ({"metadata": {"labels": {"a": "b"}, "annotations": {"c": None}}}, True),
        ({"metadata": {"labels": {"a": "b"}, "ownerReferences": []}}, False),
        ({"metadata": {"labels": {}}, "data": {}}, False),
        ({"$patch": "replace", "metadata": {"labels": {}}}, False),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {}}}, False),
        ([{"op": "remove", "path": "/data"}], False),
        ({"metadata": {"labels": 7}}, False),
        ({}, False),
        (None, False),
    ],
)
def test_labels_alone_are_told_from_what_may_change_more(patch: Any, alone: bool) -> None:
    assert labels_only(audit("patch", "configmaps", request=patch)) is alone


@pytest.mark.parametrize(("subresource", "quiet"), [("status", True), ("scale", True), (None, False)])
def test_a_stamp_of_the_status_does_not_make_an_apply_a_change(subresource: str | None, quiet: bool) -> None:
    entries = [
        {"manager": "flux", "operation": "Apply", "time": OLD},
        {"manager": "kube-controller-manager", "operation": "Update", "time": NEW, "subresource": subresource},
    ]
    event = audit("patch", "roles", request=ROLE, response={"metadata": {"managedFields": entries}})
    assert isinstance(written(event, Role), Quiet) is quiet


def test_an_apply_to_a_subresource_is_judged_by_its_own_stamps() -> None:
    entries = [
        {"manager": "eve", "operation": "Apply", "time": NEW, "subresource": "ephemeralcontainers"},
        {"manager": "flux", "operation": "Apply", "time": OLD},
    ]
    answer = {"metadata": {"managedFields": entries}}
    event = audit("patch", "pods/ephemeralcontainers", request={"kind": "Pod"}, response=answer)
    assert not isinstance(written(event, Pod), Quiet)
