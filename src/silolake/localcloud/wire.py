"""From a request to an operation and its parameters, and from an output to an answer.

The one module that opens moto: its core carries routers, parsers and serializers made from botocore's own service
models. They move between patch releases, so moto is pinned exactly.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.utils import parse_timestamp
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import RestRouter, ServiceOperationRouter
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from silolake.localcloud.errors import AwsError, NotPlayed
from silolake.localcloud.http import HttpRequest, HttpResponse

# The name in a signature's scope is not always botocore's name of the service.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CBOR = "smithy-rpc-v2-cbor"
_BOTOCORE_NAMES = {"states": "stepfunctions", "monitoring": "cloudwatch", "execute-api": "apigatewaymanagementapi"}


@dataclass(frozen=True)
class Operation:
    """One operation of one service, as botocore models it."""

    service: str
    name: str
    protocol: str
    model: Any
    path_parameters: Mapping[str, Any]

    @property
    def streams(self) -> bool:
        """Whether the request's body is a stream, not part of the parameters."""
        return bool(self.model.has_streaming_input)


class _S3Router(ServiceOperationRouter):  # type: ignore[misc]
    """Buckets in the path only: on a loopback address no client puts them in the host."""

    def _get_router(self, protocol: str) -> Any:
        if protocol not in self._routers:
            self._routers[protocol] = RestRouter(self._service_model)
        return self._routers[protocol]


@functools.cache
def _router(service: str) -> ServiceOperationRouter:
    kind = _S3Router if service == "s3" else ServiceOperationRouter
    return kind(get_service_model(service))


def find_operation(request: HttpRequest, signing_name: str, body: bytes) -> Operation:
    """The operation that a request asks for.

    Args:
        request: the request; its body is not read.
        signing_name: the service's name in the signature's scope.
        body: the body where it was read, for the query protocol names its operation there; empty for S3.

    Raises:
        NotPlayed: botocore knows no such service or operation.
    """
    service = _BOTOCORE_NAMES.get(signing_name, signing_name)
    try:
        model, path_parameters = _router(service).match(Request(_environ(request, body)))
        protocol = determine_request_protocol(get_service_model(service), request.headers.get("content-type"))
    except (HTTPException, UnknownServiceError, NotImplementedError) as error:
        raise NotPlayed(f"{signing_name}:{_asked(request, body)}") from error
    return Operation(service, str(model.name), protocol, model, path_parameters)


def _asked(request: HttpRequest, body: bytes) -> str:
    """What a request asks for, as far as its shape tells."""
    match _shape(request):
        case "json":
            return request.headers["x-amz-target"].rpartition(".")[2]
        case "query":
            return dict(parse_qsl(body.decode("utf-8", "replace"))).get("Action", "without an Action")
        case protocol if protocol == _CBOR:
            return request.path.rpartition("/")[2]
        case _:
            return f"{request.method} {request.path}"


def parse(request: HttpRequest, operation: Operation, body: bytes) -> dict[str, Any]:
    """The operation's parameters by their API names.

    Raises:
        AwsError: the request is not what the service's model says.
    """
    parser = PROTOCOL_PARSERS[operation.protocol](operation.model, timestamp_parser=parse_timestamp)
    seen = Request(_environ(request, body))
    try:
        parsed: dict[str, Any] = parser.parse(
            {
                "method": request.method,
                "values": seen.values,
                "headers": seen.headers,
                "body": body,
                "url_path": seen.path,
                "url_params": dict(operation.path_parameters),
            }
        )
    except (RequestParserError, ValueError, TypeError, KeyError, AttributeError) as error:
        code = "MalformedXML" if operation.service == "s3" else "SerializationException"
        raise AwsError(code, f"The request cannot be read as {operation.name}: {error}") from error
    return {name: value for name, value in parsed.items() if value is not None}


def _environ(request: HttpRequest, body: bytes) -> dict[str, Any]:
    uri = request.path + (f"?{request.query}" if request.query else "")
    return {
        **request.environ,
        "RAW_URI": uri,
        "QUERY_STRING": request.query,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }


