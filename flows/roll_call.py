"""Before a job begins in several pods: all are there, run the same, and have shares of one checkpoint.

bytewax itself waits for its peers without an end and without a word, and goes on with whatever each of them has kept.
So the first pod listens where bytewax will; the others connect to it and say what they have, until it answers all.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.manifest import Manifest
from flows.checkpoints.parts import Part, progress
from flows.checkpoints.shares import disagreement, last_run
from flows.pods import PodsError

AGAIN = 0.3
"""Seconds between two looks at what has changed."""
CONNECTS_WITHIN = 2.0
"""Seconds; a name may still stand for where a pod was before."""
LONGEST = 4 << 20
"""Bytes that a pod may say."""
STRANGERS = 128
"""Connections that have not said yet who they are."""


class Kept(Struct, frozen=True):
    """The share of a checkpoint that a pod has."""

    manifest: Manifest
    parts: tuple[Part, ...]


class Present(Struct, frozen=True):
    """What a pod says of itself."""

    pod: int
    pods: int
    runs: str
    """What it runs: the same in all."""
    kept: Kept | None = None


class Answer(Struct, frozen=True):
    """What the first pod says to all: go on, or why not."""

    refused: str = ""
    checkpoint: str = ""
    """Name of the checkpoint, the same for all shares."""
    run: int = 0
    """Number of the run that begins."""
    resume: int = 0
    """Its first epoch."""


_ENCODER = msgspec.json.Encoder(enc_hook=str)
_DECODER = msgspec.json.Decoder(Present, dec_hook=lambda kind, text: kind(text))
Tell = Callable[[str], None]
"""Told again and again what is waited for; ends the process if it was asked to leave."""


def roll_call(addresses: Sequence[str], mine: Present, within: float, tell: Tell) -> Answer:
    """Wait until all pods are there, and learn what they agree on.

    Parameters
    ----------
    addresses
        Of all pods.
    mine
        What this one says.
    within
        Seconds.
    tell
        Called with what is waited for, several times a second.

    Raises
    ------
    PodsError
        They did not come in time, or what they have does not fit.
    """
    until = time.monotonic() + within

    def waiting(reason: str) -> None:
        if time.monotonic() > until:
            raise PodsError(f"gave up after {within:g} s: {reason}")
        tell(reason)

    with _listening(addresses[mine.pod], waiting) as listening:
        if mine.pod == 0:
            return _host(listening, mine, waiting)
    return _guest(addresses[0], mine, waiting)


@contextlib.contextmanager
def _listening(address: str, waiting: Tell) -> Iterator[socket.socket]:
    """A socket at this pod's own address, which DNS may not know yet, or know as it was before."""
    host, port = place(address)
    while True:
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            own = socket.socket(family, kind, protocol)
        except OSError as error:
            waiting(f"{address}, the address of this pod, cannot be used: {error.strerror or error}")
        else:
            with own:
                try:
                    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    own.bind(where)
                    own.listen()
                except OSError as error:
                    waiting(f"{address}, the address of this pod, cannot be used: {error.strerror or error}")
                else:
                    yield own
                    return
        time.sleep(AGAIN)


def place(address: str) -> tuple[str, int]:
    """Host and port of an address of the settings."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


class _Line:
    """A connection, and what has come of one line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.came = b""
        connection.setblocking(False)

    def heard(self) -> bytes | None:
        """The line, when all of it is there; empty before; None if there will be none."""
        try:
            while b"\n" not in self.came:
                piece = self.connection.recv(1 << 16)
                if not piece or len(self.came) > LONGEST:
                    return None
                self.came += piece
        except BlockingIOError:
            return b""
        except OSError:
            return None
        return self.came.partition(b"\n")[0]

    def gone(self) -> bool:
        """Whether the other side, which has said its line, has closed or broken the connection."""
        try:
            return not self.connection.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def say(self, what: Struct) -> None:
        """Say a line; it is not known whether it arrives."""
        with contextlib.suppress(OSError):
            self.connection.settimeout(CONNECTS_WITHIN)
            self.connection.sendall(_ENCODER.encode(what) + b"\n")


