"""Buckets and their policies.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from silolake.cloud import Cloud
from silolake.provisioning.drift.facets import Facet, Kind, same_document, tags_of, tell_document, unless
from silolake.provisioning.drift.templates import Resource

_GONE = ("NoSuchBucket", "NotFound", "404")


def _setting(name: str, operation: str, missing: str, wanted: Callable[[Resource], Any]) -> Facet:
    """A setting with a ``get_…`` and a ``put_…`` operation, whose answer and parameter have one name and shape."""
    member = name[0].upper() + name[1:]

    def read(cloud: Cloud, resource: Resource) -> Any:
        asked = f"get_{operation}"
        return unless((missing,), lambda: cloud.call("s3", asked, Bucket=resource.id)[member], {})

    def put(cloud: Cloud, resource: Resource, _: Any) -> None:
        cloud.call("s3", f"put_{operation}", Bucket=resource.id, **{member: wanted(resource)})

    return Facet(_WORDS[name], wanted, read, put)


_WORDS = {
    "OwnershipControls": "ownership",
    "PublicAccessBlockConfiguration": "public access block",
    "ServerSideEncryptionConfiguration": "encryption",
}


def _encryption(resource: Resource) -> dict[str, Any]:
    rules = []
    for each in resource.properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", ()):
        rule = {key: value for key, value in each.items() if key != "ServerSideEncryptionByDefault"}
        if "ServerSideEncryptionByDefault" in each:
            rule["ApplyServerSideEncryptionByDefault"] = each["ServerSideEncryptionByDefault"]
        rules.append(rule)
    return {"Rules": rules} if rules else {}


def _versioning(cloud: Cloud, resource: Resource) -> str:
    return str(cloud.call("s3", "get_bucket_versioning", Bucket=resource.id).get("Status", "never enabled"))


def _put_versioning(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("s3", "put_bucket_versioning", Bucket=resource.id, VersioningConfiguration={"Status": _status(resource)})


def _status(resource: Resource) -> str:
    return str(resource.properties.get("VersioningConfiguration", {}).get("Status", "never enabled"))


def _lifecycle(resource: Resource) -> list[dict[str, Any]]:
    return [_rule(each) for each in resource.properties.get("LifecycleConfiguration", {}).get("Rules", ())]


def _rule(said: Mapping[str, Any]) -> dict[str, Any]:
    """A template's rule as the API spells it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
    """
    rule: dict[str, Any] = {"Status": said["Status"], "Filter": {"Prefix": said.get("Prefix", "")}}
    rule |= {"ID": said["Id"]} if "Id" in said else {}
    expiration = {api: said[key] for key, api in _EXPIRATION.items() if key in said}
    rule |= {"Expiration": expiration} if expiration else {}
    rule |= {key: said[key] for key in _AS_SAID if key in said}
    if "Transitions" in said:
        moves = ((each["StorageClass"], each.get("TransitionInDays", 0)) for each in said["Transitions"])
        rule["Transitions"] = [{"StorageClass": kind, "Days": days} for kind, days in moves]
    return rule


_EXPIRATION = {
    "ExpirationInDays": "Days",
    "ExpirationDate": "Date",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}
_AS_SAID = ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")


def _read_lifecycle(cloud: Cloud, resource: Resource) -> Any:
    """Every rule; one that nobody declared deletes data in time."""
    return unless(
        ("NoSuchLifecycleConfiguration",),
        lambda: cloud.call("s3", "get_bucket_lifecycle_configuration", Bucket=resource.id)["Rules"],
        [],
    )


def _put_lifecycle(cloud: Cloud, resource: Resource, _: Any) -> None:
    rules = _lifecycle(resource)
    if rules:
        cloud.call(
            "s3", "put_bucket_lifecycle_configuration", Bucket=resource.id, LifecycleConfiguration={"Rules": rules}
        )
    else:
        cloud.call("s3", "delete_bucket_lifecycle", Bucket=resource.id)


def _tags(cloud: Cloud, resource: Resource) -> dict[str, str]:
    found = unless(("NoSuchTagSet",), lambda: cloud.call("s3", "get_bucket_tagging", Bucket=resource.id)["TagSet"], [])
    return {each["Key"]: each["Value"] for each in found}


def _put_tags(cloud: Cloud, resource: Resource, found: Any) -> None:
    # PutBucketTagging replaces the whole set, and refuses to take CloudFormation's own tags away: all are said again.
    every = {**(found or {}), **tags_of(resource)}
    tags = [{"Key": key, "Value": value} for key, value in every.items()]
    cloud.call("s3", "put_bucket_tagging", Bucket=resource.id, Tagging={"TagSet": tags})


def _is_there(cloud: Cloud, resource: Resource) -> bool:
    return bool(unless(_GONE, lambda: cloud.call("s3", "head_bucket", Bucket=resource.id), None) is not None)


def _make(cloud: Cloud, resource: Resource) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html: us-east-1 is said by saying nothing.
    elsewhere: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": resource.region}}
    cloud.call("s3", "create_bucket", Bucket=resource.id, **(elsewhere if resource.region != "us-east-1" else {}))


BUCKET = Kind(
    "AWS::S3::Bucket",
    "bucket",
    (
        _setting(
            "OwnershipControls",
            "bucket_ownership_controls",
            "OwnershipControlsNotFoundError",
            lambda resource: resource.properties.get("OwnershipControls", {}),
        ),
        _setting(
            "PublicAccessBlockConfiguration",
            "public_access_block",
            "NoSuchPublicAccessBlockConfiguration",
            lambda resource: resource.properties.get("PublicAccessBlockConfiguration", {}),
        ),
        _setting(
            "ServerSideEncryptionConfiguration",
            "bucket_encryption",
            "ServerSideEncryptionConfigurationNotFoundError",
            _encryption,
        ),
        Facet("versioning", _status, _versioning, _put_versioning),
        Facet("lifecycle rules", _lifecycle, _read_lifecycle, _put_lifecycle),
        Facet("tags", tags_of, _tags, _put_tags),
    ),
    _is_there,
    _make,
    lambda resource: f":::{resource.id}",
)


def _document(resource: Resource) -> Any:
    return resource.properties["PolicyDocument"]


def _bucket(resource: Resource) -> str:
    return str(resource.properties["Bucket"])


def _policy(cloud: Cloud, resource: Resource) -> Any:
    found = unless(
        ("NoSuchBucketPolicy", *_GONE),
        lambda: cloud.call("s3", "get_bucket_policy", Bucket=_bucket(resource))["Policy"],
        None,
    )
    return None if found is None else json.loads(found)


def _put_policy(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("s3", "put_bucket_policy", Bucket=_bucket(resource), Policy=json.dumps(_document(resource)))


BUCKET_POLICY = Kind(
    "AWS::S3::BucketPolicy",
    "bucket policy of",
    (Facet("statements", _document, _policy, _put_policy, same_document, tell_document),),
    lambda cloud, resource: _policy(cloud, resource) is not None,
    lambda cloud, resource: _put_policy(cloud, resource, None),
    lambda resource: f":::{_bucket(resource)}",
)
