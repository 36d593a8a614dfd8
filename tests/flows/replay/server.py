"""Runs the command line again and again in forks of one process that has imported it, with knobs turned, and ends them.

Read from stdin: one JSON object a line, a `Call`. Written to stdout: for each the `Ended`. A program of its own: what
forks must have no threads.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import tempfile
import time

import msgspec
from msgspec import Struct

from tests.flows.replay.knobs import Ending, Knobs, turn

PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): orphans become children of this process, so that it sees who survives."""
LIMIT = 300.0
"""Seconds that a run may take."""
SURVIVES = 5.0
"""Seconds after the end of a job in which its workers must end as well."""


class Call(Struct):
    """A run of `middlewatch`."""

    arguments: list[str]
    settings: dict[str, str] = {}
    """Added to the environment."""
    knobs: Knobs = Knobs()
    ending: Ending | None = None


class Ended(Struct):
    """How it ended."""

    code: int
    """As `subprocess` has it: -9 if it was killed; 71 if it hung."""
    said: str
    """Its stderr."""
    survivors: int
    seconds: float
    after: float
    """Seconds from the signal to the end; 0 without one."""


def run(call: Call) -> Ended:
    """Run it, in a process group of its own."""
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _middlewatch(call, said.fileno())
        code, asked = _watched(pid, call.ending)
        ended = time.monotonic()
        survivors = _survivors(pid)
        said.seek(0)
        text = said.read().decode(errors="replace")
        return Ended(code, text, survivors, ended - begun, ended - asked if asked else 0.0)


def _middlewatch(call: Call, said: int) -> None:
    """The job itself; it does not return."""
    code = 70
    try:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for target, source in ((0, nothing), (1, nothing), (2, said)):
            os.dup2(source, target)
        os.environ.update(call.settings)
        turn(call.knobs, call.ending)
        sys.argv = ["middlewatch", *call.arguments]
        from flows.cli import main

        main()
        code = 0
    except SystemExit as error:
        code = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _watched(pid: int, ending: Ending | None) -> tuple[int, float]:
    """The exit code, and when a signal was sent."""
    watch, asked = os.pidfd_open(pid), 0.0
    try:
        timed = ending is not None and ending.at == "time"
        if ending is not None and timed and not select.select([watch], [], [], ending.number)[0]:
            asked = time.monotonic()
            ending.send(pid)
        if not select.select([watch], [], [], LIMIT)[0]:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return 71, asked
    finally:
        os.close(watch)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), asked


def _survivors(group: int) -> int:
    """Processes of this group that do not end; they are ended."""
    until = time.monotonic() + SURVIVES
    while time.monotonic() < until:
        try:
            if os.waitpid(-group, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return 0
    count = 0
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-group, 0)
            count += 1
    return count


def serve() -> None:
    """Answer until stdin ends."""
    import flows.cli
    import flows.configuration
    import flows.run  # noqa: F401  imported once, for all runs

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(line, type=Call))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()
