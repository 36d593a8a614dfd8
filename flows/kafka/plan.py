"""Which partitions a job reads, and where it begins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from flows.kafka.client import ASKED_WITHIN, admin
from flows.kafka.connection import Connection
from flows.kafka.errors import KafkaFailedError
from flows.kafka.settings import KafkaSettings, TopicSettings

Key = tuple[str, int]
"""Topic and partition."""
INTERNAL = "__"
"""What the names of Kafka's own topics begin with."""


class PlannedPartition(Struct, frozen=True):
    """One partition, as the job reads it."""

    topic: str
    partition: int
    cluster: str
    """Of events that do not say theirs; empty if a message says it."""
    cluster_from: str
    """What of a message says it; empty if nothing does."""
    begins: int
    """Offset from which it is read if the checkpoint knows no position of it."""
    identity: str
    """Of the topic: another one of the same name has another; empty if the brokers do not tell."""


def lane_name(topic: str, partition: int) -> str:
    """What a partition is called in the dataflow and in checkpoints; no topic's name has brackets.

    Examples
    --------
    >>> lane_name("audit", 3)
    'audit[3]'
    """
    return f"{topic}[{partition}]"


def is_partition(lane: str) -> bool:
    """Whether a lane is a partition of a topic.

    Examples
    --------
    >>> is_partition("audit[3]"), is_partition("lane-03")
    (True, False)
    """
    return lane.endswith("]")


def plan_partitions(settings: KafkaSettings, known: Collection[str]) -> dict[str, PlannedPartition]:
    """By lane all partitions that the settings name, as they are now.

    Parameters
    ----------
    known
        Lanes of which the checkpoint knows a position. If it knows any, partitions of which it knows none have come
        since, and are read from their beginning.

    Raises
    ------
    KafkaFailedError
        No broker answers for as long as the settings allow, or one refuses; or a topic that is named is not there.
    KafkaSettingsError
        librdkafka does not take the settings.
    """
    connection = Connection(settings)
    topics = connection.ask(lambda consumer: consumer.list_topics(timeout=ASKED_WITHIN).topics)
    chosen = chosen_topics(settings, topics)
    refuse_missing(settings, topics, chosen)
    partitions = [(name, number) for name in chosen for number in sorted(topics[name].partitions)]
    fresh = [key for key in partitions if lane_name(*key) not in known]
    begins = connection.ask(lambda consumer: dict(_begins(consumer, settings, fresh, bool(known))))
    connection.consumer.close()
    identities = _identities(settings, list(chosen))
    return {
        lane_name(*key): PlannedPartition(
            *key,
            cluster=chosen[key[0]].cluster_of(key[0]) or "",
            cluster_from=chosen[key[0]].cluster_from or "",
            begins=begins.get(key, 0),
            identity=identities.get(key[0], ""),
        )
        for key in partitions
    }


def chosen_topics(settings: KafkaSettings, topics: Iterable[str]) -> dict[str, TopicSettings]:
    """Of these topics those that are read, in order, each with the settings that count for it."""
    return {name: found for name in sorted(topics) if (found := chosen_by(settings, name)) is not None}


def chosen_by(settings: KafkaSettings, name: str) -> TopicSettings | None:
    """What the settings say of a topic; None if it is not read, as what this project writes to and fits a pattern."""
    if name.startswith(INTERNAL) or name in written(settings):
        return None
    return next((one for one in settings.topics if one.cluster_of(name) is not None), None)


def written(settings: KafkaSettings) -> set[str]:
    """The topics that alerts and dead letters go to."""
    return {one.topic for one in (settings.alerts, settings.dead_letters) if one is not None}


def refuse_missing(settings: KafkaSettings, topics: Mapping[str, Any], chosen: Mapping[str, TopicSettings]) -> None:
    """Make sure that all topics that the settings name are there, and one at least.

    Raises
    ------
    KafkaFailedError
        They are not, or may not be looked at.
    """
    named = {one.name for one in settings.topics if one.name is not None}
    for name in sorted(named):
        if name not in topics:
            raise KafkaFailedError(f"kafka {settings.brokers}: topic {name} is not there, or may not be seen")
    for name in sorted({*chosen, *named}):
        error = topics[name].error
        if error is not None:
            raise KafkaFailedError(f"kafka {settings.brokers}: topic {name}: {error.str()}")
    if not chosen:
        raise KafkaFailedError(f"kafka {settings.brokers}: no topic fits kafka.topics")


def _begins(
    asking: Consumer, settings: KafkaSettings, partitions: Sequence[Key], since_known: bool
) -> Iterator[tuple[Key, int]]:
    """The offsets that `start` means now, so that it means the same after a restart."""
    if not partitions:
        return
    when: int = OFFSET_BEGINNING
    if not since_known and settings.start != "earliest":
        when = OFFSET_END if settings.start == "latest" else int(settings.start.timestamp() * 1000)
    found = _asked(asking, partitions, when)
    ended = [key for key, offset in found.items() if offset < 0]
    yield from (found | (_asked(asking, ended, OFFSET_END) if ended else {})).items()


def _asked(asking: Consumer, partitions: Sequence[Key], when: int) -> dict[Key, int]:
    """Offsets of the first messages of this time; negative where none is as new."""
    answered = asking.offsets_for_times([TopicPartition(*key, when) for key in partitions], timeout=ASKED_WITHIN)
    for one in answered:
        if one.error is not None:
            raise KafkaException(one.error)
    return {(one.topic, one.partition): one.offset for one in answered}


def _identities(settings: KafkaSettings, topics: list[str]) -> dict[str, str]:
    """Ids of topics; where brokers do not tell them, a topic that was made anew is not noticed by its id."""
    client: AdminClient = admin(settings)
    try:
        described = client.describe_topics(TopicCollection(topics), request_timeout=ASKED_WITHIN)
        return {name: str(answer.result().topic_id) for name, answer in described.items()}
    except KafkaException:
        return {}
