"""Putting, reading, deleting and copying objects."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from datetime import timedelta

import pytest
from s3_world import World, root

from silolake.localcloud.errors import AwsError, NotPlayed


def test_what_was_put_is_read_with_its_metadata(world: World) -> None:
    """Bytes, type, metadata and tags come back; the tag of an SSE-S3 object is its MD5."""
    put = world.put("a b/ü.csv", b"hello", ContentType="text/csv", Metadata={"Hour": "9"}, Tagging="kind=flight")
    got = world.own("GetObject", Bucket="ewr-data", Key="a b/ü.csv")
    assert got["Body"].read() == b"hello"
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/csv", {"hour": "9"}, 1)
    assert got["ServerSideEncryption"] == "AES256"
    assert "VersionId" not in got


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=4-99", b"456789", "bytes 4-9/10"),
    ],
)
def test_a_range_is_answered_as_partial_content(world: World, asked: str, expected: bytes, content_range: str) -> None:
    """206, and the header says which bytes of how many."""
    world.put("k", b"0123456789")
    got = world.own("GetObject", Bucket="ewr-data", Key="k", Range=asked)
    assert (got["__status__"], got["ContentRange"], got["ContentLength"]) == (206, content_range, len(expected))
    assert got["Body"].read() == expected


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_behind_the_end_is_not_satisfiable(world: World, asked: str) -> None:
    """416, and how long the object is."""
    world.put("k", b"0123456789")
    assert world.refused("InvalidRange", "GetObject", Bucket="ewr-data", Key="k", Range=asked).status == 416


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=5-2"])
def test_what_is_no_single_range_is_ignored(world: World, asked: str) -> None:
    """The whole object is sent, with 200."""
    world.put("k", b"0123456789")
    got = world.own("GetObject", Bucket="ewr-data", Key="k", Range=asked)
    assert "__status__" not in got
    assert got["Body"].read() == b"0123456789"


def test_a_reader_who_has_it_is_told_so(world: World) -> None:
    """304 for the same tag or date, 412 for a tag or date that must hold and does not."""
    etag = world.put("k")["ETag"]
    at = world.own("HeadObject", Bucket="ewr-data", Key="k")["LastModified"]
    place = {"Bucket": "ewr-data", "Key": "k"}
    assert world.own("GetObject", **place, IfNoneMatch=etag)["__status__"] == 304
    assert world.own("HeadObject", **place, IfModifiedSince=at)["__status__"] == 304
    assert "__status__" not in world.own("HeadObject", **place, IfNoneMatch='"other"', IfModifiedSince=at)
    assert world.refused("PreconditionFailed", "GetObject", **place, IfMatch='"other"').status == 412
    world.refused("PreconditionFailed", "GetObject", **place, IfUnmodifiedSince=at - timedelta(seconds=1))
    assert "__status__" not in world.own(
        "HeadObject", **place, IfMatch=etag, IfUnmodifiedSince=at - timedelta(seconds=1)
    )


def test_a_wrong_checksum_leaves_nothing_behind(world: World) -> None:
    """Neither an object nor a blob."""
    wrong = base64.b64encode(b"\0" * 4).decode()
    world.refused("BadDigest", "PutObject", Bucket="ewr-data", Key="k", Body=b"x", ChecksumCRC32=wrong)
    md5 = base64.b64encode(hashlib.md5(b"y").digest()).decode()
    world.refused("BadDigest", "PutObject", Bucket="ewr-data", Key="k", Body=b"x", ContentMD5=md5)
    world.refused("InvalidDigest", "PutObject", Bucket="ewr-data", Key="k", Body=b"x", ContentMD5="eA==")
    world.refused("NoSuchKey", "HeadObject", Bucket="ewr-data", Key="k")
    assert world.blobs() == []


@pytest.mark.parametrize(
    ("algorithm", "checksum"),
    [
        # Check values of the CRC catalogue for "123456789"; of SHA-1 and SHA-256 by hashlib.
        ("CRC32", (0xCBF43926).to_bytes(4, "big")),
        ("CRC32C", (0xE3069283).to_bytes(4, "big")),
        ("CRC64NVME", (0xAE8B14860A799888).to_bytes(8, "big")),
        ("SHA1", hashlib.sha1(b"123456789").digest()),
        ("SHA256", hashlib.sha256(b"123456789").digest()),
    ],
)
def test_checksums_are_computed_kept_and_answered(world: World, algorithm: str, checksum: bytes) -> None:
    """The value promised is held against what came, and answered to who asks."""
    value = base64.b64encode(checksum).decode()
    world.put("k", b"123456789", **{f"Checksum{algorithm}": value})
    got = world.own("HeadObject", Bucket="ewr-data", Key="k", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == value
    assert got["ChecksumType"] == "FULL_OBJECT"
    assert world.put("k2", b"123456789", ChecksumAlgorithm=algorithm)[f"Checksum{algorithm}"] == value
    ranged = world.own("HeadObject", Bucket="ewr-data", Key="k", ChecksumMode="ENABLED", Range="bytes=0-1")
    assert f"Checksum{algorithm}" not in ranged


def test_a_checksum_we_cannot_compute_is_refused_by_name(world: World) -> None:
    """Never taken on trust."""
    with pytest.raises(NotPlayed, match="XXHASH3"):
        world.put("k", b"x", ChecksumXXHASH3="AAAAAAAAAAA=")


def test_only_one_of_many_creators_wins(world: World) -> None:
    """If-None-Match: * lets one of sixteen concurrent writers through; the others are told 412."""
    outcomes: list[str] = []

    def create(number: int) -> None:
        try:
            world.put("lease", b"%d" % number, IfNoneMatch="*")
            outcomes.append("created")
        except AwsError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["PreconditionFailed"] * 15 + ["created"]
    assert len(world.blobs()) == 1


def test_if_match_writes_over_what_the_writer_has_seen(world: World) -> None:
    """Another tag is 412, no object is 404, any other form is not implemented."""
    etag = world.put("state", b"1")["ETag"]
    world.put("state", b"2", IfMatch=etag)
    assert world.refused("PreconditionFailed", "PutObject", Bucket="ewr-data", Key="state", Body=b"3", IfMatch=etag)
    world.refused("NoSuchKey", "PutObject", Bucket="ewr-data", Key="none", Body=b"3", IfMatch=etag)
    world.refused("NotImplemented", "PutObject", Bucket="ewr-data", Key="none", Body=b"3", IfNoneMatch=etag)
    assert world.read("state") == b"2"


def test_readers_of_an_object_that_is_overwritten_see_one_of_its_contents(world: World) -> None:
    """Never a mixture, never an error."""
    contents = [bytes([65 + n]) * 300_000 for n in range(4)]
    world.put("hot", contents[0])
    stop, seen, failures = threading.Event(), set(), []

    def write() -> None:
        for turn in range(60):
            world.put("hot", contents[turn % 4])
        stop.set()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(world.read("hot"))
            except (AwsError, OSError, ValueError) as error:
                failures.append(error)

    threads = [threading.Thread(target=write), *(threading.Thread(target=read) for _ in range(3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert seen <= set(contents)
    assert len(world.blobs()) == 1


def test_a_reader_finishes_what_was_removed_meanwhile(world: World) -> None:
    """The open body outlives its object."""
    world.put("k", b"x" * 3_000_000)
    body = world.own("GetObject", Bucket="ewr-data", Key="k")["Body"]
    world.own("DeleteObject", Bucket="ewr-data", Key="k")
    assert world.blobs() == []
    assert body.read() == b"x" * 3_000_000


def test_versions_and_delete_markers(world: World) -> None:
    """A delete hides, a delete of the marker uncovers, a delete of a version is for good."""
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    first, second = world.put("k", b"1")["VersionId"], world.put("k", b"2")["VersionId"]
    assert world.read("k") == b"2"
    assert world.read("k", VersionId=first) == b"1"
    marker = world.own("DeleteObject", Bucket="ewr-data", Key="k")
    assert marker["DeleteMarker"] is True
    world.refused("NoSuchKey", "GetObject", Bucket="ewr-data", Key="k")
    world.refused("MethodNotAllowed", "GetObject", Bucket="ewr-data", Key="k", VersionId=marker["VersionId"])
    removed = world.own("DeleteObject", Bucket="ewr-data", Key="k", VersionId=marker["VersionId"])
    assert removed == {"DeleteMarker": True, "VersionId": marker["VersionId"]}
    assert world.read("k") == b"2"
    world.own("DeleteObject", Bucket="ewr-data", Key="k", VersionId=second)
    assert world.read("k") == b"1"
    world.refused("NoSuchVersion", "GetObject", Bucket="ewr-data", Key="k", VersionId=second)
    assert len(world.blobs()) == 1


def test_a_suspended_bucket_overwrites_its_null_version_only(world: World) -> None:
    """What was versioned stays; what comes now is called null, its delete marker too."""
    world.put("k", b"before")
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    kept = world.put("k", b"kept")["VersionId"]
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Suspended"})
    assert "VersionId" not in world.put("k", b"now")
    listed = world.own("ListObjectVersions", Bucket="ewr-data")["Versions"]
    assert [(each["VersionId"], each["IsLatest"]) for each in listed] == [("null", True), (kept, False)]
    assert world.own("DeleteObject", Bucket="ewr-data", Key="k") == {"DeleteMarker": True, "VersionId": "null"}
    assert world.read("k", VersionId=kept) == b"kept"
    assert len(world.blobs()) == 1


def test_deleting_what_is_not_there_is_no_error(world: World) -> None:
    """Deletes are idempotent; a conditional one is not."""
    assert world.own("DeleteObject", Bucket="ewr-data", Key="none") == {}
    etag = world.put("k")["ETag"]
    world.refused("PreconditionFailed", "DeleteObject", Bucket="ewr-data", Key="k", IfMatch='"other"')
    assert world.own("DeleteObject", Bucket="ewr-data", Key="k", IfMatch=etag) == {}


def test_a_bulk_delete_answers_for_each_key(world: World) -> None:
    """One refusal leaves the others."""
    for key in ("a", "b", "keep/c"):
        world.put(key)
    janitor = world.role(
        world.ewr,
        "janitor",
        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::ewr-data/*"},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::ewr-data/keep/*"},
    )
    objects = [{"Key": key} for key in ("a", "keep/c", "b", "none")]
    answer = world.ask(janitor, "DeleteObjects", Bucket="ewr-data", Delete={"Objects": objects})
    assert [each["Key"] for each in answer["Deleted"]] == ["a", "b", "none"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("keep/c", "AccessDenied")]
    assert world.read("keep/c") == b"data"


def test_a_copy_has_its_source_s_bytes_and_description(world: World) -> None:
    """The bytes are shared on the disk until the last of both is gone."""
    world.put("a", b"abc", ContentType="text/csv", Metadata={"n": "1"}, Tagging="t=1")
    copied = world.own("CopyObject", Bucket="ewr-data", Key="b c", CopySource="ewr-data/a")
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"abc").hexdigest()}"'
    head = world.own("HeadObject", Bucket="ewr-data", Key="b c")
    assert (head["ContentType"], head["Metadata"], head["TagCount"]) == ("text/csv", {"n": "1"}, 1)
    assert len(world.blobs()) == 1
    world.own("DeleteObject", Bucket="ewr-data", Key="a")
    assert world.read("b c") == b"abc"
    world.own(
        "CopyObject",
        Bucket="ewr-data",
        Key="b c",
        CopySource="/ewr-data/b%20c",
        MetadataDirective="REPLACE",
        ContentType="text/plain",
    )
    head = world.own("HeadObject", Bucket="ewr-data", Key="b c")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {})
    world.own("DeleteObject", Bucket="ewr-data", Key="b c")
    assert world.blobs() == []


def test_a_copy_onto_itself_must_change_something(world: World) -> None:
    """As S3 words it."""
    world.put("a")
    world.refused("InvalidRequest", "CopyObject", Bucket="ewr-data", Key="a", CopySource="ewr-data/a")


def test_a_copy_holds_its_conditions(world: World) -> None:
    """On the source and on the destination."""
    etag = world.put("a")["ETag"]
    world.put("there")
    asked = {"Bucket": "ewr-data", "CopySource": "ewr-data/a"}
    world.refused("PreconditionFailed", "CopyObject", **asked, Key="b", CopySourceIfNoneMatch=etag)
    world.refused("PreconditionFailed", "CopyObject", **asked, Key="b", CopySourceIfMatch='"no"')
    world.refused("PreconditionFailed", "CopyObject", **asked, Key="there", IfNoneMatch="*")


def test_a_version_is_copied_by_its_id(world: World) -> None:
    """The current one is not in its way."""
    world.own("PutBucketVersioning", Bucket="ewr-data", VersioningConfiguration={"Status": "Enabled"})
    first = world.put("a", b"old")["VersionId"]
    world.put("a", b"new")
    asked = {"Bucket": "ewr-data", "Key": "b", "CopySource": f"ewr-data/a?versionId={first}"}
    assert world.own("CopyObject", **asked)["CopySourceVersionId"] == first
    assert world.read("b") == b"old"


def test_a_body_may_be_a_file(world: World) -> None:
    """Inside the local cloud a body is bytes or anything that reads."""
    world.own("PutObject", Bucket="ewr-data", Key="k", Body=io.BytesIO(b"stream"))
    assert world.read("k") == b"stream"


def test_acls_and_client_keys_are_not_pretended(world: World) -> None:
    """ACLs have AWS's own refusal; keys that the client keeps have ours."""
    place = {"Bucket": "ewr-data", "Key": "k", "Body": b"x"}
    world.refused("AccessControlListNotSupported", "PutObject", **place, ACL="public-read")
    world.own("PutObject", **place, ACL="bucket-owner-full-control")
    world.refused("NotPlayed", "PutObject", **place, SSECustomerAlgorithm="AES256")
    world.refused("NotPlayed", "PutObject", **place, StorageClass="GLACIER")
    world.refused("KeyTooLongError", "PutObject", Bucket="ewr-data", Key="k" * 1025, Body=b"x")
    world.refused("MetadataTooLarge", "PutObject", **place, Metadata={"m": "x" * 2048})


