"""What becomes of a record of each format: the fields that its documentation promises."""

import operator
from typing import Any

import msgspec
import pytest

from events import ActivityEvent, AuditEvent, Item, RuntimeEvent, Skipped
from tests.events.captures import items
from tests.events.expected import EXPECTED


def differences(item: Item, expected: Skipped | dict[str, Any]) -> dict[str, Any]:
    if isinstance(expected, Skipped):
        return {} if item == expected else {"item": item}
    assert isinstance(item, AuditEvent | RuntimeEvent | ActivityEvent), item
    found = {path: operator.attrgetter(path)(item) for path in expected}
    return {path: value for path, value in found.items() if value != expected[path]}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_record_has_the_fields_of_its_documentation(name: str) -> None:
    found = items(name)
    assert len(found) == len(EXPECTED[name])
    assert [differences(*pair) for pair in zip(found, EXPECTED[name], strict=True)] == [{}] * len(found)


def test_bodies_are_kept_as_they_were_written() -> None:
    create = items("native")[1]
    assert isinstance(create, AuditEvent)
    assert create.request is not None
    assert create.response is not None
    assert msgspec.json.decode(create.request)["metadata"] == {"generateName": "web-6d4cf56db6-"}
    assert msgspec.json.decode(create.response)["metadata"]["uid"] == "u-1"


def test_a_cut_record_keeps_the_body_that_came_whole() -> None:
    cut = items("aks")[4]
    assert isinstance(cut, AuditEvent)
    assert cut.request is not None
    assert msgspec.json.decode(cut.request)["kind"] == "Pod"


def test_ancestors_that_a_rule_skips_keep_their_place() -> None:
    nmap = items("falco")[1]
    assert isinstance(nmap, RuntimeEvent)
    assert [ancestor.binary for ancestor in nmap.ancestors] == ["", "sshd"]


def test_an_ancestor_far_up_keeps_its_place() -> None:
    curl = items("falco")[-1]
    assert isinstance(curl, RuntimeEvent)
    assert [(level, found.name, found.pid) for level, found in enumerate(curl.ancestors, 2) if found.binary] == [
        (2, "containerd-shim", None),
        (10, "systemd", 1),
    ]


def test_each_process_is_told_its_own_pid_in_the_container_and_whether_it_is_a_probe() -> None:
    curl = items("tetragon")[-1]
    assert isinstance(curl, RuntimeEvent)
    assert [(found.container_pid, found.probe) for found in curl.ancestors] == [(40, True), (None, False)]


def test_the_managed_identity_is_the_resource_in_the_token() -> None:
    record = items("azure_activity")[0]
    assert isinstance(record, ActivityEvent)
    assert record.identity.managed_identity.endswith("/managedclusters/prod-weu-1")
