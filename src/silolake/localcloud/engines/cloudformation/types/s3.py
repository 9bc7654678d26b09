"""Buckets and their policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_S3.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from silolake.localcloud.engines.cloudformation.types.kinds import (
    Act,
    Part,
    ResourceType,
    answering_id,
    asks,
    document,
    found_by,
    removed_by,
)
from silolake.localcloud.engines.cloudformation.types.shapes import JSON, TAGS

_GONE = ("NoSuchBucket", "NotFound", "404")
_ENCRYPTION_DEFAULT = {"SSEAlgorithm!": str, "KMSMasterKeyID": str}
_ENCRYPTION = {
    "ServerSideEncryptionConfiguration!": [
        {"ServerSideEncryptionByDefault": _ENCRYPTION_DEFAULT, "BucketKeyEnabled": bool}
    ]
}
_LIFECYCLE_RULE = {
    "Id": str,
    "Status!": str,
    "Prefix": str,
    "ExpirationInDays": int,
    "ExpirationDate": str,
    "ExpiredObjectDeleteMarker": bool,
    "NoncurrentVersionExpiration": {"NoncurrentDays!": int, "NewerNoncurrentVersions": int},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation!": int},
    "Transitions": [{"StorageClass!": str, "TransitionInDays": int}],
}
_ACCESS_BLOCK = {
    "BlockPublicAcls": bool,
    "BlockPublicPolicy": bool,
    "IgnorePublicAcls": bool,
    "RestrictPublicBuckets": bool,
}


def _encryption(value: Any) -> dict[str, Any]:
    rules = []
    for each in value["ServerSideEncryptionConfiguration"]:
        rule = {key: part for key, part in each.items() if key != "ServerSideEncryptionByDefault"}
        if "ServerSideEncryptionByDefault" in each:
            rule["ApplyServerSideEncryptionByDefault"] = each["ServerSideEncryptionByDefault"]
        rules.append(rule)
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _lifecycle(value: Any) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [_lifecycle_rule(each) for each in value["Rules"]]}}


def _lifecycle_rule(given: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {"Status": given["Status"], "Filter": {"Prefix": given.get("Prefix", "")}}
    expiration = {
        api: given[key]
        for key, api in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if key in given
    }
    if expiration:
        rule["Expiration"] = expiration
    if "Id" in given:
        rule["ID"] = given["Id"]
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in given:
            rule[key] = given[key]
    if "Transitions" in given:
        rule["Transitions"] = [
            {"StorageClass": each["StorageClass"], "Days": each.get("TransitionInDays", 0)}
            for each in given["Transitions"]
        ]
    return rule


def _notification(value: Any) -> dict[str, Any]:
    # The API says "enabled" by an empty member, the template by a boolean.
    is_enabled = value.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", False)
    return {"NotificationConfiguration": {"EventBridgeConfiguration": {}} if is_enabled else {}}


def _bucket_part(property_: str, put: str, spell: Callable[[Any], dict[str, Any]], remove: str, **empty: Any) -> Part:
    """A property with a ``Put…`` operation; it is taken away by ``remove``, with ``empty`` as further parameters."""

    def apply(act: Act) -> None:
        if property_ in act.wanted:
            act.ask(put, {"Bucket": act.physical_id, **spell(act.wanted[property_])})
        elif property_ in act.before:
            act.ask(remove, {"Bucket": act.physical_id, **empty})

    return Part((property_,), apply)


def _create(act: Act) -> str:
    parameters: dict[str, Any] = {"Bucket": act.physical_id}
    if act.region != "us-east-1":
        parameters["CreateBucketConfiguration"] = {"LocationConstraint": act.region}
    act.ask("s3:CreateBucket", parameters)
    return act.physical_id


def _attributes(act: Act) -> dict[str, Any]:
    name = act.physical_id
    return {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{act.region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{act.region}.amazonaws.com",
    }


BUCKET = ResourceType(
    name="AWS::S3::Bucket",
    shape={
        "BucketName": str,
        "BucketEncryption": _ENCRYPTION,
        "VersioningConfiguration": {"Status!": str},
        "PublicAccessBlockConfiguration": _ACCESS_BLOCK,
        "OwnershipControls": {"Rules!": [{"ObjectOwnership": str}]},
        "LifecycleConfiguration": {"Rules!": [_LIFECYCLE_RULE]},
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled!": bool}},
        "Tags": TAGS,
    },
    identify=lambda act: act.name("BucketName", 63, lower=True),
    create=_create,
    find=found_by(asks("s3:HeadBucket", Bucket="@id"), *_GONE),
    delete=removed_by(asks("s3:DeleteBucket", Bucket="@id"), *_GONE),
    parts=(
        _bucket_part(
            "OwnershipControls",
            "s3:PutBucketOwnershipControls",
            lambda value: {"OwnershipControls": value},
            # What a bucket is born with.
            "s3:PutBucketOwnershipControls",
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        ),
        _bucket_part(
            "PublicAccessBlockConfiguration",
            "s3:PutPublicAccessBlock",
            lambda value: {"PublicAccessBlockConfiguration": value},
            "s3:DeletePublicAccessBlock",
        ),
        _bucket_part("BucketEncryption", "s3:PutBucketEncryption", _encryption, "s3:DeleteBucketEncryption"),
        _bucket_part(
            "VersioningConfiguration",
            "s3:PutBucketVersioning",
            lambda value: {"VersioningConfiguration": value},
            "s3:PutBucketVersioning",
            VersioningConfiguration={"Status": "Suspended"},
        ),
        _bucket_part(
            "LifecycleConfiguration", "s3:PutBucketLifecycleConfiguration", _lifecycle, "s3:DeleteBucketLifecycle"
        ),
        _bucket_part(
            "NotificationConfiguration",
            "s3:PutBucketNotificationConfiguration",
            _notification,
            "s3:PutBucketNotificationConfiguration",
            NotificationConfiguration={},
        ),
        _bucket_part(
            "Tags", "s3:PutBucketTagging", lambda value: {"Tagging": {"TagSet": value}}, "s3:DeleteBucketTagging"
        ),
    ),
    attributes=_attributes,
    attribute_names=("Arn", "DomainName", "DualStackDomainName", "RegionalDomainName"),
    replaced_by=("BucketName",),
    has_tags=True,
)


def _put_policy(act: Act) -> None:
    act.ask("s3:PutBucketPolicy", {"Bucket": act.physical_id, "Policy": document(act.wanted["PolicyDocument"])})


BUCKET_POLICY = ResourceType(
    name="AWS::S3::BucketPolicy",
    shape={"Bucket!": str, "PolicyDocument!": JSON},
    identify=lambda act: str(act.wanted["Bucket"]),
    create=answering_id(_put_policy),
    update=_put_policy,
    find=found_by(asks("s3:GetBucketPolicy", Bucket="@id"), "NoSuchBucketPolicy", *_GONE),
    delete=removed_by(asks("s3:DeleteBucketPolicy", Bucket="@id"), "NoSuchBucketPolicy", *_GONE),
    replaced_by=("Bucket",),
)
