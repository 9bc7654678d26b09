"""Presigned URLs and signed forms: good until they expire by the local cloud's clock, for exactly what was signed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from front import Answer, Front, encoded, hexed, post_form
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VERSIONS = {"version 4": "s3v4", "version 2": "s3"}


@pytest.fixture(scope="module", autouse=True)
def drop(front: Front) -> None:
    front.client("s3").put_object(Bucket=front.bucket, Key="drop.csv", Body=b"a,b\n")


def presign(front: Front, version: str, operation: str = "get_object", expires: int = 600, **parameters: Any) -> str:
    """A URL's path and query."""
    asked = {"Bucket": front.bucket, "Key": "drop.csv", **parameters}
    # boto3 decides by the endpoint; on some it presigns with version 2 by itself.
    s3 = front.client("s3", signature_version=VERSIONS[version])
    parts = urlsplit(s3.generate_presigned_url(operation, asked, ExpiresIn=expires))
    assert ("X-Amz-Signature" in parts.query) == (version == "version 4")
    return f"{parts.path}?{parts.query}"


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
    assert answer.headers["content-disposition"].encode("latin-1").decode() == disposition
    spoilt = changed(target, **{"response-content-disposition": "inline"})
    assert front.send("GET", spoilt).code == "SignatureDoesNotMatch"


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


@pytest.fixture
def fresh(front: Front) -> Iterator[Front]:
    """The same place, in a session that was issued just now."""
    yield Front(front.endpoint, type(front.cloud)(front.cloud.reach, _sign_in(front)), front.bucket)


def _sign_in(front: Front) -> Any:
    from silolake.cloud import sign_in

    return sign_in(front.endpoint, "management", "Administrator").credentials


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_expires_by_the_local_clouds_clock(fresh: Front, version: str) -> None:
    """Advanced by more than its life it is dead; a new one of the same session lives, for version 4 tells its time."""
    target = presign(fresh, version, expires=60)
    assert fresh.send("GET", target).status == 200
    fresh.endpoint.ask("POST", "clock", seconds=61)
    answer = fresh.send("GET", target)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"expired" in answer.body
    if version == "version 4":
        # Its time has whole seconds: until the second of the advance is over, it may have been signed before.
        time.sleep(1.1)
        assert fresh.send("GET", presign(fresh, version, expires=60)).status == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_an_advanced_clock_does_not_shorten_the_life_of_what_is_signed_afterwards(front: Front, version: str) -> None:
    """Signed in after a week has been added: the client's own watch knows nothing of the week."""
    front.endpoint.ask("POST", "clock", seconds=7 * 86400)
    later = Front(front.endpoint, type(front.cloud)(front.cloud.reach, _sign_in(front)), front.bucket)
    target = presign(later, version, expires=60)
    assert later.send("GET", target).status == 200
    front.endpoint.ask("POST", "clock", seconds=61)
    assert later.send("GET", target).code == "AccessDenied"


def test_a_session_expires_by_the_local_clouds_clock(fresh: Front) -> None:
    """Header, URL and form alike, each in S3's words; JSON services say it in theirs."""
    target = presign(fresh, "version 4", expires=86400)
    old = presign(fresh, "version 2", expires=86400)
    fields, _ = form(fresh)
    fresh.endpoint.ask("POST", "clock", seconds=3601)
    for answer in (
        fresh.ask(fresh.signing("GET", "/{bucket}?list-type=2")),
        fresh.send("GET", target),
        fresh.send("GET", old),
        post(fresh, fields, b"x"),
    ):
        assert (answer.status, answer.code) == (400, "ExpiredToken")
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AWSGlue.GetDatabases"}
    answer = fresh.ask(fresh.signing("POST", "/", b"{}", service="glue", headers=headers))
    assert (answer.status, answer.code) == (400, "ExpiredTokenException")


def form(front: Front, *conditions: Any, key: str = "form.csv", expires: int = 600) -> tuple[dict[str, str], str]:
    """A form's fields as boto3 signs them, and where it goes."""
    made = front.client("s3", signature_version="s3v4").generate_presigned_post(
        front.bucket, key, Conditions=list(conditions), ExpiresIn=expires
    )
    return made["fields"], urlsplit(made["url"]).path


def post(front: Front, fields: dict[str, str], file: bytes) -> Answer:
    """Send a form."""
    content_type, body = post_form(fields, file)
    return front.send("POST", f"/{front.bucket}", {"content-type": content_type}, body)


def test_a_form_puts_what_its_policy_allows(fresh: Front) -> None:
    """Also a week later by the local cloud's clock."""
    fields, path = form(fresh, ["content-length-range", 1, 10])
    assert path.strip("/") == fresh.bucket
    assert post(fresh, fields, b"x,y\n").status == 204
    assert fresh.client("s3").get_object(Bucket=fresh.bucket, Key="form.csv")["Body"].read() == b"x,y\n"
    assert post(fresh, fields, b"x" * 11).code == "EntityTooLarge"


def test_a_form_expires_by_the_local_clouds_clock(fresh: Front) -> None:
    """Its policy says when."""
    fields, _ = form(fresh, expires=60)
    fresh.endpoint.ask("POST", "clock", seconds=61)
    answer = post(fresh, fields, b"x")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"Policy expired" in answer.body


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
def test_a_form_that_was_changed_puts_nothing(fresh: Front, changes: dict[str, str], status: int, code: str) -> None:
    """Fields, policy and signature belong together."""
    fields, _ = form(fresh, key="changed.csv")
    answer = post(fresh, {**fields, **changes}, b"x")
    assert (answer.status, answer.code) == (status, code), answer.body
    assert fresh.client("s3").list_objects_v2(Bucket=fresh.bucket, Prefix="changed.csv")["KeyCount"] == 0


def test_a_form_that_nobody_signed_puts_nothing(front: Front) -> None:
    """There are no fields of a signature at all."""
    answer = post(front, {"key": "free.csv"}, b"x")
    assert (answer.status, answer.code) == (403, "InvalidAccessKeyId")


def test_a_policy_of_no_json_is_told(fresh: Front) -> None:
    """Signed though it is."""
    fields, _ = form(fresh)
    policy = "bm8gSlNPTg=="
    signing = fresh.signing("GET", "/", day=fields["x-amz-credential"].split("/")[1])
    answer = post(fresh, {**fields, "policy": policy, "x-amz-signature": hexed(signing.key, policy)}, b"x")
    assert (answer.status, answer.code) == (400, "InvalidPolicyDocument")


# What XML cannot say, no listing could answer; a segment of dots alone is no key that clients can send.
_KEYS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=40
).filter(lambda key: not {".", ".."} & set(key.split("/")) and len(key.encode()) <= 200)
_NUMBER = itertools.count()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=_KEYS, said=_KEYS)
def test_whatever_the_key_and_the_query_their_signature_holds(front: Front, tmp_path: Path, key: str, said: str) -> None:
    """Put by a header's signature, got by a URL of either version whose query says something of its own."""
    later = front if next(_NUMBER) else Front(front.endpoint, front.cloud, front.bucket)
    s3 = later.client("s3")
    s3.put_object(Bucket=front.bucket, Key=key, Body=said.encode())
    for version in VERSIONS:
        answer = front.send("GET", presign(front, version, Key=key, ResponseContentLanguage=said))
        assert (answer.status, answer.body) == (200, said.encode()), answer.body
    signed = front.ask(front.signing("GET", "/{bucket}?list-type=2&" + urlencode({"prefix": key, "x": said})))
    assert signed.status == 200, signed.body
    assert timedelta() == timedelta()
