"""What a bucket is set to: versioning, encryption, public access, ownership, tags, lifecycle and the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.s3.access import bucket_access
from silolake.localcloud.engines.s3.buckets import bucket_of, need_bucket, owner
from silolake.localcloud.engines.s3.encryption import default_encryption
from silolake.localcloud.engines.s3.errors import invalid_argument, malformed_xml
from silolake.localcloud.engines.s3.plays import PLAYS
from silolake.localcloud.engines.s3.tagging import check_tags, tags_in
from silolake.localcloud.errors import AwsError, NotPlayed

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_MOST_TAGS = 50
_TIME = "__at__"


def _read(call: Call, name: str, missing: AwsError | None = None) -> Any:
    bucket = bucket_of(call)
    with call.cloud.store.read() as connection:
        row = connection.execute(
            "SELECT value FROM s3_settings WHERE bucket = ? AND name = ?", (bucket.name, name)
        ).fetchone()
    if row is None:
        if missing is not None:
            raise missing
        return None
    return json.loads(row["value"], object_hook=_with_times)


def _write(call: Call, name: str, value: object) -> None:
    bucket = bucket_of(call)
    with call.cloud.store.write() as connection:
        need_bucket(connection, bucket.name)
        connection.execute(
            "INSERT OR REPLACE INTO s3_settings VALUES (?, ?, ?)",
            (bucket.name, name, json.dumps(value, default=_plain)),
        )


def _forget(call: Call, name: str) -> None:
    bucket = bucket_of(call)
    with call.cloud.store.write() as connection:
        connection.execute("DELETE FROM s3_settings WHERE bucket = ? AND name = ?", (bucket.name, name))


def _set(call: Call, column: str, value: str) -> None:
    bucket = bucket_of(call)
    with call.cloud.store.write() as connection:
        need_bucket(connection, bucket.name)
        connection.execute(f"UPDATE s3_buckets SET {column} = ? WHERE name = ?", (value, bucket.name))


def _plain(value: object) -> dict[str, str]:
    if not isinstance(value, datetime):
        raise TypeError(f"a setting cannot hold a {type(value).__name__}")
    return {_TIME: value.isoformat()}


def _with_times(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value[_TIME]) if value.keys() == {_TIME} else value


@PLAYS("GetBucketVersioning", access=bucket_access("s3:GetBucketVersioning"))
def get_bucket_versioning(call: Call) -> dict[str, Any]:
    """Whether a bucket is versioned; empty where it never was. Reads only."""
    versioning = bucket_of(call).versioning
    return {"Status": versioning} if versioning else {}


@PLAYS("PutBucketVersioning", access=bucket_access("s3:PutBucketVersioning"))
def put_bucket_versioning(call: Call) -> None:
    """Version a bucket from now on, or suspend that; it can never be unversioned again. Writes."""
    wanted = call.parameters["VersioningConfiguration"]
    if wanted.get("MFADelete") == "Enabled":
        raise NotPlayed("s3:PutBucketVersioning with MFADelete")
    if wanted.get("Status") not in ("Enabled", "Suspended"):
        message = "The Versioning element must be specified"
        raise AwsError("IllegalVersioningConfigurationException", message, 400)
    _set(call, "versioning", wanted["Status"])


@PLAYS("GetBucketEncryption", access=bucket_access("s3:GetEncryptionConfiguration"))
def get_bucket_encryption(call: Call) -> dict[str, Any]:
    """How objects are encrypted where a request says nothing. Reads only."""
    rule = default_encryption(bucket_of(call))
    by_default = {name: rule[name] for name in ("SSEAlgorithm", "KMSMasterKeyID") if name in rule}
    shown = {
        "ApplyServerSideEncryptionByDefault": by_default,
        "BucketKeyEnabled": bool(rule.get("BucketKeyEnabled", False)),
    }
    return {"ServerSideEncryptionConfiguration": {"Rules": [shown]}}


@PLAYS("PutBucketEncryption", access=bucket_access("s3:PutEncryptionConfiguration"))
def put_bucket_encryption(call: Call) -> None:
    """Say how objects are encrypted where a request says nothing; what is there stays as it is. Writes."""
    rules = call.parameters["ServerSideEncryptionConfiguration"].get("Rules") or []
    if len(rules) != 1:
        raise malformed_xml()
    if rules[0].get("BlockedEncryptionTypes"):
        raise NotPlayed("s3:PutBucketEncryption with BlockedEncryptionTypes")
    by_default = rules[0].get("ApplyServerSideEncryptionByDefault") or {"SSEAlgorithm": "AES256"}
    match by_default.get("SSEAlgorithm"):
        case "AES256" if "KMSMasterKeyID" in by_default:
            message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
            raise invalid_argument(message, "ApplyServerSideEncryptionByDefault", "KMSMasterKeyID")
        case "AES256" | "aws:kms":
            rule = {**by_default, "BucketKeyEnabled": bool(rules[0].get("BucketKeyEnabled", False))}
        case "aws:kms:dsse":
            raise NotPlayed("s3:PutBucketEncryption with aws:kms:dsse")
        case _:
            raise malformed_xml()
    _set(call, "encryption", json.dumps(rule))


@PLAYS("DeleteBucketEncryption", access=bucket_access("s3:PutEncryptionConfiguration"))
def delete_bucket_encryption(call: Call) -> dict[str, Any]:
    """Go back to SSE-S3. Writes."""
    _set(call, "encryption", "")
    return {"__status__": 204}


@PLAYS("GetPublicAccessBlock", access=bucket_access("s3:GetBucketPublicAccessBlock"))
def get_public_access_block(call: Call) -> dict[str, Any]:
    """Which public access is blocked. Reads only."""
    found = bucket_of(call).public_access_block
    if not found:
        message = "The public access block configuration was not found"
        raise AwsError("NoSuchPublicAccessBlockConfiguration", message, 404)
    return {"PublicAccessBlockConfiguration": found}


@PLAYS(
    "PutPublicAccessBlock",
    access=bucket_access("s3:PutBucketPublicAccessBlock"),
    differs="An account's own block (s3control) is not played; buckets stand for themselves.",
)
def put_public_access_block(call: Call) -> None:
    """Say which public access is blocked. Writes."""
    wanted: Mapping[str, Any] = call.parameters["PublicAccessBlockConfiguration"]
    _set(call, "public_access_block", json.dumps({name: bool(wanted.get(name, False)) for name in _BLOCKS}))


@PLAYS("DeletePublicAccessBlock", access=bucket_access("s3:PutBucketPublicAccessBlock"))
def delete_public_access_block(call: Call) -> dict[str, Any]:
    """Block no public access any more. Writes."""
    _set(call, "public_access_block", "")
    return {"__status__": 204}


@PLAYS("GetBucketOwnershipControls", access=bucket_access("s3:GetBucketOwnershipControls"))
def get_bucket_ownership_controls(call: Call) -> dict[str, Any]:
    """Who owns what others put. Reads only."""
    missing = AwsError("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", 404)
    return {"OwnershipControls": {"Rules": _read(call, "ownership", missing)}}


@PLAYS("PutBucketOwnershipControls", access=bucket_access("s3:PutBucketOwnershipControls"))
def put_bucket_ownership_controls(call: Call) -> None:
    """Say who owns what others put: the bucket's owner; other answers need ACLs, which are not played. Writes."""
    rules = call.parameters["OwnershipControls"].get("Rules") or []
    if len(rules) != 1:
        raise malformed_xml()
    if rules[0].get("ObjectOwnership") != "BucketOwnerEnforced":
        raise NotPlayed(f"s3:PutBucketOwnershipControls with {rules[0].get('ObjectOwnership')}")
    _write(call, "ownership", rules)