def answer(operation: Operation, output: dict[str, Any] | None, request_id: str) -> HttpResponse:
    """The output as the service's protocol says it.

    ``__status__`` and ``__headers__`` in the output override what the model says; a streaming member is sent as it
    comes.
    """
    result = dict(output or {})
    status = result.pop("__status__", None)
    headers: dict[str, str] = result.pop("__headers__", {})
    if operation.protocol == "json":
        text = json.dumps(_without_none(result), default=_plain, separators=(",", ":"))
        response = HttpResponse(200, {"Content-Type": "application/x-amz-json-1.1"}, text.encode())
    else:
        response = _by_model(operation, result, request_id)
    response.status = status or response.status
    response.headers.update(headers)
    response.headers["x-amzn-RequestId"] = request_id
    if operation.service == "s3":
        response.headers["x-amz-request-id"] = request_id
    return response


def _by_model(operation: Operation, result: dict[str, Any], request_id: str) -> HttpResponse:
    streamed: bytes | Iterable[bytes] | None = None
    if operation.model.has_streaming_output and "Body" in result:
        streamed, result["Body"] = result["Body"], ""
    serializer = get_serializer_class(operation.service, operation.protocol)
    said = serializer(operation.model, context=SerializationContext(request_id)).serialize(result)
    body: bytes | Iterable[bytes] = said["body"].encode() if isinstance(said["body"], str) else said["body"]
    # moto names its own type last; the model's Content-Type header is the object's own.
    named = {name: str(value) for name, value in said["headers"].items()}
    if streamed is not None:
        body = streamed
        length = getattr(streamed, "length", None)
        if length is None and isinstance(streamed, bytes):
            length = len(streamed)
        if length is not None:
            named["Content-Length"] = str(length)
    return HttpResponse(int(said["status_code"]), named, body)


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_without_none(each) for each in value]
    return value


def _plain(value: object) -> object:
    """What JSON lacks: times are seconds since 1970, bytes are base64.

    https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
    """
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"an engine answered a {type(value).__name__}, which JSON does not have")


def refuse(service: str, protocol: str, error: AwsError, request_id: str) -> HttpResponse:
    """An error as the service's protocol says it."""
    named = {"x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
    if protocol in ("json", "rest-json"):
        said: dict[str, Any] = {"__type": error.code, "message": error.message, **_without_none(error.members)}
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": error.code, **named}
        return HttpResponse(error.status, headers, json.dumps(said, default=_plain).encode())
    if protocol == _CBOR:
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", **named}
        return HttpResponse(error.status, headers, _cbor({"__type": error.code, "message": error.message}))
    inner = f"<Code>{escape(error.code)}</Code><Message>{_xml(error.message)}</Message>" + "".join(
        f"<{name}>{_xml(str(value))}</{name}>" for name, value in error.members.items()
    )
    if service == "s3":
        text = f"<Error>{inner}<RequestId>{request_id}</RequestId><HostId>local</HostId></Error>"
    elif protocol == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        fault = "Sender" if error.status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{fault}</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return HttpResponse(error.status, {"Content-Type": "application/xml", **named}, (head + text).encode())


def _xml(text: str) -> str:
    """Text that XML can hold: it has no way of saying most control characters."""
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _cbor(said: Mapping[str, str]) -> bytes:
    """A map of a few texts. https://www.rfc-editor.org/rfc/rfc8949"""
    texts = [each.encode() for pair in said.items() for each in pair]
    return bytes((0xA0 | len(said),)) + b"".join(b"\x79" + len(each).to_bytes(2, "big") + each for each in texts)


def guess(request: HttpRequest) -> tuple[str, str]:
    """Service and protocol by the request's shape alone, to word an error in where no signature names them."""
    return ("s3", "rest-xml") if not (protocol := _shape(request)) else ("", protocol)


def protocol_of(signing_name: str, request: HttpRequest) -> str:
    """The protocol that a client of a service speaks, to word an error in before the operation is known."""
    try:
        model = get_service_model(_BOTOCORE_NAMES.get(signing_name, signing_name))
    except UnknownServiceError:
        return _shape(request) or "rest-json"
    try:
        return str(determine_request_protocol(model, request.headers.get("content-type")))
    except NotImplementedError:
        return str(model.protocol)


def _shape(request: HttpRequest) -> str:
    if "smithy-protocol" in request.headers:
        return _CBOR
    if "x-amz-target" in request.headers:
        return "json"
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "query" if form else ""
