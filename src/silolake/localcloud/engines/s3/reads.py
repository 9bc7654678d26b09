"""Reading objects: whole, in stretches, or only what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.access import missing_key, object_access
from silolake.localcloud.engines.s3.bodies import Streamed
from silolake.localcloud.engines.s3.buckets import Bucket, bucket_of, moment
from silolake.localcloud.engines.s3.conditions import Stretch, check_read, stretch_of, stretch_of_part
from silolake.localcloud.engines.s3.description import check_header, http_date
from silolake.localcloud.engines.s3.encryption import DECRYPT, require_key
from silolake.localcloud.engines.s3.errors import (
    invalid_request,
    no_such_key,
    no_such_version,
    not_allowed_here,
)
from silolake.localcloud.engines.s3.objects import Version
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

_OVERRIDES = {
    "CacheControl": "response-cache-control",
    "ContentDisposition": "response-content-disposition",
    "ContentEncoding": "response-content-encoding",
    "ContentLanguage": "response-content-language",
    "ContentType": "response-content-type",
    "Expires": "response-expires",
}
_ATTEMPTS = 20


@PLAYS("GetObject", access=object_access("s3:GetObject", versioned=("s3:GetObjectVersion",)))
def get_object(call: Call) -> dict[str, Any]:
    """An object, or a stretch of it; sent as it is read. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    for _ in range(_ATTEMPTS):
        version = readable(call)
        if not check_read(call.parameters, version):
            return {**_unchanged(version), "Body": Streamed(call.cloud, version.blob, 0, 0)}
        stretch = _stretch(call, version)
        part = stretch or Stretch(0, version.size)
        try:
            body = Streamed(call.cloud, version.blob, part.first, part.length)
        except FileNotFoundError:
            # Overwritten between the look into the index and the opening: the new one is read.
            continue
        return {**_said(call, version, stretch), "Body": body}
    raise AwsError("SlowDown", "Please reduce your request rate: the object changes while it is opened.", 503)


