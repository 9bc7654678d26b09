"""Who may do what: actions of their own names or others', keys, and copies between accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from s3_world import World, root

from silolake.localcloud.engines.s3 import access

DATA = "arn:aws:s3:::ewr-data"


def _allow(action: str | list[str], resource: str = f"{DATA}/*", **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def _grant(world: World, account: str, *statements: dict[str, Any]) -> None:
    """Let an account into EWR's bucket."""
    shared = [{**each, "Principal": {"AWS": account}} for each in statements]
    document = json.dumps({"Version": "2012-10-17", "Statement": shared})
    world.own("PutBucketPolicy", Bucket="ewr-data", Policy=document)


def test_a_missing_key_is_403_to_who_may_not_list(world: World) -> None:
    """404 would tell what is there."""
    reader = world.role(world.ewr, "reader", _allow("s3:GetObject"))
    error = world.refused("AccessDenied", "GetObject", reader, Bucket="ewr-data", Key="none")
    assert "s3:ListBucket" in error.message
    lister = world.role(world.ewr, "lister", _allow("s3:GetObject"), _allow("s3:ListBucket", DATA))
    world.refused("NoSuchKey", "HeadObject", lister, Bucket="ewr-data", Key="none")


def test_head_is_get_and_a_version_has_its_own_action(world: World) -> None:
    """GetObject does not let old versions be read."""
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    version = world.put("k")["VersionId"]
    reader = world.role(world.ewr, "reader", _allow("s3:GetObject"))
    world.ask(reader, "HeadObject", Bucket="ewr-data", Key="k")
    error = world.refused("AccessDenied", "GetObject", reader, Bucket="ewr-data", Key="k", VersionId=version)
    assert "s3:GetObjectVersion" in error.message


def test_listing_is_held_to_a_prefix(world: World) -> None:
    """The condition key is there only if the request says a prefix."""
    lister = world.role(world.ewr, "lister", _allow("s3:ListBucket", DATA, StringLike={"s3:prefix": "in/*"}))
    world.ask(lister, "ListObjectsV2", Bucket="ewr-data", Prefix="in/x")
    world.refused("AccessDenied", "ListObjectsV2", lister, Bucket="ewr-data", Prefix="out/")
    world.refused("AccessDenied", "ListObjectsV2", lister, Bucket="ewr-data")
    world.refused("AccessDenied", "HeadBucket", lister, Bucket="ewr-data")


@pytest.mark.parametrize(
    ("more", "needed"),
    [
        ({"Tagging": "a=b"}, "s3:PutObjectTagging"),
        ({"ACL": "bucket-owner-full-control"}, "s3:PutObjectAcl"),
        ({"IfMatch": '"x"'}, "s3:GetObject"),
    ],
)
def test_a_put_may_need_more_than_put_object(world: World, more: dict[str, str], needed: str) -> None:
    """Tags, ACLs and comparisons with what is there have actions of their own."""
    writer = world.role(world.ewr, "writer", _allow("s3:PutObject"))
    world.ask(writer, "PutObject", Bucket="ewr-data", Key="k", Body=b"x")
    error = world.refused("AccessDenied", "PutObject", writer, Bucket="ewr-data", Key="k", Body=b"x", **more)
    assert f" {needed} " in error.message


def test_conditional_writes_can_be_demanded(world: World) -> None:
    """By a policy that denies a put without If-None-Match."""
    _grant(world, world.ewr, _allow("s3:GetObject"))
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{DATA}/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    world.own("PutBucketPolicy", Bucket="ewr-data", Policy=document)
    world.refused("AccessDenied", "PutObject", Bucket="ewr-data", Key="k", Body=b"x")
    world.put("k", b"x", IfNoneMatch="*")
    world.own("CreateMultipartUpload", Bucket="ewr-data", Key="parts")


