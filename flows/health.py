"""Three pages about a job that runs, for machines: /livez, /readyz and /metrics.

Whoever can reach the port is a stranger: requests are small and quick or they are dropped, and nothing that goes wrong
here reaches the job.
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from socketserver import TCPServer
from typing import Any, NamedTuple, Self

from flows.board import Board, Verdict
from flows.console import PROGRAM
from flows.metrics import CONTENT_TYPE, Metrics
from flows.settings import HealthSettings

HEAD_BYTES = 8 << 10
"""Request line and headers together."""
PATIENCE = 2.0
"""Seconds that a client has to send its request, and again to take the answer."""
CONNECTIONS = 128
"""At the same time; further ones are closed."""
ENDING = 0.2
"""Seconds after which the server sees that it should end."""
TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What a page says now."""

    status: HTTPStatus
    body: bytes
    form: str = TEXT


Pages = dict[str, Callable[[], Answer]]


class Health:
    r"""Serves the pages from a thread of its own until it is closed.

    Start it after the workers: a process that is forked off afterwards keeps the port. Close it when the job ends.

    Parameters
    ----------
    board
        What the workers report.
    address
        IPv4 or IPv6 address on which it listens.
    port
        0 takes any that is free; `port` tells which.
    patience
        Seconds that a client has to send its request, and again to take the answer.

    Raises
    ------
    OSError
        It cannot listen there: `filename` is address and port, `strerror` the reason.

    Examples
    --------
    >>> with Health(Board(workers=1)) as health, socket.create_connection(("127.0.0.1", health.port)) as client:
    ...     client.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
    ...     client.makefile().readlines()[-1]
    'worker 0 has not reported yet\n'
    """

    def __init__(self, board: Board, address: str = "127.0.0.1", port: int = 0, *, patience: float = PATIENCE) -> None:
        metrics = Metrics(board, version(PROGRAM))
        pages: Pages = {
            "/livez": lambda: _verdict(board.live()),
            "/readyz": lambda: _verdict(board.ready()),
            "/metrics": lambda: Answer(HTTPStatus.OK, metrics.page(), CONTENT_TYPE),
        }
        try:
            self._server = _Server(address, port, pages, patience)
        except OSError as error:
            raise OSError(error.errno, error.strerror, _written(address, port)) from None
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(ENDING,), name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the port back; answers under way are not waited for."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(board: Board, settings: HealthSettings) -> contextlib.AbstractContextManager[Health | None]:
    """Serve as the settings say, while the context lasts; nothing where they name no port.

    Raises
    ------
    OSError
        It cannot listen there: `filename` is address and port, `strerror` the reason.
    """
    return Health(board, str(settings.address), settings.port) if settings.port else contextlib.nullcontext()


def _verdict(verdict: Verdict) -> Answer:
    return Answer(HTTPStatus.OK if verdict.well else HTTPStatus.SERVICE_UNAVAILABLE, f"{verdict.line}\n".encode())


def _written(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class _Server(ThreadingHTTPServer):
    request_queue_size = CONNECTIONS

    def __init__(self, address: str, port: int, pages: Pages, patience: float) -> None:
        self.pages = pages
        self.patience = patience
        self._free = threading.Semaphore(CONNECTIONS)
        self.address_family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Bind, without asking a name server how the host is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; where that fails (too many open files), not again at once, for it would be tried without end."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(ENDING)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or was too slow is nobody's concern."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = PROGRAM
    sys_version = ""
    requestline = ""
    default_request_version = request_version = "HTTP/1.0"
    command = ""

    def setup(self) -> None:
        """Read the whole head of the request, for there is a limit to the whole of it, in time and in size."""
        self.connection = self.request
        self._head = _head(self.connection, self.server.patience)
        self._sent = io.BytesIO()
        self.rfile, self.wfile = io.BytesIO(self._head), self._sent

    def handle(self) -> None:
        if len(self._head) > HEAD_BYTES:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().handle()

    def finish(self) -> None:
        self.connection.settimeout(self.server.patience)
        self.connection.sendall(self._sent.getvalue())

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            answer = page()
        except Exception as error:  # noqa: BLE001  whoever asks sees that it failed, and the job goes on
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"failed: {type(error).__name__}\n".encode())
        self._answer(answer)

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """One line, without anything that the client sent."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._answer(Answer(status, f"{status.phrase.lower()}\n".encode()))

    def _answer(self, answer: Answer) -> None:
        self.close_connection = True
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.form)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that http.server calls
        """Requests are not logged."""


def _head(connection: socket.socket, patience: float) -> bytes:
    """What the client sends up to the first empty line, or to the limit and one byte."""
    until = time.monotonic() + patience
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) <= HEAD_BYTES:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        received = connection.recv(HEAD_BYTES + 1 - len(head))
        if not received:
            break
        head += received
    return head
