"""Options, operands, and the program that an interpreter runs."""

from __future__ import annotations

import pytest

from detectors.commands import Command, options, script, takes_program_from_input


def command(line: str) -> Command:
    name, *arguments = line.split()
    return Command(name, name, tuple(arguments))


@pytest.mark.parametrize(
    ("line", "found", "operands"),
    [
        ("touch -acmr a b", {"-a": [""], "-c": [""], "-m": [""], "-r": ["a"]}, ["b"]),
        ("ssh -NfR9000:h:22 u@h", {"-N": [""], "-f": [""], "-R": ["9000:h:22"]}, ["u@h"]),
        ("ssh -L 1:h:2 h -L 3:h:4", {"-L": ["1:h:2", "3:h:4"]}, ["h"]),
        ("wget --output=x h", {"--output": ["x"]}, ["h"]),
        ("wget --output x h -q", {"--output": ["x"], "-q": [""]}, ["h"]),
        ("wget --output= h", {"--output": [""]}, ["h"]),
        ("find / -name x", {"-name": ["x"]}, ["/"]),
        ("rm -- -R x", {}, ["-R", "x"]),
        ("tar - -R", {"-R": [""]}, ["-"]),
    ],
)
def test_options_in_every_form(line: str, found: dict[str, list[str]], operands: list[str]) -> None:
    assert options(command(line), frozenset({"-r", "-R", "-L", "--output", "-name"})) == (found, operands)


@pytest.mark.parametrize(
    ("line", "expected", "from_input"),
    [
        ("python3 /tmp/x.py -c", "/tmp/x.py", False),
        ("python3.11 -u -W ignore x.py", "x.py", False),
        ("python3 -c x y", None, False),
        ("python3 -m json.tool", None, False),
        ("python3 -", None, True),
        ("python3", None, True),
        ("perl -w x.pl", "x.pl", False),
        ("perl -ne print x", None, False),
        ("ruby -I lib x.rb", "x.rb", False),
        ("php -f x.php", "x.php", False),
        ("php -r x", None, False),
        ("node --require a x.js", "x.js", False),
        ("bash -x script.sh", "script.sh", False),
        ("bash +x -o pipefail script.sh", "script.sh", False),
        ("bash -s -- x", None, True),
        ("sh /dev/stdin", None, True),
        ("sh -c x", None, False),
        (". ./x", "./x", False),
        ("jq .", None, False),
    ],
)
def test_the_program_of_an_interpreter(line: str, expected: str | None, from_input: bool) -> None:
    assert script(command(line)) == expected
    assert takes_program_from_input(command(line)) == from_input
