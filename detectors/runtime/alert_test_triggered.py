"""The test alert, by which one sees that the pipeline works from end to end."""

from __future__ import annotations

import re

from detectors.commands import Command, read, script
from detectors.contract import Match, Quiet, rule
from detectors.runtime.conditions import lineage
from detectors.runtime.entities import actor, entity
from detectors.runtime.programs import is_one_liner
from detectors.selection import executes
from events import Process, RuntimeEvent

TRIGGER = "asc_alerttest_662jfi039n"
"""Base name of the executable that Defender's documentation gives for a test alert."""
_SHOWN = frozenset({TRIGGER, TRIGGER[:15]})
"""Some sensors cut names at 15 characters."""
_BEGIN, _END = "X5O!P%@AP[4PZX54(P^)7CC)7}", "STANDARD-ANTIVIRUS-TEST-FILE!"
"""The EICAR test string in two parts, without its backslash, so that scanners pass over this file (eicar.org)."""
_BASE64 = "WDVPIVAlQEFQWzRc" + "UFpYNTQoUF4pN0NDKTd9"
_MARKS = (TRIGGER, _END, _BASE64)
_QUOTING = re.compile(r"[\\'\"+\s]")
_WRITERS = frozenset({"echo", "printf", "print", "tee", "cat", "dd", "sponge"})
_DECODERS = re.compile(r"base64\s+(?:-\w+\s+)*(?:-[a-zA-Z]*[dD]|--decode)|b64decode|decode_base64|openssl\s.*-d\b")


@rule(
    "K8S.NODE_EICAR",
    on=executes(*_SHOWN, matching=(f"{TRIGGER}|ANTIVIRUS-TEST-FILE|{_BASE64[:16]}",)),
    misses="The string assembled from pieces, encoded in another way than base64, or written by a program from a file.",
    noise="Tests of virus scanners that write the string: they are what this alert is for.",
)
def alert_test_triggered(event: RuntimeEvent) -> Match | Quiet:
    """Someone ran the program that triggers a test alert, or wrote the EICAR test string.

    >>> fired(alert_test_triggered, execution("/tmp/asc_alerttest_662jfi039n", "testing eicar pipe"))
    ['shop/0123456789ab']
    >>> fired(alert_test_triggered, execution("/usr/bin/cp", "/bin/echo ./asc_alerttest_662jfi039n"))
    []
    """
    commands = read(event.process)
    ran = any(_runs_trigger(command) for command in commands)
    if not ran and not any(_writes_string(command) for command in commands) and not _decodes_string(event.process):
        names = [command.name for command in commands]
        return Quiet(f"a program called {TRIGGER} runs, or a program writes the EICAR test string", names)
    what = f"the program {TRIGGER} was run" if ran else "the EICAR test string was written"
    return Match(
        entity=entity(event),
        occurrence=_outermost(event),
        because=f"{what}: a test of the pipeline, not a threat",
        fields={"trigger": TRIGGER if ran else "EICAR test string", "program": event.process.binary},
        actor=actor(event),
    )


def _runs_trigger(command: Command) -> bool:
    run = script(command) or ""
    return command.name in _SHOWN or run.rpartition("/")[2] == TRIGGER


def _writes_string(command: Command) -> bool:
    if command.name not in _WRITERS and not is_one_liner(command):
        return False
    texts = (*command.arguments, command.stdin or "", *(redirection.target for redirection in command.redirections))
    return _holds_string(" ".join(texts))


def _decodes_string(process: Process) -> bool:
    """The string in base64, and a program that decodes it, in one command line."""
    line = process.command_line
    return _BASE64 in line and bool(_DECODERS.search(line))


def _holds_string(text: str) -> bool:
    plain = _QUOTING.sub("", text).replace("%%", "%")
    return _BEGIN in plain and _END in plain


def _outermost(event: RuntimeEvent) -> str:
    """Exec id of the first process whose command line shows the test: a shell and its child are one test."""
    shown = [process for process in lineage(event) if any(mark in process.command_line for mark in _MARKS)]
    return (shown[-1].exec_id if shown else event.process.exec_id) or event.event_id
