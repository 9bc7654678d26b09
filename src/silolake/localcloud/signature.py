"""Signatures: who signed a request, and whether they did.

Signature Version 4 in the header, in the query (presigned) and in a POST policy, and, where S3 still takes it,
presigned Version 2, which boto3 makes by default for some Regions.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from silolake.localcloud.clock import Clock
from silolake.localcloud.errors import AwsError
from silolake.localcloud.http import HttpRequest
from silolake.localcloud.sessions import Session, Sessions

UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"
_SKEW = timedelta(minutes=15)
_QUERY_SERVICES = frozenset({"cloudformation", "iam", "sns", "sqs", "sts"})
_LONGEST_PRESIGNED_S = 604_800
_PRESIGNED = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    }
)
_SECONDS = re.compile(r"[0-9]{1,12}")
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*"
    r"SignedHeaders=(?P<signed>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A credential's scope: whose key, which day, Region and service."""

    access_key: str
    day: str
    region: str
    service: str

    @property
    def text(self) -> str:
        """As it stands in the string to sign."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature holds.

    Attributes:
        payload: what ``x-amz-content-sha256`` promises of the body, or empty where the body is part of the signature.
        seed: the signature that the first chunk of a signed stream follows from.
        signing_key: the key that a stream's chunks are signed with.
    """

    session: Session
    scope: Scope
    at: str
    payload: str
    seed: str = ""
    signing_key: bytes = field(default=b"", repr=False)


def scope_of(request: HttpRequest) -> Scope | None:
    """What the request says of itself, unproven; ``None`` for one that is not signed.

    Raises:
        AwsError: it says nothing that can be understood, or is signed twice.
    """
    arguments = dict(request.arguments)
    in_query = "X-Amz-Credential" in arguments or "X-Amz-Signature" in arguments
    version_2 = "AWSAccessKeyId" in arguments and "Signature" in arguments
    header = request.headers.get("authorization")
    if (header is not None) + in_query + version_2 > 1:
        raise AwsError(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
            400,
        )
    if header is not None:
        found = _HEADER.fullmatch(header.strip())
        if header.startswith("AWS "):
            message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            raise AwsError("InvalidRequest", message, 400)
        if found is None:
            raise AwsError("IncompleteSignature", "The Authorization header is not an AWS4-HMAC-SHA256 signature.", 400)
        return _scope(found["credential"])
    if in_query:
        if not arguments.keys() >= _PRESIGNED or arguments["X-Amz-Algorithm"] != _ALGORITHM:
            named = ", ".join(sorted(_PRESIGNED))
            raise AwsError(
                "AuthorizationQueryParametersError",
                f"Query-string authentication version 4 requires {_ALGORITHM} and the parameters {named}.",
                400,
            )
        return _scope(arguments["X-Amz-Credential"])
    if version_2:
        return Scope(arguments["AWSAccessKeyId"], "", "", "s3")
    return None


def _scope(credential: str) -> Scope:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise AwsError(
            "IncompleteSignature", f"Credential must have five slash-delimited elements, got {credential!r}."
        )
    return Scope(*parts[:4])


