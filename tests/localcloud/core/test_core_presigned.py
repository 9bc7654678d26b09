"""Presigned URLs: good for exactly what was signed, in the query's Version 4 and in Version 2."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from front import VERSIONS, Front, presign
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module", autouse=True)
def drop(front: Front) -> None:
    front.client("s3").put_object(Bucket=front.bucket, Key="drop.csv", Body=b"a,b\n")


def changed(target: str, **arguments: str | None) -> str:
    """A URL with arguments changed, added, or, where ``None``, left out."""
    path, _, query = target.partition("?")
    found: dict[str, str | None] = {**dict(parse_qsl(query, keep_blank_values=True)), **arguments}
    return path + "?" + urlencode({name: value for name, value in found.items() if value is not None})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_gets_what_it_names(front: Front, version: str) -> None:
    """Whoever holds it: no other header is needed; HEAD is another method."""
    target = presign(front, version)
    answer = front.send("GET", target)
    assert (answer.status, answer.body) == (200, b"a,b\n")
    assert front.send("HEAD", target).status == 403
    assert front.send("PUT", target, {}, b"x").status == 403


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_puts_what_it_names(front: Front, version: str) -> None:
    """The body is not signed; the type is, where it was said."""
    target = presign(front, version, "put_object", Key=f"put/{version}", ContentType="text/csv")
    assert front.send("PUT", target, {"content-type": "text/html"}, b"x").code == "SignatureDoesNotMatch"
    assert front.send("PUT", target, {"content-type": "text/csv"}, b"x,y\n").status == 200
    got = front.client("s3").get_object(Bucket=front.bucket, Key=f"put/{version}")
    assert (got["Body"].read(), got["ContentType"]) == (b"x,y\n", "text/csv")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_says_what_the_answer_is_called(front: Front, version: str) -> None:
    """Response headers are part of what was signed."""
    disposition = 'attachment; filename="märz.csv"'
    target = presign(front, version, ResponseContentDisposition=disposition)
    answer = front.send("GET", target)
    assert answer.status == 200
    assert answer.headers["content-disposition"] == disposition
    spoilt = changed(target, **{"response-content-disposition": "inline"})
    assert front.send("GET", spoilt).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("said", ["attachment; filename=1976–2016.csv", "inline\r\nSet-Cookie: a=b", "\x00"])
def test_an_answer_is_not_called_what_no_header_can_say(front: Front, said: str) -> None:
    """S3 writes headers in ISO-8859-1; a line's end would begin a header of the URL's maker."""
    answer = front.send("GET", presign(front, "version 4", ResponseContentDisposition=said))
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert b"response-content-disposition" in answer.body


SPOILT: dict[str, tuple[str, Callable[[str], str], int, str]] = {
    "another key": ("version 4", lambda t: t.replace("drop.csv", "other"), 403, "SignatureDoesNotMatch"),
    "an argument added": ("version 4", lambda t: t + "&versionId=null", 403, "SignatureDoesNotMatch"),
    "a longer life": ("version 4", lambda t: changed(t, **{"X-Amz-Expires": "86400"}), 403, "SignatureDoesNotMatch"),
    "another date": (
        "version 4",
        lambda t: changed(t, **{"X-Amz-Date": datetime.now(UTC).strftime("%Y%m%dT%H%M59Z")}),
        403,
        "SignatureDoesNotMatch",
    ),
    "another day's key": (
        "version 4", lambda t: changed(t, **{"X-Amz-Date": "20130101T000000Z"}), 403, "SignatureDoesNotMatch",
    ),
    "another signature": (
        "version 4", lambda t: changed(t, **{"X-Amz-Signature": "0" * 64}), 403, "SignatureDoesNotMatch",
    ),
    "a signature beyond ASCII": (
        "version 4", lambda t: changed(t, **{"X-Amz-Signature": "ü"}), 403, "SignatureDoesNotMatch",
    ),
    "another token": ("version 4", lambda t: changed(t, **{"X-Amz-Security-Token": "x"}), 400, "InvalidToken"),
    "no token": ("version 4", lambda t: changed(t, **{"X-Amz-Security-Token": None}), 400, "InvalidToken"),
    "a life of a month": (
        "version 4", lambda t: changed(t, **{"X-Amz-Expires": "2678400"}), 400, "AuthorizationQueryParametersError",
    ),
    "no life": ("version 4", lambda t: changed(t, **{"X-Amz-Expires": "0"}), 400, "AuthorizationQueryParametersError"),
    "a life that is no number": (
        "version 4", lambda t: changed(t, **{"X-Amz-Expires": "²"}), 400, "AuthorizationQueryParametersError",
    ),
    "a life of many digits": (
        "version 4", lambda t: changed(t, **{"X-Amz-Expires": "9" * 5000}), 400, "AuthorizationQueryParametersError",
    ),
    "another algorithm": (
        "version 4",
        lambda t: changed(t, **{"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"}),
        400,
        "AuthorizationQueryParametersError",
    ),
    **{
        f"no {name}": (
            "version 4", lambda t, name=name: changed(t, **{name: None}), 400, "AuthorizationQueryParametersError",
        )
        for name in ("X-Amz-Algorithm", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
    },
    "version 2, another key": ("version 2", lambda t: t.replace("drop.csv", "other"), 403, "SignatureDoesNotMatch"),
    "version 2, a longer life": ("version 2", lambda t: changed(t, Expires="4102444800"), 403, "SignatureDoesNotMatch"),
    "version 2, expired": ("version 2", lambda t: changed(t, Expires="1356998400"), 403, "AccessDenied"),
    "version 2, a life that is no number": ("version 2", lambda t: changed(t, Expires="²"), 403, "AccessDenied"),
    "version 2, a signed argument added": ("version 2", lambda t: t + "&versionId=null", 403, "SignatureDoesNotMatch"),
    "version 2, another token": (
        "version 2", lambda t: changed(t, **{"x-amz-security-token": "x"}), 400, "InvalidToken",
    ),
    "version 2, an unknown key": (
        "version 2", lambda t: changed(t, AWSAccessKeyId="ASIA" + "Q" * 16), 403, "InvalidAccessKeyId",
    ),
    "version 2, a signature beyond ASCII": (
        "version 2", lambda t: changed(t, Signature="ü"), 403, "SignatureDoesNotMatch",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_a_url_that_was_changed_opens_nothing(front: Front, what: str) -> None:
    """Each in S3's own words."""
    version, spoil, status, code = SPOILT[what]
    answer = front.send("GET", spoil(presign(front, version)))
    assert (answer.status, answer.code) == (status, code), answer.body


def test_a_url_of_version_2_goes_without_its_key_as_anonymous(front: Front) -> None:
    """What is left of it is no signature."""
    target = changed(presign(front, "version 2"), Signature=None)
    assert front.send("GET", target).code == "AccessDenied"


# What XML cannot say, no listing could answer; a segment of dots alone is no key that clients can send.
_KEYS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=40
).filter(lambda key: not {".", ".."} & set(key.split("/")) and len(key.encode()) <= 200)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=_KEYS, said=_KEYS)
def test_whatever_the_key_and_the_query_their_signature_holds(front: Front, key: str, said: str) -> None:
    """Put by a header's signature, got by a URL of either version whose query says something of its own."""
    s3 = front.client("s3")
    s3.put_object(Bucket=front.bucket, Key=key, Body=said.encode())
    for version in VERSIONS:
        answer = front.send("GET", presign(front, version, Key=key, ResponseContentLanguage=quote(said)))
        assert (answer.status, answer.body) == (200, said.encode()), answer.body
    signed = front.ask(front.signing("GET", "/{bucket}?list-type=2&" + urlencode({"prefix": key, "x": said})))
    assert signed.status == 200, signed.body
