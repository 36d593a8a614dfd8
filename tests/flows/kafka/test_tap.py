"""Stretches of topics as capture folders."""

import gzip
import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from events import AuditEvent, Item, Malformed
from events.decoder import Decoder
from flows.kafka.messages import decoders
from flows.kafka.tapping.messages import lines_of
from tests.flows.kafka.mock import MockCluster, mock_cluster
from tests.flows.kafka.tapping import audit, configured, detected, everything, ids, middlewatch, records, send


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    with mock_cluster() as cluster:
        yield cluster


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
    assert "9 items cannot be read" in done.stdout
    assert "3 messages empty" in (tmp_path / "out" / "README.md").read_text()
    alerts, letters = detected(tmp_path / "out")
    assert sum(alert["count"] for alert in alerts.values()) == 6
    assert {alert["cluster"] for alert in alerts.values()} == {"prod-1"}
    assert [letter["reason"] for letter in letters] == ["bad gzip", *["not JSON"] * 7, "unknown format"]


def told(items: Iterable[Item]) -> list[object]:
    """What is said of items, as values: the JSON of a record may be written otherwise."""
    found: list[object] = []
    for item in items:
        if isinstance(item, Malformed):
            found.append(item.reason)
        elif isinstance(item, AuditEvent):
            found.append((structs.replace(item, request=None), msgspec.json.decode(item.request or b"null")))
        else:
            found.append(item)
    return found


RECORD = audit(1)
PRETTY = json.dumps(json.loads(RECORD), indent=2).encode()


@pytest.mark.parametrize(
    "value",
    [
        RECORD,
        PRETTY,
        PRETTY.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PRETTY,
        b"\n" + RECORD + b"\n\n" + RECORD,
        RECORD + b"\r" + RECORD,
        RECORD + b"\nnothing",
        b"[" + RECORD + b",\n" + RECORD + b"]",
        b'[\n{"x": 1}\n]',
        b'{"records":[\n]}',
        gzip.compress(RECORD, mtime=0),
        gzip.compress(PRETTY, mtime=0),
        gzip.compress(RECORD + b"\n" + RECORD, mtime=0),
        gzip.compress(b"", mtime=0),
        gzip.compress(PRETTY, mtime=0)[:-9],
        b"\x1f\x8b",
        b"2026-11-24T12:00:00.1Z stdout F " + RECORD,
        RECORD[:-1] + b' , "x":"a\nb"}',
        b'{"a":"\\ud800"}\n',
        b"\x00\n\xff",
    ],
    ids=range(20),
)
def test_the_lines_of_a_message_hold_what_the_job_reads_in_it(value: bytes) -> None:
    decode = Decoder("c").decode
    lines = lines_of(value, decode, 1 << 20)
    assert not any(b"\n" in line for line in lines)
    assert told(item for line in lines for item in decode(line)) == told(decoders(1 << 20)("c")(value))


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
    ("options", "code", "said"),
    [
        (["--topic", "other"], 2, "other: no topic"),
        (["--from", "noon"], 2, "noon: expected a time"),
        (["--from", "1h", "--from", "2h"], 2, "several must be places"),
        (["--from", "audit[9]@1"], 2, "audit[9]: no partition"),
        (["--labels", "/nowhere"], 2, "/nowhere: No such file"),
        (["--settings", "/nowhere"], 2, "/nowhere"),
        (["--max", "0"], 2, "greater than"),
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
    assert (done.returncode, "topic gone is not there" in done.stderr) == (1, True)


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