@PLAYS("HeadObject", access=object_access("s3:GetObject", versioned=("s3:GetObjectVersion",)))
def head_object(call: Call) -> dict[str, Any]:
    """What is known of an object. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    version = readable(call)
    if not check_read(call.parameters, version):
        return _unchanged(version)
    return _said(call, version, _stretch(call, version))


def readable(call: Call) -> Version:
    """The version that a read names, its KMS key included in what IAM was asked. Reads only.

    Raises:
        AwsError: there is none, it is a delete marker, or the key may not be used.
    """
    refuse_client_keys(call)
    bucket = bucket_of(call)
    version = _version(call, bucket)
    require_key(call, bucket, version.key, version.description.encryption, DECRYPT)
    return version


def refuse_client_keys(call: Call) -> None:
    """Refuse SSE-C, by name.

    Raises:
        NotPlayed: the request brings a key of its own.
    """
    if call.parameters.get("SSECustomerAlgorithm") is not None:
        raise NotPlayed(f"s3:{call.operation} with SSECustomerAlgorithm")


def _version(call: Call, bucket: Bucket) -> Version:
    key, version_id = call.parameters["Key"], call.parameters.get("VersionId", "")
    with call.cloud.store.read() as connection:
        version = objects.find(connection, bucket.name, key, version_id)
    if version is None:
        raise missing_key(call, bucket, no_such_version(key, version_id) if version_id else no_such_key(key))
    if version.is_delete_marker:
        raise not_allowed_here(key) if version_id else missing_key(call, bucket, no_such_key(key))
    return version


def _stretch(call: Call, version: Version) -> Stretch | None:
    asked, number = call.parameters.get("Range"), call.parameters.get("PartNumber")
    if asked is not None and number is not None:
        raise invalid_request("Cannot specify both Range header and partNumber query parameter")
    if number is not None:
        return stretch_of_part(version, int(number))
    return stretch_of(asked, version.size) if asked is not None else None


def _unchanged(version: Version) -> dict[str, Any]:
    found: dict[str, Any] = {
        "__status__": 304,
        "ETag": f'"{version.etag}"',
        "LastModified": moment(version.modified_at),
    }
    if version.version_id != objects.UNVERSIONED:
        found["VersionId"] = version.version_id
    return found


def _said(call: Call, version: Version, stretch: Stretch | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        **version.description.output(),
        "AcceptRanges": "bytes",
        "LastModified": moment(version.modified_at),
        "ContentLength": stretch.length if stretch else version.size,
        "ETag": f'"{version.etag}"',
    }
    if version.version_id != objects.UNVERSIONED:
        found["VersionId"] = version.version_id
    if version.tags:
        found["TagCount"] = len(version.tags)
    number = call.parameters.get("PartNumber")
    if number is not None and version.description.parts:
        found["PartsCount"] = len(version.description.parts)
    if stretch is not None:
        found["__status__"] = 206
        # An empty object has no byte that a Content-Range could name.
        if stretch.length:
            found["ContentRange"] = stretch.content_range(version.size)
    if call.parameters.get("ChecksumMode") == "ENABLED":
        found |= _checksums(version, stretch, number)
    for name, argument in _OVERRIDES.items():
        if call.parameters.get(f"Response{name}") is not None:
            _refuse_anonymous_override(call)
            found[name] = http_date(call.parameters[f"Response{name}"])
            check_header(argument, found[name])
    return found


def _checksums(version: Version, stretch: Stretch | None, number: int | None) -> Mapping[str, str]:
    """A stretch has no checksum of its own, unless it is a part that was sent with one."""
    known = version.description
    if stretch is None or (number is not None and not known.parts):
        return {**known.checksums, **({"ChecksumType": known.checksum_type} if known.checksum_type else {})}
    if number is not None:
        return known.parts[int(number) - 1].checksums
    return {}


def _refuse_anonymous_override(call: Call) -> None:
    if not call.account:
        message = "Request specific response headers cannot be used for anonymous GET requests."
        raise invalid_request(message)


@PLAYS(
    "GetObjectAttributes",
    access=object_access(
        "s3:GetObject",
        "s3:GetObjectAttributes",
        versioned=("s3:GetObjectVersion", "s3:GetObjectVersionAttributes"),
    ),
)
def get_object_attributes(call: Call) -> dict[str, Any]:
    """The attributes of an object that are asked for. Reads only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
    """
    version = readable(call)
    known = version.description
    attributes: dict[str, Any] = {
        "ETag": version.etag,
        "Checksum": {**known.checksums, "ChecksumType": known.checksum_type} if known.checksums else None,
        "ObjectParts": _parts(call, version) if known.parts else None,
        "StorageClass": known.storage_class,
        "ObjectSize": version.size,
    }
    asked = {each.strip() for text in call.parameters["ObjectAttributes"] for each in text.split(",")}
    if not asked <= attributes.keys():
        raise AwsError("InvalidArgument", "Invalid attribute name specified.", 400)
    found: dict[str, Any] = {name: value for name, value in attributes.items() if name in asked and value is not None}
    found["LastModified"] = moment(version.modified_at)
    if version.version_id != objects.UNVERSIONED:
        found["VersionId"] = version.version_id
    return found


def _parts(call: Call, version: Version) -> dict[str, Any]:
    marker, most = int(call.parameters.get("PartNumberMarker", 0)), int(call.parameters.get("MaxParts", 1000))
    parts = version.description.parts
    shown = [part for part in parts if part.number > marker][:most]
    found: dict[str, Any] = {
        "TotalPartsCount": len(parts),
        "PartNumberMarker": marker,
        "MaxParts": most,
        "IsTruncated": bool(shown) and shown[-1].number < parts[-1].number,
    }
    if shown:
        found["NextPartNumberMarker"] = shown[-1].number
    # Without checksums S3 tells how many parts there are, not which.
    if any(part.checksums for part in parts):
        found["Parts"] = [{"PartNumber": part.number, "Size": part.size, **part.checksums} for part in shown]
    return found
