"""Sessions, URLs and forms expire by the local cloud's clock, though clients write their own times."""

from __future__ import annotations

import time

import pytest
from front import VERSIONS, Front, form, post, presign, signed_in_again


@pytest.fixture(scope="module", autouse=True)
def drop(front: Front) -> None:
    front.client("s3").put_object(Bucket=front.bucket, Key="drop.csv", Body=b"a,b\n")


@pytest.fixture
def fresh(front: Front) -> Front:
    """The same place, in a session that was issued just now."""
    return signed_in_again(front)


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
    later = signed_in_again(front)
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


def test_a_form_expires_by_the_local_clouds_clock(fresh: Front) -> None:
    """Its policy says when."""
    fields, _ = form(fresh, expires=60)
    fresh.endpoint.ask("POST", "clock", seconds=61)
    answer = post(fresh, fields, b"x")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"Policy expired" in answer.body
