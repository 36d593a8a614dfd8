"""Health and metrics, against a server that listens."""

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.board import LABELS, OTHER, Board
from flows.configuration import SettingsError, configure
from flows.health import CONNECTIONS, HEAD_BYTES, Health, serve
from flows.metrics import Metrics
from flows.settings import HealthSettings

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
REPORT = {
    "read": 11,
    "events": {"audit": 5, "arm": 1},
    "skipped": {"audit stage RequestReceived": 2},
    "malformed": {"not JSON": 3},
    "late": {"runtime": 4},
    "lost_reports": 6,
    "alerts": {"K8S_SensitiveMount": 2, "ACME_PortForward": 1},
    "failed": {"K8S_SensitiveMount": 1},
    "clock": 940_000_000,
    "keys": {"containers": 7},
    "bytes": {"containers": 700},
    "held": 8,
    "open_files": 2,
    "gaps": 1,
    "missing_offsets": 12,
    "lag": 30,
    "unread_partitions": 3,
    "unreachable": 4.5,
    "checkpoint": 985.5,
}
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Watch:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def board(watch: Watch) -> Board:
    return Board(
        2, stalled=60, severities={"K8S_SensitiveMount": "Medium", "K8S_NewHighPrivilegesRole": "Low"}, monotonic=watch
    )


@pytest.fixture
def health(board: Board) -> Iterator[Health]:
    with Health(board, patience=0.5) as health:
        yield health


