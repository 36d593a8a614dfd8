"""A TCP proxy that stalls, slows down and cuts connections."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import Self

CHUNK = 1 << 16
SLOW_STEPS = 20
"""A slow proxy passes something on so many times a second."""


class Proxy:
    """Passes connections to one port of 127.0.0.1 on to another.

    Parameters
    ----------
    to
        The port to which it passes them on.
    port
        The port at which it listens.
    """

    def __init__(self, to: int, port: int) -> None:
        self.port = port
        self.passed = 0
        """Bytes that came from clients and were passed on."""
        self._to = to
        self._listener: socket.socket | None = None
        self._lock = threading.RLock()
        self._open: set[socket.socket] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._speed: float | None = None
        self._left: int | None = None

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def stall(self) -> None:
        """Pass nothing on; connections stay, and new ones are taken."""
        self._flows.clear()

    def resume(self) -> None:
        """Pass on again, first what was held back."""
        self._flows.set()

    def slow(self, bytes_per_second: float | None) -> None:
        """Pass on no more than this in each direction of each connection; None: as quickly as it goes."""
        self._speed = bytes_per_second

    def cut(self) -> None:
        """Reset all connections, and refuse new ones."""
        with self._lock:
            self._left = None
            if self._listener is not None:
                with contextlib.suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
            for one in self._open:
                _reset(one)
            self._open.clear()
        self._flows.set()

    def cut_after(self, more: int) -> None:
        """Cut when so many more bytes have come from clients: in the middle of a message, if need be."""
        self._left = more

    def mend(self) -> None:
        """Take connections (again)."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port))
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to), 5)
                server.settimeout(None)
            except OSError:
                _reset(client)
                continue
            with self._lock:
                if self._listener is not listener:
                    _reset(client)
                    _reset(server)
                    return
                self._open |= {client, server}
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, target, source is client), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK if self._speed is None else max(1, int(self._speed / SLOW_STEPS))):
                self._flows.wait()
                if self._speed is not None:
                    time.sleep(len(data) / self._speed)
                if counts and not self._counted(data, target):
                    return
                if not counts:
                    target.sendall(data)
        with self._lock:
            for one in (source, target):
                self._open.discard(one)
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _counted(self, data: bytes, target: socket.socket) -> bool:
        """Pass on what a client sent, as far as it may; whether the connection goes on."""
        with self._lock:
            allowed = data if self._left is None else data[: self._left]
            last = self._left is not None and len(data) >= self._left
            if self._left is not None:
                self._left -= len(allowed)
            self.passed += len(allowed)
        target.sendall(allowed)
        if last:
            self.cut()
        return not last


def _reset(one: socket.socket) -> None:
    """Close at once; the other side sees a reset, as when a machine goes away."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RD)
    one.close()
