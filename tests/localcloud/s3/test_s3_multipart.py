"""Objects sent in parts."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

from s3_world import World

FIVE = 5 << 20
PLACE = {"Bucket": "ewr-data", "Key": "big"}


def _begin(world: World, **more: Any) -> str:
    upload: str = world.own("CreateMultipartUpload", **PLACE, **more)["UploadId"]
    return upload


def _send(world: World, upload: str, number: int, body: bytes, **more: Any) -> dict[str, Any]:
    sent = world.own("UploadPart", **PLACE, UploadId=upload, PartNumber=number, Body=body, **more)
    sums = {name: value for name, value in sent.items() if name.startswith("Checksum")}
    return {"PartNumber": number, "ETag": sent["ETag"], **sums}


def test_parts_become_one_object(world: World) -> None:
    """Its tag is made of theirs; each can be read by its number; their blobs are gone."""
    first, second = b"a" * FIVE, b"b" * 10
    upload = _begin(world, ContentType="text/csv", Metadata={"n": "1"})
    parts = [_send(world, upload, 1, first), _send(world, upload, 7, second)]
    done = world.own("CompleteMultipartUpload", **PLACE, UploadId=upload, MultipartUpload={"Parts": parts})
    digest = hashlib.md5(hashlib.md5(first).digest() + hashlib.md5(second).digest()).hexdigest()
    assert done["ETag"] == f'"{digest}-2"'
    assert world.read("big") == first + second
    head = world.own("HeadObject", **PLACE, PartNumber=2)
    assert (head["__status__"], head["ContentLength"], head["PartsCount"]) == (206, 10, 2)
    assert (head["ContentType"], head["Metadata"]) == ("text/csv", {"n": "1"})
    assert world.read("big", PartNumber=2) == second
    assert world.refused("InvalidPartNumber", "GetObject", **PLACE, PartNumber=3).status == 416
    assert len(world.blobs()) == 1
    world.refused("NoSuchUpload", "ListParts", **PLACE, UploadId=upload)


def test_a_part_sent_again_takes_the_other_s_place(world: World) -> None:
    """And the tag of the one that was is no longer taken."""
    upload = _begin(world)
    old, new = _send(world, upload, 1, b"old"), _send(world, upload, 1, b"new")
    world.refused("InvalidPart", "CompleteMultipartUpload", **PLACE, UploadId=upload, MultipartUpload={"Parts": [old]})
    world.own("CompleteMultipartUpload", **PLACE, UploadId=upload, MultipartUpload={"Parts": [new]})
    assert world.read("big") == b"new"
    assert len(world.blobs()) == 1


def test_only_the_last_part_may_be_small(world: World) -> None:
    """Under five mebibytes the upload is refused, and goes on."""
    upload = _begin(world)
    parts = [_send(world, upload, 1, b"x" * (FIVE - 1)), _send(world, upload, 2, b"y")]
    asked = {**PLACE, "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    world.refused("EntityTooSmall", "CompleteMultipartUpload", **asked)
    asked["MultipartUpload"] = {"Parts": parts[::-1]}
    world.refused("InvalidPartOrder", "CompleteMultipartUpload", **asked)
    world.refused("MalformedXML", "CompleteMultipartUpload", **PLACE, UploadId=upload)
    assert len(world.own("ListParts", **PLACE, UploadId=upload)["Parts"]) == 2


def test_an_upload_can_be_the_first_or_nothing(world: World) -> None:
    """If-None-Match is held when it is completed, and the upload can be aborted afterwards."""
    world.put("big", b"there")
    upload = _begin(world)
    part = _send(world, upload, 1, b"x")
    asked = {**PLACE, "UploadId": upload, "MultipartUpload": {"Parts": [part]}}
    world.refused("PreconditionFailed", "CompleteMultipartUpload", **asked, IfNoneMatch="*")
    world.own("AbortMultipartUpload", **PLACE, UploadId=upload)
    world.refused("NoSuchUpload", "UploadPart", **PLACE, UploadId=upload, PartNumber=1, Body=b"late")
    assert world.read("big") == b"there"
    assert len(world.blobs()) == 1


def test_checksums_of_parts_make_the_object_s(world: World) -> None:
    """Composite by default; of all the bytes where that was agreed."""
    first, second = b"a" * FIVE, b"b"
    sums = [zlib.crc32(part).to_bytes(4, "big") for part in (first, second)]
    composite = base64.b64encode(zlib.crc32(b"".join(sums)).to_bytes(4, "big")).decode() + "-2"
    whole = base64.b64encode(zlib.crc32(first + second).to_bytes(4, "big")).decode()
    for kind, expected in (("COMPOSITE", composite), ("FULL_OBJECT", whole)):
        upload = _begin(world, ChecksumAlgorithm="CRC32", ChecksumType=kind)
        parts = [_send(world, upload, 1, first), _send(world, upload, 2, second)]
        assert parts[1]["ChecksumCRC32"] == base64.b64encode(sums[1]).decode()
        done = world.own("CompleteMultipartUpload", **PLACE, UploadId=upload, MultipartUpload={"Parts": parts})
        assert (done["ChecksumCRC32"], done["ChecksumType"]) == (expected, kind)
    got = world.own("GetObjectAttributes", **PLACE, ObjectAttributes=["ObjectParts"])
    assert [part["Size"] for part in got["ObjectParts"]["Parts"]] == [FIVE, 1]


def test_a_part_can_be_a_stretch_of_an_object(world: World) -> None:
    """From its first byte to its last, both counted from nought."""
    world.put("source", b"0123456789")
    upload = _begin(world)
    asked = {**PLACE, "UploadId": upload, "PartNumber": 1, "CopySource": "ewr-data/source"}
    world.refused("InvalidArgument", "UploadPartCopy", **asked, CopySourceRange="bytes=5-10")
    world.refused("InvalidArgument", "UploadPartCopy", **asked, CopySourceRange="bytes=5-")
    copied = world.own("UploadPartCopy", **asked, CopySourceRange="bytes=2-4")["CopyPartResult"]
    part = {"PartNumber": 1, "ETag": copied["ETag"]}
    world.own("CompleteMultipartUpload", **PLACE, UploadId=upload, MultipartUpload={"Parts": [part]})
    assert world.read("big") == b"234"


def test_uploads_under_way_are_listed(world: World) -> None:
    """By key, then in the order they were begun, and page by page."""
    ids = [_begin(world), _begin(world)]
    other = world.own("CreateMultipartUpload", Bucket="ewr-data", Key="a/b")["UploadId"]
    rolled = world.own("ListMultipartUploads", Bucket="ewr-data", Delimiter="/")
    assert [each["Prefix"] for each in rolled["CommonPrefixes"]] == ["a/"]
    found, go_on = [], {}
    while True:
        got = world.own("ListMultipartUploads", Bucket="ewr-data", MaxUploads=1, **go_on)
        found += [each["UploadId"] for each in got["Uploads"]]
        if not got["IsTruncated"]:
            break
        go_on = {"KeyMarker": got["NextKeyMarker"], "UploadIdMarker": got["NextUploadIdMarker"]}
    assert found == [other, *ids]


def test_parts_are_listed_page_by_page(world: World) -> None:
    """From the number after the marker on."""
    upload = _begin(world)
    for number in (3, 1, 2):
        _send(world, upload, number, b"x" * number)
    first = world.own("ListParts", **PLACE, UploadId=upload, MaxParts=2)
    assert [(p["PartNumber"], p["Size"]) for p in first["Parts"]] == [(1, 1), (2, 2)]
    rest = world.own("ListParts", **PLACE, UploadId=upload, PartNumberMarker=first["NextPartNumberMarker"])
    assert ([p["PartNumber"] for p in rest["Parts"]], rest["IsTruncated"]) == ([3], False)


def test_a_bucket_goes_with_its_uploads(world: World) -> None:
    """Their bytes too."""
    _send(world, _begin(world), 1, b"x")
    world.own("DeleteBucket", Bucket="ewr-data")
    assert world.blobs() == []


def test_a_multipart_object_is_copied_into_one_piece(world: World) -> None:
    """The copy's tag is the MD5 of all its bytes."""
    upload = _begin(world)
    parts = [_send(world, upload, 1, b"a" * FIVE), _send(world, upload, 2, b"b")]
    world.own("CompleteMultipartUpload", **PLACE, UploadId=upload, MultipartUpload={"Parts": parts})
    copied = world.own("CopyObject", Bucket="ewr-data", Key="one", CopySource="ewr-data/big")
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"a" * FIVE + b"b").hexdigest()}"'
    assert "PartsCount" not in world.own("HeadObject", Bucket="ewr-data", Key="one", PartNumber=1)
