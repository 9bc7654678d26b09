"""A signature in the header: whoever signed is let in, whatever is odd; nobody else is, whatever was changed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from front import Answer, Front, Signing, spoilt

ODD_KEYS = [
    "plain",
    "a b",
    "a+b",
    "a%2Fb",
    "a%b",
    "a//b",
    "/leading",
    "trailing/",
    "ünïcödé/日本.csv",
    "tilde~dash-dot.under_",
    "k=v/year=2013&month=01",
    "question?mark",
    "hash#tag",
    "semi;colon:comma,",
    "quote'\"`",
    "(paren)[bracket]{brace}",
    "star*dollar$at@",
    "back\\slash|pipe^caret",
    "emoji-🛩",
    "a/./b",
    "x" * 1000,
]


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: key[:30])
def test_botocore_signs_what_is_read_back_under_any_key(front: Front, key: str) -> None:
    """Put, listed, read and removed by boto3's own signer."""
    s3 = front.client("s3")
    body = key.encode()
    s3.put_object(Bucket=front.bucket, Key=key, Body=body)
    assert s3.get_object(Bucket=front.bucket, Key=key)["Body"].read() == body
    listed = s3.list_objects_v2(Bucket=front.bucket, Prefix=key)["Contents"]
    assert [each["Key"] for each in listed] == [key]
    s3.delete_object(Bucket=front.bucket, Key=key)


@pytest.mark.parametrize(
    "target",
    [
        "/{bucket}/",
        "/{bucket}?list-type=2",
        "/{bucket}?list-type=2&prefix=",
        "/{bucket}?list-type=2&prefix=a%2Bb",
        "/{bucket}?list-type=2&prefix=%C3%BC&delimiter=%2F",
        "/{bucket}?list-type=2&prefix=a%20b",
        "/{bucket}?prefix=b&list-type=2&delimiter=a",
        "/{bucket}?list-type=2&x=2&x=1",
        "/{bucket}?list-type=2&X=2&x=1",
        "/{bucket}?versioning",
        "/{bucket}?versioning=",
        "/{bucket}?list-type=2&start-after=~-._",
    ],
)
def test_a_query_is_signed_in_its_canonical_order(front: Front, target: str) -> None:
    """Empty values, repeated names, names that differ in case, and encoded ones."""
    answer = front.ask(front.signing("GET", target))
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    "path",
    ["/{bucket}/a%2Fb", "/{bucket}/a%2fb", "/{bucket}//b", "/{bucket}/%7Etilde", "/{bucket}/~tilde", "/{bucket}/a+b"],
)
def test_a_path_is_signed_decoded_whichever_way_it_is_sent(front: Front, path: str) -> None:
    """The signature holds, so that the object is looked for and not found."""
    answer = front.ask(front.signing("GET", path))
    assert (answer.status, answer.code) == (404, "NoSuchKey"), answer.body


@pytest.mark.parametrize(
    "value",
    ["a", "  leading and trailing  ", "many    spaces", "tab\tbetween", "", "comma,separated, list", "d\xe9j\xe0 vu"],
)
def test_header_values_are_signed_with_their_spaces_folded(front: Front, value: str) -> None:
    """As the client folds them, so does the local cloud."""
    signing = front.signing("GET", "/{bucket}?list-type=2", headers={"x-amz-meta-note": value})
    assert front.ask(signing).status == 200


def test_headers_that_are_not_signed_may_be_added(front: Front) -> None:
    """A proxy's own do no harm."""
    answer = front.ask(front.signing("GET", "/{bucket}?list-type=2"), headers={"x-forwarded-for": "10.0.0.1"})
    assert answer.status == 200


def put(front: Front, **more: Any) -> Signing:
    """A signed PUT of a small object."""
    return front.signing("PUT", "/{bucket}/drop.csv", b"a,b\n1,2\n", **more)


def other_region(front: Front) -> Answer:
    signed = put(front)
    elsewhere = signed.all_headers["authorization"].replace("us-east-1/s3", "eu-west-1/s3")
    return front.ask(signed, headers={"authorization": elsewhere})


def without(front: Front, name: str, **more: Any) -> Answer:
    return front.ask(put(front, **more), headers={name: None})


