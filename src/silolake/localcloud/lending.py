"""A loopback endpoint that lends a process the credentials of a role, for as long as the process' work lasts.

The environment carries a URL and a token, never keys; when the work ends the token is dead.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from silolake.iam import Principal
from silolake.localcloud.sessions import Session

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

_SESSION = timedelta(hours=1)
_RENEWED_BEFORE = timedelta(minutes=5)


@dataclass
class _Loan:
    token: str
    principal: Principal
    held: Session | None = None


class Lender:
    """Serves on a free loopback port while it is open.

    Args:
        cloud: issues the sessions.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._loans: dict[str, _Loan] = {}
        self._turn = threading.Lock()
        lender = self

        class _Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = lender.answer(self.path, self.headers.get("Authorization", ""))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing: a log line would hold what was asked for."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="lending", daemon=True)
        self._thread.start()

    @contextmanager
    def lent(self, name: str, principal: Principal) -> Iterator[dict[str, str]]:
        """The environment by which a process finds a role's credentials, until the block ends. Writes sessions."""
        loan = _Loan(secrets.token_urlsafe(32), principal)
        self._loans[name] = loan
        try:
            yield {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self._server.server_port}/{name}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": loan.token,
            }
        finally:
            del self._loans[name]

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str]]:
        """The answer to one request: a status and a body. Writes a session where the last one is old."""
        loan = self._loans.get(path.lstrip("/"))
        if loan is None or not hmac.compare_digest(authorization.encode(), loan.token.encode()):
            return 403, {"code": "AccessDenied", "message": "this token is not known here, or its work has ended"}
        with self._turn:
            held = loan.held
            if held is None or held.expires_at - self._cloud.clock.now() < _RENEWED_BEFORE:
                held = loan.held = self._cloud.sessions.issue(loan.principal, _SESSION)
        # The client judges expiry by its own clock, not by the local cloud's.
        left = held.expires_at - self._cloud.clock.now()
        return 200, {
            "AccessKeyId": held.access_key,
            "SecretAccessKey": held.secret,
            "Token": held.token,
            "Expiration": (datetime.now(UTC) + left).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def close(self) -> None:
        """Stop serving; every token is dead."""
        self._loans.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