def _host(listening: socket.socket, mine: Present, waiting: Tell) -> Answer:
    """The first pod: it takes whoever comes, and answers all at once when all are there."""
    listening.settimeout(AGAIN)
    unknown: list[_Line] = []
    there: dict[int, tuple[_Line, Present]] = {}
    remark = ""
    with contextlib.ExitStack() as stack:
        while len(there) + 1 < mine.pods:
            missing = [pod for pod in range(1, mine.pods) if pod not in there]
            waiting(f"waiting for the other pods: {', '.join(map(str, missing))}{remark}")
            with contextlib.suppress(OSError):
                unknown.append(_Line(stack.enter_context(listening.accept()[0])))
            there = {pod: known for pod, known in there.items() if not known[0].gone()}
            for line in unknown.copy():
                remark = _received(line, unknown, there, mine) or remark
            for line in unknown[:-STRANGERS]:
                line.connection.close()
                unknown.remove(line)
        answer = agreed([mine, *(present for _, present in there.values())])
        for line, _ in there.values():
            line.say(answer)
    return _accepted(answer)


def _received(line: _Line, unknown: list[_Line], there: dict[int, tuple[_Line, Present]], mine: Present) -> str | None:
    """Take what a connection has said; a remark if it cannot be taken."""
    said = line.heard()
    if said == b"":
        return None
    unknown.remove(line)
    try:
        present = _DECODER.decode(said or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        line.connection.close()
        return None
    reason = _unlike(present, mine)
    if reason is None:
        there[present.pod] = line, present
        return None
    line.say(Answer(refused=reason))
    line.connection.close()
    return f" ({reason})"


def _unlike(present: Present, mine: Present) -> str | None:
    if present.pods != mine.pods or not 0 < present.pod < mine.pods:
        return f"pod {present.pod} has {present.pods} addresses in its settings, and pod 0 has {mine.pods}"
    if present.runs != mine.runs:
        return f"pod {present.pod} runs another release or other settings than pod 0: stop all of them, start all anew"
    if (present.kept is None) != (mine.kept is None):
        return f"of pod {present.pod} and pod 0 only one keeps a checkpoint"
    return None


def agreed(all_: Sequence[Present]) -> Answer:
    """What all pods are to do, from what each of them has."""
    kept = {present.pod: present.kept for present in all_ if present.kept is not None}
    if not kept:
        return Answer()
    try:
        reason = disagreement({pod: (one.manifest, one.parts) for pod, one in kept.items()})
        if reason is not None:
            return Answer(refused=reason)
        resume = progress([part for one in kept.values() for part in one.parts]).resume
    except CheckpointError as error:
        return Answer(refused=str(error))
    manifests = [one.manifest for one in kept.values()]
    return Answer(checkpoint=kept[0].manifest.checkpoint, run=last_run(manifests) + 1, resume=resume)


def _guest(address: str, mine: Present, waiting: Tell) -> Answer:
    """Another pod than the first: it says what it has as often as it is not heard."""
    while True:
        waiting("waiting for pod 0")
        try:
            connection = socket.create_connection(place(address), timeout=CONNECTS_WITHIN)
        except OSError as error:
            waiting(f"waiting for pod 0 ({address}: {error.strerror or error})")
            time.sleep(AGAIN)
            continue
        with connection:
            said = _asked(_Line(connection), mine, waiting)
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if said:
                return _accepted(msgspec.json.decode(said, type=Answer))
        time.sleep(AGAIN)


def _asked(line: _Line, mine: Present, waiting: Tell) -> bytes | None:
    line.say(mine)
    line.connection.setblocking(False)
    while (said := line.heard()) == b"":
        waiting("waiting for the other pods, as pod 0 is")
        time.sleep(AGAIN)
    return said


def _accepted(answer: Answer) -> Answer:
    if answer.refused:
        raise PodsError(answer.refused)
    return answer
