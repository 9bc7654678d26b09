"""What IAM must allow for each operation: many of S3's operations have no action of their own name.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from silolake.iam import Policy
from silolake.localcloud.call import Access, AccessOf, Call, Caller
from silolake.localcloud.engines.s3 import encryption, objects
from silolake.localcloud.engines.s3.buckets import Bucket, bucket_of, need_bucket
from silolake.localcloud.engines.s3.errors import access_denied
from silolake.localcloud.engines.s3.public import is_public
from silolake.localcloud.engines.s3.sources import Source, source_of
from silolake.localcloud.errors import AwsError

Context = dict[str, tuple[str, ...]]

# Condition keys that repeat a parameter, whatever the operation.
_FROM_PARAMETERS = {
    "ACL": "s3:x-amz-acl",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "StorageClass": "s3:x-amz-storage-class",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "IfNoneMatch": "s3:if-none-match",
    "IfMatch": "s3:if-match",
    "VersionId": "s3:VersionId",
    "CopySource": "s3:x-amz-copy-source",
}
_LISTING = {"Prefix": "s3:prefix", "Delimiter": "s3:delimiter", "MaxKeys": "s3:max-keys"}
_CREATES = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})
_CREATES_NOT_YET = frozenset({"CreateMultipartUpload", "UploadPart", "UploadPartCopy"})


def policy_for(bucket: Bucket, caller: Caller) -> Policy | None:
    """The bucket policy as it counts for a caller.

    With ``RestrictPublicBuckets`` a public policy lets nobody of another account in, except services of AWS.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    if (
        bucket.policy_text
        and bucket.public_access_block.get("RestrictPublicBuckets")
        and caller.account != bucket.owner
        and caller.principal.kind != "service"
        and is_public(bucket.policy_text)
    ):
        return None
    return bucket.policy


def on_bucket(bucket: Bucket, caller: Caller, action: str, context: Mapping[str, tuple[str, ...]]) -> Access:
    """An action on a bucket itself."""
    return Access(action, bucket.arn, bucket.owner, _owned(bucket, context), policy_for(bucket, caller))


def on_object(bucket: Bucket, key: str, caller: Caller, action: str, context: Mapping[str, tuple[str, ...]]) -> Access:
    """An action on one key of a bucket, whether or not an object is there."""
    arn = f"{bucket.arn}/{key}"
    return Access(action, arn, bucket.owner, _owned(bucket, context), policy_for(bucket, caller))


def to_read(connection: sqlite3.Connection, caller: Caller, bucket: str, key: str) -> list[Access]:
    """What IAM must allow for the caller to read the current object of a key, KMS included. Reads only.

    For engines that read blobs directly on a caller's behalf, Athena's among them.

    Raises:
        AwsError: there is no such bucket, or the object's key can no longer be found.
    """
    there = need_bucket(connection, bucket)
    found = objects.find(connection, bucket, key)
    accesses = [on_object(there, key, caller, "s3:GetObject", _tags_of(found))]
    if found is not None:
        how = found.description.encryption
        accesses += encryption.key_accesses(connection, caller.account, there, key, how, encryption.DECRYPT)
    return accesses


def _owned(bucket: Bucket, context: Mapping[str, tuple[str, ...]]) -> Context:
    return {"s3:ResourceAccount": (bucket.owner,), **context}


def _tags_of(version: objects.Version | None) -> Context:
    if version is None:
        return {}
    return {f"s3:ExistingObjectTag/{name}": (value,) for name, value in version.tags.items()}


def _said(call: Call, names: Mapping[str, str]) -> Context:
    found: Context = {key: (str(call.parameters[name]),) for name, key in names.items() if name in call.parameters}
    authorization = call.headers.get("authorization", "")
    if authorization.startswith("AWS4-HMAC-SHA256"):
        found["s3:signatureversion"] = ("AWS4-HMAC-SHA256",)
        found["s3:authType"] = ("REST-HEADER",)
    if "x-amz-content-sha256" in call.headers:
        found["s3:x-amz-content-sha256"] = (call.headers["x-amz-content-sha256"],)
    return found


def request_tags(call: Call) -> dict[str, str]:
    """The tags that a request wants its object to have, from the header or from the body."""
    if call.parameters.get("Tagging") and isinstance(call.parameters["Tagging"], str):
        return dict(parse_qsl(call.parameters["Tagging"], keep_blank_values=True))
    tagging: Any = call.parameters.get("Tagging") or {}
    return {each["Key"]: each["Value"] for each in tagging.get("TagSet") or ()}


