"""Two ports on loopback: one with TLS, one without."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cheroot import wsgi
from cheroot.server import HTTPConnection
from cheroot.ssl.builtin import BuiltinSSLAdapter

from silolake.errors import PortTaken

LOOPBACK = "127.0.0.1"
_THREADS = 16
_IDLE_S = 60
_HANDSHAKE_S = 10
# cheroot keeps ten waiting connections and closes the others; each then costs its client another handshake.
_KEPT_OPEN = 256
_ONLY_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTPS only; plain HTTP is spoken on the other one.\n"
)
_log = logging.getLogger(__name__)


@contextmanager
def bound(application: Any, port: int, certificate: tuple[Path, Path] | None) -> Iterator[wsgi.Server]:
    """A port that is held and not served yet: who connects waits.

    Args:
        application: the WSGI application.
        port: 0 is any free one; ``bind_addr`` of the server tells which.
        certificate: chain and key for TLS; ``None`` for plain HTTP.

    Raises:
        PortTaken: another program listens there.
    """
    server = wsgi.Server((LOOPBACK, port), application, numthreads=_THREADS, request_queue_size=128)
    server.timeout = _IDLE_S
    server.keep_alive_conn_limit = _KEPT_OPEN
    server.error_log = _say  # type: ignore[assignment, method-assign]
    if certificate is not None:
        server.ssl_adapter = _LaterHandshake(str(certificate[0]), str(certificate[1]))
        server.ConnectionClass = _TlsConnection
    try:
        server.prepare()
    except OSError as error:
        raise PortTaken(
            f"port {port} on {LOOPBACK} cannot be listened on ({error})",
            "Another program may hold it; choose another with --port, or any free one with --port 0",
        ) from error
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def serving(server: wsgi.Server) -> Iterator[None]:
    """Answer who connects, from threads of this process, while the block lasts."""
    thread = threading.Thread(target=server.serve, name=f"listen-{server.bind_addr[1]}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(timeout=10)


class _LaterHandshake(BuiltinSSLAdapter):
    """Leaves the handshake to the worker.

    cheroot shakes hands in the one thread that accepts, where a client that connects and says nothing stops everybody.
    """

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, Any]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


class _TlsConnection(HTTPConnection):
    """Shakes hands before its first request is read."""

    _shaken = False

    def communicate(self) -> bool:
        if not self._shaken:
            self.socket.settimeout(_HANDSHAKE_S)
            try:
                self.socket.do_handshake()
            except OSError as error:
                self._give_up(error)
                return False
            self.socket.settimeout(_IDLE_S)
            self._shaken = True
        answer: bool = super().communicate()  # type: ignore[no-untyped-call]
        return answer

    def _give_up(self, error: OSError) -> None:
        if getattr(error, "reason", "") == "HTTP_REQUEST":
            head = (
                b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n"
            )
            with suppress(OSError):
                # Past the TLS layer, which has not come to be.
                socket.socket.sendall(self.socket, head % len(_ONLY_TLS) + b"\r\n" + _ONLY_TLS)
        _log.info("no TLS with %s: %s", self.remote_port, error)


def _say(message: str = "", level: int = 20, traceback: bool = False) -> None:
    _log.log(level, "%s", message, exc_info=traceback)
