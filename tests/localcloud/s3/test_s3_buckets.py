"""Buckets, their settings, and what makes a policy public."""

from __future__ import annotations

import json
from typing import Any

import pytest
from s3_world import World, root

from silolake.localcloud.engines.s3.public import is_public


def _policy(**statement: Any) -> str:
    whole = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ewr-data/*", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]})


def test_a_bucket_is_born_closed(world: World) -> None:
    """Public access blocked, no ACLs, SSE-S3, not versioned."""
    assert all(world.own("GetPublicAccessBlock", Bucket="ewr-data")["PublicAccessBlockConfiguration"].values())
    rules = world.own("GetBucketOwnershipControls", Bucket="ewr-data")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = world.own("GetBucketEncryption", Bucket="ewr-data")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert world.own("GetBucketVersioning", Bucket="ewr-data") == {}
    assert world.own("GetBucketLocation", Bucket="ewr-data") == {}


def test_names_are_shared_by_all_accounts(world: World) -> None:
    """The owner is answered 200 in us-east-1, anybody else 409."""
    world.own("CreateBucket", Bucket="ewr-data")
    assert world.refused("BucketAlreadyExists", "CreateBucket", root(world.jfk), Bucket="ewr-data").status == 409
    elsewhere = {"Bucket": "ewr-west", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    world.own("CreateBucket", **elsewhere)
    world.refused("BucketAlreadyOwnedByYou", "CreateBucket", **elsewhere)
    assert world.own("GetBucketLocation", Bucket="ewr-west") == {"LocationConstraint": "us-west-2"}
    same = {"LocationConstraint": "us-east-1"}
    world.refused("InvalidLocationConstraint", "CreateBucket", Bucket="ewr-east", CreateBucketConfiguration=same)


@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "Upper", "under_score", "two..dots", "192.168.5.4", "xn--name", "name-s3alias", "-start"]
)
def test_names_that_s3_does_not_take(world: World, name: str) -> None:
    """As its naming rules say."""
    world.refused("InvalidBucketName", "CreateBucket", Bucket=name)


def test_a_bucket_with_anything_in_it_stays(world: World) -> None:
    """A delete marker is something."""
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    marker = world.own("DeleteObject", Bucket="ewr-data", Key="none")["VersionId"]
    assert world.refused("BucketNotEmpty", "DeleteBucket", Bucket="ewr-data").status == 409
    world.own("DeleteObject", Bucket="ewr-data", Key="none", VersionId=marker)
    world.own("DeleteBucket", Bucket="ewr-data")
    world.refused("NoSuchBucket", "HeadBucket", Bucket="ewr-data")


def test_only_one_s_own_buckets_are_listed(world: World) -> None:
    """By name, from a prefix, in pages."""
    for name in ("ewr-b", "ewr-c", "zzz"):
        world.own("CreateBucket", Bucket=name)
    assert [each["Name"] for each in world.own("ListBuckets")["Buckets"]] == ["ewr-b", "ewr-c", "ewr-data", "zzz"]
    first = world.own("ListBuckets", MaxBuckets=2, Prefix="ewr-")
    rest = world.own("ListBuckets", MaxBuckets=2, Prefix="ewr-", ContinuationToken=first["ContinuationToken"])
    assert [each["Name"] for page in (first, rest) for each in page["Buckets"]] == ["ewr-b", "ewr-c", "ewr-data"]
    assert world.ask(root(world.jfk), "ListBuckets")["Buckets"] == []


@pytest.mark.parametrize(
    ("get", "code"),
    [
        ("GetBucketPolicy", "NoSuchBucketPolicy"),
        ("GetBucketPolicyStatus", "NoSuchBucketPolicy"),
        ("GetBucketTagging", "NoSuchTagSet"),
        ("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"),
        ("GetBucketCors", "NoSuchCORSConfiguration"),
        ("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_what_was_never_set_is_not_found(world: World, get: str, code: str) -> None:
    """404, with the code of its own."""
    assert world.refused(code, get, Bucket="ewr-data").status == 404


def test_settings_are_answered_as_they_were_put(world: World) -> None:
    """And are gone when they are deleted."""
    tags = [{"Key": "lake", "Value": "nyc"}]
    world.own("PutBucketTagging", Bucket="ewr-data", Tagging={"TagSet": tags})
    assert world.own("GetBucketTagging", Bucket="ewr-data") == {"TagSet": tags}
    world.own("DeleteBucketTagging", Bucket="ewr-data")
    world.refused("NoSuchTagSet", "GetBucketTagging", Bucket="ewr-data")
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}]
    world.own("PutBucketLifecycleConfiguration", Bucket="ewr-data", LifecycleConfiguration={"Rules": rules})
    assert world.own("GetBucketLifecycleConfiguration", Bucket="ewr-data") == {"Rules": rules}
    world.own("PutPublicAccessBlock", Bucket="ewr-data", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    block = world.own("GetPublicAccessBlock", Bucket="ewr-data")["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"] and not block["BlockPublicPolicy"]
    assert world.own("GetBucketNotificationConfiguration", Bucket="ewr-data") == {}
    on = {"EventBridgeConfiguration": {}}
    world.own("PutBucketNotificationConfiguration", Bucket="ewr-data", NotificationConfiguration=on)
    assert world.own("GetBucketNotificationConfiguration", Bucket="ewr-data") == on


def test_what_is_not_played_is_refused_by_name(world: World) -> None:
    """Never kept as if it did something."""
    queue = {"QueueConfigurations": [{"QueueArn": "arn:aws:sqs:us-east-1:1:q", "Events": ["s3:ObjectCreated:*"]}]}
    error = world.refused(
        "NotPlayed", "PutBucketNotificationConfiguration", Bucket="ewr-data", NotificationConfiguration=queue
    )
    assert "QueueConfigurations" in error.message
    writer = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    world.refused("NotPlayed", "PutBucketOwnershipControls", Bucket="ewr-data", OwnershipControls=writer)
    world.refused("NotPlayed", "CreateBucket", Bucket="ewr-lock", ObjectLockEnabledForBucket=True)
    world.refused("NotPlayed", "PutBucketAcl", Bucket="ewr-data")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"Version": "2012-10-17", "Statement": []}',
        _policy(Effect="Maybe", Principal="*"),
        _policy(),
        _policy(Principal={"AWS": "111111111111"}, Action="glue:GetTable"),
        _policy(Principal={"AWS": "111111111111"}, Resource="arn:aws:s3:::other/*"),
        _policy(Principal={"AWS": "111111111111"}, Sid="x" * 21000),
    ],
)
def test_what_is_no_bucket_policy_is_malformed(world: World, text: str) -> None:
    """And nothing is kept of it."""
    world.refused("MalformedPolicy", "PutBucketPolicy", Bucket="ewr-data", Policy=text)
    world.refused("NoSuchBucketPolicy", "GetBucketPolicy", Bucket="ewr-data")


def test_a_public_policy_is_refused_while_that_is_blocked(world: World) -> None:
    """With the block lifted it is taken, and said to be public."""
    text = _policy(Principal="*")
    error = world.refused("AccessDenied", "PutBucketPolicy", Bucket="ewr-data", Policy=text)
    assert "BlockPublicPolicy" in error.message
    world.own("DeletePublicAccessBlock", Bucket="ewr-data")
    world.own("PutBucketPolicy", Bucket="ewr-data", Policy=text)
    assert world.own("GetBucketPolicyStatus", Bucket="ewr-data") == {"PolicyStatus": {"IsPublic": True}}
    assert world.own("GetBucketPolicy", Bucket="ewr-data") == {"Policy": text}


def test_a_restricted_public_policy_lets_nobody_else_in(world: World) -> None:
    """RestrictPublicBuckets leaves the owner's own people alone and shuts every other account out."""
    world.put("k")
    world.own("DeletePublicAccessBlock", Bucket="ewr-data")
    world.own("PutBucketPolicy", Bucket="ewr-data", Policy=_policy(Principal="*"))
    visitor = root(world.jfk)
    assert world.ask(visitor, "GetObject", Bucket="ewr-data", Key="k")["Body"].read() == b"data"
    restrict = {"RestrictPublicBuckets": True}
    world.own("PutPublicAccessBlock", Bucket="ewr-data", PublicAccessBlockConfiguration=restrict)
    world.refused("AccessDenied", "GetObject", visitor, Bucket="ewr-data", Key="k")
    assert world.read("k") == b"data"


def test_the_bucket_policy_is_no_other_account_s_business(world: World) -> None:
    """Even where it is granted, another account is told that the method is not allowed."""
    text = _policy(Principal={"AWS": world.jfk}, Action="s3:GetBucketPolicy", Resource="arn:aws:s3:::ewr-data")
    world.own("PutBucketPolicy", Bucket="ewr-data", Policy=text)
    assert world.refused("MethodNotAllowed", "GetBucketPolicy", root(world.jfk), Bucket="ewr-data").status == 405


def test_the_owner_s_root_is_never_locked_out_of_the_policy(world: World) -> None:
    """A policy that denies everything can still be taken away by it, and by nobody else."""
    locked = _policy(Effect="Deny", Principal="*", Action="s3:*", Resource=["arn:aws:s3:::ewr-data"])
    administrator = world.role(world.ewr, "boss", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    world.own("PutBucketPolicy", Bucket="ewr-data", Policy=locked)
    world.refused("AccessDenied", "DeleteBucketPolicy", administrator, Bucket="ewr-data")
    world.refused("AccessDenied", "HeadBucket", Bucket="ewr-data")
    world.own("DeleteBucketPolicy", Bucket="ewr-data")
    world.own("HeadBucket", Bucket="ewr-data")


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["111111111111", "*"]}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::111111111111:role/reader"}}, False),
        ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, False),
        ({"Principal": "*", "Effect": "Deny"}, False),
        ({"NotPrincipal": {"AWS": "111111111111"}}, True),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}}, False),
        ({"Principal": "*", "Condition": {"StringLike": {"aws:PrincipalOrgID": "o-*"}}}, True),
        ({"Principal": "*", "Condition": {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-abcdefghij"}}}, True),
        ({"Principal": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}}, True),
        ({"Principal": "*", "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a/r-b/*"}}}, True),
        ({"Principal": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/lake/*"}}}, True),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, False),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}}, True),
        ({"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, False),
        ({"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/1"]}}}, True),
    ],
)
def test_a_policy_is_public_unless_it_is_held_to_fixed_values(statement: dict[str, Any], public: bool) -> None:
    """The rule of Block Public Access; an organization's id is a fixed value, its paths are not listed."""
    assert is_public(_policy(**statement)) is public
