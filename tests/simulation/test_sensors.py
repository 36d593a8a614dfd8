"""What sensors write of programs decodes to what the programs did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from events.decoder import Decoder
from events.runtime import Kind, RuntimeEvent
from simulation.chance import Chance
from simulation.clock import SECOND, moment
from simulation.envelopes import Native
from simulation.journal import Count, Journal
from simulation.schedule import Schedule
from simulation.sensors.containers import Container
from simulation.sensors.falco import Falco
from simulation.sensors.processes import Machine
from simulation.sensors.sensor import Sensor
from simulation.sensors.tetragon import Tetragon
from simulation.sensors.trees import grow, tree
from tests.simulation.playing import Lines

SENSORS: tuple[Callable[[str], Sensor], ...] = (Tetragon, Falco)
BEGIN = moment("2026-03-02T08:00:00Z")


class Node:
    """A machine, a container on it that has been there for an hour, and what its sensor has written."""

    def __init__(self, make: Callable[[str], Sensor]) -> None:
        self.written = Lines("runtime")
        self.schedule = Schedule(BEGIN)
        self.journal = Journal("prod-weu-1", "runtime", Native(), self.written, lambda label: None, Count())
        self.machine = Machine("node-1", "10.16.4.5", self.schedule, Chance(1), make("prod-weu-1"), self.journal)
        self.container = Container(
            "web",
            "registry.example/shop/web:1.4",
            identifier="c0ffee" * 10 + "beef",
            namespace="shop",
            pod="web-x2x7k",
            workload="web",
            kind="Deployment",
            started=BEGIN - 3600 * SECOND,
            labels={"app": "web"},
            address="10.244.1.9",
        )
        argv = ("/usr/local/bin/node", "/app/server.js")
        self.main = self.machine.entry(self.container, self.machine.shim(self.container), argv, uid=1000)
        self.schedule.now += SECOND

    def events(self) -> Iterator[RuntimeEvent]:
        self.journal.close(self.schedule.now + 3600 * SECOND)
        for line in self.written.kept:
            for item in Decoder().decode(line.encode()):
                assert isinstance(item, RuntimeEvent), item
                yield item


@pytest.fixture(params=SENSORS)
def node(request: pytest.FixtureRequest) -> Node:
    return Node(request.param)


def test_execution_in_a_container(node: Node) -> None:
    node.machine.run(node.main, ("sh", "-c", "convert in.jpg out.webp"), None, cwd="/data")
    (event,) = node.events()
    assert (event.kind, event.cluster, event.node) == (Kind.EXEC, "prod-weu-1", "node-1")
    assert event.time == BEGIN + SECOND
    assert event.process.name in {"sh", "dash"}
    assert event.process.arguments.replace('"', "") == "-c convert in.jpg out.webp"
    assert (event.process.uid, event.process.auid, event.process.cwd.rstrip("/")) == (1000, None, "/data")
    assert event.parent is not None
    assert event.parent.command_line == "/usr/local/bin/node /app/server.js"
    assert event.container is not None
    held = event.container
    assert (held.id, held.name, held.image) == ("c0ffeec0ffee", "web", "registry.example/shop/web:1.4")
    assert (held.namespace, held.pod, event.on_host) == ("shop", "web-x2x7k", False)


def test_login_on_the_host(node: Node) -> None:
    session = node.machine.run(node.machine.sshd, ("/usr/sbin/sshd", "-D", "-R"), None)
    node.schedule.now += SECOND
    node.machine.run(session, ("bash", "--login"), None, login=1000, uid=1000)
    event = list(node.events())[1]
    assert event.on_host
    assert event.container is None
    assert event.process.auid == 1000
    assert event.parent is not None
    assert event.parent.command_line == "/usr/sbin/sshd -D -R"


def test_start_script_makes_way(node: Node) -> None:
    shim, argv = node.machine.shim(node.container), ("/docker-entrypoint.sh", "nginx")
    script = node.machine.run(shim, argv, None, container=node.container)
    node.schedule.now += SECOND
    node.machine.replace(script, ("/usr/sbin/nginx", "-g", "daemon off;"), uid=101)
    first, second = node.events()
    assert first.process.pid == second.process.pid
    assert first.process.arguments == "/docker-entrypoint.sh nginx"
    assert second.process.command_line.replace('"', "") == "/usr/sbin/nginx -g daemon off;"
    assert second.process.uid == 101


def test_connection(node: Node) -> None:
    node.machine.connect(node.main, "203.0.113.9", 443)
    (event,) = node.events()
    assert event.kind is Kind.CONNECTION
    assert event.connection is not None
    found = event.connection
    assert (found.address, found.port, found.protocol, found.direction) == ("203.0.113.9", 443, "tcp", "out")
    assert event.process.command_line == "/usr/local/bin/node /app/server.js"
    assert "10.244.1.9" in node.written.kept[0]


@pytest.mark.parametrize(("write", "access"), [(False, "read"), (True, "write")])
def test_file(node: Node, *, write: bool, access: str) -> None:
    node.machine.touch(node.machine.sshd, "/root/.ssh/authorized_keys", write=write)
    (event,) = node.events()
    assert event.kind is Kind.FILE
    assert event.file is not None
    assert (event.file.path, event.file.access) == ("/root/.ssh/authorized_keys", access)


def test_losses(node: Node) -> None:
    node.machine.lose(7_200)
    events = list(node.events())
    assert {event.kind for event in events} == {Kind.LOST}
    assert 7_200 in [event.lost for event in events]
    assert all(event.node == "node-1" for event in events)


def test_probe_and_capabilities() -> None:
    node = Node(Tetragon)
    node.machine.run(node.machine.shim(node.container), ("pg_isready",), None, container=node.container, probe=True)
    node.schedule.now += SECOND
    node.machine.run(node.main, ("git", "status"), None)
    by_kubelet, by_server = node.events()
    assert by_kubelet.process.probe
    assert "CAP_CHOWN" in (by_kubelet.process.capabilities or ())
    assert not by_server.process.probe
    assert by_server.process.capabilities == ()


def test_ends() -> None:
    node = Node(Tetragon)
    node.machine.run(node.main, ("git", "fetch"), 2, status=128)
    node.machine.end(node.main, status=-9)
    exec_, killed, ended = node.events()
    assert [event.kind for event in (exec_, killed, ended)] == [Kind.EXEC, Kind.EXIT, Kind.EXIT]
    assert '"signal":"SIGKILL"' in node.written.kept[1]
    assert '"status":128' in node.written.kept[2]
    assert ended.process.exec_id == exec_.process.exec_id
    assert Node(Falco).machine.sensor.ended(node.main, BEGIN, 0) is None


def test_tree_is_in_order_and_ends_from_the_inside_out() -> None:
    node = Node(Tetragon)
    grow(node.main, tree("make", tree("cc -c a.c", "as -o a.o"), "ld -o a"))
    events = list(node.events())
    assert all(before.time <= after.time for before, after in pairwise(events))
    kinds = [(event.kind, event.process.name) for event in events]
    assert kinds.index((Kind.EXIT, "as")) < kinds.index((Kind.EXIT, "cc")) < kinds.index((Kind.EXIT, "make"))
    assert kinds[-1] == (Kind.EXIT, "make")
