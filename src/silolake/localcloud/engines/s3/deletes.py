"""Deleting objects, one or a thousand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from silolake.iam import Decision
from silolake.localcloud.authorize import Surroundings, decider, refusal
from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3 import objects
from silolake.localcloud.engines.s3.access import nothing_on_the_whole, object_access, on_object
from silolake.localcloud.engines.s3.buckets import Bucket, bucket_of, need_bucket
from silolake.localcloud.engines.s3.conditions import is_named
from silolake.localcloud.engines.s3.errors import malformed_xml, no_such_key, precondition_failed
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

_MOST = 1000
_DIRECTORY_BUCKETS_ONLY = ("IfMatchLastModifiedTime", "IfMatchSize", "LastModifiedTime", "Size")


@PLAYS("DeleteObject", access=object_access("s3:DeleteObject", versioned=("s3:DeleteObjectVersion",)))
def delete_object(call: Call) -> dict[str, Any]:
    """Delete an object, or one version of it for good. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
    """
    _refuse_unplayed(call, call.parameters)
    bucket = bucket_of(call)
    with objects.changing(call.cloud) as change:
        bucket = need_bucket(change.connection, bucket.name)
        wanted = {
            "Key": call.parameters["Key"],
            "VersionId": call.parameters.get("VersionId", ""),
            "ETag": call.parameters.get("IfMatch"),
        }
        deleted = _delete(call, change, bucket, wanted)
    found: dict[str, Any] = {}
    if "DeleteMarker" in deleted:
        found["DeleteMarker"] = True
    version_id = deleted.get("DeleteMarkerVersionId") or deleted.get("VersionId")
    if version_id:
        found["VersionId"] = version_id
    return found


@PLAYS(
    "DeleteObjects",
    access=nothing_on_the_whole,
    differs="The body's own Content-MD5 or checksum is neither demanded nor verified.",
)
def delete_objects(call: Call) -> dict[str, Any]:
    """Delete up to a thousand keys; each is allowed or refused by itself. Writes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    """
    bucket = bucket_of(call)
    wanted = call.parameters["Delete"].get("Objects") or []
    if not 1 <= len(wanted) <= _MOST or any(not each.get("Key") for each in wanted):
        raise malformed_xml()
    for each in wanted:
        _refuse_unplayed(call, each)
    decisions = _decide(call, bucket, wanted)
    allowed = [each for each, decision in zip(wanted, decisions, strict=True) if decision]
    errors = [
        _error(each, refusal(decision, "query"))
        for each, decision in zip(wanted, decisions, strict=True)
        if not decision
    ]
    deleted: list[dict[str, Any]] = []
    with objects.changing(call.cloud) as change:
        bucket = need_bucket(change.connection, bucket.name)
        for each in allowed:
            try:
                deleted.append({"Key": each["Key"], **_delete(call, change, bucket, each)})
            except AwsError as refused:
                errors.append(_error(each, refused))
    found: dict[str, Any] = {}
    if deleted and not call.parameters["Delete"].get("Quiet"):
        found["Deleted"] = deleted
    if errors:
        found["Errors"] = errors
    return found


def _decide(call: Call, bucket: Bucket, wanted: list[Mapping[str, Any]]) -> list[Decision]:
    """IAM's answer for each key, logged."""
    now = call.cloud.clock.now()
    decide = decider(call.cloud.store, call.caller, bucket.owner, Surroundings(call.region, now))
    decisions = [
        decide(on_object(bucket, each["Key"], call.caller, "s3:DeleteObjectVersion", {"s3:VersionId": (version_id,)}))
        if (version_id := each.get("VersionId"))
        else decide(on_object(bucket, each["Key"], call.caller, "s3:DeleteObject", {}))
        for each in wanted
    ]
    call.cloud.decisions.add(now, call.request_id, "s3:DeleteObjects", decisions)
    return decisions


def _error(wanted: Mapping[str, Any], refused: AwsError) -> dict[str, Any]:
    found = {"Key": wanted["Key"], "Code": refused.code, "Message": refused.message}
    return {**found, "VersionId": wanted["VersionId"]} if wanted.get("VersionId") else found


def _delete(call: Call, change: objects.Change, bucket: Bucket, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Delete one key or version; what is gone already is no error. Writes."""
    key, version_id, etag = wanted["Key"], wanted.get("VersionId", ""), wanted.get("ETag")
    if etag is not None:
        current = objects.find(change.connection, bucket.name, key, version_id)
        if current is None or current.is_delete_marker:
            raise no_such_key(key)
        if not is_named(etag, current.etag):
            raise precondition_failed("If-Match")
    if version_id:
        version = objects.find(change.connection, bucket.name, key, version_id)
        found: dict[str, Any] = {"VersionId": version_id}
        if version is not None:
            objects.remove(change, version)
            if version.is_delete_marker:
                found |= {"DeleteMarker": True, "DeleteMarkerVersionId": version_id}
        return found
    marker = objects.mark_deleted(change, bucket, key, int(call.cloud.clock.now().timestamp()))
    return {"DeleteMarker": True, "DeleteMarkerVersionId": marker.version_id} if marker else {}


def _refuse_unplayed(call: Call, parameters: Mapping[str, Any]) -> None:
    for name in _DIRECTORY_BUCKETS_ONLY:
        if parameters.get(name) is not None:
            raise NotPlayed(f"s3:{call.operation} with {name}")