def test_tags_are_replaced_as_a_whole(world: World) -> None:
    """Ten at most, each name once."""
    place = {"Bucket": "ewr-data", "Key": "k"}
    world.put("k")
    world.own("PutObjectTagging", **place, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert world.own("GetObjectTagging", **place) == {"TagSet": [{"Key": "a", "Value": "1"}]}
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    world.refused("InvalidTag", "PutObjectTagging", **place, Tagging={"TagSet": twice})
    many = [{"Key": f"k{n}", "Value": ""} for n in range(11)]
    world.refused("BadRequest", "PutObjectTagging", **place, Tagging={"TagSet": many})
    world.own("DeleteObjectTagging", **place)
    assert world.own("GetObjectTagging", **place) == {"TagSet": []}


def test_attributes_are_those_asked_for(world: World) -> None:
    """The tag comes without quotes here, as on AWS."""
    etag = world.put("k", b"abc")["ETag"]
    got = world.own("GetObjectAttributes", Bucket="ewr-data", Key="k", ObjectAttributes=["ETag", "ObjectSize"])
    assert (got["ETag"], got["ObjectSize"]) == (etag.strip('"'), 3)
    assert "StorageClass" not in got


def test_a_bucket_of_another_account_is_no_secret_but_closed(world: World) -> None:
    """IAM refuses; a bucket that nobody has is 404."""
    world.put("k")
    world.refused("AccessDenied", "GetObject", root(world.jfk), Bucket="ewr-data", Key="k")
    world.refused("NoSuchBucket", "GetObject", root(world.jfk), Bucket="no-such-bucket", Key="k")
