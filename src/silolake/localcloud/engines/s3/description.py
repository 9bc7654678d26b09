"""What a version carries beside its bytes: headers, metadata, encryption, checksums and the parts it was sent in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3.errors import invalid_argument
from silolake.localcloud.errors import AwsError, NotPlayed

HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
)
_STORAGE_CLASSES = frozenset(
    {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
)
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE", "SNOW", "OUTPOSTS", "EXPRESS_ONEZONE"})
_MOST_METADATA = 2048
SSE_S3, SSE_KMS = "AES256", "aws:kms"


@dataclass(frozen=True, slots=True)
class Encryption:
    """How an object is encrypted.

    Attributes:
        algorithm: ``AES256`` or ``aws:kms``.
        key_arn: the KMS key's ARN; empty for ``AES256``.
        bucket_key: whether the bucket's own key stands between, which makes the bucket the encryption context.
    """

    algorithm: str = SSE_S3
    key_arn: str = ""
    bucket_key: bool = False

    def output(self) -> dict[str, Any]:
        """As S3 says it in an answer."""
        if self.algorithm == SSE_S3:
            return {"ServerSideEncryption": SSE_S3}
        said = {"ServerSideEncryption": SSE_KMS, "SSEKMSKeyId": self.key_arn}
        return {**said, "BucketKeyEnabled": True} if self.bucket_key else said


@dataclass(frozen=True, slots=True)
class Part:
    """A part that an object was sent in; its bytes lie within the object's one blob."""

    number: int
    size: int
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    """What a version carries beside its bytes.

    Attributes:
        headers: by their API names, ``{"ContentType": "text/csv"}``; ``Expires`` is text, and need not be a date.
        metadata: the user's own, by lower-case name.
        checksums: by their API names, ``{"ChecksumCRC32": "…"}``.
        checksum_type: ``FULL_OBJECT`` or ``COMPOSITE``; empty without a checksum.
        parts: empty for an object sent in one piece.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    encryption: Encryption = field(default_factory=Encryption)
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksum_type: str = ""
    parts: tuple[Part, ...] = ()

    def to_json(self) -> str:
        """Everything that is not as usual, as JSON."""
        how = self.encryption
        kept = {
            "headers": dict(self.headers),
            "metadata": dict(self.metadata),
            "storage_class": self.storage_class if self.storage_class != "STANDARD" else "",
            "encryption": [how.algorithm, how.key_arn, how.bucket_key] if how != Encryption() else [],
            "checksums": dict(self.checksums),
            "checksum_type": self.checksum_type,
            "parts": [[part.number, part.size, dict(part.checksums)] for part in self.parts],
        }
        return json.dumps({name: value for name, value in kept.items() if value}, ensure_ascii=False)

    def output(self) -> dict[str, Any]:
        """Headers, metadata and encryption as S3 says them in an answer."""
        found: dict[str, Any] = dict(self.headers)
        if self.storage_class != "STANDARD":
            found["StorageClass"] = self.storage_class
        return {**found, "Metadata": dict(self.metadata), **self.encryption.output()}


def from_json(text: str) -> Description:
    """The description that ``Description.to_json`` wrote."""
    kept = json.loads(text)
    return Description(
        headers=kept.get("headers", {}),
        metadata=kept.get("metadata", {}),
        storage_class=kept.get("storage_class", "STANDARD"),
        encryption=Encryption(*kept.get("encryption", ())),
        checksums=kept.get("checksums", {}),
        checksum_type=kept.get("checksum_type", ""),
        parts=tuple(Part(*each) for each in kept.get("parts", ())),
    )


def described(call: Call, encryption: Encryption) -> Description:
    """What a request says of the object that it creates.

    Raises:
        AwsError: more metadata than S3 takes, what no header can say, or a storage class S3 does not have.
        NotPlayed: a storage class that needs restoring.
    """
    headers = {name: call.parameters[name] for name in HEADERS if call.parameters.get(name)}
    encodings = [each.strip() for each in headers.pop("ContentEncoding", "").split(",")]
    # aws-chunked says how the request was sent, not what the object is.
    if kept := ",".join(each for each in encodings if each and each != "aws-chunked"):
        headers["ContentEncoding"] = kept
    headers.setdefault("ContentType", "binary/octet-stream")
    if call.parameters.get("Expires"):
        headers["Expires"] = http_date(call.parameters["Expires"])
    for name, value in headers.items():
        check_header(name, value)
    metadata = {name.lower(): value for name, value in (call.parameters.get("Metadata") or {}).items()}
    for name, value in metadata.items():
        check_header(f"x-amz-meta-{name}", value)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > _MOST_METADATA:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise AwsError("MetadataTooLarge", message, 400, Size=size, MaxSizeAllowed=_MOST_METADATA)
    return Description(headers, metadata, storage_class_of(call), encryption)


def http_date(value: object) -> str:
    """A time as a header says it; what is text already stays as it is, for S3 answers ``Expires`` as it was put."""
    return format_datetime(value, usegmt=True) if isinstance(value, datetime) else str(value)


def check_header(name: str, value: str) -> None:
    """Hold a value that is to become an answer's header against what a header can say.

    https://github.com/IQSS/dataverse/issues/4524 and others show S3's words.

    Raises:
        AwsError: it has a character beyond ISO-8859-1, or a control character, which could end the header.
    """
    try:
        value.encode("iso-8859-1")
    except UnicodeEncodeError:
        raise invalid_argument("Header value cannot be represented using ISO-8859-1.", name, value) from None
    if any(ord(each) < 0x20 or ord(each) == 0x7F for each in value if each != "\t"):
        raise invalid_argument("Header value cannot hold control characters.", name, value)


def storage_class_of(call: Call) -> str:
    """The storage class that a request asks for; kept as a name, without its prices or its delays.

    Raises:
        AwsError: S3 has none of that name.
        NotPlayed: one from which objects must be restored before they are read.
    """
    asked: str = call.parameters.get("StorageClass", "STANDARD")
    if asked in _ARCHIVES:
        raise NotPlayed(f"s3:{call.operation} with StorageClass {asked}")
    if asked not in _STORAGE_CLASSES:
        raise AwsError("InvalidStorageClass", "The storage class you specified is not valid", 400)
    return asked


def check_key(key: str) -> None:
    """Hold a key against S3's limit of 1,024 bytes.

    Raises:
        AwsError: it is longer, or empty.
    """
    if len(key.encode()) > 1024:
        raise AwsError("KeyTooLongError", "Your key is too long", 400, Size=len(key.encode()), MaxSizeAllowed=1024)
    if not key:
        raise invalid_argument("A key must not be empty", "Key", key)