def test_a_copy_reads_there_and_writes_here(world: World) -> None:
    """Between accounts it needs both sides' word for the source, and tags ask for more."""
    world.put("k", b"from ewr", Tagging="kind=flight")
    world.ask(root(world.jfk), "CreateBucket", Bucket="jfk-data")
    asked = {"Bucket": "jfk-data", "Key": "k", "CopySource": "ewr-data/k"}
    error = world.refused("AccessDenied", "CopyObject", root(world.jfk), **asked)
    assert f"s3:GetObject on resource: {DATA}/k" in error.message
    _grant(world, world.jfk, _allow("s3:GetObject"))
    error = world.refused("AccessDenied", "CopyObject", root(world.jfk), **asked)
    assert "s3:GetObjectTagging" in error.message
    _grant(world, world.jfk, _allow(["s3:GetObject", "s3:GetObjectTagging"]))
    world.ask(root(world.jfk), "CopyObject", **asked)
    got = world.ask(root(world.jfk), "GetObject", Bucket="jfk-data", Key="k")
    assert (got["Body"].read(), got["TagCount"]) == (b"from ewr", 1)
    writer = world.role(world.jfk, "writer", _allow("s3:PutObject", "arn:aws:s3:::jfk-data/*"))
    world.refused("AccessDenied", "CopyObject", writer, **asked)


def test_access_can_hang_on_an_object_s_tags(world: World) -> None:
    """s3:ExistingObjectTag is what the object has; s3:RequestObjectTag what it is to have."""
    world.put("open", Tagging="class=open")
    world.put("closed", Tagging="class=closed")
    reader = world.role(
        world.ewr, "reader", _allow("s3:GetObject", StringEquals={"s3:ExistingObjectTag/class": "open"})
    )
    world.ask(reader, "GetObject", Bucket="ewr-data", Key="open")
    world.refused("AccessDenied", "GetObject", reader, Bucket="ewr-data", Key="closed")
    tagger = world.role(
        world.ewr,
        "tagger",
        _allow(["s3:PutObject", "s3:PutObjectTagging"], StringEquals={"s3:RequestObjectTag/class": "open"}),
    )
    world.ask(tagger, "PutObject", Bucket="ewr-data", Key="new", Body=b"", Tagging="class=open")
    world.refused("AccessDenied", "PutObject", tagger, Bucket="ewr-data", Key="new", Body=b"", Tagging="class=x")


def test_an_owner_that_is_not_the_expected_one_ends_the_call(world: World) -> None:
    """Before anything is written."""
    world.refused("AccessDenied", "PutObject", Bucket="ewr-data", Key="k", Body=b"", ExpectedBucketOwner=world.jfk)
    world.own("HeadBucket", Bucket="ewr-data", ExpectedBucketOwner=world.ewr)


