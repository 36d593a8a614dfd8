"""The command line as a person or a script meets it: a process, its output and its exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MIDDLEWATCH = [sys.executable, "-m", "flows.cli"]
BINDING = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "auditID": "a-1",
    "stage": "ResponseComplete",
    "verb": "create",
    "user": {"username": "jane"},
    "objectRef": {"resource": "clusterrolebindings", "name": "x", "apiGroup": "rbac.authorization.k8s.io"},
    "responseStatus": {"code": 201},
    "requestObject": {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "x"},
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "mallory"}],
    },
    "stageTimestamp": "2026-09-14T09:00:00.000000Z",
}


def middlewatch(*arguments: object, text: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [*MIDDLEWATCH, *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "audit.jsonl"
    file.write_text(json.dumps(BINDING) + "\nnot json\n")
    return file


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["detect"], "name files, folders"),
        (["detect", "/nowhere/at/all.jsonl"], "no such file"),
        (["detect", "-", "--no-such-flag"], "--no-such-flag"),
        (["detect", "-", "--format", "xml"], "xml"),
        (["detect", "-", "--settings", "/nowhere.yaml"], "/nowhere.yaml"),
        (["explain", "nothing"], "FILE:LINE"),
        (["explain", "/nowhere:1"], "no such file"),
        (["alerts", "K8S_ClusterAdminBindin"], "K8S_ClusterAdminBinding"),
        (["no-such-command"], "no-such-command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_gives_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    done = middlewatch(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_a_folder_without_files_gives_exit_code_2(tmp_path: Path) -> None:
    done = middlewatch("detect", tmp_path)
    assert (done.returncode, "without files" in done.stderr) == (2, True)


def test_settings_with_a_typo_name_the_nearest_key(tmp_path: Path, log: Path) -> None:
    (tmp_path / "s.yaml").write_text("limits:\n  itm: 5\n")
    done = middlewatch("detect", log, "--settings", tmp_path / "s.yaml")
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert "did you mean item?" in done.stderr


def test_alerts_are_json_lines_and_the_summary_adds_up(log: Path) -> None:
    done = middlewatch("detect", log, "--summary", "-", "--cluster", "Prod")
    alert, summary = map(json.loads, done.stdout.splitlines())
    assert (alert["alert_type"], alert["cluster"], alert["revision"]) == ("K8S_ClusterAdminBinding", "prod", 1)
    assert alert["evidence"][0]["origin"] == {"path": str(log), "line": 1}
    assert summary["read"] == summary["events"] + summary["skipped"] + summary["malformed"] == 2
    assert summary["alerts"] == {"K8S_ClusterAdminBinding": 1}
    assert done.returncode == 0


def test_standard_input_is_read(log: Path) -> None:
    assert json.loads(middlewatch("detect", "-", text=log.read_text()).stdout)["evidence"][0]["origin"]["path"] == "-"


def test_dead_letters_are_for_the_owner_only_and_say_where(tmp_path: Path, log: Path) -> None:
    letters = tmp_path / "dead.jsonl"
    middlewatch("detect", log, "--dead-letters", letters)
    letter = json.loads(letters.read_text())
    assert letter["reason"] == "not JSON"
    assert letter["origin"] == {"path": str(log), "line": 2}
    assert letter["head"] == "not json"
    assert letters.stat().st_mode & 0o777 == 0o600


def test_a_table_says_why(log: Path) -> None:
    done = middlewatch("detect", log, "--format", "table")
    assert "K8S_ClusterAdminBinding" in done.stdout
    assert "mallory" in done.stdout
    assert "2 read" in done.stderr


@pytest.mark.parametrize("form", ["jsonl", "ocsf", "table"])
def test_a_full_disk_gives_one_line_and_exit_code_1(log: Path, form: str) -> None:
    done = middlewatch("detect", log, "--output", "/dev/full", "--format", form)
    assert done.returncode == 1
    assert "No space left" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr


def test_an_output_that_cannot_be_opened_gives_exit_code_1(log: Path) -> None:
    done = middlewatch("detect", log, "--output", "/nowhere/alerts.jsonl")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    "arguments", ["detect {} --format jsonl", "detect {} --format table", "alerts", "alerts --format json"]
)
def test_a_closed_pipe_is_no_failure(log: Path, arguments: str) -> None:
    log.write_text("".join(json.dumps({**BINDING, "auditID": f"a-{n}"}) + "\n" for n in range(3000)))
    call = " ".join([*MIDDLEWATCH, arguments.format(log)])
    done = subprocess.run(
        ["bash", "-c", f"{call} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_ctrl_c_ends_at_once_with_130(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("")
    process = subprocess.Popen(
        [*MIDDLEWATCH, "detect", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(BINDING).encode() + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        asked = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=10) == 130
        assert time.monotonic() - asked < 5
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


def test_explain_says_that_it_fires_and_which_condition_failed(log: Path) -> None:
    refused = {**BINDING, "responseStatus": {"code": 403}}
    log.write_text(json.dumps(BINDING) + "\n" + json.dumps({"kind": "EventList", "items": [BINDING, refused]}) + "\n")
    assert "FIRES  K8S_ClusterAdminBinding" in middlewatch("explain", f"{log}:1").stdout
    quiet = middlewatch("explain", f"{log}:2:1").stdout
    assert "FAIL not: the request was refused" in quiet
    assert "403" in quiet
    assert middlewatch("explain", f"{log}:2").returncode == 2
    assert middlewatch("explain", f"{log}:9").returncode == 2


def test_alerts_lists_the_catalogue() -> None:
    rows = json.loads(middlewatch("alerts", "--format", "json").stdout)
    assert len(rows) == 58
    assert len({row["id"] for row in rows}) == 58
    assert "K8S.NODE_EICAR" in middlewatch("alerts", "k8s.node_eicar").stdout


def test_the_version_is_printed() -> None:
    assert middlewatch("--version").stdout.startswith("middlewatch ")


def test_on_a_live_input_an_alert_of_a_window_does_not_wait_for_the_end() -> None:
    burst = Path(__file__).parents[1] / "captures" / "K8S.NODE_ReconnaissanceArtifactsBurst" / "fires-burst.jsonl"
    process = subprocess.Popen([*MIDDLEWATCH, "detect", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(burst.read_bytes())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["alert_type"] == "K8S.NODE_ReconnaissanceArtifactsBurst"
    finally:
        process.kill()
        process.communicate()


def test_a_file_on_standard_input_is_read_like_a_file() -> None:
    burst = Path(__file__).parents[1] / "captures" / "K8S.NODE_ReconnaissanceArtifactsBurst" / "fires-burst.jsonl"
    with burst.open() as stdin:
        command = [*MIDDLEWATCH, "detect", "-"]
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["alert_type"] == "K8S.NODE_ReconnaissanceArtifactsBurst"


def test_what_was_found_is_delivered_when_a_signal_ends_it(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    command = [*MIDDLEWATCH, "detect", "-", "--summary", str(summary), "--format", "jsonl"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(BINDING).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["alert_type"] == "K8S_ClusterAdminBinding"
        process.terminate()
        assert process.wait(timeout=10) == 143
        assert json.loads(summary.read_text())["read"] == 1
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("outputs", [("--output", "--dead-letters"), ("--dead-letters", "--summary")])
def test_one_path_for_two_outputs_is_refused(log: Path, tmp_path: Path, outputs: tuple[str, str]) -> None:
    done = middlewatch("detect", log, *(word for name in outputs for word in (name, tmp_path / "x")))
    assert (done.returncode, "two outputs" in done.stderr) == (2, True)


def test_an_input_is_never_written_over(log: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(log)
    before = log.read_bytes()
    for arguments in (["detect", log, "--output", tmp_path / "link"], ["detect", tmp_path, "--dead-letters", log]):
        done = middlewatch(*arguments)
        assert (done.returncode, "written over" in done.stderr) == (2, True)
    with log.open() as stdin:
        command = [*MIDDLEWATCH, "detect", "-", "--output", str(log)]
        assert subprocess.run(command, stdin=stdin, capture_output=True, check=False).returncode == 2
    assert log.read_bytes() == before


def test_dead_letters_are_private_even_in_a_file_that_was_not(log: Path, tmp_path: Path) -> None:
    letters = tmp_path / "dead.jsonl"
    letters.write_text("")
    letters.chmod(0o644)
    middlewatch("detect", log, "--dead-letters", letters)
    assert letters.stat().st_mode & 0o777 == 0o600


def test_control_characters_of_a_file_name_reach_no_terminal(tmp_path: Path) -> None:
    name = tmp_path / "e\x1b[31m\u202e.jsonl"
    name.write_text("no\n")
    for arguments in (["explain", f"{name}:1"], ["explain", f"{name}:2"], ["detect", f"{name}x"]):
        done = middlewatch(*arguments)
        assert not {"\x1b", "\u202e"} & {*done.stdout, *done.stderr}


def test_a_closed_stdout_does_not_matter_to_who_writes_a_file(log: Path, tmp_path: Path) -> None:
    call = " ".join([*MIDDLEWATCH, "detect", str(log), "--output", str(tmp_path / "o"), ">&-"])
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "o").read_text())["alert_type"] == "K8S_ClusterAdminBinding"


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_stream_gives_one_line(closed: str) -> None:
    call = " ".join([*MIDDLEWATCH, "detect", "-", "--dead-letters", "/dev/null", closed])
    done = subprocess.run(["bash", "-c", call], input="", capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "closed" in done.stderr
