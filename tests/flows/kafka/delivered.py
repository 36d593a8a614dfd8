"""What an ordinary consumer has got of the topics of alerts and dead letters, and how it differs from what is right."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from msgspec import Struct

from tests.flows.replay.alerts import Alerts, Content, assert_same, content, without_origins
from tests.kafka.broker import Broker


class Received(Struct):
    """All messages of a topic of alerts."""

    last: Alerts
    """The content of the highest revision of each."""
    messages: int
    repeated: int
    """Messages with an id and a revision that were there before."""
    altered: int
    """Those of them that say something else."""


def alerts(broker: Broker, topic: str) -> Received:
    """What a topic holds by now."""
    seen: dict[tuple[str, int], Content] = {}
    highest: Counter[str] = Counter()
    messages = repeated = altered = 0
    for message in broker.read_all(topic):
        alert = json.loads(message.value() or b"")
        name, revision, what = alert["id"], alert["revision"], content(alert)
        messages += 1
        before = seen.setdefault((name, revision), what)
        if before is not what:
            repeated += 1
            altered += before != what
        highest[name] = max(highest[name], revision)
    last = {name: seen[name, revision] for name, revision in highest.items()}
    return Received(without_origins(last), messages, repeated, altered)


def dead_letters(broker: Broker, topic: str) -> list[dict[str, Any]]:
    """What a topic of dead letters holds, each once: they may come again as well."""
    values = dict.fromkeys(message.value() or b"" for message in broker.read_all(topic))
    return [json.loads(value) for value in values]


class Row(Struct):
    """What a fault has cost, over all runs with it."""

    fault: str
    times: int = 0
    runs: int = 0
    alerts: int = 0
    lost: int = 0
    invented: int = 0
    changed: int = 0
    repeated: int = 0
    slowest: float = 0.0
    """Seconds until a job that was started again reads."""

    def add(self, found: Received, expected: Alerts) -> None:
        """Count a run, and fail if something is lost, invented or told twice in two ways."""
        both = found.last.keys() & expected.keys()
        self.runs += 1
        self.alerts += len(expected)
        self.lost += len(expected) - len(both)
        self.invented += len(found.last) - len(both)
        self.changed += sum(found.last[name] != expected[name] for name in both)
        self.repeated += found.repeated
        assert_same(found.last, expected)
        assert found.altered == 0, f"{found.altered} of {found.repeated} repeated alerts say something else"

    def __str__(self) -> str:
        return (
            f"| {self.fault} | {self.times} | {self.alerts:,} | {self.lost} | {self.invented} | {self.repeated}"
            f" | {self.slowest:.1f} s |"
        )
