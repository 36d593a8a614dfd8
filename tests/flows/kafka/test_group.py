"""What Kafka's own tool says of the group: how far the job is behind, and never beyond what its checkpoint has."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from flows.checkpoints.plain import read_plain
from flows.checkpoints.store import cut
from flows.stepnames import SOURCE, step_id
from tests.flows.following import binding
from tests.flows.kafka.jobs import await_read, committed, job, kafka
from tests.kafka.broker import CONSUMER_GROUPS, Broker

PARTITIONS = 3
KILLS = 3
Position = tuple[int, int, int]
"""CURRENT-OFFSET, LOG-END-OFFSET and LAG of a partition."""


def described(broker: Broker, group: str) -> dict[int, Position]:
    """What the tool shows of each partition."""
    shown = broker.tool(CONSUMER_GROUPS, "--describe", "--group", group)
    lines = [line.split() for line in shown.splitlines() if line.strip()]
    [head] = [line for line in lines if "CURRENT-OFFSET" in line]
    rows = [dict(zip(head, line, strict=False)) for line in lines if line[0] == group]
    names = ("CURRENT-OFFSET", "LOG-END-OFFSET", "LAG")
    return {int(row["PARTITION"]): tuple(int(row[name]) for name in names) for row in rows}  # type: ignore[misc]


def kept(folder: Path) -> dict[int, int]:
    """Offset of each partition that the checkpoint has."""
    with cut(folder / "checkpoint") as taken:
        rows = [(row.key, read_plain(row.data)) for row in taken.rows(step=step_id(SOURCE))]
    return {int(key[:-1].rpartition("[")[2]): state[3][0] for key, state in rows if key.endswith("]")}


def append(broker: Broker, topic: str, *numbers: int) -> None:
    """So many events to each partition."""
    for partition, number in enumerate(numbers):
        values = [{"value": binding(f"{partition}-{n}"), "partition": partition} for n in range(number)]
        broker.produce_all(topic, values)


def test_the_lag_of_the_group_is_what_waits(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.requires("Kafka's tools")
    broker.create(topic, PARTITIONS)
    keys = [(topic, partition) for partition in range(PARTITIONS)]
    settings = kafka(broker, topic, group=topic)
    append(broker, topic, 5, 7, 2)
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, *keys)
        assert described(broker, topic) == {0: (5, 5, 0), 1: (7, 7, 0), 2: (2, 2, 0)}
        running.stop()
    append(broker, topic, 20, 0, 3)
    assert described(broker, topic) == {0: (5, 25, 20), 1: (7, 7, 0), 2: (2, 5, 3)}
    assert kept(tmp_path) == {0: 5, 1: 7, 2: 2}
    with job(tmp_path, settings) as running:
        await_read(broker, running, topic, *keys)
        assert described(broker, topic) == {0: (25, 25, 0), 1: (7, 7, 0), 2: (5, 5, 0)}


def test_the_group_is_never_told_more_than_the_checkpoint_has(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Killed at once, again and again: what was committed by then, a start finds in the checkpoint."""
    broker.requires("Kafka's tools")
    broker.create(topic, PARTITIONS)
    settings = kafka(broker, topic, group=topic)
    before = 0
    for turn in range(KILLS):
        append(broker, topic, 400, 100, 0)
        with job(tmp_path, settings) as running:
            running.await_(partial(told_more, broker, topic, before), "more is committed")
            append(broker, topic, 400, 100, turn)
            running.process.kill()
            running.process.wait()
        heard, durable = told(broker, topic), kept(tmp_path)
        assert all(offset <= durable[partition] for partition, offset in heard.items()), (heard, durable)
        before = sum(heard.values())


def told_more(broker: Broker, group: str, before: int) -> bool:
    """Whether the group has heard of more messages than before."""
    return sum(told(broker, group).values()) > before


def told(broker: Broker, group: str) -> dict[int, int]:
    """The positions of the group."""
    keys = [(group, partition) for partition in range(PARTITIONS)]
    return {key[1]: max(0, offset) for key, offset in committed(broker, group, keys).items()}
