"""Lines as nodes and kubectl keep them are what the container printed."""

import json

import pytest

from events import Malformed
from events.decoder import Decoder
from tests.events.captures import lines


@pytest.mark.parametrize(
    "wrapped",
    [
        "2026-09-14T09:00:00.123456789Z stdout F {}",
        "2026-09-14T09:00:00.123456789+02:00 stderr F {}",
        "[pod/tetragon-x7k2p/export-stdout] {}",
    ],
)
def test_a_line_of_a_containers_log_is_what_it_printed(wrapped: str) -> None:
    for line in lines("tetragon"):
        assert Decoder().decode(wrapped.encode().replace(b"{}", line)) == Decoder().decode(line)


def test_a_line_of_dockers_log_is_what_the_container_printed() -> None:
    for line in lines("tetragon"):
        written = {"log": line.decode() + "\n", "stream": "stdout", "time": "2026-09-14T09:00:00.1Z"}
        assert Decoder().decode(json.dumps(written).encode()) == Decoder().decode(line)


@pytest.mark.parametrize("times", [2, 1000])
def test_a_wrapped_wrapper_is_malformed(times: int) -> None:
    assert isinstance(Decoder().decode(b"[pod/a] " * times + b"{}")[0], Malformed)