def _encrypt_with(world: World, key: str, bucket_key: bool = False) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": bucket_key,
    }
    world.own("PutBucketEncryption", Bucket="ewr-data", ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_an_encrypted_object_needs_its_key(world: World) -> None:
    """GenerateDataKey to put it, Decrypt to read it or its head; S3's own rights are not enough."""
    key = world.key(world.ewr)
    _encrypt_with(world, key)
    put = world.put("k")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
    only_s3 = world.role(world.ewr, "only-s3", _allow("s3:*", "*"))
    for operation, action in (("GetObject", "Decrypt"), ("HeadObject", "Decrypt"), ("PutObject", "GenerateDataKey")):
        error = world.refused("AccessDenied", operation, only_s3, Bucket="ewr-data", Key="k")
        assert f"kms:{action} on resource: {key}" in error.message
    via = {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": f"{DATA}/k"}
    reader = world.role(world.ewr, "reader", _allow("s3:GetObject"), _allow("kms:Decrypt", key, StringEquals=via))
    assert world.ask(reader, "GetObject", Bucket="ewr-data", Key="k")["Body"].read() == b"data"
    world.put("other")
    world.refused("AccessDenied", "GetObject", reader, Bucket="ewr-data", Key="other")


def test_with_a_bucket_key_the_bucket_is_the_context(world: World) -> None:
    """One data key serves all its objects."""
    key = world.key(world.ewr)
    _encrypt_with(world, key, bucket_key=True)
    assert world.put("k")["BucketKeyEnabled"] is True
    context = {"kms:EncryptionContext:aws:s3:arn": DATA}
    reader = world.role(world.ewr, "reader", _allow("s3:GetObject"), _allow("kms:Decrypt", key, StringEquals=context))
    world.ask(reader, "GetObject", Bucket="ewr-data", Key="k")


def test_the_tag_of_an_object_under_a_key_is_no_digest(world: World) -> None:
    """Two uploads of the same bytes have two tags."""
    _encrypt_with(world, world.key(world.ewr))
    assert world.put("a")["ETag"] != world.put("b")["ETag"]


def test_another_account_needs_the_key_s_word_too(world: World) -> None:
    """The bucket policy alone lets nobody read what is encrypted."""
    decrypt = {"Effect": "Allow", "Principal": {"AWS": world.jfk}, "Action": "kms:Decrypt", "Resource": "*"}
    closed, opened = world.key(world.ewr), world.key(world.ewr, decrypt)
    _grant(world, world.jfk, _allow("s3:GetObject"))
    for name, key in (("closed", closed), ("opened", opened)):
        world.put(name, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    world.refused("AccessDenied", "GetObject", root(world.jfk), Bucket="ewr-data", Key="closed")
    assert world.ask(root(world.jfk), "GetObject", Bucket="ewr-data", Key="opened")["Body"].read() == b"data"


def test_aws_s_own_key_serves_its_account_alone(world: World) -> None:
    """aws/s3 cannot be shared."""
    put = world.put("k", ServerSideEncryption="aws:kms")
    assert put["SSEKMSKeyId"].startswith(f"arn:aws:kms:us-east-1:{world.ewr}:key/")
    assert world.read("k") == b"data"
    _grant(world, world.jfk, _allow("s3:GetObject"))
    error = world.refused("AccessDenied", "GetObject", root(world.jfk), Bucket="ewr-data", Key="k")
    assert "kms:Decrypt" in error.message


def test_a_key_that_cannot_be_used_says_so(world: World) -> None:
    """Missing, disabled, about to be deleted."""
    asked = {"Bucket": "ewr-data", "Key": "k", "Body": b"x", "ServerSideEncryption": "aws:kms"}
    world.refused("KMS.NotFoundException", "PutObject", **asked, SSEKMSKeyId="alias/none")
    key = world.key(world.ewr)
    world.own("PutObject", **asked, SSEKMSKeyId=key)
    world.cloud.invoke(root(world.ewr), "kms", "DisableKey", {"KeyId": key})
    world.refused("KMS.DisabledException", "PutObject", **asked, SSEKMSKeyId=key)
    world.refused("KMS.DisabledException", "GetObject", Bucket="ewr-data", Key="k")
    world.cloud.invoke(root(world.ewr), "kms", "ScheduleKeyDeletion", {"KeyId": key, "PendingWindowInDays": 7})
    world.refused("KMS.KMSInvalidStateException", "GetObject", Bucket="ewr-data", Key="k")
    world.refused("InvalidArgument", "PutObject", Bucket="ewr-data", Key="k", Body=b"", SSEKMSKeyId=key)


def test_a_multipart_upload_under_a_key_needs_decrypt_as_well(world: World) -> None:
    """A drop zone's role with GenerateDataKey alone can begin one and send nothing."""
    key = world.key(world.ewr)
    _encrypt_with(world, key)
    dropper = world.role(world.ewr, "dropper", _allow("s3:PutObject"), _allow("kms:GenerateDataKey", key))
    upload = world.ask(dropper, "CreateMultipartUpload", Bucket="ewr-data", Key="k")["UploadId"]
    error = world.refused(
        "AccessDenied", "UploadPart", dropper, Bucket="ewr-data", Key="k", UploadId=upload, PartNumber=1, Body=b"x"
    )
    assert "kms:Decrypt" in error.message


def test_engines_learn_what_reading_asks_of_iam(world: World) -> None:
    """S3's action and KMS's, with the policies that bear on them."""
    key = world.key(world.ewr)
    world.put("k", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    reader = world.role(world.ewr, "reader", _allow("s3:GetObject"))
    with world.cloud.store.read() as connection:
        needed = access.to_read(connection, reader, "ewr-data", "k")
    assert [each.action for each in needed] == ["s3:GetObject", "kms:Decrypt"]
    assert [bool(world.cloud.decide(reader, each)) for each in needed] == [True, False]
