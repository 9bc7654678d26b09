"""One request, from the wire to its answer: identify, parse, authorize, perform, word the answer."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from silolake.iam import Principal
from silolake.localcloud import wire
from silolake.localcloud.call import Call, Caller
from silolake.localcloud.cloud import LocalCloud, new_request_id, over
from silolake.localcloud.door import Door
from silolake.localcloud.engines.s3.form import open_form
from silolake.localcloud.engines.s3.post import post_object
from silolake.localcloud.errors import AwsError
from silolake.localcloud.http import HttpRequest, HttpResponse, read_request
from silolake.localcloud.payload import Payload, open_payload
from silolake.localcloud.signature import Signed, in_words_of, scope_of, verify, verify_post_policy

_log = logging.getLogger(__name__)
_LONGEST_PARAMETERS = 16 << 20
_DRAINED = 8 << 20
_ANONYMOUS = Caller(Principal(arn="", account="", kind="anonymous"))

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Gateway:
    """The WSGI application in front of every engine.

    Args:
        cloud: what is asked.
        door: answers the owner's own questions under ``/_silolake/``.
    """

    def __init__(self, cloud: LocalCloud, door: Door) -> None:
        self._cloud, self._door = cloud, door

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as a WSGI server asks."""
        request = read_request(environ)
        response = self._door.answer(request) if request.path.startswith("/_silolake/") else self._answer(request)
        body = [response.body] if isinstance(response.body, bytes) else response.body
        if isinstance(response.body, bytes):
            # HEAD says the length of what GET would send, and the engine has named it.
            response.headers.setdefault("Content-Length", str(len(response.body)))
        if not _drain(request):
            response.headers["Connection"] = "close"
        start_response(f"{response.status} {_reason(response.status)}", list(response.headers.items()))
        return [] if request.method == "HEAD" else body

    def _answer(self, request: HttpRequest) -> HttpResponse:
        request_id = new_request_id()
        service, protocol = wire.guess(request)
        try:
            scope = scope_of(request)
            if scope is None and _is_post(request):
                return self._post(request)
            if scope is None and service != "s3":
                raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            if scope is not None:
                service, protocol = scope.service, wire.protocol_of(scope.service, request)
            body = b"" if service == "s3" else _read_parameters(request)
            signed = None
            if scope is not None:
                digest = hashlib.sha256(body).hexdigest() if service != "s3" else ""
                signed = verify(request, scope, digest, self._cloud.sessions, self._cloud.clock)
            return self._perform(request, request_id, service, body, signed)
        except AwsError as error:
            refused = wire.refuse(service, protocol, in_words_of(service, protocol, error), request_id)
            if error.code == "SlowDown":
                # https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
                refused.headers["Retry-After"] = "1"
            return refused
        except Exception:  # noqa: BLE001  a defect of ours must reach the client as an AWS error, and the log as what it is
            _log.exception("request %s: %s %s", request_id, request.method, request.path)
            defect = AwsError(
                "InternalFailure", f"The local cloud failed; its log tells more (request {request_id}).", 500
            )
            return wire.refuse(service, protocol, defect, request_id)

    def _perform(
        self, request: HttpRequest, request_id: str, service: str, body: bytes, signed: Signed | None
    ) -> HttpResponse:
        operation = wire.find_operation(request, service, body)
        if throttled := self._cloud.disturbances.throttling(operation.service):
            raise throttled
        caller = over(signed.session.caller if signed else _ANONYMOUS, secure=request.secure, source_ip=request.remote)
        payload: Payload | None = None
        if service == "s3":
            encoding = request.headers.get("x-amz-content-sha256", "")
            payload = open_payload(request.body, request.length or 0, signed, encoding)
            if not operation.streams:
                body = _read_whole(payload)
        call = Call(
            service=operation.service,
            operation=operation.name,
            parameters=wire.parse(request, operation, body),
            caller=caller,
            region=(signed.scope.region if signed else "") or self._cloud.region,
            cloud=self._cloud,
            request_id=request_id,
            body=payload if operation.streams else None,  # type: ignore[arg-type]
            headers=request.headers,
        )
        return wire.answer(operation, self._cloud.perform(call), request_id)

    def _post(self, request: HttpRequest) -> HttpResponse:
        """A browser's form, whose signed policy says what may be put.

        https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
        """
        form = open_form(request.body, request.headers["content-type"], request.length)
        session = verify_post_policy(form.fields, self._cloud.sessions, self._cloud.clock.now())
        caller = over(session.caller, secure=request.secure, source_ip=request.remote)
        return HttpResponse(*post_object(self._cloud, caller, request.segments[0], form))


def _is_post(request: HttpRequest) -> bool:
    return request.method == "POST" and request.headers.get("content-type", "").startswith("multipart/form-data")


def _read_parameters(request: HttpRequest) -> bytes:
    if (request.length or 0) > _LONGEST_PARAMETERS:
        raise AwsError("RequestEntityTooLarge", f"A request's parameters may be {_LONGEST_PARAMETERS} bytes long.", 413)
    return request.body.read(request.length or 0)


def _read_whole(payload: Payload) -> bytes:
    body = payload.read(_LONGEST_PARAMETERS + 1)
    if len(body) > _LONGEST_PARAMETERS:
        raise AwsError("MaxMessageLengthExceeded", "Your request was too large.", 400)
    while payload.read(1 << 16):
        pass
    return body


def _drain(request: HttpRequest) -> bool:
    """Read what the engine left of a body, so that the connection can serve another request."""
    left = _DRAINED
    while left > 0:
        try:
            piece = request.body.read(1 << 16)
        except (OSError, ValueError, io.UnsupportedOperation):
            return False
        if not piece:
            return True
        left -= len(piece)
    return False


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