def verify(request: HttpRequest, scope: Scope, body_digest: str, sessions: Sessions, clock: Clock) -> Signed:
    """Hold a request's signature against its session's secret.

    Args:
        request: whose headers and query are read, not its body.
        scope: what ``scope_of`` found.
        body_digest: the body's SHA-256 in hex, where the body was read; else empty.
        sessions: where secrets are found.
        clock: the local cloud's, by which sessions and presigned URLs expire.

    Raises:
        AwsError: the key is unknown, the session has expired, the signature is not the session's, or its time is off.
    """
    session = sessions.find(scope.access_key)
    if session is None:
        code = "InvalidAccessKeyId" if scope.service == "s3" else "InvalidClientTokenId"
        raise AwsError(code, "The security token included in the request is invalid.", 403)
    arguments = dict(request.arguments)
    if "AWSAccessKeyId" in arguments and not scope.day:
        return _verify_version_2(request, scope, session, clock)
    presigned = "X-Amz-Signature" in arguments
    _check_token(request, arguments, session, clock.now())
    at = arguments["X-Amz-Date"] if presigned else _date_header(request)
    signed_at = _parse_time(at)
    if scope.day != at[:8]:
        raise AwsError(
            "SignatureDoesNotMatch",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.day}' != '{at[:8]}'.",
            403,
        )
    if presigned:
        _check_presigned_window(arguments, signed_at, session, clock)
    elif abs(datetime.now(UTC) - signed_at) > _SKEW:
        raise AwsError(
            "RequestTimeTooSkewed" if scope.service == "s3" else "SignatureDoesNotMatch",
            f"Signature expired: {at} is more than 15 minutes from the present time.",
            403,
        )
    found = _HEADER.fullmatch(request.headers.get("authorization", "").strip())
    names = (arguments["X-Amz-SignedHeaders"] if presigned else found["signed"] if found else "").split(";")
    given = arguments["X-Amz-Signature"] if presigned else found["signature"] if found else ""
    if "host" not in names:
        raise AwsError("SignatureDoesNotMatch", "'Host' must be a 'SignedHeader' in the AWS Authorization.", 403)
    declared = request.headers.get("x-amz-content-sha256", UNSIGNED if presigned else "")
    if scope.service == "s3" and not declared:
        raise AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400)
    payload = declared if scope.service == "s3" else body_digest
    canonical = _canonical_request(request, scope.service, names, payload)
    to_sign = "\n".join((_ALGORITHM, at, scope.text, hashlib.sha256(canonical.encode()).hexdigest()))
    key = signing_key(session.secret, scope)
    if not same(_hex(key, to_sign), given):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
            403,
        )
    return Signed(session, scope, at, declared if scope.service == "s3" else "", given, key)


def same(expected: str, given: str) -> bool:
    """Whether two texts are equal, without telling by the time it takes where they differ."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


_BY_JSON = {
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}
_BY_S3 = {
    "ExpiredToken": ("ExpiredToken", "The provided token has expired."),
    "InvalidClientTokenId": ("InvalidToken", "The provided token is malformed or otherwise invalid."),
    "IncompleteSignature": ("AuthorizationHeaderMalformed", "The authorization header you provided is invalid."),
}


def in_words_of(service: str, protocol: str, error: AwsError) -> AwsError:
    """A refused signature as the service would say it; any other error as it is.

    https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    if service == "s3" and error.code in _BY_S3:
        return AwsError(*_BY_S3[error.code], 400)
    if protocol not in ("query", "ec2", "rest-xml") and error.code in _BY_JSON:
        return AwsError(_BY_JSON[error.code], error.message, 400)
    return error


