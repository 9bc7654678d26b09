"""A browser's form: its policy is signed, and nothing but what it allows is put."""

from __future__ import annotations

import pytest
from front import Front, encoded, form, hexed, post


def test_a_form_puts_what_its_policy_allows(front: Front) -> None:
    """One object, no longer than it says."""
    fields, path = form(front, ["content-length-range", 1, 10])
    assert path.strip("/") == front.bucket
    assert post(front, fields, b"x,y\n").status == 204
    assert front.client("s3").get_object(Bucket=front.bucket, Key="form.csv")["Body"].read() == b"x,y\n"
    assert post(front, fields, b"x" * 11).code == "EntityTooLarge"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        ({"x-amz-signature": "ü"}, 403, "SignatureDoesNotMatch"),
        ({"policy": encoded({"expiration": "2099-01-01T00:00:00Z", "conditions": []})}, 403, "SignatureDoesNotMatch"),
        ({"policy": ""}, 403, "SignatureDoesNotMatch"),
        ({"x-amz-credential": "me/20130101/us-east-1/s3/aws4_request"}, 403, "InvalidAccessKeyId"),
        ({"x-amz-credential": "me"}, 400, "AuthorizationHeaderMalformed"),
        ({"x-amz-security-token": "other"}, 400, "InvalidToken"),
        ({"x-amz-security-token": "ü"}, 400, "InvalidToken"),
        ({"key": "elsewhere.csv"}, 403, "AccessDenied"),
    ],
)
def test_a_form_that_was_changed_puts_nothing(front: Front, changes: dict[str, str], status: int, code: str) -> None:
    """Fields, policy and signature belong together."""
    fields, _ = form(front, key="changed.csv")
    answer = post(front, {**fields, **changes}, b"x")
    assert (answer.status, answer.code) == (status, code), answer.body
    assert front.client("s3").list_objects_v2(Bucket=front.bucket, Prefix="changed.csv")["KeyCount"] == 0


@pytest.mark.parametrize("name", ["Content-Disposition", "x-amz-meta-note"])
@pytest.mark.parametrize("value", ["a\r\nb: c", "–"])
def test_a_field_that_would_be_no_header_is_refused(front: Front, name: str, value: str) -> None:
    """Signed though it is: whoever reads the object would be sent it."""
    fields, _ = form(front, {name: value}, key="refused.csv")
    answer = post(front, {**fields, name: value}, b"x")
    assert (answer.status, answer.code) == (400, "InvalidArgument"), answer.body
    assert front.client("s3").list_objects_v2(Bucket=front.bucket, Prefix="refused.csv")["KeyCount"] == 0


def test_a_form_that_nobody_signed_puts_nothing(front: Front) -> None:
    """There are no fields of a signature at all."""
    answer = post(front, {"key": "free.csv"}, b"x")
    assert (answer.status, answer.code) == (403, "InvalidAccessKeyId")


def test_a_policy_of_no_json_is_told(front: Front) -> None:
    """Signed though it is."""
    fields, _ = form(front)
    policy = "bm8gSlNPTg=="
    signing = front.signing("GET", "/", day=fields["x-amz-credential"].split("/")[1])
    answer = post(front, {**fields, "policy": policy, "x-amz-signature": hexed(signing.key, policy)}, b"x")
    assert (answer.status, answer.code) == (400, "InvalidPolicyDocument")
