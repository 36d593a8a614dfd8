"""The processes of a job: started together, watched, and ended together."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import multiprocessing
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from flows.board import Board
from flows.configuration import Configuration
from flows.console import EXIT_FAILED, without_panic_traces
from flows.failing import failed_here
from flows.joining import Joining
from flows.leaving import CODES, SIGNALS
from flows.reasons import is_panic, lost, told
from flows.settings import HealthSettings
from flows.tally import Tally
from flows.wall_clock import watched_clock
from flows.work import Options, Outputs, Share, Worker

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when its parent ends."""
PORTS = range(20_000, 32_000)
"""Where the processes of a job speak to each other, on 127.0.0.1."""
LISTENING = "0A"
"""State of a socket in /proc/net/tcp."""
LISTENS_WITHIN = 1.0
"""Seconds in which a worker that was started listens for the others."""
ENDS_WITHIN = 5.0
"""Seconds in which a worker ends whose peer has failed; it may wait for it for ever."""
LOOK_EVERY = 0.5
"""Seconds in which a worker that ended without a word is noticed."""


class Outcome(Struct, frozen=True):
    """How a worker ended."""

    tally: Tally | None = None
    """What it counted; None if it ended without a word."""
    failure: str = ""
    """Why it failed, for the user."""
    wrote: bool = False
    """Whether the alerts were this one's to write."""
    nobody_reads: bool = False
    """The reader of its output has gone."""
    taken_along: bool = False
    """It failed because another process ended."""


def run_workers(
    options: Options, configuration: Configuration, share: Share, outputs: Outputs, board: Board
) -> tuple[int, list[Outcome]]:
    """Run all processes of a job, or the one of this pod, to their end.

    They are forks of this one, which must have no threads yet. Signals are handed on to them, those that come before
    all are there when they are; if this process ends, they end. Returns the exit code, and how each worker ended, in
    that order.
    """
    context = multiprocessing.get_context("fork")
    addresses, numbers = _addressed(options, configuration)
    pipes = [context.Pipe(duplex=False) for _ in numbers]
    caught: list[int] = []
    with _handed_on(caught, board) as processes:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for index, (_, said) in zip(numbers, pipes, strict=True):
            mine = msgspec.structs.replace(share, index=index, addresses=addresses)
            process = context.Process(target=_work, args=(options, configuration, mine, outputs, said, os.getpid()))
            process.start()
            processes.append(process)
            if options.pod is None:
                _await_listening(process, addresses[index:-1])
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for _, said in pipes:
            said.close()
        with _pages(board, configuration.settings.health), _shown(options, share, board):
            outcomes = list(_watched([heard for heard, _ in pipes], processes, board))
    return (CODES[signal.Signals(caught[0])] if caught else 0), outcomes


def _pages(board: Board, settings: HealthSettings) -> contextlib.AbstractContextManager[object]:
    """/livez, /readyz and /metrics, where the settings name a port; loading what serves them takes its time."""
    if not settings.port:
        return contextlib.nullcontext()
    from flows.health import serve

    return serve(board, settings)


def _shown(options: Options, share: Share, board: Board) -> contextlib.AbstractContextManager[None]:
    """How far the input was read, for a person at a terminal."""
    if options.follow or sys.stderr is None or not sys.stderr.isatty():
        return contextlib.nullcontext()
    from flows.progress import progress

    return progress([planned.path for files in share.plan.values() for planned in files], board)


def _addressed(options: Options, configuration: Configuration) -> tuple[tuple[str, ...], Sequence[int]]:
    """Addresses of all processes of the job, and the numbers of those that run here."""
    pods = configuration.settings.pods
    if options.pod is not None and pods is not None:
        return pods.addresses, [options.pod]
    addresses = tuple(_free_addresses(options.processes)) if options.processes > 1 else ()
    return addresses, range(options.processes)


def _free_addresses(count: int) -> list[str]:
    """Addresses that nobody listens on.

    Of ports that the system gives to nobody: what it gives to a connection may be the port of a process that does
    not listen yet.
    """
    found: list[str] = []
    ports = list(PORTS)
    random.SystemRandom().shuffle(ports)
    for port in ports:
        with contextlib.suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            found.append(f"127.0.0.1:{port}")
        if len(found) == count:
            return found
    raise OSError(errno.EADDRINUSE, "no free port for the processes", "127.0.0.1")


