"""What a request made of an object."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.audit.bodies import written
from detectors.audit.objects import Body, Pod, Role, Workload
from detectors.contract import Quiet
from detectors.examples import START, audit
from events import AuditEvent
from tests.detectors.audit.written import container, pods, template

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
        assert found.saw == f"unchanged since {OLD}"


def test_an_escaped_directive_does_not_pass_for_an_apply() -> None:
    event = applied(ROLE)
    escaped = msgspec.structs.replace(event, request=msgspec.Raw(b'{"\\u0024patch": "delete"}'))
    assert not isinstance(written(escaped, Body), Quiet)
