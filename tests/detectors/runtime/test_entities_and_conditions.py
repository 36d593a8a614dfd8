"""Whom a runtime event is about, and the conditions that detectors share."""

import msgspec
import pytest

from alerts.signal import Entity
from detectors.examples import SHOP, execution
from detectors.runtime.conditions import on_host, place_unknown, probe
from detectors.runtime.entities import LONGEST, actor, entity
from events import Process, RuntimeEvent

INSIDE = execution("/usr/bin/id")
HOST = execution("/usr/bin/id", container=None)
UNKNOWN = msgspec.structs.replace(HOST, on_host=None)


@pytest.mark.parametrize(
    ("event", "expected"), [(INSIDE, (False, False)), (HOST, (True, False)), (UNKNOWN, (False, True))]
)
def test_a_place_is_a_container_the_host_or_unknown(event: RuntimeEvent, expected: tuple[bool, bool]) -> None:
    assert (on_host(event), place_unknown(event)) == expected


def test_a_probe_is_the_process_its_parent_or_an_ancestor() -> None:
    health = Process(binary="/health", probe=True)
    assert not probe(INSIDE)
    assert probe(execution("/usr/bin/id", probe=True))
    assert probe(msgspec.structs.replace(INSIDE, parent=health))
    deep = msgspec.structs.replace(INSIDE, ancestors=(Process(), health))
    assert probe(deep)
    assert probe.saw(deep) == "/health"


def test_a_container_is_named_by_its_id_with_what_is_known() -> None:
    expected = {
        "kind": "container",
        "name": "0123456789ab",
        "namespace": "shop",
        "pod": "web-6d4cf56db6-x2x7k",
        "container": "web",
        "image": "registry.example/shop/web:1.4",
        "node": "node-1",
        "workload": "Deployment/web",
    }
    assert msgspec.to_builtins(entity(INSIDE)) == expected
    assert entity(HOST) == Entity("node", "node-1")
    nameless = msgspec.structs.replace(SHOP, id="")
    assert entity(execution("/usr/bin/id", container=nameless)).name == "web"
    bare = msgspec.structs.replace(SHOP, workload_kind="")
    assert entity(execution("/usr/bin/id", container=bare)).workload == "web"


def test_long_command_lines_are_cut_and_a_missing_parent_is_empty() -> None:
    found = actor(msgspec.structs.replace(execution("/bin/echo", "x " * LONGEST), parent=None))
    assert found.name.startswith("/bin/echo x x")
    assert len(found.name) <= LONGEST
    assert found.parent == ""