def _await_listening(process: Any, addresses: Sequence[str]) -> None:
    """Wait for the first of these before those are started that connect to it: they would try again after a second."""
    until = time.monotonic() + LISTENS_WITHIN
    while addresses and process.is_alive() and time.monotonic() < until and not _listens(addresses[0]):
        time.sleep(LISTENS_WITHIN / 100)


def _listens(address: str) -> bool:
    """Whether a port of this machine is listened on: a connection to it would be taken for that of a worker."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    try:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return False
    return any(row[1].endswith(port) and row[3] == LISTENING for row in rows)


@contextlib.contextmanager
def _handed_on(caught: list[int], board: Board) -> Iterator[list[Any]]:
    """Signals that ask this process to end go to the workers, which end as they can."""
    processes: list[Any] = []

    def hand_on(number: int, _: object) -> None:
        caught.append(number)
        board.leave()
        for process in processes:
            if process.is_alive():
                os.kill(process.pid, number)

    before = {number: signal.signal(number, hand_on) for number in CODES}
    try:
        yield processes
    except BaseException:
        for process in processes:
            process.kill()
        raise
    finally:
        for process in processes:
            process.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def _watched(heard: Sequence[Connection], processes: Sequence[Any], board: Board) -> Iterator[Outcome]:
    """Take what the workers say until all have ended. If one has failed, those that wait for it are not waited for."""
    open_ = {connection: index for index, connection in enumerate(heard)}
    until = math.inf
    while open_:
        for connection in wait(list(open_), LOOK_EVERY):
            assert isinstance(connection, Connection)
            index = open_[connection]
            try:
                said = connection.recv()
            except (EOFError, OSError):
                said = Outcome()
            if isinstance(said, Outcome):
                del open_[connection]
                board.gone(index)
                if said.failure or said.tally is None:
                    until = min(until, time.monotonic() + ENDS_WITHIN)
                yield said
            elif isinstance(said, str):
                board.wait(index, said)
            else:
                board.put(index, said)
        if time.monotonic() > until:
            for index in open_.values():
                processes[index].kill()


def _work(
    options: Options, configuration: Configuration, share: Share, outputs: Outputs, said: Connection, parent: int
) -> None:
    """A worker process. Its stderr stays closed to bytewax's traces, which other threads may write to the end."""
    _end_with(parent)
    with without_panic_traces():
        _worked(options, configuration, share, outputs, said)
        os._exit(0)


def _worked(options: Options, configuration: Configuration, share: Share, outputs: Outputs, said: Connection) -> None:
    """Work, and tell the parent how it ended. The worker that leaves first, when all is durable, stops the others."""
    worker = Worker(options, configuration, share, outputs, said.send)

    def tell() -> None:
        said.send(worker.report())
        said.send(Outcome(worker.tally, wrote=worker.alerts.used))

    def leave() -> None:
        tell()
        os._exit(0)

    def fail(reason: str) -> NoReturn:
        said.send(Outcome(worker.tally, reason))
        os._exit(EXIT_FAILED)

    try:
        worker.joining = _joining(worker, said, leave, fail)
        with watched_clock(fail):
            worker.run(leave)
        tell()
    except BaseException as error:  # noqa: BLE001  whatever ended it is what the parent tells the user
        if worker.leaving.asked and worker.leaving.to_checkpoint is not None and not failed_here():
            if worker.topics is not None:
                worker.topics.close()
            leave()
        alone = failed_here() or not share.addresses or not is_panic(error)
        pipe = isinstance(error, BrokenPipeError)
        reason = told(error) if alone else lost(error, options)
        said.send(Outcome(worker.tally, reason, nobody_reads=pipe, taken_along=not alone))
        os._exit(EXIT_FAILED)


def _joining(
    worker: Worker, said: Connection, leave: Callable[[], None], fail: Callable[[str], NoReturn]
) -> Joining | None:
    """What brings the worker of a pod together with those of the others."""
    pods, kept = worker.configuration.settings.pods, worker.options.checkpoint
    if pods is None or worker.options.pod is None:
        return None

    def tell(reason: str) -> None:
        if worker.leaving.asked:
            leave()
        said.send(reason)

    folder = None if kept is None else Path(kept)
    return Joining(pods, worker.configuration, folder, worker.share.manifest, tell, fail)


def _end_with(parent: int) -> None:
    """End this process when its parent ends, however it does: what goes on alone would write what a new run writes."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(EXIT_FAILED)
