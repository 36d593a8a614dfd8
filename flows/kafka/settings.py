"""Settings of Kafka: where records come from, and where alerts go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

import re2
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from detectors.parameters import Duration

SECRETS = frozenset(
    {
        "sasl.password",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
    }
)
"""Properties whose values come from the environment or from files only."""
OURS = {
    "bootstrap.servers": "brokers says it",
    "group.id": "group says it",
    "auto.offset.reset": "start and on_gap say it",
    "enable.auto.commit": "positions are committed when they are durable",
    "enable.auto.offset.store": "positions are committed when they are durable",
    "enable.partition.eof": "the source needs it",
    "enable.idempotence": "alerts are written with it",
    "acks": "alerts are acknowledged by all replicas in sync",
    "message.timeout.ms": "deliver_within says it",
    "delivery.timeout.ms": "deliver_within says it",
    "delivery.report.only.error": "what is delivered is told",
    "transactional.id": "alerts are written without transactions",
    "plugin.library.paths": "no code is loaded by settings",
}
"""Properties of librdkafka that cannot be passed through, and why."""
FROM_FILE = ".file"
CLUSTER = "cluster"
"""Group of a pattern that names the cluster."""
HEADER = "header:"
LEGAL = r"[a-zA-Z0-9._-]{1,249}"
"""Names of topics, by Kafka's rule."""


class TopicSettings(BaseModel):
    """One topic, or all whose names match a pattern."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(None, pattern=f"^{LEGAL}$", description="Of the topic, exactly.")
    pattern: str | None = Field(
        None, description="RE2, for whole names; a group `cluster` names the cluster: `audit-(?P<cluster>.+)`."
    )
    cluster: str | None = Field(None, min_length=1, description="The cluster of events that do not say theirs.")
    cluster_from: str | None = Field(
        None,
        pattern=f"^(key|{HEADER}.+)$",
        description="What of a message names it instead: `key`, or `header:NAME`.",
    )

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        if (self.name is None) == (self.pattern is None):
            raise ValueError("either name or pattern")
        if self.cluster is not None and self.cluster_from is not None:
            raise ValueError("either cluster or cluster_from")
        if self.pattern is not None:
            _compiled(self.pattern)
        return self

    def cluster_of(self, topic: str) -> str | None:
        """The cluster of a topic that this is about; empty if only a message can say; None if it is about others."""
        if self.pattern is None:
            return (self.cluster or "") if topic == self.name else None
        found = _compiled(self.pattern).fullmatch(topic)
        if found is None:
            return None
        return self.cluster or found.groupdict().get(CLUSTER) or ""


class AlertTopic(BaseModel):
    """Where alerts go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(pattern=f"^{LEGAL}$", description="It must be there.")
    format: Literal["jsonl", "ocsf"] = Field("jsonl", description="One alert a message.")


class DeadLetterTopic(BaseModel):
    """Where what could not be read or judged goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(pattern=f"^{LEGAL}$", description="It must be there.")


class KafkaSettings(BaseModel):
    """Kafka, or what speaks its protocol, such as Event Hubs (docs/event-hubs.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    brokers: str = Field(min_length=1, description="`host:port`, several by commas or as a list.")
    topics: list[TopicSettings] = Field(min_length=1, description="What is read; the first that fits a topic counts.")
    group: str = Field(
        "middlewatch", min_length=1, description="Positions are committed to it when they are durable, for lag tools."
    )
    start: Literal["earliest", "latest"] | AwareDatetime = Field(
        "earliest",
        description="Where partitions begin, or a time. If the checkpoint knows positions, those that it does not know"
        " have come since, and are read from their beginning.",
    )
    on_gap: Literal["continue", "stop"] = Field(
        "continue", description="What is done when retention has deleted what was not read yet."
    )
    away: Duration = Field(timedelta(minutes=10), description="How long a broker is waited for at the start.")
    quiet: Duration = Field(
        timedelta(seconds=10),
        description="When all topics are silent for longer, time goes on without events. Producers that reconnect"
        " deliver within it.",
    )
    client: dict[str, str] = Field(
        {}, repr=False, description="Properties of librdkafka, as they are; `PROPERTY.file` reads one from a file."
    )
    alerts: AlertTopic | None = Field(None, description="Where alerts go, besides `--output`.")
    dead_letters: DeadLetterTopic | None = Field(None, description="Where dead letters go.")
    deliver_within: Duration = Field(
        timedelta(minutes=2),
        ge=timedelta(seconds=1),
        description="A message that is not acknowledged by then is a failure: the job ends, and goes on from its"
        " checkpoint.",
    )

    @field_validator("brokers", mode="before")
    @classmethod
    def _joined(cls, brokers: Any) -> Any:
        return ",".join(brokers) if isinstance(brokers, list) and all(isinstance(b, str) for b in brokers) else brokers

    @field_validator("client", mode="before")
    @classmethod
    def _as_librdkafka_writes_them(cls, client: Any) -> Any:
        """In the environment dots are underscores; a switch or a number of YAML is text."""
        if not isinstance(client, dict):
            return client
        return {property_name(str(name)): _text(value) for name, value in client.items()}

    @field_validator("client", mode="after")
    @classmethod
    def _ready(cls, client: dict[str, str]) -> dict[str, str]:
        return dict(_from_files(client))


def property_name(name: str) -> str:
    """A property of librdkafka in any spelling.

    Examples
    --------
    >>> property_name("SASL_PASSWORD")
    'sasl.password'
    """
    return name.lower().replace("_", ".")


def written_secrets(data: Mapping[str, Any]) -> Iterator[str]:
    """Names, as they are written, of secrets that stand in a settings file."""
    kafka = data.get("kafka")
    client = kafka.get("client") if isinstance(kafka, dict) else None
    for name in client if isinstance(client, dict) else ():
        if property_name(str(name)) in SECRETS:
            yield str(name)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _from_files(client: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in client.items():
        whole = name.removesuffix(FROM_FILE)
        if whole in OURS:
            raise ValueError(f"{whole} is not for settings: {OURS[whole]}")
        if whole == name:
            yield name, value
            continue
        if whole in client:
            raise ValueError(f"either {whole} or {name}")
        try:
            yield whole, Path(value).read_text(encoding="utf8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}: {getattr(error, 'strerror', None) or 'not UTF-8'}: {value}") from None


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"pattern is not RE2: {error.args[0]!r}") from None