@PLAYS("GetBucketTagging", access=bucket_access("s3:GetBucketTagging"))
def get_bucket_tagging(call: Call) -> dict[str, Any]:
    """A bucket's tags. Reads only."""
    return {"TagSet": _read(call, "tagging", AwsError("NoSuchTagSet", "The TagSet does not exist", 404))}


@PLAYS("PutBucketTagging", access=bucket_access("s3:PutBucketTagging"))
def put_bucket_tagging(call: Call) -> dict[str, Any]:
    """Replace a bucket's tags. Writes."""
    tag_set = call.parameters["Tagging"].get("TagSet") or []
    own = [each for each in tag_set if not str(each.get("Key", "")).startswith("aws:")]
    check_tags(tags_in(own), _MOST_TAGS)
    _write(call, "tagging", tag_set)
    return {"__status__": 204}


@PLAYS("DeleteBucketTagging", access=bucket_access("s3:PutBucketTagging"))
def delete_bucket_tagging(call: Call) -> dict[str, Any]:
    """Take a bucket's tags away. Writes."""
    _forget(call, "tagging")
    return {"__status__": 204}


@PLAYS("GetBucketLifecycleConfiguration", access=bucket_access("s3:GetLifecycleConfiguration"))
def get_bucket_lifecycle_configuration(call: Call) -> dict[str, Any]:
    """What is to happen to old objects. Reads only."""
    missing = AwsError("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", 404)
    return {"Rules": _read(call, "lifecycle", missing)}


