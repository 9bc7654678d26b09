"""S3 as boto3 meets it: over HTTPS, with signatures, chunks, presigned URLs and forms."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

from silolake.localcloud import engines
from silolake.localcloud.server import Endpoint, Ports, running

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    directory = tmp_path_factory.mktemp("cloud")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "SERVICES", ("organizations", "sts", "iam", "kms", "s3"))
        with running(directory, Ports(0, 0), "us-east-1", threading.Event()) as there:
            yield there


def _ask_the_door(endpoint: Endpoint, question: str, said: dict[str, Any]) -> dict[str, Any]:
    token = Path(endpoint.ca).parent.joinpath("owner.token").read_text()
    request = urllib.request.Request(
        f"{endpoint.https}/_silolake/{question}",
        json.dumps(said).encode(),
        {"Authorization": f"Bearer {token}"},
        method="POST",
    )
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=endpoint.ca)) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture(scope="module")
def session(endpoint: Endpoint) -> boto3.Session:
    _ask_the_door(endpoint, "accounts", {"name": "ewr", "email": "ewr@example.com"})
    signed_in = _ask_the_door(endpoint, "sessions", {"account": "ewr", "role": "Administrator"})
    return boto3.Session(
        signed_in["AccessKeyId"], signed_in["SecretAccessKey"], signed_in["SessionToken"], region_name="us-east-1"
    )


@pytest.fixture
def s3(session: boto3.Session, endpoint: Endpoint) -> Iterator[Any]:
    config = Config(signature_version="s3v4", retries={"max_attempts": 1})
    client = session.client("s3", endpoint_url=endpoint.https, verify=endpoint.ca, config=config)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    name = "b-" + hashlib.md5(request.node.name.encode()).hexdigest()
    s3.create_bucket(Bucket=name)
    return name


def test_objects_travel_with_their_metadata(s3: Any, bucket: str) -> None:
    """Put in unsigned chunks with a trailing checksum, as boto3 does over TLS; read with the checksum held."""
    body = bytes(range(256)) * 10_000
    put = s3.put_object(
        Bucket=bucket, Key="a b/ü+.bin", Body=io.BytesIO(body), ContentType="text/csv", Metadata={"hour": "9"}
    )
    got = s3.get_object(Bucket=bucket, Key="a b/ü+.bin")
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"], got["ContentLength"]) == ("text/csv", {"hour": "9"}, len(body))
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    assert "ContentEncoding" not in got
    head = s3.head_object(Bucket=bucket, Key="a b/ü+.bin")
    assert (head["ContentLength"], head["ETag"]) == (len(body), got["ETag"])
    part = s3.get_object(Bucket=bucket, Key="a b/ü+.bin", Range="bytes=-3")
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (part["Body"].read(), part["ContentRange"]) == (
        body[-3:],
        f"bytes {len(body) - 3}-{len(body) - 1}/{len(body)}",
    )


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_checksum_of_one_s_choice_is_held(s3: Any, bucket: str, algorithm: str) -> None:
    """boto3 computes it while it sends."""
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert got["Body"].read() == b"x" * 100_000


def test_a_reader_who_has_it_gets_304_and_the_connection_lives_on(s3: Any, bucket: str) -> None:
    """Nothing follows the 304 that the next answer could be taken for."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    for _ in range(3):
        with pytest.raises(ClientError) as raised:
            s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_errors_are_s3_s_own(s3: Any, bucket: str) -> None:
    """Codes and statuses that clients branch on."""
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="no-such-bucket-here")
    with pytest.raises(ClientError) as raised:
        s3.head_object(Bucket=bucket, Key="none")
    assert raised.value.response["Error"]["Code"] == "404"
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*")
    assert raised.value.response["Error"]["Code"] == "PreconditionFailed"
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_acl(Bucket=bucket, ACL="private")
    assert raised.value.response["Error"]["Code"] == "NotPlayed"


