"""Programs by what they are for."""

from __future__ import annotations

import re2

from detectors.commands import Command, script, takes_program_from_input
from detectors.commands.options import SHELLS, interpreter, leading

FETCHERS = frozenset(
    {
        *("curl", "wget", "wget2", "http", "https", "httpie", "xh", "xhs", "curlie", "hurl", "aria2c", "axel", "fetch"),
        *("lynx", "links", "elinks", "w3m", "lwp-request", "lwp-download", "GET", "HEAD", "POST", "lftp", "websocat"),
        *("nc", "ncat", "netcat", "nc.openbsd", "nc.traditional", "socat", "telnet", "openssl", "ssl_client"),
    }
)
"""Programs whose purpose is a request to a host that is named in their arguments."""
AWKS = frozenset({"awk", "gawk", "mawk", "nawk", "original-awk"})
_EVALUATING = {"deno": frozenset({"eval"}), "bun": frozenset({"-e", "--eval", "-p", "--print"})}
"""Runtimes whose first argument decides, with those that are followed by a program."""
_PYTHON_VALUES = frozenset({"-c", "-m", "-W", "-X"})
_WORKER = re2.compile(
    r"-c from multiprocessing\.(?:spawn|forkserver) import (?:spawn_main|main); (?:spawn_main|main)"
    r"\([\w=, '\[\]*{}:/.+-]*\)(?: --multiprocessing-fork)?$"
)
"""How Python starts the workers of its multiprocessing: the program is elsewhere (CPython, `multiprocessing.spawn`)."""


def is_interpreter(command: Command) -> bool:
    """An interpreter of a programming language, shells aside; `python3.11` is `python`."""
    return interpreter(command.name) not in SHELLS | {""}


def is_one_liner(command: Command) -> bool:
    """An interpreter, shells aside, whose program stands in its arguments or on its standard input.

    A worker of Python's multiprocessing is none: its program is elsewhere.

    Examples
    --------
    >>> is_one_liner(Command("python3.11", "python3.11", ("-Sc", "import os")))
    True
    >>> is_one_liner(Command("python3", "python3", ("-m", "gunicorn"))), is_one_liner(Command("php", "php", ("a.php",)))
    (False, False)
    """
    if command.name in _EVALUATING:
        return not _EVALUATING[command.name].isdisjoint(command.arguments[:1])
    if not is_interpreter(command) or script(command) is not None or _WORKER.search(" ".join(command.arguments)):
        return False
    if takes_program_from_input(command):
        return command.stdin is not None
    return "-m" not in leading(command.arguments, _PYTHON_VALUES)[0] or "py" not in command.name
