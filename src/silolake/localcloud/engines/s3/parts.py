"""The parts of uploads under way: sent, copied, listed, thrown away."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.access import copy_access, listing_access, object_access
from silolake.localcloud.engines.s3.arrivals import LARGEST, Arrived, Promise, arriving, body_of, promise_of
from silolake.localcloud.engines.s3.bodies import Streamed
from silolake.localcloud.engines.s3.buckets import bucket_of, moment, owner
from silolake.localcloud.engines.s3.copies import copyable
from silolake.localcloud.engines.s3.encryption import DECRYPT, require_key
from silolake.localcloud.engines.s3.errors import entity_too_large, invalid_argument, invalid_request
from silolake.localcloud.engines.s3.listing import most_of, page, start_after
from silolake.localcloud.engines.s3.lists import asked_of
from silolake.localcloud.engines.s3.multipart import MOST_PARTS, Upload, end, need_upload
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.engines.s3.puts import etag_of
from silolake.localcloud.engines.s3.reads import refuse_client_keys
from silolake.localcloud.engines.s3.sources import source_of
from silolake.localcloud.errors import AwsError

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


def _number(call: Call) -> int:
    number = int(call.parameters["PartNumber"])
    if not 1 <= number <= MOST_PARTS:
        message = f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        raise invalid_argument(message, "partNumber", number)
    return number


def _begun(call: Call) -> Upload:
    """The upload that a part belongs to, its KMS key included in what IAM was asked. Reads only."""
    refuse_client_keys(call)
    with call.cloud.store.read() as connection:
        upload = need_upload(connection, call)
    require_key(call, bucket_of(call), upload.key, upload.description.encryption, DECRYPT)
    return upload


@PLAYS("UploadPart", access=object_access("s3:PutObject"))
def upload_part(call: Call) -> dict[str, Any]:
    """Send one part; a part sent again takes the place of the one that was. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
    """
    number, upload = _number(call), _begun(call)
    promise = promise_of(call)
    agreed = upload.checksum_algorithm
    if promise.checksums and agreed and agreed not in promise.checksums:
        sent = next(iter(promise.checksums)).lower()
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {agreed.lower()}, actual checksum Type: {sent}"
        )
    if agreed and not promise.checksums:
        promise = replace(promise, checksums={agreed: ""})
    with arriving(call.cloud, body_of(call), promise) as arrived:
        etag = _keep(call, upload, number, arrived)
    return {"ETag": f'"{etag}"', **upload.description.encryption.output(), **arrived.checksums}


@PLAYS("UploadPartCopy", access=copy_access)
def upload_part_copy(call: Call) -> dict[str, Any]:
    """Take a part from an object that is there already, or from a stretch of it. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
    """
    number, upload = _number(call), _begun(call)
    agreed = {upload.checksum_algorithm: ""} if upload.checksum_algorithm else {}
    origin, body = _source(call)
    with body, arriving(call.cloud, body, Promise(None, None, agreed, announced=False)) as arrived:
        etag = _keep(call, upload, number, arrived)
    result = {"ETag": f'"{etag}"', "LastModified": call.cloud.clock.now().replace(microsecond=0), **arrived.checksums}
    found: dict[str, Any] = {"CopyPartResult": result, **upload.description.encryption.output()}
    if origin.version_id != objects.UNVERSIONED:
        found["CopySourceVersionId"] = origin.version_id
    return found


def _source(call: Call) -> tuple[objects.Version, BinaryIO]:
    for _ in range(20):
        origin = copyable(call, source_of(call))
        first, length = 0, origin.size
        if asked := call.parameters.get("CopySourceRange"):
            match = _RANGE.fullmatch(asked)
            if match is None or int(match[1]) > int(match[2]):
                message = (
                    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are"
                    " the zero-based offsets of the first and last bytes to copy"
                )
                raise invalid_argument(message, "x-amz-copy-source-range", asked)
            if int(match[2]) >= origin.size:
                message = f"Range specified is not valid for source object of size: {origin.size}"
                raise invalid_argument(message, "x-amz-copy-source-range", asked)
            first, length = int(match[1]), int(match[2]) - int(match[1]) + 1
        if length > LARGEST:
            raise entity_too_large(LARGEST)
        try:
            return origin, io.BufferedReader(_Pieces(Streamed(call.cloud, origin.blob, first, length)), 1 << 20)
        except FileNotFoundError:
            continue
    raise AwsError("SlowDown", "Please reduce your request rate: the source changes while it is copied.", 503)


class _Pieces(io.RawIOBase):
    """A stretch of a blob as a file to read."""

    def __init__(self, body: Streamed) -> None:
        self._body, self._pieces, self._left = body, iter(body), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._pieces, b"")
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._body.close()
        super().close()


def _keep(call: Call, upload: Upload, number: int, arrived: Arrived) -> str:
    etag = etag_of(arrived.md5, arrived.blob, upload.description.encryption)
    with objects.changing(call.cloud) as change:
        # It may have been completed or aborted while the part came.
        need_upload(change.connection, call)
        before = change.connection.execute(
            "SELECT blob FROM s3_parts WHERE upload = ? AND number = ?", (upload.id, number)
        ).fetchall()
        change.connection.execute(
            "INSERT OR REPLACE INTO s3_parts (upload, number, blob, size, md5, etag, checksums, modified_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                upload.id,
                number,
                arrived.blob,
                arrived.size,
                arrived.md5.hex(),
                etag,
                json.dumps(dict(arrived.checksums)),
                int(call.cloud.clock.now().timestamp()),
            ),
        )
        change.release(blob for (blob,) in before)
    return etag


@PLAYS("AbortMultipartUpload", access=object_access("s3:AbortMultipartUpload"))
def abort_multipart_upload(call: Call) -> dict[str, Any]:
    """Throw an upload and its parts away. Writes."""
    with objects.changing(call.cloud) as change:
        end(change, need_upload(change.connection, call))
    return {"__status__": 204}


@PLAYS("ListParts", access=object_access("s3:ListMultipartUploadParts"))
def list_parts(call: Call) -> dict[str, Any]:
    """The parts that have come. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
    """
    marker = int(call.parameters.get("PartNumberMarker", 0) or 0)
    most = most_of(call.parameters.get("MaxParts"), "max-parts")
    bucket = bucket_of(call)
    with call.cloud.store.read() as connection:
        upload = need_upload(connection, call)
        rows = connection.execute(
            "SELECT * FROM s3_parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
            (upload.id, marker, most + 1),
        ).fetchall()
    shown = rows[:most]
    found: dict[str, Any] = {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": marker,
        "MaxParts": most,
        "IsTruncated": len(rows) > most and most > 0,
        "Initiator": {"ID": upload.initiator, "DisplayName": upload.initiator.rsplit("/", 1)[-1]},
        "Owner": owner(bucket.owner),
        "StorageClass": upload.description.storage_class,
        "Parts": [
            {
                "PartNumber": row["number"],
                "LastModified": moment(row["modified_at"]),
                "ETag": f'"{row["etag"]}"',
                "Size": row["size"],
                **json.loads(row["checksums"]),
            }
            for row in shown
        ],
    }
    if shown:
        found["NextPartNumberMarker"] = shown[-1]["number"]
    if upload.checksum_algorithm:
        found |= {"ChecksumAlgorithm": upload.checksum_algorithm, "ChecksumType": upload.checksum_type}
    return found


@PLAYS("ListMultipartUploads", access=listing_access("s3:ListBucketMultipartUploads"))
def list_multipart_uploads(call: Call) -> dict[str, Any]:
    """The uploads under way, by key and then in the order they were begun. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
    """
    bucket = bucket_of(call)
    asked = asked_of(call, most_of(call.parameters.get("MaxUploads"), "max-uploads"))
    marker = call.parameters.get("KeyMarker") or ""
    upload_marker = call.parameters.get("UploadIdMarker") or "" if marker else ""
    where, values = objects.within(asked.prefix)
    with call.cloud.store.read() as connection:
        behind = connection.execute(
            "SELECT number FROM s3_uploads WHERE id = ? AND bucket = ? AND key = ?",
            (upload_marker, bucket.name, marker),
        ).fetchone()
        last = behind["number"] if behind else 0

        def fetch(at: str) -> Iterator[sqlite3.Row]:
            return connection.execute(
                "SELECT * FROM s3_uploads WHERE bucket = ? AND key >= ? AND NOT (key = ? AND number <= ?)"
                f" {where} ORDER BY key, number",
                (bucket.name, max(at, asked.prefix), marker if behind else "", last, *values),
            )

        shown = page(fetch, asked, marker if behind else start_after(marker, asked))
    found: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": asked.encode(marker),
        "UploadIdMarker": upload_marker,
        "Prefix": asked.encode(asked.prefix),
        "MaxUploads": asked.most,
        "IsTruncated": shown.is_truncated,
        "Uploads": [
            {
                "UploadId": row["id"],
                "Key": asked.encode(row["key"]),
                "Initiated": moment(row["initiated_at"]),
                "Initiator": {"ID": row["initiator"], "DisplayName": row["initiator"].rsplit("/", 1)[-1]},
                "Owner": owner(bucket.owner),
            }
            for row in shown.rows
        ],
        "CommonPrefixes": [{"Prefix": asked.encode(each)} for each in shown.prefixes],
    }
    if asked.delimiter:
        found["Delimiter"] = asked.encode(asked.delimiter)
    if asked.encodes:
        found["EncodingType"] = "url"
    if shown.is_truncated:
        found["NextKeyMarker"] = asked.encode(shown.last)
        found["NextUploadIdMarker"] = "" if shown.ends_in_prefix else shown.rows[-1]["id"]
    return found
