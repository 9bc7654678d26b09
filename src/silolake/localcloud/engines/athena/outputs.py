"""What a query writes: its result file, the file that describes it, and manifests, all as the caller.

https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from silolake import sql
from silolake.athena import column_info
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.athena.names import s3_location
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.errors import AwsError

_NULLABLE = {"NOT_NULL": 1, "NULLABLE": 2, "UNKNOWN": 3}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where one query writes, and under which encryption.

    Attributes:
        results: the ``ResultConfiguration`` in force.
    """

    rights: Rights
    results: Mapping[str, Any]

    def put(self, location: str, body: bytes | BinaryIO, kind: str = "application/octet-stream") -> None:
        """Write one object. Writes.

        Raises:
            QueryFailed: the caller may not write there, or may not use the key.
        """
        bucket, key = s3_location(location)
        parameters: dict[str, Any] = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": kind}
        encryption = self.results.get("EncryptionConfiguration") or {}
        match encryption.get("EncryptionOption"):
            case "SSE_S3":
                parameters["ServerSideEncryption"] = "AES256"
            case "SSE_KMS":
                parameters["ServerSideEncryption"] = "aws:kms"
                parameters["SSEKMSKeyId"] = encryption["KmsKey"]
        if self.results.get("ExpectedBucketOwner"):
            parameters["ExpectedBucketOwner"] = self.results["ExpectedBucketOwner"]
        if self.results.get("AclConfiguration"):
            parameters["ACL"] = "bucket-owner-full-control"
        try:
            self.rights.ask("s3", "PutObject", parameters)
        except QueryFailed as refused:
            raise _unwritable(location, refused.reason) from refused
        except AwsError as error:
            raise _unwritable(location, f"{error.message} (Service: Amazon S3; Error Code: {error.code})") from error

    def put_metadata(self, location: str, query: str, columns: Iterable[Mapping[str, Any]]) -> None:
        """Write the file beside a result that describes its columns. Writes."""
        self.put(f"{location}.metadata", metadata(query, columns))


def _unwritable(location: str, why: str) -> QueryFailed:
    return QueryFailed(
        f"Access denied when writing output to url: {location} . Please ensure you are allowed to access the S3 "
        "bucket. If you are encrypting query results with KMS key, please ensure you are allowed to access your KMS "
        f"key. {why}",
        ErrorType.S3_PERMISSION,
    )


def text_columns(names: Sequence[str]) -> list[dict[str, Any]]:
    """The columns of a result of SHOW or DESCRIBE, which Hive calls strings."""
    text = column_info("", sql.from_glue("string")).as_dict()
    return [{**text, "Name": name, "Label": name, "Type": "string", "Precision": 0} for name in names]


def metadata(query: str, columns: Iterable[Mapping[str, Any]]) -> bytes:
    """The bytes of a ``.metadata`` file: a protocol buffer with the query's id and its columns."""
    body = _text(1, query)
    for column in columns:
        inner = b"".join(
            (
                _text(1, column["CatalogName"]),
                _text(4, column["Name"]),
                _text(5, column["Label"]),
                _text(6, column["Type"]),
                _number(7, column["Precision"]),
                _number(8, column["Scale"]),
                _number(9, _NULLABLE[column["Nullable"]]),
                _number(10, int(column["CaseSensitive"])),
            )
        )
        body += _tag(4, 2) + _varint(len(inner)) + inner
    return body


def _text(field: int, value: str) -> bytes:
    encoded = value.encode()
    return _tag(field, 2) + _varint(len(encoded)) + encoded


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
