"""Answers to short command lines are kept, and long ones are not."""

from __future__ import annotations

import pytest

from detectors.commands.memory import LONGEST, remembered
from events import Process


@pytest.mark.parametrize(
    ("process", "kept"),
    [
        (Process(binary="/bin/id", arguments="-u", cwd="/"), True),
        (Process(binary="/bin/id", argv=("id", "-u")), True),
        (Process(binary="/bin/id", arguments="x" * LONGEST), False),
        (Process(binary="/bin/id", argv=("id", "x" * LONGEST)), False),
        (Process(binary="/bin/id", argv=("",) * LONGEST), False),
        (Process(binary="/bin/id", cwd="x" * LONGEST), False),
    ],
)
def test_a_short_line_is_answered_once(process: Process, kept: bool) -> None:
    asked: list[Process] = []

    @remembered()
    def arguments(process: Process) -> str:
        asked.append(process)
        return process.arguments

    assert [arguments(process), arguments(process)] == [process.arguments] * 2
    assert len(asked) == (1 if kept else 2)
    assert asked[0] == process


def test_lines_that_differ_in_one_field_have_their_own_answers() -> None:
    identity = remembered()(lambda process: process)
    processes = [Process(binary="a"), Process(arguments="a"), Process(argv=("a",)), Process(cwd="a"), Process(argv=())]
    assert [identity(process) for process in processes] == processes


def test_only_the_command_line_and_the_folder_are_seen() -> None:
    seen = remembered()(lambda process: process)(Process(exec_id="e", binary="/bin/id", uid=0, cwd="/"))
    assert seen == Process(binary="/bin/id", cwd="/")


def test_the_oldest_answers_are_forgotten() -> None:
    asked = []

    @remembered(2)
    def name(process: Process) -> str:
        asked.append(process.name)
        return process.name

    for binary in ("a", "b", "a", "c", "b"):
        name(Process(binary=binary))
    assert asked == ["a", "b", "c", "b"]
