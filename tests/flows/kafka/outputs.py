"""Settings and alerts that tests of outputs share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from confluent_kafka import Message

from alerts import Alert
from flows.kafka.settings import AlertTopic, DeadLetterTopic, KafkaSettings, TopicSettings
from tests.alerts.samples import ENTITIES, alert, evidence, signal


def settings(brokers: str, within: float = 20.0, form: str = "jsonl", **client: str) -> KafkaSettings:
    return KafkaSettings(
        brokers=brokers,
        topics=[TopicSettings(name="audit")],
        alerts=AlertTopic.model_validate({"topic": "alerts", "format": form}),
        dead_letters=DeadLetterTopic(topic="letters"),
        deliver_within=timedelta(seconds=within),
        client={name.replace("_", "."): value for name, value in client.items()},
    )


def numbered(count: int) -> list[Alert]:
    """Alerts of several entities, each revised again and again."""
    entities = list(ENTITIES.values())
    made = [alert(signal(entity=entity)) for entity in entities]
    return [
        made[place % len(made)].model_copy(update={"revision": place // len(made) + 1, "activity": "update"})
        for place in range(count)
    ]


def said(message: Message) -> dict[str, bytes | None]:
    headers: Any = message.headers()
    return dict(headers)


def large() -> Alert:
    """About 2 MB."""
    return alert(signal(*[evidence(at) for at in range(20)], fields={"paths": ["/x" * 200] * 5_000}))
