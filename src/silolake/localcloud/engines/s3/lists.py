"""Listing a bucket: current objects, in S3's two ways, and all versions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.access import listing_access
from silolake.localcloud.engines.s3.buckets import Bucket, bucket_of, moment, owner
from silolake.localcloud.engines.s3.errors import invalid_argument
from silolake.localcloud.engines.s3.listing import Asked, Page, most_of, page, read_token, start_after, token
from silolake.localcloud.engines.s3.plays import PLAYS


def asked_of(call: Call, most: int) -> Asked:
    """What a listing was asked.

    Raises:
        AwsError: an encoding that S3 does not have.
    """
    encoding = call.parameters.get("EncodingType")
    if encoding not in (None, "url"):
        raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", encoding)
    return Asked(call.parameters.get("Prefix") or "", call.parameters.get("Delimiter") or "", most, encoding == "url")


def said_of(asked: Asked, bucket: Bucket, page_: Page) -> dict[str, Any]:
    """What every listing repeats of what it was asked."""
    found: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": asked.encode(asked.prefix),
        "MaxKeys": asked.most,
        "IsTruncated": page_.is_truncated,
    }
    if asked.delimiter:
        found["Delimiter"] = asked.encode(asked.delimiter)
    if asked.encodes:
        found["EncodingType"] = "url"
    if page_.prefixes:
        found["CommonPrefixes"] = [{"Prefix": asked.encode(each)} for each in page_.prefixes]
    return found


def _object(row: sqlite3.Row, asked: Asked) -> dict[str, Any]:
    known = json.loads(row["description"])
    found = {
        "Key": asked.encode(row["key"]),
        "LastModified": moment(row["modified_at"]),
        "ETag": f'"{row["etag"]}"',
        "Size": row["size"],
        "StorageClass": known.get("storage_class", "STANDARD"),
    }
    if sums := known.get("checksums"):
        found["ChecksumAlgorithm"] = [name.removeprefix("Checksum") for name in sums]
        found["ChecksumType"] = known["checksum_type"]
    return found


def _page(call: Call, bucket: Bucket, asked: Asked, start: str) -> Page:
    with call.cloud.store.read() as connection:

        def fetch(at: str) -> Iterator[sqlite3.Row]:
            return objects.current_rows(connection, bucket.name, asked.prefix, at)

        return page(fetch, asked, start)


@PLAYS("ListObjectsV2", access=listing_access("s3:ListBucket"))
def list_objects_v2(call: Call) -> dict[str, Any]:
    """The objects of a bucket, by key. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    """
    bucket = bucket_of(call)
    asked = asked_of(call, most_of(call.parameters.get("MaxKeys"), "max-keys"))
    continued, after = call.parameters.get("ContinuationToken"), call.parameters.get("StartAfter") or ""
    start = read_token(continued) if continued is not None else start_after(after, asked)
    shown = _page(call, bucket, asked, start)
    found = said_of(asked, bucket, shown)
    found["KeyCount"] = len(shown.rows) + len(shown.prefixes)
    if shown.rows:
        found["Contents"] = [_object(row, asked) for row in shown.rows]
        if call.parameters.get("FetchOwner"):
            for each in found["Contents"]:
                each["Owner"] = owner(bucket.owner)
    if continued is not None:
        found["ContinuationToken"] = continued
    if after:
        found["StartAfter"] = asked.encode(after)
    if shown.is_truncated:
        found["NextContinuationToken"] = token(shown)
    return found


@PLAYS("ListObjects", access=listing_access("s3:ListBucket"))
def list_objects(call: Call) -> dict[str, Any]:
    """The objects of a bucket, by key, in S3's first way. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
    """
    bucket = bucket_of(call)
    asked = asked_of(call, most_of(call.parameters.get("MaxKeys"), "max-keys"))
    marker = call.parameters.get("Marker") or ""
    shown = _page(call, bucket, asked, start_after(marker, asked))
    found = {**said_of(asked, bucket, shown), "Marker": asked.encode(marker)}
    if shown.rows:
        found["Contents"] = [{**_object(row, asked), "Owner": owner(bucket.owner)} for row in shown.rows]
    # Without a delimiter the client goes on behind the last key itself.
    if shown.is_truncated and asked.delimiter:
        found["NextMarker"] = asked.encode(shown.last)
    return found


@PLAYS("ListObjectVersions", access=listing_access("s3:ListBucketVersions"))
def list_object_versions(call: Call) -> dict[str, Any]:
    """Every version of every key, the newest of each first. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    """
    bucket = bucket_of(call)
    asked = asked_of(call, most_of(call.parameters.get("MaxKeys"), "max-keys"))
    marker = call.parameters.get("KeyMarker") or ""
    version_marker = call.parameters.get("VersionIdMarker") or ""
    if version_marker and not marker:
        message = "A version-id marker cannot be specified without a key marker."
        raise invalid_argument(message, "version-id-marker", version_marker)
    with call.cloud.store.read() as connection:
        before = objects.find(connection, bucket.name, marker, version_marker) if version_marker else None
        start = marker if before is not None else start_after(marker, asked)
        where, values = objects.within(asked.prefix)

        def fetch(at: str) -> Iterator[sqlite3.Row]:
            return connection.execute(
                "SELECT * FROM s3_versions WHERE bucket = ? AND key >= ? AND NOT (key = ? AND sequence >= ?)"
                f" {where} ORDER BY key, sequence DESC",
                (
                    bucket.name,
                    max(at, asked.prefix),
                    before.key if before else "",
                    before.sequence if before else 0,
                    *values,
                ),
            )

        shown = page(fetch, asked, start)
    found = {**said_of(asked, bucket, shown), "KeyMarker": asked.encode(marker)}
    if version_marker:
        found["VersionIdMarker"] = version_marker
    versions = [_version(row, asked, bucket) for row in shown.rows if not row["is_delete_marker"]]
    markers = [_version(row, asked, bucket) for row in shown.rows if row["is_delete_marker"]]
    if versions:
        found["Versions"] = versions
    if markers:
        found["DeleteMarkers"] = markers
    if shown.is_truncated:
        found["NextKeyMarker"] = asked.encode(shown.last)
        if not shown.ends_in_prefix:
            found["NextVersionIdMarker"] = shown.rows[-1]["version_id"]
    return found


def _version(row: sqlite3.Row, asked: Asked, bucket: Bucket) -> dict[str, Any]:
    found = {
        "Key": asked.encode(row["key"]),
        "VersionId": row["version_id"],
        "IsLatest": bool(row["is_latest"]),
        "LastModified": moment(row["modified_at"]),
        "Owner": owner(bucket.owner),
    }
    return found if row["is_delete_marker"] else {**_object(row, asked), **found}