def ask(health: Health, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", health.port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def say(health: Health, request: bytes) -> bytes:
    """What comes back to these bytes, until the server closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", health.port), timeout=10) as client, suppress(ConnectionError):
        client.sendall(request)
        while more := client.recv(1 << 16):
            received += more
    return received


def samples(page: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def one(page: Samples, name: str, **labels: str) -> float | None:
    return page.get((f"middlewatch_{name}", tuple(sorted(labels.items()))))


def test_it_is_ready_once_every_worker_has_reported(health: Health, board: Board) -> None:
    assert ask(health, "/readyz") == (503, "worker 0 has not reported yet\n")
    board.put(0, {})
    assert ask(health, "/readyz") == (503, "worker 1 has not reported yet\n")
    board.put(1, REPORT)
    assert ask(health, "/readyz") == (200, "ready\n")
    assert ask(health, "/livez") == (200, "live\n")


def test_a_worker_that_is_silent_for_too_long_is_named(health: Health, board: Board, watch: Watch) -> None:
    board.put(0, {})
    watch.now += 60
    board.put(0, {})
    assert ask(health, "/livez") == (200, "live\n")
    watch.now += 15
    assert ask(health, "/livez") == (503, "worker 1 was not heard of for 75 s\n")
    watch.now += 60
    assert ask(health, "/livez") == (503, "worker 1 was not heard of for 135 s, and 1 more\n")
    board.put(0, {})
    board.put(1, {})
    assert ask(health, "/livez") == (200, "live\n")


def test_a_job_that_drains_is_alive_and_not_ready(health: Health, board: Board, watch: Watch) -> None:
    for worker in (0, 1):
        board.put(worker, REPORT)
    board.leave()
    board.gone(0)
    watch.now += 59
    board.put(1, REPORT)
    watch.now += 59
    assert ask(health, "/readyz") == (503, "leaving\n")
    assert ask(health, "/livez") == (200, "live\n"), "worker 0 has done its work"


def test_a_worker_that_is_gone_comes_back_as_another(health: Health, board: Board, watch: Watch) -> None:
    for worker in (0, 1):
        board.put(worker, REPORT)
    board.gone(1)
    assert ask(health, "/readyz") == (503, "worker 1 is gone\n")
    assert ask(health, "/livez")[0] == 200
    watch.now += 61
    board.put(0, REPORT)
    assert ask(health, "/livez")[0] == 503
    board.put(1, {"read": 1, "events": {"audit": 1}, "keys": {"containers": 1}})
    assert ask(health, "/readyz")[0] == ask(health, "/livez")[0] == 200
    readings = board.readings()
    assert (readings.read, readings.events, readings.lost_reports) == (23, {"audit": 11, "arm": 2}, 12)
    assert (readings.keys, readings.held) == ({"containers": 8}, 8), "the state of the process that ended is gone"


def test_the_metrics_are_the_boards_numbers(board: Board, watch: Watch) -> None:
    board.put(0, REPORT)
    watch.now += 3
    board.put(1, REPORT | {"clock": 930_000_000, "checkpoint": 970.0, "events": {"runtime": 9}})
    page = samples(Metrics(board, "1.2.3", wall=lambda: 1000.0).page().decode())
    assert one(page, "build_info", version="1.2.3") == 1
    assert one(page, "items_read_total") == 22
    assert [one(page, "events_total", source=source) for source in ("audit", "runtime", "arm")] == [5, 9, 1]
    assert one(page, "skipped_items_total", reason="audit stage RequestReceived") == 4
    assert one(page, "malformed_items_total", reason="not JSON") == 6
    assert [one(page, "late_observations_total", source=source) for source in ("audit", "runtime")] == [0, 8]
    assert one(page, "lost_reports_total") == 12
    assert one(page, "alerts_total", alert_type="K8S_SensitiveMount", severity="Medium") == 4
    assert one(page, "alerts_total", alert_type="ACME_PortForward", severity="") == 2
    assert one(page, "alerts_total", alert_type="K8S_NewHighPrivilegesRole", severity="Low") == 0
    assert one(page, "detector_failures_total", alert_type="K8S_SensitiveMount") == 2
    assert one(page, "clock_lag_seconds") == 70
    assert one(page, "checkpoint_age_seconds") == 30
    assert one(page, "state_keys", step="containers") == 14
    assert one(page, "state_bytes", step="containers") == 1400
    assert (one(page, "held_observations"), one(page, "open_files"), one(page, "workers")) == (16, 4, 2)
    assert [one(page, "report_age_seconds", worker=worker) for worker in "01"] == [3, 0]
    assert ("process_resident_memory_bytes", ()) in page


def test_what_is_not_known_is_absent(board: Board) -> None:
    for clock in (None, 1 << 62, -(1 << 62)):
        board.put(0, {"clock": clock})
        page = samples(Metrics(board, "1").page().decode())
        assert one(page, "items_read_total") == 0
        assert one(page, "clock_lag_seconds") is one(page, "checkpoint_age_seconds") is None


def test_the_page_is_served_as_prometheus_expects_it(health: Health, board: Board) -> None:
    board.put(0, REPORT)
    connection = http.client.HTTPConnection("127.0.0.1", health.port, timeout=10)
    connection.request("GET", "/metrics?from=here", headers={"Accept": "application/openmetrics-text"})
    response = connection.getresponse()
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert one(samples(response.read().decode()), "items_read_total") == 11
    connection.close()


def test_labels_cannot_break_the_page_nor_grow_without_end(board: Board) -> None:
    hostile = {'a"b\\c\n# HELP': 1, "\ud800\x1b[31m": 2, "x" * 10_000: 4}
    board.put(0, {"skipped": hostile})
    board.put(1, {"skipped": {f"reason {number}": 1 for number in range(10 * LABELS)}})
    for _ in range(2):
        page = samples(Metrics(board, "1").page().decode())
        skipped = {dict(labels)["reason"]: number for (name, labels), number in page.items() if "skipped" in name}
        assert len(skipped) == LABELS + 1
        assert sum(skipped.values()) == 7 + 10 * LABELS
        assert skipped['a"b\\c\N{REPLACEMENT CHARACTER}# HELP'] == 1
        assert skipped["x" * 100] == 4
        assert skipped[OTHER] == 10 * LABELS - (LABELS - len(hostile))


@pytest.mark.parametrize("report", [{"reed": 1}, {"read": -1}, {"read": "1"}, {"events": {"audit": None}}, []])
def test_a_report_of_another_form_is_refused(board: Board, report: dict[str, object]) -> None:
    board.put(0, {"read": 5})
    with pytest.raises(ValueError, match=r"Expected|unknown field"):
        board.put(0, report)
    assert board.readings().read == 5


@pytest.mark.parametrize("worker", [-1, 2])
def test_only_workers_that_there_are_report(board: Board, worker: int) -> None:
    with pytest.raises(ValueError, match="number of a worker below 2"):
        board.put(worker, {})


@pytest.mark.parametrize("path", ["/", "/metrics/", "/livez/x", "//livez/..", "/%6civez", "http://other/livez", "*"])
def test_other_pages_do_not_exist(health: Health, path: str) -> None:
    assert ask(health, path) == (404, "not found\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/other"])
def test_head_answers_as_get_without_a_body(health: Health, path: str) -> None:
    head, _, body = say(health, f"HEAD {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode()).partition(b"\r\n\r\n")
    assert head.split()[1] == str(ask(health, path)[0]).encode()
    assert b"Content-Length: 0" not in head
    assert body == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "__init__"])
def test_other_methods_are_not_allowed(health: Health, method: str) -> None:
    assert ask(health, "/livez", method) == (405, "method not allowed\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"one two three four five\r\n\r\n", b"400"),
        (b"GET /livez HTTP/x\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
        (b"GET /livez HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /livez HTTP/1.1\r\nA: " + b"b" * HEAD_BYTES, b"431"),
        (b"GET /" + b"x" * HEAD_BYTES, b"431"),
    ],
)
def test_garbage_is_refused_in_one_line(health: Health, request_: bytes, status: bytes) -> None:
    head, _, body = say(health, request_).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert body.count(b"\n") == 1
    assert b"Python" not in head
    assert ask(health, "/livez")[0] == 200


@pytest.mark.parametrize("request_", [b"", b"\r\n\r\n", b"\n\n", b"\0" * 100_000, b"GET /livez\r\n\r\n"])
def test_nothing_sensible_ends_as_well(health: Health, request_: bytes) -> None:
    say(health, request_)
    assert ask(health, "/livez")[0] == 200


def test_a_client_that_says_nothing_or_drips_is_dropped_and_holds_nobody_up(health: Health) -> None:
    silent = [socket.create_connection(("127.0.0.1", health.port), timeout=10) for _ in range(20)]
    dripping = socket.create_connection(("127.0.0.1", health.port), timeout=10)
    begun = time.monotonic()
    assert ask(health, "/livez")[0] == 200
    assert time.monotonic() - begun < 0.4, "it did not wait for the others"
    with suppress(ConnectionError):
        while time.monotonic() - begun < 5:
            dripping.sendall(b"x")
            time.sleep(0.05)
    assert time.monotonic() - begun < 2, "each byte in time, and all of them too late"
    for client in silent:
        assert client.recv(1) == b""
        client.close()
    dripping.close()


def test_more_clients_than_it_takes_are_closed_and_it_recovers(board: Board) -> None:
    with Health(board, patience=5) as health:
        clients = [socket.create_connection(("127.0.0.1", health.port), timeout=4) for _ in range(CONNECTIONS + 20)]
        with suppress(ConnectionError):
            assert clients[-1].recv(1) == b"", "at once, not when its time is over"
        for client in clients:
            client.close()
        answered = False
        for _ in range(50):
            with suppress(ConnectionError, http.client.HTTPException):
                answered = answered or ask(health, "/livez")[0] == 200
            time.sleep(0 if answered else 0.05)
        assert answered


def test_many_ask_at_the_same_time_while_workers_report(health: Health, board: Board) -> None:
    paths = [path for _ in range(17) for path in ("/livez", "/readyz", "/metrics")]
    for worker in (0, 1):
        board.put(worker, {})
    with ThreadPoolExecutor(len(paths)) as clients:
        answers = clients.map(lambda path: ask(health, path), paths)
        for number in range(1000):
            board.put(number % 2, {"read": number, "events": {"audit": number}})
        for status, body in answers:
            assert status == 200
            if body not in ("live\n", "ready\n"):
                page = samples(body)
                assert one(page, "items_read_total") == one(page, "events_total", source="audit")


def test_a_page_that_fails_says_so_and_the_others_go_on(
    health: Health, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "readings", None)
    assert ask(health, "/metrics") == (500, "failed: TypeError\n")
    assert ask(health, "/livez")[0] == 200


def test_a_port_in_use_is_told(health: Health, board: Board) -> None:
    with pytest.raises(OSError, match="in use") as raised:
        serve(board, HealthSettings(port=health.port))
    assert raised.value.filename == f"127.0.0.1:{health.port}"


def test_an_address_of_another_machine_is_told(board: Board) -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1:9"):
        Health(board, "192.0.2.1", 9)


def test_the_port_is_free_again_when_the_job_ends(board: Board) -> None:
    with Health(board) as first:
        ask(first, "/livez")
    with Health(board, port=first.port) as second:
        assert ask(second, "/livez")[0] == 200


def test_it_listens_on_ipv6(board: Board) -> None:
    try:
        with Health(board, "::1") as health, socket.create_connection(("::1", health.port), timeout=10) as client:
            client.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.0 200"
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_without_a_port_nothing_is_served(board: Board) -> None:
    with serve(board, HealthSettings()) as nothing:
        assert nothing is None


def test_the_settings_say_where(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("health: {address: '::', port: 9400, stalled: 2m}\n")
    health = configure(file).settings.health
    assert (str(health.address), health.port, health.stalled.total_seconds()) == ("::", 9400, 120)


@pytest.mark.parametrize(
    ("text", "said"), [("address: localhost", "IPv4 or IPv6"), ("port: 70000", "65535"), ("stalled: 1s", "at least 5s")]
)
def test_settings_that_cannot_be_are_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"health:\n  {text}\n")
    with pytest.raises(SettingsError, match=said) as raised:
        configure(file)
    assert raised.value.problems[0].line == 2


def test_every_metric_is_described(board: Board) -> None:
    board.put(0, REPORT)
    described = PAGE.read_text()
    page = Metrics(board, "1").page().decode()
    names = {name for name, _ in samples(page) if name.startswith("middlewatch_")}
    assert len(names) == 23
    assert {name for name in names if f"`{name}`" not in described} == set()
    assert {
        word for word in described.split("`")[1::2] if word.startswith("middlewatch_") and word.isidentifier()
    } <= names


def test_a_signal_that_comes_while_a_report_is_taken_is_no_deadlock(board: Board) -> None:
    with board._lock:
        board.leave()
    assert not board.ready().well
