"""A real Apache Kafka for tests: one node or several, KRaft, on 127.0.0.1, gone when the test process is gone."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.kafka import jars, properties
from tests.kafka.certificates import Authority
from tests.kafka.cluster import WITHIN, Cluster, await_
from tests.kafka.properties import EVENT_HUBS, USERS, Node, free_ports
from tests.kafka.proxy import Proxy

CONSUMER_GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
TOPICS = "org.apache.kafka.tools.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"
REASSIGN = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
"""Tools that `Broker.tool` runs."""
STARTS_WITHIN = 60.0
STOPS_WITHIN = 15.0
"""Seconds."""
TETHER = Path(__file__).with_name("tether.py")


class Broker(Cluster):
    """Apache Kafka. Its address stays the same when it is stopped or killed and started again, and so does its data.

    Parameters
    ----------
    nodes
        How many. With three or more, one may be away; with two, the first must stay: it alone is the controller.
    folder
        Where data, logs and certificates are kept, for example on a small file system; in memory and until the end
        of the test, if not given.
    settings
        Added to each node's server.properties.
    flags
        For Java, in place of the archive of loaded classes.

    Raises
    ------
    NoKafkaError
        There is no Java, or Maven cannot get the jars.
    """

    name = f"Apache Kafka {jars.VERSION} (real broker)"

    def __init__(
        self,
        nodes: int = 1,
        folder: Path | None = None,
        settings: Mapping[str, str] | None = None,
        flags: Iterable[str] = (),
    ) -> None:
        self._java = jars.java(*flags)
        memory = Path("/dev/shm")
        self._own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="kafka-", dir=memory if memory.is_dir() else None))
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.nodes = properties.nodes(nodes, self.folder)
        self.authority = Authority(self.folder / "certificates")
        self._more = dict(settings or {})
        self._clients: dict[int, AdminClient] = {}

    def requires(self, what: str) -> None:
        """Nothing: it serves all there is."""

    def __enter__(self) -> Self:
        server = self.authority.sign("broker")
        for node in self.nodes:
            properties.write(node, self.nodes, server, self.authority.certificate, self._more)
            properties.format_(node, self._java)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pids(self) -> dict[int, int]:
        """Process of each node that runs."""
        return {number: process.pid for number, process in self._running.items() if process.poll() is None}

    def brokers(self, listener: str = "PLAINTEXT") -> str:
        places = (node.advertised if listener == "PROXY" else node.ports[listener] for node in self.nodes)
        return ",".join(f"127.0.0.1:{port}" for port in places)

    def client(self, listener: str = "PLAINTEXT", mechanism: str = "", user: str = "alice") -> dict[str, Any]:
        """As `Cluster.client`; MTLS gets a certificate for this user."""
        protocol = properties.PROTOCOLS[listener]
        found = {**super().client(listener, mechanism, user), "security.protocol": protocol}
        if protocol.endswith("SSL"):
            found["ssl.ca.location"] = str(self.authority.certificate)
        if listener == "MTLS":
            own = self.authority.sign(user)
            found |= {"ssl.certificate.location": str(own.certificate), "ssl.key.location": str(own.key)}
        if mechanism == "OAUTHBEARER":
            found |= {"enable.sasl.oauthbearer.unsecure.jwt": True, "sasl.oauthbearer.config": f"principal={user}"}
        elif mechanism:
            found |= {"sasl.username": user, "sasl.password": {**USERS, EVENT_HUBS[0]: EVENT_HUBS[1]}[user]}
        return {**found, "sasl.mechanisms": mechanism} if mechanism else found

    def proxy(self, node: int = 1) -> Proxy:
        """What clients of the listener PROXY go through to this node; that listener is of no use without."""
        return Proxy(self.nodes[node - 1].ports["PROXY"], self.nodes[node - 1].advertised)

    def start(self, *numbers: int) -> None:
        """Start these nodes, or all that do not run, and wait until they answer."""
        begun = [node for node in self.nodes if node.id in (numbers or {one.id for one in self.nodes} - set(self.pids))]
        for node in begun:
            keeper = [str(os.getpid()), str(self.folder) if self._own else "-"]
            command = [sys.executable, "-I", "-S", str(TETHER), *keeper]
            with node.log.open("ab") as log:
                self._running[node.id] = subprocess.Popen(
                    [*command, *self._java, "kafka.Kafka", str(node.properties)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        for node in begun:
            self._await(node)

    def stop(self, *numbers: int) -> None:
        """End these nodes, or all, as an operator would; those that take too long are killed."""
        self._signal(signal.SIGTERM, numbers)
        for number in numbers or tuple(self._running):
            try:
                self._running[number].wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill(number)

    def kill(self, *numbers: int) -> None:
        """End these nodes, or all, at once."""
        self._signal(signal.SIGKILL, numbers)
        for number in numbers or tuple(self._running):
            self._running[number].wait(STOPS_WITHIN)

    def pause(self, *numbers: int) -> None:
        """Let these nodes, or all, hang: their connections stay, and nothing answers."""
        self._signal(signal.SIGSTOP, numbers)

    def resume(self, *numbers: int) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT, numbers)

    def tool(self, name: str, *arguments: str, listener: str = "PLAINTEXT") -> str:
        """What one of Kafka's own tools prints, for this cluster.

        Parameters
        ----------
        name
            The tool's class, for example `CONSUMER_GROUPS`.
        """
        command = [*self._java, name, "--bootstrap-server", self.brokers(listener), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def said(self, node: int = 1) -> str:
        """What a node has logged: warnings and errors."""
        return self.nodes[node - 1].log.read_text(errors="replace")

    def _everyone(self) -> list[AdminClient]:
        return [self._asks(node) for node in self.nodes if node.id in self.pids]

    def _asks(self, node: Node) -> AdminClient:
        if node.id not in self._clients:
            quick = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100}
            address = f"127.0.0.1:{node.ports['PLAINTEXT']}"
            self._clients[node.id] = AdminClient({**self.client(), **quick, "bootstrap.servers": address})
        return self._clients[node.id]

    def _signal(self, number: int, nodes: tuple[int, ...]) -> None:
        for node, pid in self.pids.items():
            if node in nodes or not nodes:
                os.kill(pid, number)

    def _await(self, node: Node) -> None:
        """Wait until a node answers and, with all nodes running, every partition has a leader."""
        port = node.ports["PLAINTEXT"]
        await_(lambda: self._listens(node, port), f"node {node.id} listens", STARTS_WITHIN)
        asked = self._asks(node)
        everyone = len(self.pids) == len(self.nodes)

        def ready() -> bool:
            self._alive(node)
            try:
                found = asked.list_topics(timeout=1)
            except KafkaException:
                return False
            partitions = [one for topic in found.topics.values() for one in topic.partitions.values()]
            led = all(one.leader > 0 for one in partitions) or not everyone
            return node.id in found.brokers and led

        await_(ready, f"node {node.id} answers", STARTS_WITHIN)

    def _listens(self, node: Node, port: int) -> bool:
        self._alive(node)
        with socket.socket() as trial:
            trial.settimeout(WITHIN)
            return trial.connect_ex(("127.0.0.1", port)) == 0

    def _alive(self, node: Node) -> None:
        code = self._running[node.id].poll()
        assert code is None, f"node {node.id} ended with {code}: {self.said(node.id)[-2000:]}"


__all__ = ["CONFIGS", "CONSUMER_GROUPS", "EVENT_HUBS", "OFFSETS", "REASSIGN", "TOPICS", "USERS", "Broker", "free_ports"]
