"""Every way into a broker, by the settings of a job; and what is said to those who are not let in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.flows.following import binding
from tests.flows.kafka.jobs import job, kafka
from tests.kafka.broker import EVENT_HUBS, Broker
from tests.kafka.certificates import Authority

WAYS = [
    ("SASL_PLAINTEXT", "PLAIN", "alice"),
    ("SASL_PLAINTEXT", "SCRAM-SHA-256", "alice"),
    ("SASL_SSL", "SCRAM-SHA-512", "bob"),
    ("SASL_SSL", "PLAIN", EVENT_HUBS[0]),
    ("SASL_SSL", "OAUTHBEARER", "alice"),
    ("SSL", "", "alice"),
    ("MTLS", "", "alice"),
]
SECRETS = ("sasl.password", "sasl.oauthbearer.config")
QUICK = {"flows.kafka.client.ASKED_WITHIN": 2.0}


def client(broker: Broker, listener: str, mechanism: str, user: str) -> dict[str, Any]:
    """Properties as the settings take them: without what is for the tests' own clients."""
    found = broker.client(listener, mechanism, user)
    return {name: value for name, value in found.items() if name not in ("bootstrap.servers", "logger")}


@pytest.mark.parametrize(("listener", "mechanism", "user"), WAYS, ids=lambda value: value.strip("$"))
def test_a_job_reads_and_writes_by_every_way_in(
    broker: Broker, topic: str, tmp_path: Path, listener: str, mechanism: str, user: str
) -> None:
    """A secret comes from a file, or from the environment."""
    out = f"{topic}-alerts"
    broker.create(topic)
    broker.create(out)
    broker.produce(topic, binding("1"))
    properties, environment = client(broker, listener, mechanism, user), {}
    if SECRETS[0] in properties and user != "bob":
        (tmp_path / "password").write_text(properties.pop(SECRETS[0]) + "\n")
        properties["sasl.password.file"] = str(tmp_path / "password")
    for secret in SECRETS:
        if secret in properties:
            environment[f"MIDDLEWATCH_KAFKA__CLIENT__{secret.upper().replace('.', '_')}"] = properties.pop(secret)
    more = {"brokers": broker.brokers(listener), "client": properties, "alerts": {"topic": out}, "away": "20s"}
    settings = kafka(broker, topic, group=topic, **more)
    with job(tmp_path, settings, environment=environment) as running:
        running.await_alerts(1)
        running.stop()
    assert running.said == ""
    assert len(broker.read_all(out)) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_ends_the_job_at_once(broker: Broker, topic: str, tmp_path: Path, mechanism: str) -> None:
    (tmp_path / "password").write_text("a guess")
    properties = client(broker, "SASL_PLAINTEXT", mechanism, "alice")
    del properties[SECRETS[0]]
    properties["sasl.password.file"] = str(tmp_path / "password")
    told = refused(broker, topic, tmp_path, "SASL_PLAINTEXT", properties)
    assert "authentication" in told.lower()
    assert "a guess" not in told


def test_a_certificate_of_an_authority_that_is_not_known_ends_the_job_at_once(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other", "someone else")
    properties = {**client(broker, "SSL", "", "alice"), "ssl.ca.location": str(other.certificate)}
    assert "certificate" in refused(broker, topic, tmp_path, "SSL", properties)


def refused(broker: Broker, topic: str, folder: Path, listener: str, properties: dict[str, Any]) -> str:
    """What a job says that is not let in, in one line and within seconds."""
    broker.create(topic)
    settings = kafka(broker, topic, group=topic, brokers=broker.brokers(listener), client=properties)
    begun = time.monotonic()
    with job(folder, settings, tuned=QUICK) as running:
        told = running.fails()
    assert told.startswith("exit 1: middlewatch: kafka ")
    assert len(told.splitlines()) == 1
    assert time.monotonic() - begun < 30
    return told


def test_a_password_in_the_settings_file_is_refused(broker: Broker, topic: str, tmp_path: Path) -> None:
    properties = client(broker, "SASL_PLAINTEXT", "PLAIN", "alice")
    with job(tmp_path, kafka(broker, topic, group=topic, client=properties)) as running:
        told = running.fails()
    assert told.startswith("exit 2: ")
    assert "kafka.client.sasl.password: a secret" in told
    assert properties[SECRETS[0]] not in told


def test_a_topic_that_may_not_be_read_is_named(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.create(topic)
    broker.produce(topic, binding("1"))
    broker.deny(topic, "bob")
    (tmp_path / "password").write_text("bob-secret")
    properties = client(broker, "SASL_PLAINTEXT", "PLAIN", "bob") | {"sasl.password.file": str(tmp_path / "password")}
    del properties[SECRETS[0]]
    settings = kafka(broker, topic, group=topic, brokers=broker.brokers("SASL_PLAINTEXT"), client=properties)
    with job(tmp_path, settings) as running:
        told = running.fails()
    assert told.startswith("exit 1: ")
    assert f"topic {topic}" in told