def test_listings_survive_odd_keys(s3: Any, bucket: str) -> None:
    """Through every paginator, with and without a delimiter."""
    keys = ["a/1", "a/&<>", "b c+d%", "ü/é", "\U0001f600", "line\nbreak"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    ordered = sorted(keys, key=str.encode)
    for name, rows in (
        ("list_objects_v2", "Contents"),
        ("list_objects", "Contents"),
        ("list_object_versions", "Versions"),
    ):
        pages = s3.get_paginator(name).paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
        assert [row["Key"] for page in pages for row in page.get(rows, [])] == ordered, name
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    assert [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])] == ["a/", "ü/"]


def test_versions_deletes_and_tags(s3: Any, bucket: str) -> None:
    """Version ids, delete markers and the bulk delete that awswrangler uses."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=b")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=first)["TagSet"] == [{"Key": "a", "Value": "b"}]
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})["Deleted"]
    assert gone[0]["DeleteMarker"] is True
    marker = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"][0]
    assert (marker["VersionId"], marker["IsLatest"]) == (gone[0]["DeleteMarkerVersionId"], True)
    answer = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert answer["DeleteMarker"] is True
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_a_large_file_goes_up_in_parts_and_comes_down_in_ranges(s3: Any, bucket: str) -> None:
    """By boto3's own transfer, several parts at once; copied by it as well."""
    body = hashlib.sha256(b"seed").digest() * 600_000
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(body), bucket, "big", Config=config)
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-4"')
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy", Config=config)
    for key in ("big", "copy"):
        found = io.BytesIO()
        s3.download_fileobj(bucket, key, found, Config=config)
        assert found.getvalue() == body


def test_settings_have_the_shapes_that_clients_read(
    s3: Any, bucket: str, session: boto3.Session, endpoint: Endpoint
) -> None:
    """Put and got through the XML of each; the policy's demand for TLS is held where there is none."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == [rule]
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert (put["ServerSideEncryption"], put["BucketKeyEnabled"]) == ("aws:kms", True)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "lake", "Value": "nyc"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "lake", "Value": "nyc"}]
    lifecycle = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": lifecycle})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == lifecycle
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Tls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == policy
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"] is True
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    plain = session.client("s3", endpoint_url=endpoint.http)
    with pytest.raises(ClientError, match="explicit deny"):
        plain.list_objects_v2(Bucket=bucket)
    plain.close()


def _fetch(endpoint: Endpoint, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=endpoint.ca)
    connection = http.client.HTTPSConnection(parts.netloc, context=context)
    connection.request(method, f"{parts.path}?{parts.query}", body, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_presigned_urls_read_and_write(s3: Any, bucket: str, endpoint: Endpoint) -> None:
    """And only what was signed."""
    place = {"Bucket": bucket, "Key": "signed"}
    put = s3.generate_presigned_url("put_object", Params=place, ExpiresIn=60)
    assert _fetch(endpoint, "PUT", put, b"by url", {})[0] == 200
    get = s3.generate_presigned_url("get_object", Params={**place, "ResponseContentType": "text/x"}, ExpiresIn=60)
    assert _fetch(endpoint, "GET", get, None, {}) == (200, b"by url")
    assert _fetch(endpoint, "GET", get.replace("signed?", "other?"), None, {})[0] == 403
    assert _fetch(endpoint, "DELETE", get, None, {})[0] == 403


@pytest.mark.parametrize(("size", "status"), [(10, 204), (11, 400), (0, 400)])
def test_a_presigned_form_is_held_to_its_limits(
    s3: Any, bucket: str, endpoint: Endpoint, size: int, status: int
) -> None:
    """The policy's content-length-range, and its key's start."""
    conditions = [["content-length-range", 1, 10], ["starts-with", "$key", "in/"]]
    form = s3.generate_presigned_post(bucket, "in/${filename}", Conditions=conditions, ExpiresIn=60)
    fields = "".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    )
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    body = f"{fields}{head}{'x' * size}\r\n--edge--\r\n".encode()
    kind = {"Content-Type": "multipart/form-data; boundary=edge"}
    assert _fetch(endpoint, "POST", form["url"], body, kind)[0] == status
    assert ("Contents" in s3.list_objects_v2(Bucket=bucket)) == (status == 204)
