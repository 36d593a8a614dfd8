"""Which stretch is copied, and what happens to it when Kafka is not as one would like."""

import ctypes
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.flows.kafka.mock import MockCluster, mock_cluster
from tests.flows.kafka.tapping import audit, configured, ids, middlewatch, records, send, tapping, until
from tests.kafka.broker import Broker

HOUR = 3_600_000
NOON = 1_767_268_800_000
"""2026-01-01T12:00:00Z, in milliseconds."""


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    with mock_cluster() as cluster:
        yield cluster


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ([], [], {0: (0, 10), 1: (0, 10)}),
        (["4"], ["6"], {0: (4, 6), 1: (4, 6)}),
        (["audit[1]@7"], [], {1: (7, 10)}),
        (["audit[0]@2,audit[1]@3"], ["audit[1]@5"], {0: (2, 10), 1: (3, 5)}),
        (["8"], ["3"], {}),
        (["12"], ["90"], {}),
    ],
)
def test_offsets_say_what_is_copied(
    mock: MockCluster, tmp_path: Path, begin: list[str], end: list[str], expected: Mapping[int, tuple[int, int]]
) -> None:
    mock.create("audit", 2)
    for partition in range(2):
        send(mock, "audit", [audit(number) for number in range(10)], partition=partition)
    settings = configured(tmp_path, mock.brokers, [{"name": "audit"}])
    options = [word for name, texts in (("--from", begin), ("--to", end)) for text in texts for word in (name, text)]
    done = middlewatch("tap", tmp_path / "out", "--settings", settings, *options)
    assert done.returncode == 0, done.stderr
    found = records(tmp_path / "out")
    got = [[int(json.loads(line)["auditID"][2:]) for line in lines] for lines in found.values()]
    assert got == [list(range(*span)) for span in expected.values()]


