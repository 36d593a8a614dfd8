"""Runs a command that does not outlive a process: `tether.py PID FOLDER COMMAND ...`; FOLDER, unless `-`, goes with it.

The command keeps this process's id. A second process watches; it is no child of anyone. (PR_SET_PDEATHSIG would tie the
command to the thread that started it.)
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time

OFTEN = 0.2
"""Seconds between two looks, where there are no pidfds."""


def watch(keeper: int, kept: int, folder: str) -> None:
    """Wait until one of the two ends; if it is the keeper, end the other."""
    _first_to_end(keeper, kept)
    if not _lives(keeper):
        with contextlib.suppress(ProcessLookupError):
            os.kill(kept, signal.SIGKILL)
        if folder != "-":
            time.sleep(OFTEN)
            shutil.rmtree(folder, ignore_errors=True)


def _first_to_end(*pids: int) -> None:
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(ProcessLookupError):
            select.select([os.pidfd_open(pid) for pid in pids], [], [])
        return
    while all(map(_lives, pids)):
        time.sleep(OFTEN)


def _lives(pid: int) -> bool:
    """Whether it runs; one that ended and was not waited for does not."""
    if hasattr(os, "pidfd_open"):
        try:
            return not select.select([os.pidfd_open(pid)], [], [], 0)[0]
        except ProcessLookupError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """See the top of this file."""
    keeper, folder, *command = sys.argv[1:]
    kept = os.getpid()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            watch(int(keeper), kept, folder)
        os._exit(0)
    os.waitpid(middle, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execvp(command[0], command)  # noqa: S606  the command is meant


if __name__ == "__main__":
    main()