def _requested(call: Call) -> Context:
    context = _said(call, _FROM_PARAMETERS)
    if call.operation in _CREATES | _CREATES_NOT_YET:
        context["s3:ObjectCreationOperation"] = ("true" if call.operation in _CREATES else "false",)
    tags = request_tags(call)
    if tags:
        context |= {f"s3:RequestObjectTag/{name}": (value,) for name, value in tags.items()}
        context["s3:RequestObjectTagKeys"] = tuple(tags)
    return context


def bucket_access(action: str) -> AccessOf:
    """The access of an operation on a bucket as a whole."""

    def access(call: Call) -> Iterable[Access]:
        return (on_bucket(bucket_of(call), call.caller, action, _said(call, {})),)

    return access


def listing_access(action: str) -> AccessOf:
    """The access of an operation that lists a bucket: prefix, delimiter and number of keys are condition keys."""

    def access(call: Call) -> Iterable[Access]:
        return (on_bucket(bucket_of(call), call.caller, action, _said(call, _LISTING)),)

    return access


def policy_access(action: str) -> AccessOf:
    """The access of reading and changing the bucket policy, which the owner's root user keeps whatever it says.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    """

    def access(call: Call) -> Iterable[Access]:
        bucket = bucket_of(call)
        found = on_bucket(bucket, call.caller, action, _said(call, {}))
        if call.caller.principal.kind == "root" and call.account == bucket.owner:
            found = Access(action, bucket.arn, bucket.owner, found.context)
        return (found,)

    return access


def object_access(*actions: str, versioned: tuple[str, ...] = ()) -> AccessOf:
    """The access of an operation on one object.

    Args:
        actions: what it needs.
        versioned: what it needs instead where a version is named.
    """

    def access(call: Call) -> Iterator[Access]:
        bucket = bucket_of(call)
        key, version_id = call.parameters["Key"], call.parameters.get("VersionId")
        context = _requested(call)
        if not actions[0].startswith("s3:Delete") or "Tagging" in actions[0]:
            with call.cloud.store.read() as connection:
                context |= _tags_of(objects.find(connection, bucket.name, key, version_id or ""))
        for action in versioned if version_id and versioned else actions:
            yield on_object(bucket, key, call.caller, action, context)

    return access


def creation_access(call: Call) -> Iterator[Access]:
    """The access of an operation that creates an object, or begins to.

    A comparison with the object that is there tells what it is, so ``If-Match`` needs the right to read it as well.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    bucket, key, context = bucket_of(call), call.parameters["Key"], _requested(call)
    yield on_object(bucket, key, call.caller, "s3:PutObject", context)
    if call.parameters.get("Tagging"):
        yield on_object(bucket, key, call.caller, "s3:PutObjectTagging", context)
    if call.parameters.get("ACL"):
        yield on_object(bucket, key, call.caller, "s3:PutObjectAcl", context)
    if call.parameters.get("IfMatch"):
        yield on_object(bucket, key, call.caller, "s3:GetObject", context)


def copy_access(call: Call) -> Iterator[Access]:
    """The access of a copy: reading the source, creating the destination, and both for tags that go along."""
    source: Source = source_of(call)
    with call.cloud.store.read() as connection:
        there = need_bucket(connection, source.bucket)
        found = objects.find(connection, source.bucket, source.key, source.version_id)
    if call.parameters.get("ExpectedSourceBucketOwner", there.owner) != there.owner:
        raise access_denied()
    suffix = "Version" if source.version_id else ""
    context = {**_said(call, {}), **_tags_of(found)}
    if source.version_id:
        context["s3:VersionId"] = (source.version_id,)
    yield on_object(there, source.key, call.caller, f"s3:GetObject{suffix}", context)
    yield from creation_access(call)
    goes_along = call.operation == "CopyObject" and call.parameters.get("TaggingDirective", "COPY") == "COPY"
    if goes_along and found is not None and found.tags:
        yield on_object(there, source.key, call.caller, f"s3:GetObject{suffix}Tagging", context)
        yield on_object(bucket_of(call), call.parameters["Key"], call.caller, "s3:PutObjectTagging", _requested(call))


def missing_key(call: Call, bucket: Bucket, error: AwsError) -> AwsError:
    """What a reader is told of an object that is not there: 404 if they may list the bucket, else 403.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    try:
        call.cloud.require(call, (on_bucket(bucket, call.caller, "s3:ListBucket", _said(call, {})),))
    except AwsError as refused:
        return refused
    return error


def nothing_on_the_whole(call: Call) -> Iterable[Access]:
    """The access of ``DeleteObjects``: each key is asked for by itself, so that one refusal leaves the others."""
    bucket_of(call)
    return ()
