"""What the test brokers are told: listeners, users, and settings that make tests quick."""

import base64
import hashlib
import os
import random
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from tests.kafka.certificates import Certificate
from tests.kafka.jars import cache

PROTOCOLS = {
    "PLAINTEXT": "PLAINTEXT",
    "SASL_PLAINTEXT": "SASL_PLAINTEXT",
    "SSL": "SSL",
    "SASL_SSL": "SASL_SSL",
    "MTLS": "SSL",
    "PROXY": "PLAINTEXT",
    "CONTROLLER": "PLAINTEXT",
}
"""Protocol of each listener. MTLS demands a client certificate; PROXY advertises another port than it listens on."""
USERS = {"alice": "alice-secret", "bob": "bob-secret"}
"""Known to PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512."""
EVENT_HUBS = ("$ConnectionString", "Endpoint=sb://test.example/;SharedAccessKeyName=listen;SharedAccessKey=c2Vj+/8=")
"""A user of PLAIN as Azure Event Hubs has them."""
PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections: a broker that was killed finds its own free again."""
CLUSTER_ID = "bWlkZGxld2F0Y2gtdGVzdA"
MODULES = "org.apache.kafka.common.security"

QUICK = {
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "log.initial.task.delay.ms": "200",
    "log.retention.ms": "-1",
    "log.retention.check.interval.ms": "300",
    "log.segment.bytes": str(1 << 20),
    "log.segment.delete.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": str(4 << 20),
    "log.cleaner.backoff.ms": "500",
    "broker.heartbeat.interval.ms": "300",
    "broker.session.timeout.ms": "2000",
    "controlled.shutdown.max.retries": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
"""Retention that passes in seconds, few threads, little memory; not what a production broker is told."""


class Node(Struct, frozen=True):
    """One broker of a cluster: where it listens and where its files are."""

    id: int
    ports: dict[str, int]
    advertised: int
    """The port that PROXY advertises."""
    folder: Path

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"


def nodes(number: int, folder: Path) -> list[Node]:
    """Nodes 1, 2, ... with ports that are free now."""
    found = iter(free_ports(number * (len(PROTOCOLS) + 1)))
    made = [
        Node(place + 1, {name: next(found) for name in PROTOCOLS}, next(found), folder / f"node-{place + 1}")
        for place in range(number)
    ]
    for node in made:
        node.folder.mkdir(parents=True, exist_ok=True)
    return made


def free_ports(number: int) -> list[int]:
    """So many different ports of 127.0.0.1 to which nobody listens."""
    held: list[socket.socket] = []
    choice = random.SystemRandom()
    try:
        while len(held) < number:
            trial = socket.socket()
            try:
                trial.bind(("127.0.0.1", choice.choice(PORTS)))
            except OSError:
                trial.close()
            else:
                held.append(trial)
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def write(node: Node, among: Sequence[Node], server: Certificate, authority: Path, more: Mapping[str, str]) -> None:
    """Write the node's server.properties. Three or more nodes are all controllers; of two only the first is."""
    controllers = [other for other in among if len(among) > 2 or other.id == 1]
    roles = "broker,controller" if node in controllers else "broker"
    names = [name for name in PROTOCOLS if name != "CONTROLLER" or node in controllers]
    advertised = {**node.ports, "PROXY": node.advertised}
    copies = str(min(3, len(among)))
    settings = {
        "process.roles": roles,
        "node.id": str(node.id),
        "controller.quorum.voters": ",".join(f"{one.id}@127.0.0.1:{one.ports['CONTROLLER']}" for one in controllers),
        "controller.listener.names": "CONTROLLER",
        "listeners": _places(names, node.ports),
        "advertised.listeners": _places([name for name in names if name != "CONTROLLER"], advertised),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in PROTOCOLS.items()),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(node.folder / "data"),
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "share.coordinator.state.topic.replication.factor": copies,
        **QUICK,
        **_access(),
        **_encryption(server, authority),
        **more,
    }
    node.properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def format_(node: Node, java: Sequence[str]) -> None:
    """Make a node's data folder. Kafka's storage tool writes the first records, once for all; they say no node."""
    users = _scram()
    first = cache() / f"bootstrap-{hashlib.sha256(repr(users).encode()).hexdigest()[:16]}.checkpoint"
    data = node.folder / "data"
    if first.exists():
        data.mkdir()
        directory = base64.urlsafe_b64encode(b"k" + secrets.token_bytes(15)).decode().rstrip("=")
        known = {"version": 1, "cluster.id": CLUSTER_ID, "node.id": node.id, "directory.id": directory}
        (data / "meta.properties").write_text("".join(f"{name}={value}\n" for name, value in known.items()))
        shutil.copy(first, data / "bootstrap.checkpoint")
        return
    command = [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(node.properties), *users]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    trial = first.with_suffix(f".{os.getpid()}")
    shutil.copy(data / "bootstrap.checkpoint", trial)
    trial.replace(first)


def _scram() -> list[str]:
    return [
        argument
        for user, password in USERS.items()
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        for argument in ("--add-scram", f"{mechanism}=[name={user},password={password}]")
    ]


def _places(names: Sequence[str], ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{ports[name]}" for name in names)


def _access() -> dict[str, str]:
    users = "".join(f' user_{user}="{password}"' for user, password in (*USERS.items(), EVENT_HUBS))
    modules = {
        "plain": f"{MODULES}.plain.PlainLoginModule required{users};",
        "scram-sha-256": f"{MODULES}.scram.ScramLoginModule required;",
        "scram-sha-512": f"{MODULES}.scram.ScramLoginModule required;",
        "oauthbearer": f'{MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
    }
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": ",".join(name.upper() for name in modules),
        **{
            f"listener.name.{listener}.{mechanism}.sasl.jaas.config": module
            for listener in ("sasl_plaintext", "sasl_ssl")
            for mechanism, module in modules.items()
        },
    }


def _encryption(server: Certificate, authority: Path) -> dict[str, str]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "listener.name.mtls.ssl.client.auth": "required",
    }
