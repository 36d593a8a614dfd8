"""Stretches of topics as capture folders."""

import contextlib
import gzip
import json
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.flows.kafka.mock import MockCluster, mock_cluster
from tests.kafka.broker import Broker

MIDDLEWATCH = [sys.executable, "-m", "flows.cli"]
HOUR = 3_600_000
NOON = 1_767_268_800_000
"""2026-01-01T12:00:00Z, in milliseconds."""


def audit(number: int, **more: Any) -> bytes:
    record = {
        "kind": "Event",
        "auditID": f"a-{number}",
        "stage": "ResponseComplete",
        "verb": "create",
        "user": {"username": "jane"},
        "objectRef": {"resource": "clusterrolebindings", "name": "x", "apiGroup": "rbac.authorization.k8s.io"},
        "responseStatus": {"code": 201},
        "requestObject": {
            "metadata": {"name": "x"},
            "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "User", "name": "mallory"}],
        },
        "stageTimestamp": f"2026-01-01T12:00:{number % 60:02}Z",
        **more,
    }
    return json.dumps(record).encode()


def middlewatch(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [*MIDDLEWATCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def configured(folder: Path, brokers: str, topics: list[dict[str, str]], **more: Any) -> Path:
    path = folder / "s.yaml"
    path.write_text(json.dumps({"kafka": {"brokers": brokers, "topics": topics, **more}}))
    return path


def records(out: Path) -> dict[str, list[bytes]]:
    """Lines by path of all files of a capture."""
    return {str(file.relative_to(out)): file.read_bytes().splitlines() for file in sorted(out.glob("*/*.jsonl"))}


def ids(out: Path) -> list[str]:
    return [json.loads(line)["auditID"] for lines in records(out).values() for line in lines]


def everything(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


def detected(*arguments: object) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Alerts by id without their origins, and dead letters."""
    letters = Path(str(arguments[0])).with_suffix(".letters")
    done = middlewatch("detect", *arguments, "--dead-letters", letters)
    assert done.returncode == 0, done.stderr
    alerts = {}
    for line in done.stdout.splitlines():
        alert = json.loads(line)
        for evidence in alert["evidence"]:
            del evidence["origin"]
        alerts[alert["id"]] = alert
    return alerts, [json.loads(line) for line in letters.read_text().splitlines()]


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    with mock_cluster() as cluster:
        yield cluster


def send(mock: MockCluster, topic: str, messages: list[bytes | None], **more: Any) -> None:
    producer = Producer({"bootstrap.servers": mock.brokers})
    for message in messages:
        producer.produce(topic, message, **more)
    assert producer.flush(10) == 0


class Simulated:
    """The same simulation in files and in topics, and taps of these."""

    def __init__(self, folder: Path, brokers: str) -> None:
        options = ["--days", "0.05", "--clusters", "1", "--seed", "7", "--format", "mixed"]
        self.files, self.labels = folder / "files", folder / "kafka" / "labels.jsonl"
        for call in ([self.files, *options], [folder / "kafka", *options, "--kafka", brokers]):
            done = middlewatch("simulate", *call)
            assert done.returncode == 0, done.stderr
        topics = [{"pattern": "middlewatch-(audit|runtime|arm)", "cluster_from": "key"}]
        settings = configured(folder, brokers, topics)
        self.plain, self.again, self.redacted = folder / "plain", folder / "again", folder / "redacted"
        for out, more in ((self.plain, []), (self.again, []), (self.redacted, ["--redact"])):
            done = middlewatch("tap", out, "--settings", settings, "--labels", self.labels, *more)
            assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with mock_cluster() as cluster:
        for topic in ("audit", "runtime", "arm"):
            cluster.create(f"middlewatch-{topic}", 3)
        yield Simulated(tmp_path_factory.mktemp("simulated"), cluster.brokers)


def test_a_tap_of_a_simulation_raises_what_its_files_raise(simulated: Simulated) -> None:
    assert detected(simulated.plain) == detected(simulated.files)
    assert len(detected(simulated.plain)[0]) > 50


def test_its_labels_score_as_those_of_the_files_do(simulated: Simulated) -> None:
    reports = []
    for out in (simulated.plain, simulated.files):
        report = json.loads(middlewatch("backtest", out, "--format", "json").stdout)
        missed = [one for row in report["types"] for one in row["missed"]]
        for one in missed:
            assert middlewatch("explain", one["place"]).returncode == 0
            del one["place"]
            break
        reports.append([{**row, "missed": len(row["missed"])} for row in report["types"]])
        assert report["labels_outside"] == 0
    assert reports[0] == reports[1]
    assert sum(row["found"] for row in reports[0]) > 20
    count = len(simulated.labels.read_text().splitlines())
    assert len((simulated.plain / "labels.jsonl").read_text().splitlines()) == count


def test_the_same_stretch_gives_the_same_bytes(simulated: Simulated) -> None:
    assert everything(simulated.plain) == everything(simulated.again)


def test_a_redacted_one_raises_the_same_alerts(simulated: Simulated) -> None:
    assert set(detected(simulated.redacted)[0]) == set(detected(simulated.files)[0])
    assert everything(simulated.redacted) != everything(simulated.plain)
    assert "redacted" in (simulated.redacted / "README.md").read_text()


def test_only_its_owner_may_read_it(simulated: Simulated) -> None:
    for path in [simulated.plain, *simulated.plain.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_messages_of_every_shape_are_read_as_they_were(mock: MockCluster, tmp_path: Path) -> None:
    pretty = json.dumps(json.loads(audit(1)), indent=2).replace("\n", "\r\n").encode()
    listed = json.dumps({"kind": "EventList", "items": [json.loads(audit(2)), json.loads(audit(3))]}, indent=1).encode()
    several = audit(4) + b"\n\n" + audit(5) + b"\n"
    packed = gzip.compress(json.dumps(json.loads(audit(6)), indent=2).encode(), mtime=0)
    broken: list[bytes | None] = [b"\x1f\x8b\x08\nno gzip", b"{", b"not\njson", b'{"verb": "a\nb"}', b"\xff\xfe\n{}"]
    mock.create("audit", 1)
    send(mock, "audit", [broken[0], pretty, None, listed, b"", several, packed, b" \n", *broken[1:]])
    settings = configured(tmp_path, mock.brokers, [{"name": "audit", "cluster": "Prod-1"}])
    done = middlewatch("tap", tmp_path / "out", "--settings", settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert "9 messages with 6 events of 1 clusters" in done.stdout
    assert "5 items cannot be read" in done.stdout
    assert "3 messages empty" in (tmp_path / "out" / "README.md").read_text()
    alerts, letters = detected(tmp_path / "out")
    assert sum(alert["count"] for alert in alerts.values()) == 6
    assert {alert["cluster"] for alert in alerts.values()} == {"prod-1"}
    assert [letter["reason"] for letter in letters] == ["bad gzip", *["not JSON"] * 4]


def test_a_message_that_opens_a_bracket_does_not_join_what_follows(mock: MockCluster, tmp_path: Path) -> None:
    mock.create("audit", 1)
    send(mock, "audit", [b"[", audit(1), b"]"])
    settings = configured(tmp_path, mock.brokers, [{"name": "audit"}])
    assert middlewatch("tap", tmp_path / "out", "--settings", settings).returncode == 0
    alerts, letters = detected(tmp_path / "out")
    assert (len(alerts), len(letters)) == (1, 2)


def test_names_of_clusters_that_are_no_names_of_folders_stay_in_the_folder(mock: MockCluster, tmp_path: Path) -> None:
    names = [
        "../../evil",
        "/etc/passwd",
        "..",
        ".",
        "",
        "world.yaml",
        "README.md",
        "a\x00b",
        "x" * 400,
        "\u202egnp",
        "~further",
    ]
    mock.create("audit", 1)
    for number, name in enumerate(names):
        send(mock, "audit", [audit(number)], headers=[("cluster", name.encode())])
    settings = configured(tmp_path, mock.brokers, [{"name": "audit", "cluster_from": "header:cluster"}])
    out = tmp_path / "deep" / "out"
    done = middlewatch("tap", out, "--settings", settings)
    assert done.returncode == 0
    assert sorted(ids(out)) == sorted(f"a-{number}" for number in range(len(names)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "s.yaml"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert "no folder can be called so" in done.stderr
    assert len(detected(out)[0]) == len(names)
    assert middlewatch("tap", out, "--settings", settings).returncode == 0
    assert len(ids(out)) == len(names)


def test_an_event_that_says_its_cluster_is_in_its_folder(mock: MockCluster, tmp_path: Path) -> None:
    def of(cluster: str) -> dict[str, Any]:
        place = f"/SUBSCRIPTIONS/X/RESOURCEGROUPS/Y/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/{cluster}"
        log = {"log": audit(1).decode()}
        return {"time": "2026-01-01T12:00:01Z", "category": "kube-audit", "resourceId": place, "properties": log}

    mock.create("hub", 1)
    one, both = {"records": [of("A"), of("A")]}, {"records": [of("B"), of("A")]}
    send(mock, "hub", [json.dumps(one).encode(), json.dumps(both).encode(), audit(9)])
    settings = configured(tmp_path, mock.brokers, [{"name": "hub", "cluster": "Rest"}])
    assert middlewatch("tap", tmp_path / "out", "--settings", settings).returncode == 0
    assert {path: len(lines) for path, lines in records(tmp_path / "out").items()} == {
        "a/audit-0001.jsonl": 1,
        "b/audit-0001.jsonl": 1,
        "rest/audit-0001.jsonl": 1,
    }
    assert middlewatch("tap", tmp_path / "a", "--settings", settings, "--cluster", " A ").returncode == 0
    assert sorted(records(tmp_path / "a")) == ["a/audit-0001.jsonl", "b/audit-0001.jsonl"]
    assert "1 messages of other clusters" in (tmp_path / "a" / "README.md").read_text()


def test_a_bounded_one_takes_from_all_partitions_and_says_where_it_stopped(mock: MockCluster, tmp_path: Path) -> None:
    mock.create("audit", 3)
    for partition, count in enumerate((40, 2, 40)):
        send(mock, "audit", [audit(number) for number in range(count)], partition=partition)
    settings = configured(tmp_path, mock.brokers, [{"name": "audit"}])
    done = middlewatch("tap", tmp_path / "out", "--settings", settings, "--max", 12)
    assert [len(lines) for lines in records(tmp_path / "out").values()] == [5, 2, 5]
    assert "audit[0]: stopped at 5, before its end 40" in done.stderr
    assert "audit[2]: stopped at 5" in (tmp_path / "out" / "README.md").read_text()


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


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--topic", "other"], 2, "other: no topic"),
        (["--from", "noon"], 2, "noon: expected a time"),
        (["--from", "1h", "--from", "2h"], 2, "several must be places"),
        (["--from", "audit[9]@1"], 2, "audit[9]: no partition"),
        (["--labels", "/nowhere"], 2, "/nowhere: No such file"),
        (["--settings", "/nowhere"], 2, "/nowhere"),
        (["--max", "0"], 2, "--max"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(mock: MockCluster, tmp_path: Path, options: list[str], code: int, said: str) -> None:
    mock.create("audit", 1)
    settings = configured(tmp_path, mock.brokers, [{"name": "audit"}])
    done = middlewatch("tap", tmp_path / "out", "--settings", settings, *options)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (code, "", 1)
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_settings_without_kafka_and_a_topic_that_is_not_there(mock: MockCluster, tmp_path: Path) -> None:
    assert "where Kafka is" in middlewatch("tap", tmp_path / "out").stderr
    mock.create("audit", 1)
    settings = configured(tmp_path, mock.brokers, [{"name": "audit"}, {"name": "gone"}])
    done = middlewatch("tap", tmp_path / "out", "--settings", settings)
    assert (done.returncode, "no such topic: gone" in done.stderr) == (1, True)


def test_a_folder_with_anything_else_is_refused(mock: MockCluster, tmp_path: Path) -> None:
    mock.create("audit", 1)
    send(mock, "audit", [audit(1)])
    settings = configured(tmp_path, mock.brokers, [{"name": "audit"}])
    out = tmp_path / "out"
    assert middlewatch("tap", out, "--settings", settings).returncode == 0
    (out / "default" / "mine.txt").write_text("kept")
    assert middlewatch("tap", out, "--settings", settings, "--from", "1").returncode == 0
    assert sorted(everything(out)) == ["README.md", "default/mine.txt", "world.yaml"]
    (out / "README.md").write_text("# Mine")
    done = middlewatch("tap", out, "--settings", settings)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert (out / "README.md").read_text() == "# Mine"


@contextlib.contextmanager
def tapping(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [*MIDDLEWATCH, "tap", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Any, within: float = 20) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def stalled(mock: MockCluster, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A tap that has copied something, and waits for a broker that is away."""
    mock.create("audit", 2)
    for partition in range(2):
        send(mock, "audit", [audit(number) for number in range(1_000)], partition=partition)
    client = {"receive.message.max.bytes": "1000000", "fetch.message.max.bytes": "20000", "fetch.max.bytes": "20000"}
    client |= {"queued.max.messages.kbytes": "1", "queued.min.messages": "1", "message.max.bytes": "20000"}
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
    timer = threading.Timer(2, mock.up)
    timer.start()
    said, errors = stalled.communicate(timeout=30)
    timer.join()
    assert (stalled.returncode, "2,000 messages" in said) == (0, True), errors
    assert [len(lines) for lines in records(tmp_path / "out").values()] == [1_000, 1_000]
    assert ids(tmp_path / "out") == [f"a-{number}" for number in range(1_000)] * 2


def test_times_are_those_of_the_messages(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.create(topic, 2)
    messages = [
        {"value": audit(number), "partition": number % 2, "timestamp": NOON + number * HOUR} for number in range(10)
    ]
    broker.produce_all(topic, messages)
    settings = configured(tmp_path, broker.brokers(), [{"name": topic}])
    broker.requires("offsets for times")
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
    broker.requires("groups")
    broker.create(topic, 1)
    broker.produce(topic, audit(1))
    settings = configured(tmp_path, broker.brokers(), [{"name": topic}], group=topic)
    assert middlewatch("tap", tmp_path / "out", "--settings", settings).returncode == 0
    groups = broker.admin.list_consumer_groups(request_timeout=10).result()
    assert topic not in {group.group_id for group in groups.valid}
