"""A browser's form that puts an object, and the policy that says what it may put.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from silolake.localcloud.call import Caller
from silolake.localcloud.engines.s3.form import Form, open_form
from silolake.localcloud.errors import AwsError

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

__all__ = ["Form", "check_post", "open_form", "post_object"]

_UNCOVERED = frozenset({"x-amz-signature", "signature", "awsaccesskeyid", "file", "policy", "bucket"})
_PARAMETERS = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-type": "ContentType",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-checksum-crc32": "ChecksumCRC32",
    "x-amz-checksum-crc32c": "ChecksumCRC32C",
    "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
    "x-amz-checksum-sha1": "ChecksumSHA1",
    "x-amz-checksum-sha256": "ChecksumSHA256",
    "x-amz-checksum-algorithm": "ChecksumAlgorithm",
}


@dataclass(frozen=True, slots=True)
class _Limits:
    least: int
    most: int | None


def check_post(policy_b64: str, fields: Mapping[str, str], content_length: int, now: datetime) -> None:
    """Hold a form against the policy it was signed with.

    Args:
        policy_b64: the form's ``policy``.
        fields: every field by lower-case name, ``bucket`` among them, ``${filename}`` replaced already.
        content_length: how long the file is.
        now: the time to hold the expiration against.

    Raises:
        AwsError: ``AccessDenied``, ``EntityTooLarge``, ``EntityTooSmall`` or ``InvalidPolicyDocument``.
    """
    limits = _check_fields(policy_b64, fields, now)
    _check_most(limits, content_length)
    _check_least(limits, content_length)


def _check_fields(policy_b64: str, fields: Mapping[str, str], now: datetime) -> _Limits:
    document = _read(policy_b64)
    if now >= _expiration(document):
        raise _denied("Policy expired.")
    limits, covered = _Limits(0, None), set(_UNCOVERED)
    for condition in document["conditions"]:
        operator, name, value = _parts(condition)
        if operator == "content-length-range":
            limits = _Limits(int(name), int(value))
            continue
        covered.add(name)
        if not _holds(operator, fields.get(name), str(value), name):
            raise _denied(f"Policy Condition failed: {json.dumps(condition)}")
    extra = sorted(name for name in fields if name not in covered and not name.startswith("x-ignore-"))
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")
    return limits


def _read(policy_b64: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(policy_b64, validate=True))
    except (binascii.Error, ValueError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict) or not isinstance(document.get("conditions"), list):
        raise _invalid("Invalid Policy: missing conditions.")
    return document


def _expiration(document: Mapping[str, Any]) -> datetime:
    text = document.get("expiration")
    try:
        at = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise _invalid(f"Invalid Policy: Invalid 'expiration' value: {text!r}")
    return at


def _parts(condition: Any) -> tuple[str, Any, Any]:
    """A condition's operator, field and value, whichever way it is written."""
    match condition:
        case dict() if len(condition) == 1:
            ((name, value),) = condition.items()
            return "eq", str(name).lower(), value
        case [str(operator), least, most] if operator.lower() == "content-length-range":
            if not all(isinstance(each, int | str) and str(each).isdigit() for each in (least, most)):
                raise _invalid("Invalid Policy: content-length-range needs two numbers.")
            return "content-length-range", least, most
        case [str(operator), str(name), value] if operator.lower() in ("eq", "starts-with") and name.startswith("$"):
            return operator.lower(), name[1:].lower(), value
    raise _invalid(f"Invalid Policy: Invalid Simple-Condition: {json.dumps(condition)}")


def _holds(operator: str, given: str | None, value: str, name: str) -> bool:
    if operator == "eq":
        return given is not None and given == value
    if name == "content-type" and given is not None:
        # A list of types is held to the start type by type.
        return all(each.strip().startswith(value) for each in given.split(","))
    return (given or "").startswith(value)


def _check_most(limits: _Limits, length: int) -> None:
    if limits.most is not None and length > limits.most:
        message = "Your proposed upload exceeds the maximum allowed size"
        raise AwsError("EntityTooLarge", message, 400, ProposedSize=length, MaxSizeAllowed=limits.most)


