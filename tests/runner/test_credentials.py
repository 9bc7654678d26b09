"""The loopback endpoint that hands a run its credentials: by its own token, while it lives, and no other's."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from silolake.cloud import Credentials
from silolake.errors import Denied
from silolake.runner.credentials import CredentialsEndpoint

URL, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"


class Vendor:
    """Vends credentials that tell how often it was asked."""

    def __init__(self, lasting: timedelta = timedelta(hours=1)) -> None:
        self.asked, self.lasting = 0, lasting

    def __call__(self) -> Credentials:
        self.asked += 1
        return Credentials(f"key-{self.asked}", f"secret-{self.asked}", "token", datetime.now(UTC) + self.lasting)


@pytest.fixture
def endpoint() -> Iterator[CredentialsEndpoint]:
    opened = CredentialsEndpoint()
    yield opened
    opened.close()


def ask(url: str, token: str | None) -> tuple[int, dict[str, str]]:
    """Status and answer, as botocore would ask."""
    request = urllib.request.Request(url, headers={"Authorization": token} if token is not None else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_run_gets_its_credentials_by_its_token(endpoint: CredentialsEndpoint) -> None:
    """On loopback, with the names and the time that botocore reads; asked again, the same ones while they last."""
    vendor = Vendor()
    with endpoint.lease("a", vendor) as told:
        assert told[URL].startswith("http://127.0.0.1:")
        status, said = ask(told[URL], told[TOKEN])
        assert status == 200
        assert (said["AccessKeyId"], said["SecretAccessKey"], said["Token"]) == ("key-1", "secret-1", "token")
        ends = datetime.strptime(said["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert timedelta(minutes=58) < ends - datetime.now(UTC) <= timedelta(hours=1)
        assert ask(told[URL], told[TOKEN])[1]["AccessKeyId"] == "key-1"
    assert vendor.asked == 1


@pytest.mark.parametrize("token", [None, "", "another", "\xe9"])
def test_another_token_is_refused_and_nothing_is_vended(endpoint: CredentialsEndpoint, token: str | None) -> None:
    vendor = Vendor()
    with endpoint.lease("a", vendor) as told:
        status, said = ask(told[URL], token)
        assert (status, said["code"]) == (403, "AccessDenied")
        assert ask(told[URL], told[TOKEN] + "x")[0] == ask(told[URL], told[TOKEN][:-1])[0] == 403
    assert vendor.asked == 0


def test_a_runs_token_opens_no_other_run(endpoint: CredentialsEndpoint) -> None:
    """Two at once: tokens differ, and so does what is handed out."""
    with endpoint.lease("a", Vendor()) as one, endpoint.lease("b", Vendor()) as other:
        assert one[TOKEN] != other[TOKEN] and one[URL] != other[URL]
        assert ask(one[URL], other[TOKEN])[0] == 403
        assert ask(other[URL], one[TOKEN])[0] == 403
        assert ask(other[URL], other[TOKEN])[0] == 200


def test_a_token_is_dead_when_its_run_has_ended(endpoint: CredentialsEndpoint) -> None:
    """Also where the run failed; the same run's next attempt has another token."""
    with pytest.raises(ZeroDivisionError), endpoint.lease("a", Vendor()) as told:
        assert ask(told[URL], told[TOKEN])[0] == 200
        raise ZeroDivisionError
    assert ask(told[URL], told[TOKEN])[0] == 403
    with endpoint.lease("a", Vendor()) as again:
        assert again[URL] == told[URL]
        assert again[TOKEN] != told[TOKEN]
        assert ask(told[URL], told[TOKEN])[0] == 403
        assert ask(again[URL], again[TOKEN])[0] == 200


def test_credentials_about_to_end_are_renewed(endpoint: CredentialsEndpoint) -> None:
    """botocore asks some minutes before they end, and must not get the same ones again."""
    vendor = Vendor(timedelta(minutes=4))
    with endpoint.lease("a", vendor) as told:
        first, second = (ask(told[URL], told[TOKEN])[1]["AccessKeyId"] for _ in range(2))
    assert (first, second) == ("key-1", "key-2")
    assert {"secret-1", "secret-2"} <= set(endpoint.secrets)


def test_a_role_that_cannot_be_assumed_is_told_to_the_kernel(endpoint: CredentialsEndpoint) -> None:
    """Whose libraries fail then, in words."""

    def refuse() -> Credentials:
        raise Denied("sts:assume_role", "AccessDenied", "the role does not trust you")

    with endpoint.lease("a", refuse) as told:
        status, said = ask(told[URL], told[TOKEN])
    assert (status, said["code"]) == (502, "Denied")
    assert "the role does not trust you" in said["message"]
