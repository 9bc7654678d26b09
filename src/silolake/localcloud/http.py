"""One HTTP request as it came over the wire, and one answer to it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, unquote

Environ = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client sent.

    Attributes:
        path: as sent, still percent-encoded, without the query.
        query: as sent, without the ``?``.
        headers: by lower-case name.
        body: to be read once.
        length: what ``Content-Length`` says; ``None`` if it is not said.
        secure: whether it came over TLS.
        remote: the client's address.
        environ: the WSGI environment, for the wire adapter.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: BinaryIO
    length: int | None
    secure: bool
    remote: str
    environ: dict[str, Any]

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded, in their order."""
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def segments(self) -> list[str]:
        """The path's decoded segments; ``["bucket", "a", "key"]``."""
        return [unquote(part) for part in self.path.lstrip("/").split("/")]


@dataclass(slots=True)
class HttpResponse:
    """What is answered; the body is bytes, or pieces that are sent as they come."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


def read_request(environ: dict[str, Any]) -> HttpRequest:
    """The request that a WSGI server hands over."""
    headers = {
        name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = str(environ[name])
    uri = str(environ.get("REQUEST_URI") or environ.get("PATH_INFO") or "/")
    if "://" in uri[:8]:
        uri = "/" + uri.split("://", 1)[1].partition("/")[2]
    path, _, query = uri.partition("?")
    length = headers.get("content-length", "")
    return HttpRequest(
        method=str(environ["REQUEST_METHOD"]),
        path=path or "/",
        query=query,
        headers=headers,
        body=environ.get("wsgi.input") or io.BytesIO(),
        length=int(length) if length.isdigit() else None,
        secure=environ.get("wsgi.url_scheme") == "https",
        remote=str(environ.get("REMOTE_ADDR") or "127.0.0.1"),
        environ=environ,
    )
