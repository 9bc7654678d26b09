"""A loopback endpoint that hands a run the credentials of its target, for as long as the run lives.

The kernel's environment carries a URL and a token, never keys; when the run ends the token is dead, so an
environment printed into a kept notebook opens nothing. boto3 asks again by itself before the session expires.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from silolake.cloud import Credentials
from silolake.errors import SilolakeError

_RENEWED_BEFORE = timedelta(minutes=5)
Vend = Callable[[], Credentials]


@dataclass
class _Lease:
    token: str
    vend: Vend
    held: Credentials | None = None


class CredentialsEndpoint:
    """Serves on a free loopback port while it is open."""

    def __init__(self) -> None:
        self._leases: dict[str, _Lease] = {}
        self._turn = threading.Lock()
        self._vended: list[str] = []
        endpoint = self

        class _Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = endpoint.answer(self.path, self.headers.get("Authorization", ""))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing: a log line would hold what was asked for."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, name="credentials", daemon=True)
        self._thread.start()

    @contextmanager
    def lease(self, run: str, vend: Vend) -> Iterator[dict[str, str]]:
        """The environment that lets one run find its credentials, until the block ends."""
        lease = _Lease(secrets.token_urlsafe(32), vend)
        self._leases[run] = lease
        try:
            yield {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self._server.server_port}/{run}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": lease.token,
            }
        finally:
            del self._leases[run]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that was handed out, for scrubbing what runs have written."""
        tokens = tuple(lease.token for lease in tuple(self._leases.values()))
        return (*self._vended, *tokens)

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str]]:
        """The answer to one request: a status and a body."""
        lease = self._leases.get(path.lstrip("/"))
        if lease is None or not hmac.compare_digest(authorization.encode(), lease.token.encode()):
            return 403, {"code": "AccessDenied", "message": "this run's token is not known here, or the run has ended"}
        with self._turn:
            held = lease.held
            if held is None or (held.expires_at and held.expires_at - datetime.now(UTC) < _RENEWED_BEFORE):
                try:
                    held = lease.held = lease.vend()
                except SilolakeError as error:
                    # The kernel's own libraries tell it, and end the run; nothing is to be told here.
                    return 502, {"code": type(error).__name__, "message": str(error)}
                self._vended += [held.access_key, held.secret, held.token]
        expires_at = held.expires_at or datetime.now(UTC) + timedelta(hours=1)
        return 200, {
            "AccessKeyId": held.access_key,
            "SecretAccessKey": held.secret,
            "Token": held.token,
            "Expiration": expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def close(self) -> None:
        """Stop serving; every token is dead."""
        self._leases.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
