"""A bucket as a whole: is it there, where is it, away with it, and its policy."""

from __future__ import annotations

import json
from typing import Any

from silolake.iam import PolicyMalformed
from silolake.limits import BUCKET_POLICY
from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3.access import bucket_access, policy_access
from silolake.localcloud.engines.s3.buckets import Bucket, bucket_of, compiled, need_bucket
from silolake.localcloud.engines.s3.errors import access_denied
from silolake.localcloud.engines.s3.objects import changing
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.engines.s3.public import is_public
from silolake.localcloud.errors import AwsError


@PLAYS("HeadBucket", access=bucket_access("s3:ListBucket"))
def head_bucket(call: Call) -> dict[str, Any]:
    """Whether a bucket is there and may be listed. Reads only."""
    bucket = bucket_of(call)
    return {"BucketRegion": bucket.region, "BucketArn": bucket.arn, "AccessPointAlias": False}


@PLAYS("GetBucketLocation", access=bucket_access("s3:GetBucketLocation"))
def get_bucket_location(call: Call) -> dict[str, Any]:
    """A bucket's Region; S3's first Region has no name here. Reads only."""
    region = bucket_of(call).region
    return {} if region == "us-east-1" else {"LocationConstraint": region}


@PLAYS("DeleteBucket", access=bucket_access("s3:DeleteBucket"))
def delete_bucket(call: Call) -> dict[str, Any]:
    """Remove a bucket that holds no version of anything; uploads under way are aborted. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
    """
    name = bucket_of(call).name
    with changing(call.cloud) as change:
        need_bucket(change.connection, name)
        if change.connection.execute("SELECT 1 FROM s3_versions WHERE bucket = ? LIMIT 1", (name,)).fetchone():
            message = "The bucket you tried to delete is not empty"
            versioned = change.connection.execute(
                "SELECT 1 FROM s3_versions WHERE bucket = ? AND version_id != 'null' LIMIT 1", (name,)
            ).fetchone()
            if versioned:
                message += ". You must delete all versions in the bucket."
            raise AwsError("BucketNotEmpty", message, 409, BucketName=name)
        blobs = [
            blob
            for (blob,) in change.connection.execute(
                "SELECT p.blob FROM s3_parts p JOIN s3_uploads u ON u.id = p.upload WHERE u.bucket = ?", (name,)
            )
        ]
        change.connection.execute("DELETE FROM s3_uploads WHERE bucket = ?", (name,))
        change.release(blobs)
        change.connection.execute("DELETE FROM s3_buckets WHERE name = ?", (name,))
    return {"__status__": 204}


@PLAYS("GetBucketPolicy", access=policy_access("s3:GetBucketPolicy"))
def get_bucket_policy(call: Call) -> dict[str, Any]:
    """The bucket policy, as it was put. Reads only."""
    return {"Policy": _policy_text(_own_bucket(call))}


@PLAYS("GetBucketPolicyStatus", access=policy_access("s3:GetBucketPolicyStatus"))
def get_bucket_policy_status(call: Call) -> dict[str, Any]:
    """Whether the bucket policy is public. Reads only."""
    return {"PolicyStatus": {"IsPublic": is_public(_policy_text(bucket_of(call)))}}


@PLAYS(
    "PutBucketPolicy",
    access=policy_access("s3:PutBucketPolicy"),
    differs="A principal in the policy is not checked to exist, nor bound to its unique id.",
)
def put_bucket_policy(call: Call) -> dict[str, Any]:
    """Replace the bucket policy. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html

    Raises:
        AwsError: it is no policy, is about something else, or is public where that is blocked.
    """
    bucket, text = _own_bucket(call), str(call.parameters["Policy"])
    check_policy(text, bucket.name)
    if bucket.public_access_block.get("BlockPublicPolicy") and is_public(text):
        raise access_denied(
            f"User: {call.caller.arn} is not authorized to perform: s3:PutBucketPolicy on resource: {bucket.arn!r}"
            " because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
        )
    _store(call, bucket, text)
    return {"__status__": 204}


@PLAYS("DeleteBucketPolicy", access=policy_access("s3:DeleteBucketPolicy"))
def delete_bucket_policy(call: Call) -> dict[str, Any]:
    """Take the bucket policy away. Writes."""
    _store(call, _own_bucket(call), "")
    return {"__status__": 204}


def check_policy(text: str, bucket: str) -> None:
    """Hold a document against what a bucket policy may be.

    Raises:
        AwsError: ``MalformedPolicy``, with what is wrong and on which line.
    """
    if len(text.encode()) > BUCKET_POLICY:
        raise _malformed("Policy exceeds the maximum allowed document size.")
    try:
        compiled(text, bucket)
    except PolicyMalformed as error:
        raise _malformed(str(error)) from error
    statements = json.loads(text)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise _malformed("Missing required field Principal")
        for action in _texts(statement, "Action"):
            if action != "*" and not action.lower().startswith("s3:"):
                raise _malformed("Policy has invalid action")
        for resource in _texts(statement, "Resource"):
            if not _is_of(resource, bucket):
                raise _malformed("Policy has invalid resource")


def _texts(statement: dict[str, Any], name: str) -> list[str]:
    found = statement.get(name, statement.get(f"Not{name}", []))
    return [found] if isinstance(found, str) else list(found)


def _is_of(resource: str, bucket: str) -> bool:
    """Whether a resource lies in the bucket; a wildcard in the bucket's place is refused, as on AWS."""
    parts = resource.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "s3":
        return False
    return parts[5] in (bucket, f"{bucket}*") or parts[5].startswith(f"{bucket}/")


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicy", message, 400)


def _own_bucket(call: Call) -> Bucket:
    bucket = bucket_of(call)
    # Another account may be granted these actions and is still told that it is not the place.
    if call.account != bucket.owner:
        message = "The specified method is not allowed against this resource."
        raise AwsError("MethodNotAllowed", message, 405, Method=call.operation, ResourceType="BUCKETPOLICY")
    return bucket


def _policy_text(bucket: Bucket) -> str:
    if not bucket.policy_text:
        raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404, BucketName=bucket.name)
    return bucket.policy_text


def _store(call: Call, bucket: Bucket, text: str) -> None:
    with call.cloud.store.write() as connection:
        need_bucket(connection, bucket.name)
        connection.execute("UPDATE s3_buckets SET policy = ? WHERE name = ?", (text, bucket.name))
