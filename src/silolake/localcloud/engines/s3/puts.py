"""Putting an object whole."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.access import creation_access, request_tags
from silolake.localcloud.engines.s3.arrivals import arriving, body_of, promise_of
from silolake.localcloud.engines.s3.buckets import bucket_of, need_bucket
from silolake.localcloud.engines.s3.conditions import check_write
from silolake.localcloud.engines.s3.description import SSE_KMS, Encryption, check_key, described
from silolake.localcloud.engines.s3.encryption import GENERATE, require_key, wanted
from silolake.localcloud.engines.s3.objects import Draft, Version
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.engines.s3.tagging import check_tags
from silolake.localcloud.errors import AwsError, NotPlayed

_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP")
_NOT_PLAYED = ("SSECustomerAlgorithm", "SSECustomerKey", "CopySourceSSECustomerAlgorithm", "WriteOffsetBytes")


@PLAYS(
    "PutObject",
    access=creation_access,
    differs="An object put without a checksum gets none; AWS adds a CRC64NVME. Bytes lie unencrypted on the disk.",
)
def put_object(call: Call) -> dict[str, Any]:
    """Put an object; it is there whole, or not at all. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    """
    key = call.parameters["Key"]
    check_key(key)
    refuse_unplayed(call)
    bucket = bucket_of(call)
    encryption = wanted(call, bucket)
    description, tags = described(call, encryption), check_tags(request_tags(call))
    promise = promise_of(call)
    require_key(call, bucket, key, encryption, GENERATE)
    with call.cloud.store.read() as connection:
        check_write(connection, bucket.name, key, call.parameters)
    with arriving(call.cloud, body_of(call), promise) as arrived, objects.changing(call.cloud) as change:
        bucket = need_bucket(change.connection, bucket.name)
        check_write(change.connection, bucket.name, key, call.parameters)
        draft = Draft(
            key=key,
            blob=arrived.blob,
            size=arrived.size,
            etag=etag_of(arrived.md5, arrived.blob, encryption),
            modified_at=int(call.cloud.clock.now().timestamp()),
            tags=tags,
            description=replace(
                description,
                checksums=arrived.checksums,
                checksum_type="FULL_OBJECT" if arrived.checksums else "",
            ),
        )
        version = objects.add(change, bucket, draft)
    return created(version)


def created(version: Version) -> dict[str, Any]:
    """What is answered of a version that was just made."""
    found: dict[str, Any] = {
        "ETag": f'"{version.etag}"',
        **version.description.encryption.output(),
        **version.description.checksums,
    }
    if version.description.checksum_type:
        found["ChecksumType"] = version.description.checksum_type
    if version.version_id != objects.UNVERSIONED:
        found["VersionId"] = version.version_id
    return found


def etag_of(md5: bytes, blob: str, encryption: Encryption) -> str:
    """The entity tag: the MD5 of the bytes, but for SSE-KMS something that is no digest of them.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    if encryption.algorithm == SSE_KMS:
        return hashlib.md5(md5 + blob.encode(), usedforsecurity=False).hexdigest()
    return md5.hex()


def refuse_unplayed(call: Call) -> None:
    """Refuse what the engine does not play of creating objects, by name.

    Raises:
        NotPlayed: keys that the client keeps, appending.
        AwsError: ACLs and object locks, which the buckets of the local cloud do not have.
    """
    for name in _NOT_PLAYED:
        if call.parameters.get(name) is not None:
            raise NotPlayed(f"s3:{call.operation} with {name}")
    acl = call.parameters.get("ACL", "private")
    if acl not in ("private", "bucket-owner-full-control") or any(call.parameters.get(name) for name in _GRANTS):
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)
    if any(name.startswith("ObjectLock") for name in call.parameters):
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration", 400)
