"""The tags of objects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.access import missing_key, object_access
from silolake.localcloud.engines.s3.buckets import bucket_of
from silolake.localcloud.engines.s3.errors import malformed_xml, no_such_key, no_such_version, not_allowed_here
from silolake.localcloud.engines.s3.objects import Version
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.errors import AwsError

_MOST = 10
_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*")


def check_tags(tags: Mapping[str, str], most: int = _MOST) -> dict[str, str]:
    """Hold tags against S3's limits.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html

    Raises:
        AwsError: too many, too long, or with characters that tags do not have.
    """
    if len(tags) > most:
        raise AwsError("BadRequest", f"Object tags cannot be greater than {most}", 400)
    for name, value in tags.items():
        if not 1 <= len(name) <= 128 or not _ALLOWED.fullmatch(name):
            raise AwsError("InvalidTag", "The TagKey you have provided is invalid", 400, TagKey=name)
        if name.lower().startswith("aws:"):
            raise AwsError("InvalidTag", "System tags cannot be added/updated by requester", 400, TagKey=name)
        if len(value) > 256 or not _ALLOWED.fullmatch(value):
            raise AwsError("InvalidTag", "The TagValue you have provided is invalid", 400, TagKey=name)
    return dict(tags)


def tags_in(tag_set: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The tags in a request's body, each name once.

    Raises:
        AwsError: a tag without name or value, or a name twice.
    """
    found: dict[str, str] = {}
    for each in tag_set:
        if "Key" not in each or "Value" not in each:
            raise malformed_xml()
        if each["Key"] in found:
            message = "Cannot provide multiple Tags with the same key"
            raise AwsError("InvalidTag", message, 400, TagKey=each["Key"])
        found[each["Key"]] = each["Value"]
    return found


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the API lists them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def _version(call: Call, change: objects.Change | None = None) -> Version:
    bucket, key, version_id = bucket_of(call), call.parameters["Key"], call.parameters.get("VersionId", "")
    if change is not None:
        found = objects.find(change.connection, bucket.name, key, version_id)
    else:
        with call.cloud.store.read() as connection:
            found = objects.find(connection, bucket.name, key, version_id)
    if found is None:
        error = no_such_version(key, version_id) if version_id else no_such_key(key)
        raise missing_key(call, bucket, error)
    if found.is_delete_marker:
        raise not_allowed_here(key)
    return found


def _answer(version: Version) -> dict[str, Any]:
    return {"VersionId": version.version_id} if version.version_id != objects.UNVERSIONED else {}


@PLAYS(
    "GetObjectTagging",
    access=object_access("s3:GetObjectTagging", versioned=("s3:GetObjectVersionTagging",)),
)
def get_object_tagging(call: Call) -> dict[str, Any]:
    """An object's tags. Reads only."""
    version = _version(call)
    return {**_answer(version), "TagSet": tag_set(version.tags)}


@PLAYS(
    "PutObjectTagging",
    access=object_access("s3:PutObjectTagging", versioned=("s3:PutObjectVersionTagging",)),
)
def put_object_tagging(call: Call) -> dict[str, Any]:
    """Replace an object's tags. Writes."""
    tags = check_tags(tags_in((call.parameters.get("Tagging") or {}).get("TagSet") or ()))
    _version(call)
    with objects.changing(call.cloud) as change:
        version = _version(call, change)
        objects.set_tags(change, version, tags)
    return _answer(version)


@PLAYS(
    "DeleteObjectTagging",
    access=object_access("s3:DeleteObjectTagging", versioned=("s3:DeleteObjectVersionTagging",)),
)
def delete_object_tagging(call: Call) -> dict[str, Any]:
    """Take an object's tags away. Writes."""
    _version(call)
    with objects.changing(call.cloud) as change:
        version = _version(call, change)
        objects.set_tags(change, version, {})
    return _answer(version)