def signing_key(secret: str, scope: Scope) -> bytes:
    """The key of a day, Region and service, derived from a secret."""
    key = ("AWS4" + secret).encode()
    for part in (scope.day, scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def verify_post_policy(fields: Mapping[str, str], sessions: Sessions, now: datetime) -> Session:
    """Hold the signature of a browser's POST against its session's secret.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html

    Args:
        fields: the form's fields by lower-case name.

    Raises:
        AwsError: as ``verify``.
    """
    policy = fields.get("policy", "")
    four = "x-amz-credential" in fields
    scope = _scope(fields["x-amz-credential"]) if four else Scope(fields.get("awsaccesskeyid", ""), "", "", "s3")
    session = sessions.find(scope.access_key)
    if session is None:
        raise _unknown_key("s3")
    _check_session(fields.get("x-amz-security-token", ""), session, now)
    if four:
        expected = _hex(signing_key(session.secret, scope), policy)
        given = fields.get("x-amz-signature", "")
    else:
        expected = _base64_sha1(session.secret, policy)
        given = fields.get("signature", "")
    if not policy or not same(expected, given):
        raise AwsError("SignatureDoesNotMatch", "The request signature we calculated does not match.", 403)
    return session


def _unknown_key(service: str) -> AwsError:
    """S3, the services of the query protocol and those of JSON each have a code of their own for it."""
    if service == "s3":
        return AwsError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    code = "InvalidClientTokenId" if service in _QUERY_SERVICES else "UnrecognizedClientException"
    return AwsError(code, "The security token included in the request is invalid.", 403)


def _check_token(request: HttpRequest, arguments: dict[str, str], session: Session, now: datetime) -> None:
    token = request.headers.get("x-amz-security-token") or arguments.get("X-Amz-Security-Token", "")
    _check_session(token, session, now)


def _check_session(token: str, session: Session, now: datetime) -> None:
    if not same(session.token, token):
        raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    if now >= session.expires_at:
        raise AwsError("ExpiredToken", "The security token included in the request is expired", 403)


def _check_presigned_window(arguments: dict[str, str], signed_at: datetime, session: Session, clock: Clock) -> None:
    expires = arguments["X-Amz-Expires"]
    if not _SECONDS.fullmatch(expires) or not 1 <= int(expires) <= _LONGEST_PRESIGNED_S:
        raise AwsError("AuthorizationQueryParametersError", "X-Amz-Expires must be between 1 and 604800 seconds.", 400)
    if signed_at - datetime.now(UTC) > _SKEW:
        raise AwsError("AccessDenied", "Request is not valid yet", 403)
    # Nothing was signed before its session was issued, whatever was added to the clock in that second.
    told = max(clock.told(signed_at), session.caller.issued_at or signed_at)
    if clock.now() > told + timedelta(seconds=int(expires)):
        raise AwsError("AccessDenied", "Request has expired", 403)


def _date_header(request: HttpRequest) -> str:
    at = request.headers.get("x-amz-date", "")
    if not at:
        raise AwsError("IncompleteSignature", "Authorization header requires existence of a 'X-Amz-Date' header.", 400)
    return at


def _parse_time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise AwsError("IncompleteSignature", f"Date must be in ISO-8601 'basic format', got {text!r}.") from error


def _canonical_request(request: HttpRequest, service: str, names: Iterable[str], payload: str) -> str:
    # S3 signs the path as it is sent; every other service signs it encoded once more.
    path = quote(unquote_to_bytes(request.path), safe="/~") if service == "s3" else quote(request.path, safe="/~")
    pairs = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in parse_qsl(request.query, keep_blank_values=True)
        if name != "X-Amz-Signature"
    )
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join((request.method, path, query, headers, ";".join(names), payload))


_VERSION_2_SIGNED = frozenset(
    {
        "acl",
        "cors",
        "delete",
        "lifecycle",
        "location",
        "logging",
        "notification",
        "partNumber",
        "policy",
        "requestPayment",
        "restore",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
    }
)


def _verify_version_2(request: HttpRequest, scope: Scope, session: Session, clock: Clock) -> Signed:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html"""
    arguments = dict(request.arguments)
    _check_session(arguments.get("x-amz-security-token", ""), session, clock.now())
    expires = arguments.get("Expires", "")
    now = clock.client_now(session.caller.issued_at) if session.caller.issued_at else clock.now()
    if not _SECONDS.fullmatch(expires) or now.timestamp() > int(expires):
        raise AwsError("AccessDenied", "Request has expired", 403)
    amz = {name: value for name, value in request.headers.items() if name.startswith("x-amz-")}
    amz["x-amz-security-token"] = session.token
    resource = request.path
    signed = sorted((name, value) for name, value in arguments.items() if name in _VERSION_2_SIGNED)
    if signed:
        resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in signed)
    lines = [
        request.method,
        request.headers.get("content-md5", ""),
        request.headers.get("content-type", ""),
        expires,
        *(f"{name}:{amz[name]}" for name in sorted(amz)),
        resource,
    ]
    if not same(_base64_sha1(session.secret, "\n".join(lines)), arguments["Signature"]):
        raise AwsError("SignatureDoesNotMatch", "The request signature we calculated does not match.", 403)
    return Signed(session, scope, expires, UNSIGNED)


def _hex(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _base64_sha1(secret: str, text: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