@pytest.fixture
def stalled(mock: MockCluster, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A tap that has copied something of 2,000 messages, and waits for a broker that is away."""
    mock.create("audit", 2)
    producer = Producer({"bootstrap.servers": mock.brokers, "batch.num.messages": 10})
    for number in range(1_000):
        for partition in range(2):
            producer.produce("audit", audit(number), partition=partition)
    assert producer.flush(10) == 0
    one, rtt = ctypes.c_int32(1), ctypes.c_int(100)
    assert mock.library.rd_kafka_mock_broker_set_rtt(mock.cluster, one, rtt) == 0
    client = {"message.max.bytes": "10000", "fetch.max.bytes": "10000", "fetch.message.max.bytes": "5000"}
    settings = configured(tmp_path, mock.brokers, [{"name": "audit"}], client=client, away="7s")
    with tapping(tmp_path / "out", "--settings", settings) as process:
        until(lambda: list(tmp_path.glob("out/*/.*.part")))
        mock.down()
        yield process


def test_one_that_is_stopped_keeps_what_it_has_and_says_so(
    stalled: subprocess.Popen[str], tmp_path: Path, mock: MockCluster
) -> None:
    time.sleep(0.5)
    stalled.send_signal(signal.SIGTERM)
    said, errors = stalled.communicate(timeout=20)
    assert stalled.returncode == 143, errors
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "It was stopped before its end." in readme
    assert 0 < len(ids(tmp_path / "out")) < 2_000
    assert f"{len(ids(tmp_path / 'out')):,} messages" in said


def test_one_that_is_killed_leaves_a_folder_that_says_so(stalled: subprocess.Popen[str], tmp_path: Path) -> None:
    stalled.kill()
    stalled.wait()
    assert "Not complete" in (tmp_path / "out" / "README.md").read_text()
    assert middlewatch("detect", tmp_path / "out").returncode == 2


def test_a_broker_that_is_away_is_waited_for_but_not_for_ever(
    stalled: subprocess.Popen[str], tmp_path: Path, mock: MockCluster
) -> None:
    begun = time.monotonic()
    said, errors = stalled.communicate(timeout=30)
    assert 5 < time.monotonic() - begun < 15
    assert (stalled.returncode, said) == (1, "")
    assert "waiting for audit[0]" in errors
    assert "nothing came for 7 s" in errors
    assert "Not complete" in (tmp_path / "out" / "README.md").read_text()


def test_a_broker_that_comes_back_is_read_to_the_end(
    stalled: subprocess.Popen[str], tmp_path: Path, mock: MockCluster
) -> None:
    mock.library.rd_kafka_mock_broker_set_rtt(mock.cluster, ctypes.c_int32(1), ctypes.c_int(0))
    timer = threading.Timer(2, mock.up)
    timer.start()
    said, errors = stalled.communicate(timeout=30)
    timer.join()
    assert (stalled.returncode, "2,000 messages" in said) == (0, True), errors
    assert [len(lines) for lines in records(tmp_path / "out").values()] == [1_000, 1_000]
    assert ids(tmp_path / "out") == [f"a-{number}" for number in range(1_000)] * 2


def test_times_are_those_of_the_messages(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.requires("topics with settings")
    broker.create(topic, 2, {"retention.ms": "-1"})
    messages = [
        {"value": audit(number), "partition": number % 2, "timestamp": NOON + number * HOUR} for number in range(10)
    ]
    broker.produce_all(topic, messages)
    settings = configured(tmp_path, broker.brokers(), [{"name": topic}])
    span = ["--from", "2026-01-01T14:00:00Z", "--to", "2026-01-01T17:00:00Z"]
    assert middlewatch("tap", tmp_path / "out", "--settings", settings, *span).returncode == 0
    assert sorted(ids(tmp_path / "out")) == ["a-2", "a-3", "a-4"]
    assert middlewatch("tap", tmp_path / "out", "--settings", settings, "--from", "1h").returncode == 0
    assert ids(tmp_path / "out") == []
    assert middlewatch("tap", tmp_path / "out", "--settings", settings, "--to", "1h").returncode == 0
    assert len(ids(tmp_path / "out")) == 10


def test_only_what_is_committed_is_copied_and_nothing_hangs(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.requires("transactions")
    broker.create(topic, 1)
    producer = Producer({**broker.client(), "transactional.id": topic})
    producer.init_transactions(20)
    for commits, numbers in ((True, (1, 2)), (False, (3, 4)), (True, (5,)), (False, (6, 7)), (None, (8,))):
        producer.begin_transaction()
        for number in numbers:
            producer.produce(topic, audit(number))
        producer.flush(10)
        if commits is not None:
            (producer.commit_transaction if commits else producer.abort_transaction)(10)
    settings = configured(tmp_path, broker.brokers(), [{"name": topic}])
    for span, expected in (([], [1, 2, 5]), (["--to", "5"], [1, 2]), (["--from", "3", "--to", "900"], [5])):
        done = middlewatch("tap", tmp_path / "out", "--settings", settings, *span, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")
        assert ids(tmp_path / "out") == [f"a-{number}" for number in expected]
    producer.abort_transaction(10)


def test_what_retention_deleted_is_said(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.requires("deletion of records")
    broker.create(topic, 1)
    broker.produce_all(topic, [{"value": audit(number)} for number in range(10)])
    broker.delete_records(topic, 0, 6)
    settings = configured(tmp_path, broker.brokers(), [{"name": topic}])
    done = middlewatch("tap", tmp_path / "out", "--settings", settings, "--from", "2")
    assert f"{topic}[0]: 4 offsets that were asked for are deleted" in done.stderr
    assert ids(tmp_path / "out") == [f"a-{number}" for number in range(6, 10)]
    done = middlewatch("tap", tmp_path / "out", "--settings", settings)
    assert (done.stderr, len(ids(tmp_path / "out"))) == ("", 4)


def test_no_group_hears_of_it(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.requires("Kafka's tools")
    broker.create(topic, 1)
    broker.produce(topic, audit(1))
    settings = configured(tmp_path, broker.brokers(), [{"name": topic}], group=topic)
    assert middlewatch("tap", tmp_path / "out", "--settings", settings).returncode == 0
    groups = broker.admin.list_consumer_groups(request_timeout=10).result()
    assert topic not in {group.group_id for group in groups.valid}