def at(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


TAMPERED: dict[str, tuple[Callable[[Front], Answer], int, str]] = {
    "another path": (lambda f: f.ask(put(f), target=f"/{f.bucket}/other.csv"), 403, "SignatureDoesNotMatch"),
    "another bucket": (lambda f: f.ask(put(f), target="/other/drop.csv"), 403, "SignatureDoesNotMatch"),
    "a query added": (lambda f: f.ask(put(f), target=f"/{f.bucket}/drop.csv?acl"), 403, "SignatureDoesNotMatch"),
    "another method": (
        lambda f: f.send("DELETE", f"/{f.bucket}/drop.csv", put(f).all_headers),
        403,
        "SignatureDoesNotMatch",
    ),
    "a signed header changed": (
        lambda f: f.ask(put(f, headers={"x-amz-meta-by": "me"}), headers={"x-amz-meta-by": "you"}),
        403,
        "SignatureDoesNotMatch",
    ),
    "a signed header left out": (
        lambda f: without(f, "x-amz-meta-by", headers={"x-amz-meta-by": "me"}),
        403,
        "SignatureDoesNotMatch",
    ),
    "another body": (lambda f: f.ask(put(f), body=b"a,b\n9,9\n"), 400, "XAmzContentSHA256Mismatch"),
    "another digest": (
        lambda f: f.ask(put(f), headers={"x-amz-content-sha256": hashlib.sha256(b"").hexdigest()}),
        403,
        "SignatureDoesNotMatch",
    ),
    "no digest": (lambda f: without(f, "x-amz-content-sha256"), 400, "InvalidRequest"),
    "a digest that is none": (
        lambda f: f.ask(put(f, payload="nonsense")), 400, "XAmzContentSHA256Mismatch",
    ),
    "another host": (lambda f: f.ask(put(f), headers={"host": "s3.amazonaws.com"}), 403, "SignatureDoesNotMatch"),
    "a host that is not signed": (
        lambda f: f.ask(put(f, unsigned=frozenset({"host"}))), 403, "SignatureDoesNotMatch",
    ),
    "another secret": (
        lambda f: f.ask(put(f, credentials=spoilt(f.credentials, secret="x" * 40))), 403, "SignatureDoesNotMatch",
    ),
    "another token": (
        lambda f: f.ask(put(f, credentials=spoilt(f.credentials, token="x" * 240))), 400, "InvalidToken",
    ),
    "a token beyond ASCII": (
        lambda f: f.ask(put(f, credentials=spoilt(f.credentials, token="\xfc"))), 400, "InvalidToken",
    ),
    "no token": (lambda f: without(f, "x-amz-security-token"), 400, "InvalidToken"),
    "an unknown key": (
        lambda f: f.ask(put(f, credentials=spoilt(f.credentials, access_key="ASIA" + "Q" * 16))),
        403,
        "InvalidAccessKeyId",
    ),
    "an hour late": (lambda f: f.ask(put(f, at=at(-1))), 403, "RequestTimeTooSkewed"),
    "an hour early": (lambda f: f.ask(put(f, at=at(1))), 403, "RequestTimeTooSkewed"),
    "a date that is none": (lambda f: f.ask(put(f), headers={"x-amz-date": "yesterday"}), 400,
                            "AuthorizationHeaderMalformed"),
    "no date": (lambda f: without(f, "x-amz-date"), 400, "AuthorizationHeaderMalformed"),
    "a key of another day": (lambda f: f.ask(put(f, day="20130101")), 403, "SignatureDoesNotMatch"),
    "another Region": (other_region, 403, "SignatureDoesNotMatch"),
    "a header that is no signature": (
        lambda f: f.ask(put(f), headers={"authorization": "Basic bWU6eW91"}), 400, "AuthorizationHeaderMalformed",
    ),
    "a signature of version 2 in the header": (
        lambda f: f.ask(put(f), headers={"authorization": "AWS ASIA:c2ln"}), 400, "InvalidRequest",
    ),
    "a credential of four parts": (
        lambda f: f.ask(
            put(f),
            headers={"authorization": put(f).all_headers["authorization"].replace("/us-east-1/", "/")},
        ),
        400,
        "AuthorizationHeaderMalformed",
    ),
    "signed twice": (
        lambda f: f.ask(
            put(f), target=f"/{f.bucket}/drop.csv?X-Amz-Credential=a&X-Amz-Signature=b"
        ),
        400,
        "InvalidArgument",
    ),
    "signed twice, the other in version 2": (
        lambda f: f.ask(put(f), target=f"/{f.bucket}/drop.csv?AWSAccessKeyId=a&Signature=b"), 400, "InvalidArgument",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_after_signing_is_refused(front: Front, what: str) -> None:
    """In S3's own words and shape; and nothing is written."""
    tamper, status, code = TAMPERED[what]
    answer = tamper(front)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/xml"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error>')
    assert front.client("s3").list_objects_v2(Bucket=front.bucket, Prefix="drop.csv")["KeyCount"] == 0


def test_an_argument_called_as_version_2s_key_is_an_argument(front: Front) -> None:
    """Only together with ``Signature`` is it a signature."""
    answer = front.ask(front.signing("GET", "/{bucket}?list-type=2&AWSAccessKeyId=me"))
    assert answer.status == 200


GLUE = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AWSGlue.GetDatabases"}
STS = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"

ELSEWHERE: dict[str, tuple[str, dict[str, str], bytes, dict[str, tuple[int, str]]]] = {
    "json": (
        "glue", GLUE, b"{}",
        {
            "secret": (400, "InvalidSignatureException"),
            "token": (400, "UnrecognizedClientException"),
            "access_key": (400, "UnrecognizedClientException"),
            "late": (400, "InvalidSignatureException"),
            "nobody": (400, "MissingAuthenticationTokenException"),
            "malformed": (400, "IncompleteSignatureException"),
            "body": (400, "InvalidSignatureException"),
        },
    ),
    "query": (
        "sts", STS, IDENTITY,
        {
            "secret": (403, "SignatureDoesNotMatch"),
            "token": (403, "InvalidClientTokenId"),
            "access_key": (403, "InvalidClientTokenId"),
            "late": (403, "SignatureDoesNotMatch"),
            "nobody": (403, "MissingAuthenticationToken"),
            "malformed": (400, "IncompleteSignature"),
            "body": (403, "SignatureDoesNotMatch"),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("protocol", ELSEWHERE)
@pytest.mark.parametrize("what", ["secret", "token", "access_key", "late", "nobody", "malformed", "body"])
def test_other_services_refuse_a_signature_in_their_own_words(front: Front, protocol: str, what: str) -> None:
    """JSON for those that speak it, XML for the others, and their own names of the same error."""
    service, headers, body, expected = ELSEWHERE[protocol]
    signing = front.signing("POST", "/", body, service=service, headers=headers)
    assert front.ask(signing).status == 200
    match what:
        case "late":
            answer = front.ask(replace(signing, at=at(-1)))
        case "nobody":
            answer = front.send("POST", "/", headers, body)
        case "malformed":
            answer = front.ask(signing, headers={"authorization": "Bearer me"})
        case "body":
            answer = front.ask(signing, body=body + b" ")
        case _:
            answer = front.ask(replace(signing, credentials=spoilt(front.credentials, **{what: "ASIA" + "Q" * 16})))
    assert (answer.status, answer.code) == expected[what], answer.body
    kind = "application/x-amz-json-1.1" if protocol == "json" else "application/xml"
    assert answer.headers["content-type"] == kind


def test_a_request_without_a_signature_is_anonymous_in_s3(front: Front) -> None:
    """It may do what the bucket's policy lets everybody do: here nothing."""
    answer = front.send("GET", f"/{front.bucket}/drop.csv")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"Anonymous" in answer.body


def test_a_md5_of_the_body_is_held_too(front: Front) -> None:
    """Content-MD5 is part of what was signed and of what is checked."""
    wrong = base64.b64encode(hashlib.md5(b"else").digest()).decode()
    answer = front.ask(put(front, headers={"content-md5": wrong}))
    assert (answer.status, answer.code) == (400, "BadDigest")
