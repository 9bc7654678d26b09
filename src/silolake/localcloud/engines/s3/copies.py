"""Copying objects within a bucket, between buckets and between accounts. The bytes are shared, not copied."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import checksums, objects
from silolake.localcloud.engines.s3.access import copy_access, missing_key, request_tags
from silolake.localcloud.engines.s3.arrivals import LARGEST
from silolake.localcloud.engines.s3.bodies import Streamed
from silolake.localcloud.engines.s3.buckets import bucket_of, moment, need_bucket
from silolake.localcloud.engines.s3.conditions import check_read, check_write
from silolake.localcloud.engines.s3.description import Description, Encryption, check_key, described, storage_class_of
from silolake.localcloud.engines.s3.encryption import DECRYPT, GENERATE, require_key, wanted
from silolake.localcloud.engines.s3.errors import (
    invalid_argument,
    invalid_request,
    no_such_key,
    no_such_version,
)
from silolake.localcloud.engines.s3.objects import Draft, Version
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.engines.s3.puts import created, etag_of, refuse_unplayed
from silolake.localcloud.engines.s3.sources import Source, source_of
from silolake.localcloud.engines.s3.tagging import check_tags
from silolake.localcloud.errors import AwsError

_CHANGES = ("StorageClass", "WebsiteRedirectLocation", "ServerSideEncryption", "ChecksumAlgorithm")
_ATTEMPTS = 20


@PLAYS("CopyObject", access=copy_access)
def copy_object(call: Call) -> dict[str, Any]:
    """Copy an object, with its metadata and tags or with new ones. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    key, source = call.parameters["Key"], source_of(call)
    check_key(key)
    refuse_unplayed(call)
    bucket = bucket_of(call)
    for _ in range(_ATTEMPTS):
        origin = copyable(call, source)
        _refuse_idle_copy(call, source)
        encryption = wanted(call, bucket)
        require_key(call, bucket, key, encryption, GENERATE)
        try:
            digest = _digest(call, origin)
        except FileNotFoundError:
            continue
        with objects.changing(call.cloud) as change:
            # The source may have been overwritten since; what was allowed and digested is what must be copied.
            still = objects.find(change.connection, origin.bucket, origin.key, source.version_id)
            if still is None or still.sequence != origin.sequence:
                continue
            bucket = need_bucket(change.connection, bucket.name)
            check_write(change.connection, bucket.name, key, call.parameters)
            version = objects.add(change, bucket, _draft(call, origin, encryption, digest))
        return _answer(version, source, origin)
    raise AwsError("SlowDown", "Please reduce your request rate: the source changes while it is copied.", 503)


def copyable(call: Call, source: Source) -> Version:
    """The version that a copy reads, its conditions and its KMS key included. Reads only.

    Raises:
        AwsError: there is none, it is too large, a condition does not hold, or the key may not be used.
    """
    with call.cloud.store.read() as connection:
        there = need_bucket(connection, source.bucket)
        found = objects.find(connection, source.bucket, source.key, source.version_id)
    if found is None:
        missing = no_such_version(source.key, source.version_id) if source.version_id else no_such_key(source.key)
        raise missing_key(call, there, missing)
    if found.is_delete_marker:
        if source.version_id:
            message = "The source of a copy request may not specifically refer to a delete marker by version id."
            raise invalid_request(message)
        raise missing_key(call, there, no_such_key(source.key))
    require_key(call, there, source.key, found.description.encryption, DECRYPT)
    check_read(call.parameters, found, "CopySource")
    return found


def _refuse_idle_copy(call: Call, source: Source) -> None:
    onto_itself = (source.bucket, source.key) == (call.parameters["Bucket"], call.parameters["Key"])
    changes = call.parameters.get("MetadataDirective") == "REPLACE" or any(
        call.parameters.get(name) for name in _CHANGES
    )
    if onto_itself and not source.version_id and not changes:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the"
            " object's metadata, storage class, website redirect location or encryption attributes."
        )


def _digest(call: Call, origin: Version) -> tuple[bytes, Mapping[str, str]]:
    """The MD5 and the checksum of the copy, which is of one piece whatever its source was sent in.

    Raises:
        FileNotFoundError: the source has been overwritten meanwhile.
    """
    if origin.size > LARGEST:
        raise invalid_request(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"
        )
    known = origin.description
    asked = call.parameters.get("ChecksumAlgorithm")
    names = {checksums.member(asked)} if asked else set(known.checksums)
    # ETags of whole objects under SSE-S3 are their MD5 already.
    is_md5 = not known.parts and not known.encryption.key_arn
    if is_md5 and names == set(known.checksums) and known.checksum_type != "COMPOSITE":
        return bytes.fromhex(origin.etag), known.checksums
    md5 = hashlib.md5(usedforsecurity=False)
    sums = {name: checksums.running(name.removeprefix("Checksum")) for name in names}
    for piece in Streamed(call.cloud, origin.blob, 0, origin.size):
        md5.update(piece)
        for each in sums.values():
            each.update(piece)
    return md5.digest(), {name: checksums.written(each.digest()) for name, each in sums.items()}


def _draft(call: Call, origin: Version, encryption: Encryption, digest: tuple[bytes, Mapping[str, str]]) -> Draft:
    md5, sums = digest
    # Under SSE-KMS the tag is no digest of the bytes, so the copy's differs from its source's.
    etag = etag_of(md5, objects.new_version_id(), encryption) if encryption.key_arn else md5.hex()
    return Draft(
        key=call.parameters["Key"],
        blob=origin.blob,
        size=origin.size,
        etag=etag,
        modified_at=int(call.cloud.clock.now().timestamp()),
        tags=_tags(call, origin),
        description=replace(
            _description(call, origin, encryption),
            checksums=sums,
            checksum_type="FULL_OBJECT" if sums else "",
            parts=(),
        ),
    )


def _description(call: Call, origin: Version, encryption: Encryption) -> Description:
    match call.parameters.get("MetadataDirective", "COPY"):
        case "REPLACE":
            return described(call, encryption)
        case "COPY":
            kept = origin.description
            headers = {name: value for name, value in kept.headers.items() if name != "WebsiteRedirectLocation"}
            if call.parameters.get("WebsiteRedirectLocation"):
                headers["WebsiteRedirectLocation"] = call.parameters["WebsiteRedirectLocation"]
            # Neither the storage class nor the encryption goes along unless it is asked for again.
            return replace(kept, headers=headers, storage_class=storage_class_of(call), encryption=encryption)
        case other:
            raise invalid_argument("Unknown metadata directive.", "x-amz-metadata-directive", other)


def _tags(call: Call, origin: Version) -> Mapping[str, str]:
    match call.parameters.get("TaggingDirective", "COPY"):
        case "REPLACE":
            return check_tags(request_tags(call))
        case "COPY":
            return origin.tags
        case other:
            raise invalid_argument("Unknown tagging directive.", "x-amz-tagging-directive", other)


def _answer(version: Version, source: Source, origin: Version) -> dict[str, Any]:
    said = created(version)
    result = {name: said.pop(name) for name in list(said) if name == "ETag" or name.startswith("Checksum")}
    found: dict[str, Any] = {"CopyObjectResult": {**result, "LastModified": moment(version.modified_at)}, **said}
    if origin.version_id != objects.UNVERSIONED:
        found["CopySourceVersionId"] = origin.version_id
    return found
