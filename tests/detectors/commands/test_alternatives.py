"""What runs only if something before it failed."""

import pytest

from detectors.commands import read
from events import Process


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("cd /a || cd /b; id", ["cd /b"]),
        ("w && id || ps && who", ["ps"]),
        ("w || (cd /a; id); who", ["cd /a", "id"]),
        ("w || sh -c 'id; ps' | wc", ["id", "ps", "wc"]),
        ("(w || id) && who", ["id"]),
        ("w; id & ps | wc", []),
    ],
)
def test_commands_after_two_bars_are_alternatives(text: str, alternatives: list[str]) -> None:
    commands = read(Process(binary="/bin/sh", argv=("sh", "-c", text)))
    assert [" ".join([c.name, *c.arguments]) for c in commands if c.alternative] == alternatives