def _check_least(limits: _Limits, length: int) -> None:
    if length < limits.least:
        message = "Your proposed upload is smaller than the minimum allowed size"
        raise AwsError("EntityTooSmall", message, 400, ProposedSize=length, MinSizeAllowed=limits.least)


def _denied(why: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {why}", 403)


def _invalid(why: str) -> AwsError:
    return AwsError("InvalidPolicyDocument", why, 400)


class _Limited(io.RawIOBase):
    """A file whose reading fails as soon as it is too long, or ends too early; so nothing of it is kept."""

    def __init__(self, file: BinaryIO, limits: _Limits) -> None:
        self._file, self._limits, self._seen = file, limits, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._seen += len(piece)
        _check_most(self._limits, self._seen)
        if not piece:
            _check_least(self._limits, self._seen)
        return piece


def post_object(
    cloud: LocalCloud, caller: Caller, bucket: str, form: Form
) -> tuple[int, dict[str, str], bytes | Iterable[bytes]]:
    """Put what a form sends, as whoever signed its policy; the signature is verified before. Writes.

    Args:
        caller: who signed the policy.
        form: the fields, and the file still to be read.

    Returns:
        The answer: its status, headers and body.

    Raises:
        AwsError: the policy does not allow it, or IAM does not.
    """
    fields = {name: value.replace("${filename}", form.filename) for name, value in form.fields.items()}
    key = fields.get("key", "")
    if not key:
        message = (
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
        )
        raise AwsError("InvalidArgument", message, 400, ArgumentName="key")
    now = cloud.clock.client_now(caller.issued_at) if caller.issued_at else cloud.clock.now()
    limits = _check_fields(fields.get("policy", ""), {**fields, "bucket": bucket}, now)
    parameters = {name: fields[field] for field, name in _PARAMETERS.items() if fields.get(field)}
    metadata = {n.removeprefix("x-amz-meta-"): v for n, v in fields.items() if n.startswith("x-amz-meta-")}
    tags = {"Tagging": _tags(fields["tagging"])} if fields.get("tagging") else {}
    body: Any = _Limited(form.file, limits)
    asked = {**parameters, **tags, "Bucket": bucket, "Key": key, "Body": body, "Metadata": metadata}
    put = cloud.invoke(caller, "s3", "PutObject", asked)
    return _answer(fields, bucket, key, put)


def _tags(text: str) -> str:
    """The tags of the form's XML, as the header has them."""
    try:
        tags = ElementTree.fromstring(text).iter("Tag")
        return urlencode([(each.findtext("Key") or "", each.findtext("Value") or "") for each in tags])
    except ElementTree.ParseError:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise AwsError("MalformedXML", message, 400) from None


def _answer(
    fields: Mapping[str, str], bucket: str, key: str, put: Mapping[str, Any]
) -> tuple[int, dict[str, str], bytes | Iterable[bytes]]:
    location = f"/{bucket}/{quote(key)}"
    headers = {"ETag": str(put["ETag"]), "Location": location}
    if "VersionId" in put:
        headers["x-amz-version-id"] = str(put["VersionId"])
    redirect = fields.get("success_action_redirect") or fields.get("redirect", "")
    parts = urlsplit(redirect)
    if parts.scheme in ("http", "https") and parts.netloc:
        said = urlencode({"bucket": bucket, "key": key, "etag": put["ETag"]})
        headers["Location"] = urlunsplit(parts._replace(query=f"{parts.query}&{said}" if parts.query else said))
        return 303, headers, b""
    match fields.get("success_action_status"):
        case "200":
            return 200, headers, b""
        case "201":
            text = (
                '<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>'
                f"<Location>{escape(location)}</Location><Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key>"
                f"<ETag>{escape(str(put['ETag']))}</ETag></PostResponse>"
            )
            return 201, {**headers, "Content-Type": "application/xml"}, text.encode()
        case _:
            return 204, headers, b""
