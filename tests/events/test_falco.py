"""What Falco says in ways of its own."""

import json
from typing import Any

import pytest

from events import RuntimeEvent
from events.decoder import Decoder


def execution(**fields: Any) -> RuntimeEvent:
    told = {"evt.type": "execve", "proc.pid": 7, "container.id": "0123456789ab"} | fields
    record = {"time": "2026-09-14T09:00:00Z", "rule": "All executions", "source": "syscall", "output_fields": told}
    (event,) = Decoder().decode(json.dumps(record).encode())
    assert isinstance(event, RuntimeEvent)
    return event


@pytest.mark.parametrize(
    ("path", "name", "binary"),
    [
        ("/bin/busybox", "wget", "/bin/wget"),
        ("/usr/sbin/xtables-nft-multi", "iptables", "/usr/sbin/iptables"),
        ("/bin/bash", "run.sh", "/bin/bash"),
        ("/tmp/asc_alerttest_662jfi039n", "asc_alerttest_6", "/tmp/asc_alerttest_662jfi039n"),
        ("/bin/busybox", None, "/bin/busybox"),
        (None, "curl", "curl"),
    ],
)
def test_a_link_to_a_program_that_is_many_keeps_its_name(path: str | None, name: str | None, binary: str) -> None:
    event = execution(**{"proc.exepath": path, "proc.name": name, "proc.pexepath": path, "proc.pname": name})
    assert event.process.binary == binary
    assert event.parent is not None
    assert event.parent.binary == binary


@pytest.mark.parametrize("field", ["healthcheck", "liveness_probe", "readiness_probe"])
@pytest.mark.parametrize(
    ("said", "probe"), [(True, True), ("true", True), (False, False), ("<NA>", False), (None, False)]
)
def test_a_probe_is_known(field: str, said: Any, probe: bool) -> None:
    assert execution(**{f"proc.is_container_{field}": said}).process.probe is probe


def test_pids_in_the_container_tell_its_entry_point() -> None:
    event = execution(**{"proc.vpid": 12, "proc.pvpid": 1, "proc.pname": "sh"})
    assert event.process.container_pid == 12
    assert event.parent is not None
    assert event.parent.container_pid == 1