@PLAYS(
    "PutBucketLifecycleConfiguration",
    access=bucket_access("s3:PutLifecycleConfiguration"),
    differs="The rules are kept and answered; nothing expires and nothing moves to another storage class.",
)
def put_bucket_lifecycle_configuration(call: Call) -> None:
    """Keep what is to happen to old objects. Writes."""
    rules = (call.parameters.get("LifecycleConfiguration") or {}).get("Rules") or []
    if not 1 <= len(rules) <= 1000 or any(each.get("Status") not in ("Enabled", "Disabled") for each in rules):
        raise malformed_xml()
    for number, rule in enumerate(rules):
        rule.setdefault("ID", f"rule-{number + 1}")
    _write(call, "lifecycle", rules)


@PLAYS("DeleteBucketLifecycle", access=bucket_access("s3:PutLifecycleConfiguration"))
def delete_bucket_lifecycle(call: Call) -> dict[str, Any]:
    """Forget the lifecycle rules. Writes."""
    _forget(call, "lifecycle")
    return {"__status__": 204}


@PLAYS("GetBucketCors", access=bucket_access("s3:GetBucketCORS"))
def get_bucket_cors(call: Call) -> dict[str, Any]:
    """Which other sites' pages may call. Reads only."""
    missing = AwsError("NoSuchCORSConfiguration", "The CORS configuration does not exist", 404)
    return {"CORSRules": _read(call, "cors", missing)}


@PLAYS(
    "PutBucketCors",
    access=bucket_access("s3:PutBucketCORS"),
    differs="The rules are kept and answered; preflight requests are not played.",
)
def put_bucket_cors(call: Call) -> None:
    """Keep which other sites' pages may call. Writes."""
    rules = call.parameters["CORSConfiguration"].get("CORSRules") or []
    if not 1 <= len(rules) <= 100:
        raise malformed_xml()
    _write(call, "cors", rules)


@PLAYS("DeleteBucketCors", access=bucket_access("s3:PutBucketCORS"))
def delete_bucket_cors(call: Call) -> dict[str, Any]:
    """Forget the CORS rules. Writes."""
    _forget(call, "cors")
    return {"__status__": 204}


@PLAYS("GetBucketNotificationConfiguration", access=bucket_access("s3:GetBucketNotification"))
def get_bucket_notification_configuration(call: Call) -> dict[str, Any]:
    """Who is told of changes. Reads only."""
    return {"EventBridgeConfiguration": {}} if _read(call, "notification") else {}


@PLAYS(
    "PutBucketNotificationConfiguration",
    access=bucket_access("s3:PutBucketNotification"),
    differs="EventBridge can be switched on, and is kept; no event is sent while EventBridge is not played.",
)
def put_bucket_notification_configuration(call: Call) -> None:
    """Say whether EventBridge is told of changes; every other receiver is refused by name. Writes."""
    wanted = call.parameters["NotificationConfiguration"]
    for name in wanted:
        if name != "EventBridgeConfiguration" and wanted[name]:
            raise NotPlayed(f"s3:PutBucketNotificationConfiguration with {name}")
    if "EventBridgeConfiguration" in wanted:
        _write(call, "notification", True)
    else:
        _forget(call, "notification")


@PLAYS("GetBucketAcl", access=bucket_access("s3:GetBucketAcl"))
def get_bucket_acl(call: Call) -> dict[str, Any]:
    """Full control for the owner; buckets have no other ACL. Reads only."""
    who = owner(bucket_of(call).owner)
    return {"Owner": who, "Grants": [{"Grantee": {**who, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}


@PLAYS("GetBucketLogging", access=bucket_access("s3:GetBucketLogging"))
def get_bucket_logging(call: Call) -> dict[str, Any]:
    """Nothing: access is not logged, and cannot be set to be. Reads only."""
    bucket_of(call)
    return {}


@PLAYS("GetBucketRequestPayment", access=bucket_access("s3:GetBucketRequestPayment"))
def get_bucket_request_payment(call: Call) -> dict[str, Any]:
    """The owner pays. Reads only."""
    bucket_of(call)
    return {"Payer": "BucketOwner"}


@PLAYS("GetObjectLockConfiguration", access=bucket_access("s3:GetBucketObjectLockConfiguration"))
def get_object_lock_configuration(call: Call) -> dict[str, Any]:
    """There is none: buckets cannot be made with object lock. Reads only.

    Raises:
        AwsError: always.
    """
    bucket_of(call)
    message = "Object Lock configuration does not exist for this bucket"
    raise AwsError("ObjectLockConfigurationNotFoundError", message, 404)
